//! PostgreSQL beside a space, from version 13 on.

mod catalogue;
mod connection;
mod failure;
mod installing;
mod outbox;
mod renumbering;
mod sequences;
mod table_rows;

pub(crate) use catalogue::CatalogueReader;
pub(crate) use connection::{Postgres, shown};
pub(crate) use installing::new_incarnation;
