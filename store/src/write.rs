//! A local write: what is asked, and what is answered.

use tandem_protocol::request::{Asked, RequestKey};
use tandem_protocol::version::{Dot, VersionVector};

use crate::edits::Edits;
use crate::log::LogError;
use crate::owner::Owner;
use crate::refusal::Refusal;
use crate::row_edit::RowEdit;
use crate::statement::StatementResult;
use crate::table_change::TableChange;
use crate::view::ViewError;

/// One atomic transaction.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// What it changes.
    pub edits: Edits,
    /// Label: why.
    pub message: Option<String>,
    /// Label: who.
    pub by: Option<String>,
    /// A retry, with the same key and the same of all else, gets the first one's answer.
    pub idempotency_key: Option<String>,
    /// What the writer had seen, if less than everything here.
    pub basis: Option<VersionVector>,
    /// How far the sources of the edits have come with it.
    pub offsets: Vec<SourceOffset>,
    /// Who waits for it.
    pub owner: Owner,
}

/// How far a source of edits outside (a file, another database) has been taken in. It is kept with the
/// transaction that took it in, both or neither; what the offset means, only the source's reader knows.
/// A write that changes nothing keeps none: what it brought may come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceOffset {
    /// The name of the source.
    pub source: String,
    /// How far.
    pub offset: Vec<u8>,
}

impl SourceOffset {
    /// Bytes of the name of a source, at most.
    pub const NAME_BYTES: usize = 256;
    /// Bytes of an offset, at most.
    pub const BYTES: usize = 4 << 10;
    /// Bytes of all names and offsets that come with one write, at most: room for an archive of 1,000 lists.
    pub const ALL_BYTES: usize = 256 << 10;

    /// As an entry of a list of offsets.
    pub(crate) fn into_entry(self) -> (String, Vec<u8>) {
        (self.source, self.offset)
    }

    /// Whether these are short enough to be kept with each transaction.
    pub(crate) fn are_short(all: &[Self]) -> bool {
        let is_short = |one: &Self| one.source.len() <= Self::NAME_BYTES && one.offset.len() <= Self::BYTES;
        let bytes: usize = all.iter().map(|one| one.source.len() + one.offset.len()).sum();
        bytes <= Self::ALL_BYTES && all.iter().all(is_short)
    }
}

impl Write {
    /// How it begins.
    pub(crate) fn begins(&self) -> &str {
        match &self.edits {
            Edits::Sql(statements) => statements.first().map_or("", |statement| &statement.sql),
            Edits::Rows(edits) => edits.first().map_or("", RowEdit::table),
            Edits::Observed(changes) => changes.first().map_or("", |change| &change.table),
        }
    }

    /// What names it among the requests of clients, if it can come again.
    pub(crate) fn request_key(&self) -> Option<RequestKey> {
        let key = self.idempotency_key.as_deref()?;
        let (by, message) = (self.by.as_deref(), self.message.as_deref());
        let asked = Asked { basis: self.basis.as_ref(), by, message };
        Some(match &self.edits {
            Edits::Sql(statements) => {
                let each = statements.iter().map(|one| (one.sql.as_str(), one.params.sets()));
                RequestKey::new(key, each, asked)
            }
            Edits::Rows(edits) => {
                let named: Vec<String> = edits.iter().map(RowEdit::told).collect();
                let each = named.iter().zip(edits).map(|(told, edit)| (told.as_str(), edit.rows()));
                RequestKey::new(key, each, asked)
            }
            // Named by where it happened. What the writer is known to have seen may be more when it comes again.
            Edits::Observed(_) => {
                RequestKey::new(key, std::iter::empty(), Asked { basis: None, by: None, message: None })
            }
        })
    }
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
