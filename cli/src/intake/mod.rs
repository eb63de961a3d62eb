//! Rows that people bring, taken into the tables: which sheet goes into which table ([`plan`]), what each
//! row is beside the one that is there ([`comparison`]), and how it is written ([`writing`]). In the order in
//! which data flows.

pub mod scratch;
pub mod school;
pub mod manifest;
pub mod plan;
pub mod reading;
pub mod known;
pub mod meetings;
pub mod comparison;
pub mod tally;
pub mod backup;
pub mod pending;
pub mod pipe;
pub mod batches;
pub mod writing;
pub mod leaving;
pub mod missing;
