//! One SQL statement, as it is asked and as it is answered.

use tandem_protocol::value::Value;

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
