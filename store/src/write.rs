//! A local write: what is asked, and what is answered.

use tandem_protocol::request::{Asked, RequestKey};
use tandem_protocol::value::Value;
use tandem_protocol::version::{Dot, VersionVector};

use crate::log::LogError;
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::view::{TableChange, ViewError};

/// One atomic transaction of SQL statements.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// Run in order; if one fails, none has happened.
    pub statements: Vec<Statement>,
    /// Label: why.
    pub message: Option<String>,
    /// Label: who.
    pub by: Option<String>,
    /// A retry, with the same key and the same of all else, gets the first one's answer.
    pub idempotency_key: Option<String>,
    /// What the writer had seen, if less than everything here.
    pub basis: Option<VersionVector>,
    /// Who waits for it.
    pub owner: Owner,
}

impl Write {
    /// How it begins.
    pub(crate) fn begins(&self) -> &str {
        self.statements.first().map_or("", |statement| &statement.sql)
    }

    /// What names it among the requests of clients, if it can come again.
    pub(crate) fn request_key(&self) -> Option<RequestKey> {
        let key = self.idempotency_key.as_deref()?;
        let statements =
            self.statements.iter().map(|statement| (statement.sql.as_str(), statement.params.sets()));
        let (by, message) = (self.by.as_deref(), self.message.as_deref());
        Some(RequestKey::new(key, statements, Asked { basis: self.basis.as_ref(), by, message }))
    }
}

/// One SQL statement, run once per parameter set.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The SQL, one statement.
    pub sql: String,
    /// Its parameters.
    pub params: Params,
}

/// Parameters of a statement.
#[derive(Clone, Debug)]
pub enum Params {
    /// One set: the statement runs once.
    One(Vec<Value>),
    /// Many sets: the statement runs once per set.
    Many(Vec<Vec<Value>>),
}

impl Params {
    pub(crate) fn sets(&self) -> &[Vec<Value>] {
        match self {
            Self::One(set) => std::slice::from_ref(set),
            Self::Many(sets) => sets,
        }
    }
}

/// What one statement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatementResult {
    /// Rows inserted, updated or deleted.
    pub affected: u64,
    /// Names of the columns returned (a query, or RETURNING).
    pub columns: Vec<String>,
    /// Rows returned.
    pub rows: Vec<Vec<Value>>,
    /// Whether it changed no row, in a table in which something was written since its writer looked.
    pub changed_meanwhile: bool,
}

/// A write that took effect.
#[derive(Clone, Debug)]
pub struct Written {
    /// The transaction's name; none if nothing changed.
    pub dot: Option<Dot>,
    /// What each statement did; for a repeated request whose answer is not kept here as far as the
    /// log tells, and empty where it does not.
    pub results: Vec<StatementResult>,
    /// Rows changed, per table.
    pub changes: Vec<TableChange>,
    /// Whether an earlier request with the same idempotency key already did this.
    pub repeated: bool,
}

/// Why a write did not take effect.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It was refused; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The log could not be written; whether the transaction was recorded is decided when the
    /// store is opened next.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The view could not be changed; nothing was recorded.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}
