//! Who wrote rows by which definitions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::place::KnownSchema;
use crate::identity::Author;
use crate::merge::WriteId;

/// By which definitions' ids which authors wrote rows, and which schema changes each knew when it
/// first did.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Writers(BTreeMap<[u8; 16], BTreeMap<Author, KnownSchema>>);

impl Writers {
    /// How many authors wrote by a definition before they knew any of its rivals: what people worked
    /// with is not put aside by what was declared elsewhere; and once all are known, writing by one
    /// or the other changes no name under anybody's hands.
    pub(super) fn of(&self, id: &[u8; 16], rivals: &[WriteId]) -> usize {
        let unaware = |known: &&KnownSchema| !rivals.iter().any(|rival| known.covers(rival));
        self.0.get(id).map_or(0, |authors| authors.values().filter(unaware).count())
    }

    /// Takes note that an author wrote by a definition. Its first time counts; whether it is that.
    pub(super) fn note(&mut self, id: [u8; 16], author: Author, known: &KnownSchema) -> bool {
        let Entry::Vacant(first) = self.0.entry(id).or_default().entry(author) else { return false };
        first.insert(known.clone());
        true
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = ([u8; 16], Author, &KnownSchema)> {
        self.0.iter().flat_map(|(id, authors)| authors.iter().map(|(author, known)| (*id, *author, known)))
    }

    /// Whether an author wrote by a definition.
    pub(super) fn includes(&self, id: &[u8; 16], author: &Author) -> bool {
        self.0.get(id).is_some_and(|authors| authors.contains_key(author))
    }
}
