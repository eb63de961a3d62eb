//! The reference itself, against cases small enough to be worked out on paper.

mod log;
mod registers;
mod counters;
mod documents;
mod rules;
mod references;
mod schema;
mod requests;
mod any_order;
