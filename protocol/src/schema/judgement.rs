//! What a set of schema ops comes to. [`super::drafts`] works it out.

use std::collections::BTreeMap;

use super::definition::IndexDef;
use super::id::TableId;
use super::named_query::NamedQuery;
use super::place::OpPlace;
use super::table::Table;
use super::waiting::{WaitReason, Waiting};
use crate::conflict::{Conflict, ConflictKind, Version, VersionContent};
use crate::merge::WriteId;

/// What a set of schema ops comes to.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Judgement {
    /// By ascending name.
    pub tables: Vec<Table>,
    /// Their places in `tables`.
    pub by_id: BTreeMap<TableId, usize>,
    /// By folded name, all tables declared under it, in order of declaration.
    pub named: BTreeMap<String, Vec<TableId>>,
    /// By ascending name.
    pub indices: Vec<IndexDef>,
    /// By ascending folded name.
    pub queries: Vec<NamedQuery>,
    /// Names declared in several ways that nobody has settled.
    pub conflicts: Vec<Conflict>,
    /// What needs something that is not there yet.
    pub waiting: Vec<Waiting>,
    /// Whether anything depends on who wrote by what.
    pub contended: bool,
}

impl Judgement {
    /// Something waits.
    pub fn wait(&mut self, at: OpPlace, what: String, reason: WaitReason) {
        self.waiting.push(Waiting { at, what, reason });
    }

    /// A name was declared in several ways, and nobody has looked at all of them. `columns`: the
    /// column of that name; none for the table itself.
    pub fn list(
        &mut self,
        table: &str,
        columns: Vec<String>,
        definitions: impl Iterator<Item = (WriteId, String)>,
    ) {
        let version = |(by, definition)| Version { by, held: VersionContent::Definition(definition) };
        let versions: Vec<Version> = definitions.map(version).collect();
        assert!(versions.len() > 1, "a name that was declared in one way is no conflict");
        let (table, key) = (table.to_owned(), Vec::new());
        self.conflicts.push(Conflict { kind: ConflictKind::Schema, table, key, columns, versions });
    }
}
