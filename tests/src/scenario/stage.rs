//! What a story needs of the sites it is played on.

use super::script::Clock;

/// Where a story is played. What cannot be done at all, whatever is asked, ends in a panic; the
/// player tells at which step.
pub trait Stage {
    /// The first site: it founds the space with these tables.
    fn found(&mut self, site: &str, clock: Option<&Clock>, schema: &str);

    /// Another site, admitted by one that runs; it then holds all that one holds.
    fn join(&mut self, site: &str, clock: Option<&Clock>, by: &str);

    /// Adds tables and columns.
    fn apply(&mut self, site: &str, sql: &str) -> Result<(), Refused>;

    /// Writes one transaction.
    fn write(&mut self, site: &str, write: &Write) -> Result<(), Refused>;

    /// Opens a form: what the site shows now is what a write `from` it knows.
    fn remember(&mut self, form: &str, site: &str);

    /// The rows of a query, each cell as text.
    fn query(&mut self, site: &str, sql: &str) -> Result<Vec<Vec<String>>, Refused>;

    /// Cuts the line between two sites, or all lines of one.
    fn cut(&mut self, one: &str, other: Option<&str>);

    /// Mends all lines.
    fn heal(&mut self);

    /// Lets sites that reach each other exchange what they have, until each group is equal: the
    /// same transactions, the same rows, the same conflicts.
    fn sync(&mut self, groups: &[Vec<String>]) -> Result<(), String>;

    /// The site is gone from one moment to the next.
    fn crash(&mut self, site: &str);

    /// It starts again.
    fn start(&mut self, site: &str);

    /// All open conflicts.
    fn conflicts(&mut self, site: &str) -> Vec<Conflict>;

    /// Settles one.
    fn resolve(&mut self, site: &str, conflict: &Conflict, choice: &Choice) -> Result<(), Refused>;

    /// Whether what the site shows is what its log says.
    fn verify(&mut self, site: &str) -> Result<(), String>;
}

/// One transaction of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Its statements.
    pub statements: Vec<String>,
    /// The idempotency key: a retry has the same.
    pub key: Option<String>,
    /// The form it was typed into.
    pub from: Option<String>,
}

/// What was asked was refused; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Stable name of the reason.
    pub code: String,
    /// The reason.
    pub message: String,
}

/// An open conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The same on every site.
    pub id: String,
    /// `register`, `deleted`, `unique`, …
    pub kind: String,
    /// `table.columns`, `table` where it is about a whole row, nothing where it is about no table.
    pub place: String,
    /// What can be chosen.
    pub versions: Vec<Version>,
}

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The transaction it is of.
    pub dot: String,
    /// A value as text, the key of a row, `alive`, `deleted`, a definition in SQL, or for a whole
    /// transaction the site that wrote it.
    pub shows: String,
}

/// How a conflict is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By the version of this transaction.
    Use(String),
    /// By another value, a JSON scalar.
    Value(serde_json::Value),
    /// By keeping all.
    KeepAll,
}

impl Conflict {
    /// `table`, `columns` → [`Conflict::place`].
    pub fn place(table: &str, columns: &[String]) -> String {
        if columns.is_empty() { table.to_owned() } else { format!("{table}.{}", columns.join(",")) }
    }
}
