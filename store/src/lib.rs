//! A site's disk: the log (sled, the only truth) and the view derived from it (SQLite, for
//! everybody to read).
//!
//! Follow one write: [`Space::write`] hands it to the `writer`; its `group` runs the SQL on the
//! `view`, which captures the changes as ops; the transaction is appended to the `log`, made
//! durable, and only then committed in the view and answered. What other sites wrote comes in
//! through [`Space::receive`] and takes the same way from there.

mod answers;
mod cause;
mod copy;
mod damage;
mod effect;
mod folder;
mod forks;
mod identity;
mod log;
mod open_error;
mod owner;
mod private;
mod receive;
mod refusal;
mod running;
#[cfg(feature = "simulation")]
pub mod simulated;
mod site_file;
mod space;
mod store;
mod view;
mod write;
mod writer;

pub use damage::Damage;
pub use effect::{Effect, SharedEffect};
pub use folder::write_private;
pub use identity::Identity;
pub use log::LogError;
pub use open_error::{AddError, OpenError};
pub use owner::{Owner, READ_DEADLINE, WRITE_DEADLINE};
pub use receive::{Blocks, ReceiveError, Received, Trial};
pub use refusal::Refusal;
pub use running::RunningStatement;
pub use space::{
    Choice, Chunk, ChunkReader, Closed, Commit, CommittedTransaction, ConflictPlace, ConflictReader,
    LogEntry, LogFilter, LogReader, Referrer, Referrers, Resolution, Space, SpaceStatus, TableStatus,
    VerifyReport, now_ms,
};
pub use store::Store;
pub use view::guard::ANSWER_BYTES;
pub use view::reader::{Answer, Rows};
pub use view::{TableChange, ViewError};
pub use write::{Params, Statement, StatementResult, Write, WriteError, Written};

#[cfg(test)]
mod tests;
