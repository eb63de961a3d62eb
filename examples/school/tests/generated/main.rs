//! What the generator promises, held against the schema it is for.
#![allow(clippy::unwrap_used)]

mod reading;

mod day;
mod year;
