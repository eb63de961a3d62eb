//! Who answers: the node that runs on the data folder, over loopback HTTP; or, when none does, the
//! very same requests on the folder opened here.

mod remote;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use tandem_bridge::{Comparison, FirstDay, Plan};
use tandem_node::Running;
use tandem_node::api::admission::{Admit, Admitted, JoinRequest, WantJoin};
use tandem_node::api::attachment::{Attach, Detach, ShownAttachment};
use tandem_node::api::cell::Cell;
use tandem_node::api::conflict::{Conflict, ConflictQuery, Conflicts, Resolve};
use tandem_node::api::invitation::{Invitation, Invite};
use tandem_node::api::log_entry::{LogEntry, LogPage, LogQuery};
use tandem_node::api::movement::{MovementPage, MovementQuery};
use tandem_node::api::query::{Answer, Query};
use tandem_node::api::rows::{EditRows, Source};
use tandem_node::api::schema::{SchemaChange, SchemaChanged, ShownSchema};
use tandem_node::api::site::{Rename, Site};
use tandem_node::api::space::{Founded, NewSpace};
use tandem_node::api::status::Status;
use tandem_node::api::token::{AddedToken, NewToken, ShownToken};
use tandem_node::api::transaction::{Transact, Transacted};
use tandem_node::api::verification::Verification;
use tandem_node::api::{Api, ApiError, Result, error_kind, wait};
use tandem_protocol::value::Value;
use tandem_store::{OpenError, Store};

pub use remote::{Answered, Remote};

/// How long another command may hold the folder before it is said to be in use.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Takes an answer row by row. To break is to want no more.
pub trait Rows {
    fn columns(&mut self, names: &[String]) -> ControlFlow<()>;
    fn row(&mut self, row: &[Cell]) -> ControlFlow<()>;
}

/// What the folder itself finds.
struct Found<'a>(&'a mut dyn Rows);

impl tandem_store::Answer for Found<'_> {
    fn columns(&mut self, names: Vec<String>) -> ControlFlow<()> {
        self.0.columns(&names)
    }

    fn row(&mut self, row: Vec<Value>) -> ControlFlow<()> {
        self.0.row(&Cell::from_values(row))
    }
}

/// Whoever answers requests for a data folder.
pub enum Client {
    /// The running node.
    Node(Remote),
    /// The folder, opened by this process.
    Folder(Api),
}

impl Client {
    /// Finds the running node, or opens the folder. Nothing is created.
    pub fn of_folder(folder: &Path) -> Result<Self> {
        if !Store::is_site(folder) {
            return Err(error_kind::space_missing.error());
        }
        Self::of_folder_or_new(folder)
    }

    /// The same; makes the folder a site if it is none.
    pub fn of_folder_or_new(folder: &Path) -> Result<Self> {
        let me = format!("tandem (PID {})", std::process::id());
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The lock first. Who gets it knows that no node runs here, whatever `node.json` says, and
            // asks nobody.
            let (error, holder) = match Store::open(folder, &me) {
                Ok(store) => return Ok(Self::Folder(Api::new(store))),
                Err(OpenError::Held { folder, holder }) => {
                    (ApiError::from(OpenError::Held { folder, holder: holder.clone() }), holder)
                }
                Err(error) => return Err(error.into()),
            };
            let answer =
                Running::read(folder).map_or(Ok(Answered::Nobody), |running| Remote::of(folder, &running))?;
            // Another command, or a node that is just starting or stopping.
            let error = match answer {
                Answered::Node(node) => return Ok(Self::Node(node)),
                Answered::Nobody => error,
                Answered::Other(address) => {
                    error_kind::node_replaced.with("address", address).with("holder", holder)
                }
            };
            if Instant::now() > deadline {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The running node, if it is one.
    pub fn node(&self) -> Result<&Remote> {
        match self {
            Self::Node(node) => Ok(node),
            Self::Folder(_) => Err(error_kind::network_off.error()),
        }
    }

    /// Names of the spaces.
    pub fn spaces(&self) -> Result<Vec<String>> {
        match self {
            Self::Node(node) => Ok(node.status()?.spaces.into_iter().map(|space| space.name).collect()),
            Self::Folder(api) => {
                // One that cannot be opened says why, when it is asked.
                let opened = api.store().spaces().into_iter().map(|space| space.name().to_owned());
                Ok(opened.chain(api.store().unopened().into_keys()).collect())
            }
        }
    }

    pub fn status(&self) -> Result<Status> {
        match self {
            Self::Node(node) => node.status(),
            Self::Folder(api) => Ok(api.status()),
        }
    }

    pub fn create_space(&self, request: &NewSpace) -> Result<Founded> {
        match self {
            Self::Node(node) => node.post(&["spaces"], request),
            Self::Folder(api) => api.create_space(request),
        }
    }

    pub fn transact(&self, space: &str, request: Transact) -> Result<Transacted> {
        match self {
            Self::Node(node) => node.transact(space, &request),
            Self::Folder(api) => wait(|reply| api.transact(space, request, reply)),
        }
    }

    pub fn edit_rows(&self, space: &str, request: EditRows) -> Result<Transacted> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "rows"], &request),
            Self::Folder(api) => wait(|reply| api.edit_rows(space, request, reply)),
        }
    }

    pub fn source(&self, space: &str, name: &str) -> Result<Source> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "sources", name]),
            Self::Folder(api) => api.source(space, name),
        }
    }

    /// What a read begun now would at most show, as a token.
    pub fn version(&self, space: &str) -> Result<String> {
        let nothing = Query { sql: "SELECT 1".to_owned(), ..Query::default() };
        Ok(self.query(space, nothing)?.version)
    }

    pub fn query(&self, space: &str, request: Query) -> Result<Answer> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "queries"], &request),
            Self::Folder(api) => api.query(space, request),
        }
    }

    /// As [`Client::query`], for an answer of any length: row by row, after the names of the columns.
    pub fn query_rows(&self, space: &str, request: Query, rows: &mut dyn Rows) -> Result<()> {
        match self {
            Self::Node(node) => node.query_rows(space, &request, rows),
            Self::Folder(api) => {
                let owner = api.reader("", &request)?;
                api.query_for(space, request, &owner, usize::MAX, &mut Found(rows)).map(|_| ())
            }
        }
    }

    pub fn log(&self, space: &str, query: &LogQuery) -> Result<LogPage> {
        match self {
            Self::Node(node) => node.get_with(&["spaces", space, "log"], query),
            Self::Folder(api) => api.log().page(space, query),
        }
    }

    pub fn movements(&self, space: &str, query: &MovementQuery) -> Result<MovementPage> {
        match self {
            Self::Node(node) => node.get_with(&["spaces", space, "movements"], query),
            Self::Folder(api) => api.log().movements(space, query),
        }
    }

    pub fn transaction(&self, space: &str, dot: &str) -> Result<LogEntry> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "log", dot]),
            Self::Folder(api) => api.log().transaction(space, dot),
        }
    }

    pub fn verify(&self, space: &str) -> Result<Verification> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "verification"], &()),
            Self::Folder(api) => api.log().verify(space),
        }
    }

    pub fn verify_rows(&self, space: &str) -> Result<Verification> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "verification"]),
            Self::Folder(api) => api.log().verify_rows(space),
        }
    }

    pub fn conflicts(&self, space: &str, query: &ConflictQuery) -> Result<Conflicts> {
        match self {
            Self::Node(node) => node.get_with(&["spaces", space, "conflicts"], query),
            Self::Folder(api) => api.conflicts().page(space, query),
        }
    }

    pub fn conflict(&self, space: &str, id: &str) -> Result<Conflict> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "conflicts", id]),
            Self::Folder(api) => api.conflicts().one(space, id),
        }
    }

    pub fn resolve(&self, space: &str, id: &str, request: Resolve) -> Result<Transacted> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "conflicts", id, "resolution"], &request),
            Self::Folder(api) => api.conflicts().resolve(space, id, request),
        }
    }

    pub fn schema(&self, space: &str) -> Result<ShownSchema> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "schema"]),
            Self::Folder(api) => api.schema(space),
        }
    }

    pub fn apply_schema(&self, space: &str, request: &SchemaChange) -> Result<SchemaChanged> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "schema"], request),
            Self::Folder(api) => wait(|reply| api.apply_schema(space, request, reply)),
        }
    }

    pub fn sites(&self, space: &str) -> Result<Vec<Site>> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "sites"]),
            Self::Folder(api) => api.sites(space),
        }
    }

    pub fn rename_site(&self, space: &str, site: &str, request: &Rename) -> Result<()> {
        match self {
            Self::Node(node) => node.patch(&["spaces", space, "sites", site], request),
            Self::Folder(api) => wait(|reply| api.rename_site(space, site, request, reply)),
        }
    }

    pub fn attachment(&self, space: &str) -> Result<ShownAttachment> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "attachment"]),
            Self::Folder(api) => api.attachments().show(space),
        }
    }

    pub fn plan_attachment(&self, space: &str, request: &Attach) -> Result<Plan> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "attachment", "plan"], request),
            Self::Folder(api) => api.attachments().plan(space, request),
        }
    }

    pub fn attach_database(&self, space: &str, request: &Attach) -> Result<FirstDay> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "attachment"], request),
            Self::Folder(api) => api.attachments().attach(space, request),
        }
    }

    pub fn compare_attachment(&self, space: &str) -> Result<Comparison> {
        match self {
            Self::Node(node) => node.get(&["spaces", space, "attachment", "comparison"]),
            Self::Folder(api) => api.attachments().compare(space),
        }
    }

    pub fn detach(&self, space: &str, request: &Detach) -> Result<()> {
        match self {
            Self::Node(node) => node.delete_with(&["spaces", space, "attachment"], request),
            Self::Folder(api) => api.attachments().detach(space, request),
        }
    }

    pub fn tokens(&self) -> Result<Vec<ShownToken>> {
        match self {
            Self::Node(node) => node.get(&["tokens"]),
            Self::Folder(api) => api.tokens().list(),
        }
    }

    pub fn add_token(&self, request: NewToken) -> Result<AddedToken> {
        match self {
            Self::Node(node) => node.post(&["tokens"], &request),
            Self::Folder(api) => api.tokens().add(request),
        }
    }

    pub fn revoke_token(&self, name: &str) -> Result<()> {
        match self {
            Self::Node(node) => node.delete(&["tokens", name]),
            Self::Folder(api) => api.tokens().revoke(name),
        }
    }

    pub fn invite(&self, space: &str, request: &Invite) -> Result<Invitation> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "invitations"], request),
            Self::Folder(api) => api.admission().invite(space, request),
        }
    }

    pub fn request_join(&self, want: &WantJoin) -> Result<JoinRequest> {
        match self {
            Self::Node(node) => node.post(&["join-requests"], want),
            Self::Folder(api) => api.admission().request_join(want),
        }
    }

    pub fn admit(&self, space: &str, request: &Admit) -> Result<Admitted> {
        match self {
            Self::Node(node) => node.post(&["spaces", space, "admissions"], request),
            Self::Folder(api) => api.admission().admit(space, request),
        }
    }
}
