//! The oracle: random statements and queries over all types, keys and rules, each run on a tandem
//! site and on plain SQLite, which must give the same: what is accepted, how many rows it affects,
//! what it returns, what the tables hold afterwards. Where tandem is meant to differ, the difference
//! stands in one table ([`difference`]) with the sentence of the docs that says so.
//!
//! ```text
//! seed ─► Story ─┬─► tandem spelling ─► Site (writer, log, view) ─┐
//!                └─► plain spelling  ─► SQLite ───────────────────┴─► play: the same?
//! ```
//!
//! The plain spelling is the same statement with the documented meaning written out: values that
//! are written to a typed column go through the oracle's own [`canonical`] form, keys that tandem
//! makes stand in as placeholders until tandem's are known.

mod canonical;
mod decimal;
pub mod difference;
mod expression;
pub mod features;
mod functions;
mod kind;
mod on_delete;
mod plain;
pub mod play;
mod query;
pub mod shrink;
mod sql;
mod statement;
pub mod story;
mod table;
mod tandem;
mod values;

#[cfg(test)]
mod tests;
