//! Writing rows as they are to be, without SQL; and how far their source has come.

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_store::{Edits, Owner, RowEdit as StoreEdit, SourceOffset, Write};

use super::cell::Cell;
use super::error::Result;
use super::transaction::{Transacted, check_key};
use super::{Api, error_kind, version_token};

/// A write of rows: all of its edits take effect, or none. What it says besides them is what a
/// [`Transact`](super::transaction::Transact) says: a structure flattened into both would let fields pass that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditRows {
    /// What to do, in order.
    pub edits: Vec<RowEdit>,
    /// How far the sources of the edits have come with them: kept if they are, and only then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who: a user or device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The `version` of the read this write follows from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
    /// Seconds it may run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<f64>,
    /// As for a transaction of statements. Over HTTP, the header `Idempotency-Key`.
    #[serde(skip)]
    pub idempotency_key: Option<String>,
}

/// An edit of rows of one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RowEdit {
    /// The rows hold these values: one that is there in the columns named, one that is not is inserted.
    Put {
        /// The table.
        table: String,
        /// The columns.
        columns: Vec<String>,
        /// Of each row their values.
        rows: Vec<Vec<Cell>>,
    },
    /// The rows go.
    Delete {
        /// The table.
        table: String,
        /// Of each row the values of its key.
        keys: Vec<Vec<Cell>>,
    },
}

/// How far a source of rows has been taken in. What the offset means, only who reads the source knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// How far; none of it, if there is none.
    pub offset: Option<String>,
}

impl Api {
    /// Writes rows, as [`Api::transact`] does what statements say.
    pub fn edit_rows(
        &self,
        space: &str,
        request: EditRows,
        reply: impl FnOnce(Result<Transacted>) + Send + 'static,
    ) {
        match self.writer("", request.by.as_deref(), request.deadline) {
            Ok(owner) => self.edit_rows_for(space, request, owner, reply),
            Err(error) => reply(Err(error)),
        }
    }

    /// Writes rows for `owner`: what has not been recorded when it leaves will not be.
    pub fn edit_rows_for(
        &self,
        space: &str,
        request: EditRows,
        owner: Owner,
        reply: impl FnOnce(Result<Transacted>) + Send + 'static,
    ) {
        self.write(space, request.into_write(), owner, reply);
    }

    /// How far a source of rows has been taken in here.
    pub fn source(&self, space: &str, name: &str) -> Result<Source> {
        let offset = self.space(space)?.offset_of(name)?;
        let offset = offset.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Source { name: name.to_owned(), offset })
    }
}

impl EditRows {
    fn into_write(self) -> Result<Write> {
        if self.edits.is_empty() {
            return Err(error_kind::request_malformed.with("detail", Cause::new("request_no_edits")));
        }
        check_key(self.idempotency_key.as_deref())?;
        let offset = |Source { name, offset }: Source| {
            Some(SourceOffset { source: name, offset: offset?.into_bytes() })
        };
        Ok(Write {
            edits: Edits::Rows(self.edits.into_iter().map(StoreEdit::from).collect()),
            message: self.message,
            by: self.by,
            idempotency_key: self.idempotency_key,
            basis: self.basis.as_deref().map(version_token::decode).transpose()?,
            offsets: self.sources.into_iter().filter_map(offset).collect(),
            owner: Owner::default(),
        })
    }
}

impl From<RowEdit> for StoreEdit {
    fn from(edit: RowEdit) -> Self {
        let values = |rows: Vec<Vec<Cell>>| rows.into_iter().map(Cell::into_values).collect();
        match edit {
            RowEdit::Put { table, columns, rows } => Self::Put { table, columns, rows: values(rows) },
            RowEdit::Delete { table, keys } => Self::Delete { table, keys: values(keys) },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::transaction::Transact;
    use super::*;

    #[test]
    fn rows_and_statements_are_written_with_the_same_labels() {
        let text = || Some("x".to_owned());
        let (sources, deadline) = (vec![Source { name: "list".into(), offset: text() }], Some(1.0));
        let (message, by, basis) = (text(), text(), text());
        let rows = EditRows { sources, message, by, basis, deadline, ..EditRows::default() };
        let statements =
            Transact { message: text(), by: text(), basis: text(), deadline, ..Transact::default() };
        let fields = |request: serde_json::Value, own: &[&str]| -> BTreeSet<String> {
            let fields = request.as_object().unwrap().keys().filter(|field| !own.contains(&field.as_str()));
            fields.cloned().collect()
        };
        let of_rows = fields(serde_json::to_value(rows).unwrap(), &["edits", "sources"]);
        let of_statements = fields(serde_json::to_value(statements).unwrap(), &["statements"]);
        assert_eq!(of_rows, of_statements);
    }
}
