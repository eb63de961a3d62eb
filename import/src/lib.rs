//! What people already have, read into what tandem can take: the schemas of other databases out of
//! their dumps, rows out of their lists, archives and workbooks, and texts in whatever characters a program of
//! theirs wrote them.
//!
//! Nothing here writes anything that stays: an archive is unpacked where the caller says, and gone with its
//! reader. A [`dump`] is read into a [`model`]; [`schema`] says it in tandem's SQL; what it met on the way and
//! could not say is a [`Note`], and none is left out. [`sheets`] are rows as people bring them.

pub mod dialect;
pub mod dump;
pub mod model;
pub mod schema;
pub mod sheets;
pub mod text_file;

mod note;

pub use dump::{Dump, DumpError};
pub use note::{Note, Notes, OfKind, Section};
