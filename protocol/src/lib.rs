//! What is true of tandem regardless of disk, network or clock: who writes (identity), what a
//! transaction is and how it is encoded, what was seen (version vectors), what concurrent edits
//! mean (merge), and how two sites exchange what they lack (session).
//!
//! Nothing here reads a clock, a file, a socket or a source of randomness: all of these are
//! passed in, so every decision can be simulated and replayed.

pub mod bounds;

pub mod fork;
pub mod identity;
pub mod public_key;
pub mod chain;
pub mod version;
pub mod clock;
pub mod name;

pub mod decimal;
pub mod wide;
pub mod document;
pub mod value;
pub mod sql_text;
pub mod request;
pub mod schema;

pub mod op;
pub mod columns;
pub mod transaction;
pub mod block;

pub mod membership;
pub mod verify;
pub mod merge;
pub mod fingerprint;
pub mod conflict;
pub mod bundle;
pub mod session;
pub mod invitation;
pub mod join;
pub mod join_file;

pub mod codec;
pub mod cause;

#[cfg(test)]
mod golden;
