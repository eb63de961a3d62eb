//! What was met in a dump and is not as it was there: put otherwise, left out, or to be decided by a
//! person.

use std::collections::BTreeMap;

use tandem_protocol::cause::Cause;

/// What is put otherwise, and means the same.
const CHANGED: &[&str] = &["dump_type", "dump_name", "dump_key_unique", "dump_key_link", "dump_table_again"];

/// What is put otherwise, and means something else: a person should look at it.
const DECIDED: &[&str] = &[
    "dump_type_nearly",
    "dump_type_external",
    "dump_key_given",
    "dump_counts_up",
    "dump_collation",
    "dump_no_date",
    "dump_unique_prefix",
    "dump_set_default",
    "dump_set_null",
    "dump_on_update",
    "dump_on_update_unique",
    "dump_inherits",
    "dump_reference_unique",
    "dump_reference_type",
    "dump_reference_second",
    "dump_reference_no_table",
    "dump_view",
    "dump_could_be_counter",
    "dump_could_be_stamp",
];

/// What is left out: tandem has nothing like it, or needs no such thing.
const LEFT_OUT: &[&str] = &[
    "dump_default",
    "dump_check",
    "dump_many_rules",
    "dump_generated",
    "dump_exclude",
    "dump_unique_partial",
    "dump_unique_expression",
    "dump_index_partial",
    "dump_index_kind",
    "dump_alter",
    "dump_view_unread",
    "dump_passed",
];

/// What a note asks of whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Nothing.
    Changed,
    /// To look whether it is meant so.
    Decided,
    /// To know that it is not there.
    LeftOut,
}

impl Section {
    /// That of a note of this kind.
    pub fn of(kind: &Cause) -> Self {
        let code = &*kind.code;
        match () {
            () if CHANGED.contains(&code) => Self::Changed,
            () if DECIDED.contains(&code) => Self::Decided,
            () => {
                assert!(LEFT_OUT.contains(&code), "{code} has no section");
                Self::LeftOut
            }
        }
    }
}

/// One thing to be told, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What kind of thing: notes of one kind are told together.
    pub kind: Cause,
    /// The line of the file.
    pub line: u64,
    /// What of: a table, a column, a rule, a piece of the statement.
    pub what: String,
}

/// All that is to be told, in the order in which it stands. Of kinds that are met very often, the first places
/// are kept, and the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    kept: Vec<Note>,
    counts: BTreeMap<Cause, usize>,
}

/// What there is of one kind.
pub struct OfKind<'a> {
    /// The kind.
    pub kind: &'a Cause,
    /// How often.
    pub count: usize,
    /// Where: the first places, of few all of them.
    pub notes: Vec<&'a Note>,
}

/// Places of one kind that are kept in any case.
const PLACES: usize = 10;

/// Places that are kept, beside those.
const ALL_PLACES: usize = 100_000;

/// Kinds: more are met in no dump.
const KINDS: usize = 5_000;

impl Notes {
    /// One thing more.
    pub fn add(&mut self, kind: Cause, line: u64, what: impl Into<String>) {
        let count = self.counts.entry(kind.clone()).or_default();
        *count += 1;
        if *count <= PLACES || self.kept.len() < ALL_PLACES {
            self.kept.push(Note { kind, line, what: what.into() });
        }
    }

    /// Whether it is more than is told of any dump.
    pub fn is_full(&self) -> bool {
        self.counts.len() > KINDS
    }

    /// What there is of each kind, in the order in which the kinds first stand.
    pub fn by_kind(&self) -> Vec<OfKind<'_>> {
        let mut kinds: Vec<OfKind<'_>> = Vec::new();
        let mut places: BTreeMap<&Cause, usize> = BTreeMap::new();
        for note in &self.kept {
            let place = *places.entry(&note.kind).or_insert(kinds.len());
            match kinds.get_mut(place) {
                Some(of_kind) => of_kind.notes.push(note),
                None => {
                    let count = self.counts.get(&note.kind).copied().unwrap_or_default();
                    kinds.push(OfKind { kind: &note.kind, count, notes: vec![note] });
                }
            }
        }
        kinds
    }

    /// Those of another list among these, in the order of their lines.
    pub fn append(&mut self, mut other: Self) {
        self.kept.append(&mut other.kept);
        self.kept.sort_by_key(|note| note.line);
        other.counts.into_iter().for_each(|(kind, count)| *self.counts.entry(kind).or_default() += count);
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_places_the_first_are_kept_and_all_counted() {
        let mut notes = Notes::default();
        for line in 0..ALL_PLACES as u64 + 1_000 {
            notes.add(Cause::new("dump_passed"), line, "x");
        }
        notes.add(Cause::new("dump_alter"), 7, "y");
        let kinds = notes.by_kind();
        let counts: Vec<(usize, usize)> = kinds.iter().map(|kind| (kind.count, kind.notes.len())).collect();
        assert_eq!(counts, [(ALL_PLACES + 1_000, ALL_PLACES), (1, 1)]);
        assert!(!notes.is_full());
        (0..KINDS).for_each(|at| notes.add(Cause::new("dump_passed").with("statement", at), 1, "z"));
        assert!(notes.is_full());
    }
}
