//! A site's data folder, opened: its key, its log, its spaces.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tandem_protocol::identity::{Author, AuthorKey, SpaceId};
use tandem_protocol::membership::MemberOp;
use tandem_protocol::op::Op;
use tandem_protocol::schema::{Judge, Schema, SchemaOp, ddl};
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::version::{Dot, VersionVector};

use crate::folder::{Folder, write_private};
use crate::log::{LogError, Medium, SpaceLog, sync_folder};
use crate::space::Space;
use crate::write::{Refusal, WriteError};

/// Why a data folder cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the data folder {} is in use by {holder}", folder.display())]
    Held {
        /// The folder.
        folder: PathBuf,
        /// What its holder says of itself.
        holder: String,
    },
    /// The operating system said no.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// The site's key cannot be read.
    #[error("{} is not a site key", .0.display())]
    Key(PathBuf),
    /// The list of spaces cannot be read.
    #[error("{}: {reason}", path.display())]
    Spaces {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A space cannot be opened.
    #[error("the space {name} cannot be opened: {reason}")]
    Space {
        /// Its name.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: &Path, error: io::Error) -> Self {
        Self::Io { path: path.to_owned(), error }
    }

    pub(crate) fn space(name: &str, reason: &str) -> Self {
        Self::Space { name: name.to_owned(), reason: reason.to_owned() }
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Log(error.into())
    }
}

/// Why a space could not be added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The name, schema or founding was refused.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The space could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl From<Refusal> for AddError {
    fn from(refusal: Refusal) -> Self {
        Self::Write(refusal.into())
    }
}

/// A site. Cheap to clone; the folder is held until the last clone is gone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    folder: Folder,
    key: AuthorKey,
    medium: Arc<Medium>,
    judge: Judge,
    site: Mutex<Site>,
    spaces: Mutex<BTreeMap<String, Space>>,
    /// Spaces that could not be opened, by name, and why.
    unopened: Mutex<BTreeMap<String, String>>,
}

/// `site.json`: what a site is called and which spaces it has.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Site {
    name: String,
    spaces: BTreeMap<String, String>,
}

impl Store {
    /// Opens the site in `folder`, creating it if there is none. `holder` is what another process
    /// is told that tries to open it meanwhile, for example `tandem start (process 4711)`.
    pub fn open(folder: &Path, holder: &str) -> Result<Self, OpenError> {
        Self::open_as(folder, holder, Judge::default())
    }

    /// Opens the site as a program that knows so much.
    pub(crate) fn open_as(folder: &Path, holder: &str, judge: Judge) -> Result<Self, OpenError> {
        let folder = Folder::hold(folder, holder)?;
        let key = folder.key()?;
        let medium = Arc::new(Medium::on_disk(&folder.path().join("log"))?);
        let site = read_site(&folder.path().join("site.json"))?;
        let store = Self(Arc::new(Inner {
            folder,
            key,
            medium,
            judge,
            site: Mutex::new(site.clone()),
            spaces: Mutex::default(),
            unopened: Mutex::default(),
        }));
        // One that cannot be opened keeps no other from it.
        for (name, id) in &site.spaces {
            let id: Result<SpaceId, _> =
                id.parse().map_err(|_| OpenError::space(name, "its id is not valid"));
            if let Err(error) = id.and_then(|id| store.open_space(id, name)) {
                tracing::error!(space = name, %error, "a space could not be opened; the others can be used");
                let mut unopened = store.0.unopened.lock().unwrap_or_else(PoisonError::into_inner);
                unopened.insert(name.clone(), error.to_string());
            }
        }
        Ok(store)
    }

    /// This site's author.
    pub fn author(&self) -> Author {
        self.0.key.author()
    }

    /// This site's key, which is also its identity on the network.
    pub fn key(&self) -> &AuthorKey {
        &self.0.key
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// Bytes that may still be written before writing stops for want of room.
    pub fn free_bytes(&self) -> std::io::Result<u64> {
        crate::log::engine::free_bytes(self.folder())
    }

    /// What the site is called; empty before it has a space.
    pub fn site_name(&self) -> String {
        self.site().name.clone()
    }

    /// All spaces, by name.
    pub fn spaces(&self) -> Vec<Space> {
        self.opened().values().cloned().collect()
    }

    /// The space of that name.
    pub fn space(&self, name: &str) -> Option<Space> {
        self.opened().get(name).cloned()
    }

    /// The spaces of this site that could not be opened, by name, and why.
    pub fn unopened(&self) -> BTreeMap<String, String> {
        self.0.unopened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn has(&self, name: &str) -> bool {
        self.space(name).is_some() || self.unopened().contains_key(name)
    }

    /// Founds a new space on this site, with the tables `schema` (DDL) declares.
    pub fn create_space(&self, name: &str, site_name: &str, schema: Option<&str>) -> Result<Space, AddError> {
        check_name(name)?;
        check_name(site_name)?;
        if self.has(name) {
            return Err(refused("space_exists", format!("this site already has a space named {name}")).into());
        }
        let schema: Vec<SchemaOp> =
            ddl::plan(schema.unwrap_or(""), &Schema::default()).map_err(|error| Refusal::of_ddl(&error))?;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| OpenError::from(io::Error::other(error.to_string())))?;
        let founding = MemberOp::Found { space: name.to_owned(), site: site_name.to_owned(), nonce };
        let time_ms = crate::space::now_ms();
        let id = founding_id(self.author(), &founding, &schema, time_ms);
        let space = self.open_space(id, name)?;
        if let Err(error) = space.found(founding, schema, time_ms) {
            space.close();
            self.opened().remove(name);
            return Err(error.into());
        }
        self.remember(site_name, name, id)?;
        Ok(space)
    }

    /// Adds a space that other sites have; what it holds comes by sync.
    pub fn adopt_space(&self, id: SpaceId, name: &str, site_name: &str) -> Result<Space, AddError> {
        check_name(name)?;
        check_name(site_name)?;
        if let Some(known) = self.spaces().into_iter().find(|space| space.id() == id) {
            return Ok(known);
        }
        if self.has(name) {
            let message = format!("this site already has another space named {name}");
            return Err(refused("space_exists", message).into());
        }
        let space = self.open_space(id, name)?;
        self.remember(site_name, name, id)?;
        Ok(space)
    }

    /// Ends the statements of users that run, and those to come: the store is about to be closed.
    pub fn interrupt(&self) {
        self.spaces().iter().for_each(Space::interrupt);
    }

    /// Finishes all writes and closes all spaces. Handles that are left refuse.
    pub fn close(&self) {
        self.spaces().iter().for_each(Space::close);
    }

    fn open_space(&self, id: SpaceId, name: &str) -> Result<Space, OpenError> {
        // By its id, never by its name: what two names of one folder are differs between systems.
        let folder = self.folder().join("spaces").join(id.to_string());
        std::fs::create_dir_all(&folder).map_err(|error| OpenError::io(&folder, error))?;
        let log = SpaceLog::open(Arc::clone(&self.0.medium), id)?;
        let space = Space::open(id, name.to_owned(), self.0.key.clone(), log, folder, self.0.judge)?;
        self.opened().insert(name.to_owned(), space.clone());
        Ok(space)
    }

    fn remember(&self, site_name: &str, space: &str, id: SpaceId) -> Result<(), OpenError> {
        let mut site = self.site();
        if site.name.is_empty() {
            site_name.clone_into(&mut site.name);
        }
        site.spaces.insert(space.to_owned(), id.to_string());
        let path = self.folder().join("site.json");
        let text = serde_json::to_vec_pretty(&*site)
            .map_err(|error| OpenError::Spaces { path: path.clone(), reason: error.to_string() })?;
        write_private(&path, &text).map_err(|error| OpenError::io(&path, error))?;
        sync_folder(self.folder()).map_err(|error| OpenError::io(self.folder(), error))
    }

    fn site(&self) -> std::sync::MutexGuard<'_, Site> {
        self.0.site.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Space>> {
        self.0.spaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash its genesis transaction will have, which is the space's id.
pub(crate) fn founding_id(author: Author, founding: &MemberOp, schema: &[SchemaOp], time_ms: i64) -> SpaceId {
    let header = Header {
        dot: Dot { author, seq: 1 },
        time_ms,
        context: VersionVector::default(),
        basis: None,
        key: None,
        by: None,
        message: None,
    };
    let ops = std::iter::once(Op::Member(founding.clone())).chain(schema.iter().cloned().map(Op::Schema));
    let bytes = Transaction { header, ops: ops.collect() }.encode();
    SpaceId(transaction::hash(Previous::GENESIS, &bytes).0)
}

fn read_site(path: &Path) -> Result<Site, OpenError> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map_err(|error| OpenError::Spaces { path: path.to_owned(), reason: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Site::default()),
        Err(error) => Err(OpenError::io(path, error)),
    }
}

/// Names of spaces are names of folders, on every operating system; and what cannot travel as a name
/// is none.
fn check_name(name: &str) -> Result<(), Refusal> {
    let told = |why: &str| Err(refused("invalid_name", format!("{name:?} is not a usable name: {why}")));
    if let Err(fault) = tandem_protocol::name::check(name) {
        return told(&fault.to_string());
    }
    if name.starts_with('.')
        || name.ends_with('.')
        || name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|'])
    {
        return told("no file can be called so");
    }
    Ok(())
}

fn refused(code: &'static str, message: String) -> Refusal {
    Refusal { code, message, hint: None, params: Vec::new() }
}
