//! What was met in a dump and is not as it was there: put otherwise, left out, or to be decided by a
//! person.

use std::collections::BTreeMap;

use tandem_protocol::cause::Cause;

/// What is put otherwise, and means the same.
const CHANGED: &[&str] = &["dump_type", "dump_name", "dump_key_unique", "dump_key_link", "dump_table_again"];

/// What is put otherwise, and means something else: a person should look at it.
const DECIDED: &[&str] = &[
    "dump_type_nearly",
    "dump_key_given",
    "dump_counts_up",
    "dump_collation",
    "dump_no_date",
    "dump_unique_prefix",
    "dump_set_default",
    "dump_set_null",
    "dump_on_update",
    "dump_inherits",
    "dump_reference_wide",
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

/// All that is to be told, in the order in which it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes(Vec<Note>);

impl Notes {
    /// One thing more.
    pub fn add(&mut self, kind: Cause, line: u64, what: impl Into<String>) {
        self.0.push(Note { kind, line, what: what.into() });
    }

    /// What there is of each kind, in the order in which the kinds first stand.
    pub fn by_kind(&self) -> Vec<(&Cause, Vec<&Note>)> {
        let mut kinds: Vec<(&Cause, Vec<&Note>)> = Vec::new();
        let mut places: BTreeMap<&Cause, usize> = BTreeMap::new();
        for note in &self.0 {
            let place = *places.entry(&note.kind).or_insert(kinds.len());
            match kinds.get_mut(place) {
                Some((_, notes)) => notes.push(note),
                None => kinds.push((&note.kind, vec![note])),
            }
        }
        kinds
    }

    /// Those of another list among these, in the order of their lines.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
        self.0.sort_by_key(|note| note.line);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Note> {
        self.0.iter()
    }
}
