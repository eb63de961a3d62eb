//! A database that a site already has, kept equal with the space: what its application writes goes into the
//! log, and what other sites wrote comes into it. The application is not changed, and when the database is
//! detached nothing is left in it.
//!
//! ```text
//!  application ──► database ──► outbox ──► log ──► view ──► database
//!                    trigger     │  Cycle: lock, take in, compare, write, commit  │
//!                                └──────────────── one transaction ───────────────┘
//! ```
//!
//! Triggers note every change in an outbox, in the database itself and in the transaction that made it. A
//! [`cycle`] locks the rows that are to change, takes the outbox into the log, and makes the rows what the
//! view shows, all in one transaction of the database: so nothing is overwritten that was not taken in
//! before. The [`mirror`] holds what the database was last known to hold; a row that is neither that nor what
//! the view shows was changed behind the triggers, and is taken in first.
//!
//! Begin with [`engine`], which says what a database must be able to do; PostgreSQL does it in [`postgres`].

mod apply;
mod attachment;
mod bridge;
mod catalogue;
mod comparison;
mod cycle;
mod dirty;
mod engine;
mod error;
mod first_day;
mod held;
mod ids;
mod intake;
mod migration;
mod mirror;
mod natural_keys;
mod paired;
mod postgres;
mod repair;
mod stale_form;
mod status;
mod view_rows;

pub use attachment::{AttachedTable, Attachment};
pub use bridge::{Bridge, compare, detach};
pub use catalogue::Wishes;
pub use comparison::{ComparedTable, Comparison};
pub use error::BridgeError;
pub use first_day::{FirstDay, Plan, attach, plan};
pub use status::{BridgeState, BridgeStatus, ParkedRow};
