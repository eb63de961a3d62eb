//! Reading: one SQL query.

use serde::{Deserialize, Serialize};
use tandem_store::{ANSWER_BYTES, Answer as Take, Owner, Rows};

use super::cell::Cell;
use super::error::Result;
use super::parameters::Parameters;
use super::{Api, version_token};

/// A query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The SQL; it reads and changes nothing.
    pub sql: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Parameters,
    /// Seconds it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<f64>,
}

/// The rows found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// What was seen, as a write's `basis`.
    pub version: String,
}

impl Api {
    /// Reads. Never waits for writers.
    pub fn query(&self, space: &str, request: Query) -> Result<Answer> {
        let owner = self.reader("", &request)?;
        let mut rows = Rows::default();
        let version = self.query_for(space, request, &owner, ANSWER_BYTES, &mut rows)?;
        let Rows { columns, rows } = rows;
        Ok(Answer { columns, rows: rows.into_iter().map(Cell::from_values).collect(), version })
    }

    /// Whoever asks it, called so.
    pub fn reader(&self, name: &str, request: &Query) -> Result<Owner> {
        self.deadlines().owner(name, request.deadline, false)
    }

    /// Reads for `owner`; the answer is taken row by row, up to so many bytes. The version comes
    /// last, and is at most what the rows show.
    pub fn query_for(
        &self,
        space: &str,
        request: Query,
        owner: &Owner,
        most: usize,
        answer: &mut dyn Take,
    ) -> Result<String> {
        let space = self.space(space)?;
        let params = request.params.into_values(&request.sql)?;
        let vector = space.query_for(owner, (&request.sql, &params), most, answer)?;
        Ok(version_token::encode(&vector))
    }

    /// The version that a query begun now would at most show.
    pub fn version(&self, space: &str) -> Result<String> {
        Ok(version_token::encode(&self.space(space)?.vector()))
    }
}
