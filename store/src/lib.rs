//! A site's disk: the log (sled, the only truth) and the view derived from it (SQLite, for
//! everybody to read).
//!
//! Follow one write: [`Space::write`] hands it to the `writer`; its `group` runs the SQL on the
//! `view`, which captures the changes as ops; the transaction is appended to the `log`, made
//! durable, and only then committed in the view and answered. What other sites wrote comes in
//! through [`Space::receive`] and takes the same way from there.

mod acknowledged;
mod answers;
mod cause;
mod changed_rows;
mod clause;
mod closed;
mod commit;
mod conflict_stats;
mod copy;
mod damage;
mod edits;
mod effect;
mod folder;
mod forks;
mod identity;
mod log;
mod names;
mod now;
mod observed;
mod open_error;
mod owner;
mod private;
mod published;
mod receive;
mod recent;
mod refusal;
mod reply;
mod resolution;
mod row_edit;
mod running;
mod schema_sql;
#[cfg(feature = "simulation")]
pub mod simulated;
mod site_check;
mod site_file;
mod site_folder;
mod space;
mod statement;
mod store;
mod table_change;
mod table_status;
mod view;
mod write;
mod writer;

pub use changed_rows::ChangedRows;
pub use closed::Closed;
pub use commit::{Commit, CommittedTransaction};
pub use damage::Damage;
pub use edits::Edits;
pub use effect::{Effect, SharedEffect};
pub use folder::write_private;
pub use identity::Identity;
pub use log::LogError;
pub use names::Names;
pub use now::now_ms;
pub use observed::ObservedChange;
pub use open_error::{AddError, OpenError};
pub use owner::{Owner, READ_DEADLINE, WRITE_DEADLINE};
pub use receive::{Blocks, ReceiveError, Received, Trial};
pub use refusal::Refusal;
pub use resolution::{Choice, Resolution};
pub use row_edit::RowEdit;
pub use running::RunningStatement;
pub use schema_sql::schema_sql;
pub use space::{
    Chunk, ChunkReader, ConflictPlace, ConflictReader, ForkReader, LogEntry, LogFilter, LogReader, Movement,
    MovementFilter, MovementKind, MovementReader, Movements, MovementsError, Referrer, Referrers, Space,
    SpaceStatus, VerifyReport, is_key_text,
};
pub use statement::{Params, Statement, StatementResult};
pub use store::Store;
pub use table_change::TableChange;
pub use table_status::TableStatus;
pub use view::guard::ANSWER_BYTES;
pub use view::query::{Answer, Rows};
pub use view::{ViewError, unread_queries};
pub use write::{SourceOffset, Write, WriteError, Written};

#[cfg(test)]
mod tests;
