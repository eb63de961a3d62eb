//! Rows that people take away: each table as a CSV file, one alone, in a folder, or in a ZIP.

pub mod container;
pub mod listing;
