//! The laws of the merge: pair by pair against a table, and over histories made by chance.

mod history;

mod pairs;
mod rules;
mod writers;

mod repeated;
mod random;
