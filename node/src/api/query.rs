//! Reading: one SQL query.

use serde::{Deserialize, Serialize};

use super::cell::Cell;
use super::error::Result;
use super::{Api, version_token};

/// A query.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// The SQL; it reads and changes nothing.
    pub sql: String,
    /// Its parameters.
    #[serde(default)]
    pub params: Vec<Cell>,
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
        let space = self.space(space)?;
        let (rows, vector) = space.query(&request.sql, &Cell::into_values(request.params))?;
        Ok(Answer {
            columns: rows.columns,
            rows: rows.rows.into_iter().map(Cell::from_values).collect(),
            version: version_token::encode(&vector),
        })
    }
}
