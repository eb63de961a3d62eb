//! Documents: what a RICHTEXT or JSON cell refers to.
//!
//! A cell of these types is a register of document *identities* (see [`crate::merge`]); what a
//! document contains is merged by automerge, change by change, in any order. A document that one
//! write created is named by its kind and content alone, so equal imports on two sites are one document.
//!
//! ```text
//! op ──► DocumentWrite ──► Document::create(id, content)      same bytes on every site
//!                     └──► Document::apply(author, change)    any order, any repetition
//! ```
//!
//! **What a document shows is a function of the set of changes it was given.** automerge sees to
//! that for changes that honest writers make. A change from elsewhere is only bytes, so it must
//! first be one that this program could have written (`change.rs`, looking at nothing but the
//! bytes), and then one that its author could have written with what it had seen ([`Document::apply`],
//! looking at nothing but the change and its causal past). What passes on one site passes on all.
//!
//! In automerge's terms: a text is the text object at `text` of the root map, one op per character; a
//! JSON value is at `json`, its objects and arrays being maps and lists and all else, strings
//! included, scalars. The first change's actor is the document's id; an author's is a hash of
//! author and document. All times are 0.

mod id;
mod write;

pub mod json;
mod json_error;
mod diff;
mod edit;
mod content;

mod envelope;
mod change;
#[expect(clippy::module_inception, reason = "the noun the module is about")]
mod document;

#[cfg(test)]
mod tests;

pub use document::Document;
pub use id::{DocumentId, DocumentKind};
pub use json::canonical_json;
pub use json_error::JsonError;
pub use write::DocumentWrite;

/// Why a document, or a change of one, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The stored bytes are not a document.
    #[error("the bytes are not a document")]
    NotADocument,
    /// The bytes are not a change its author could have made.
    #[error("the bytes are not a change of this document")]
    NotAChange,
    /// The change is larger than [`crate::bounds::DOCUMENT_CHANGE_BYTES`], or brings the document
    /// beyond [`crate::bounds::DOCUMENT_OPS`].
    #[error("the change has {bytes} bytes, more than {most}, or too many ops")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most.
        most: usize,
    },
}
