//! Sites that share no network: what one writes reaches another in bundles.

use tandem_node::api::cell::Cell;
use tandem_node::api::import::Imported;
use tandem_node::api::query::Query;
use tandem_node::api::transaction::{Transact, Transacted};
use tandem_node::api::{Api, wait};
use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::value::Value;
use tandem_store::{Space, Store, Written};
use tempfile::TempDir;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, stock COUNTER, body RICHTEXT)";

/// A site without a network.
pub struct Offline {
    pub api: Api,
    pub space: Space,
    pub store: Store,
    _folder: TempDir,
}

impl Offline {
    pub fn new(found: impl FnOnce(&Store) -> Space) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a test").unwrap();
        let space = found(&store);
        Self { api: Api::new(store.clone()), space, store, _folder: folder }
    }

    pub fn founder() -> Self {
        Self::new(|store| store.create_space("school", "office", Some(SCHEMA)).unwrap())
    }

    /// A member of the founder's space that holds nothing yet.
    pub fn member(founder: &Self) -> Self {
        Self::new(|store| {
            let (space, author) = (&founder.space, store.author());
            let admit = |reply: Box<dyn FnOnce(Result<Written, _>) + Send>| {
                space.admit(Candidate::new(author, "class"), Role::Member, None, reply);
            };
            space.wait::<Written, tandem_store::WriteError>(admit).unwrap();
            store.adopt_space(space.id(), "school", "class").unwrap()
        })
    }

    /// Enters a note.
    pub fn write(&self, text: &str) {
        let params = vec![Cell(Value::Text(text.to_owned()))];
        self.transact(Transact::one("INSERT INTO notes (text) VALUES (?1)", params));
    }

    pub fn run(&self, sql: &str) -> Transacted {
        self.transact(Transact::one(sql, Vec::new()))
    }

    pub fn transact(&self, request: Transact) -> Transacted {
        wait(|reply| self.api.transact("school", request, reply)).unwrap()
    }

    /// The rows of a query, as JSON.
    pub fn rows(&self, sql: &str) -> serde_json::Value {
        let answer = self.api.query("school", Query { sql: sql.to_owned(), ..Query::default() }).unwrap();
        serde_json::to_value(answer.rows).unwrap()
    }

    /// Gets what the other holds and it lacks.
    pub fn hear(&self, other: &Self) {
        self.import(&other.export(Some(self)));
    }

    pub fn export(&self, for_site: Option<&Self>) -> Vec<u8> {
        let name = for_site.map(|site| site.store.author().to_string());
        let mut bundle = Vec::new();
        self.api.bundles().export("school", name.as_deref()).unwrap().write(&mut bundle).unwrap();
        bundle
    }

    pub fn import(&self, bundle: &[u8]) -> Imported {
        self.api.bundles().import("school", bundle, false).unwrap()
    }

    /// Its log can be verified, and its view is what the log says.
    pub fn sound(&self) {
        let scratch = tempfile::tempdir().unwrap();
        assert_eq!(self.space.verify(scratch.path()).problems, []);
    }
}

pub fn equal(a: &Offline, b: &Offline) {
    assert_eq!(a.space.vector(), b.space.vector());
    assert_eq!(a.space.status().tables, b.space.status().tables);
}
