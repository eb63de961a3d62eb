//! The HTTP interface of a real node, asked as any program would ask it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

mod offline;
mod site;

mod admitted;
mod batch;
mod bounds;
mod bundles;
mod carried;
mod conflicts;
mod events;
mod encrypted;
mod french;
mod languages;
mod guard;
mod refusals;
mod requests;
mod rows;
mod tokens;
