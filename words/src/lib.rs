//! Everything tandem says to people, in every language it speaks: the one catalogue, and how its texts
//! are rendered. Whoever refuses something names a code and gives its parameters; the sentence is
//! made here, once it is known who reads it.
//!
//! A text of the catalogue is found by its key. `%{name}` stands in it for a parameter. Errors have
//! `error.CODE.text` and `error.CODE.hint1`…, causes `cause.CODE`.

mod catalogue;
mod french;
mod language;
mod words;

pub use catalogue::keys;
pub use french::elide as elide_french;
pub use language::Language;
pub use words::{Told, Words};
