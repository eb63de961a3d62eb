//! One file per command.

pub mod csv;
pub mod demo;
pub mod export;
pub mod import;
pub mod init;
pub mod invite;
pub mod join;
pub mod start;

pub mod sites;
pub mod status;

pub mod conflicts;
pub mod log;
pub mod movements;
pub mod schema;
pub mod sql;

pub mod attach;
pub mod bundle;
pub mod token;

pub mod completions;
pub mod config;
pub mod doctor;
