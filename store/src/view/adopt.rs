//! A local transaction, whose rows are in the view already, gets its name: into the rows' states.

use std::collections::HashMap;
use std::sync::Arc;

use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Mode;
use tandem_protocol::transaction::{Basis, Header, Transaction};
use tandem_protocol::value::Value;
use tandem_protocol::verify::ChainHead;
use tandem_protocol::version::VersionVector;

use super::captured::{Captured, LocalWrite};
use super::insert_runs::{InsertOrigin, InsertRun, put_run};
use super::merge::{Merge, Merged};
use super::row_entry::RowEntry;
use super::table::ViewTable;
use super::{View, ViewResult};

impl View {
    /// Takes a local transaction, now that it has a name, into the rows' states.
    pub(crate) fn adopt(
        &mut self,
        write: LocalWrite,
        transaction: &Transaction,
        chain: ChainHead,
    ) -> ViewResult<Merged> {
        assert!(self.is_undecided, "a transaction is adopted in a group");
        let arrival = self.fold.position.next;
        let merged = Adoption::of(self, &transaction.header).adopt(write, transaction, chain)?;
        assert_eq!(self.fold.position.next, arrival + 1, "a transaction has one arrival number");
        Ok(merged)
    }
}

/// The adoption of a local transaction: its rows are shown already, and come into the rows' states.
pub(super) struct Adoption<'v> {
    view: &'v mut View,
    by: WriteId,
    /// What the transaction's author held of others.
    context: Arc<VersionVector>,
}

impl<'v> Adoption<'v> {
    pub fn of(view: &'v mut View, header: &Header) -> Self {
        let context = view.fold.position.context(header);
        Self { view, by: header.write_id(), context }
    }

    pub fn adopt(
        mut self,
        write: LocalWrite,
        transaction: &Transaction,
        chain: ChainHead,
    ) -> ViewResult<Merged> {
        let mut merged = Merged::default();
        // The rows of a table that nobody wrote before: the first of them.
        let mut runs: HashMap<i64, (i64, Arc<ViewTable>)> = HashMap::new();
        let mut written: Vec<Arc<ViewTable>> = Vec::new();
        for captured in write.captured {
            let table = Arc::clone(&captured.table);
            if written.last().is_none_or(|last| last.number != table.number) {
                written.push(Arc::clone(&table));
            }
            merged.count(&table, captured.before(), captured.after());
            self.view.count(&table, captured.before(), captured.after())?;
            if let Some(rowid) = self.row(captured)? {
                let (first, _) = runs.entry(table.number).or_insert((rowid, table));
                *first = (*first).min(rowid);
            }
        }
        let author = self.view.fold.position.author_number(self.by.author);
        for (first, table) in runs.into_values() {
            let origin = InsertOrigin { by: self.by, width: table.width() };
            put_run(&self.view.connection, &table, &InsertRun { first, author, origin })?;
        }
        written.sort_by_key(|table| table.number);
        written.dedup_by_key(|table| table.number);
        for table in &written {
            self.view.fold.figures.find_next_rowid(&self.view.connection, table)?;
        }
        Merge::of_adopted(self.view, &transaction.header, merged).end(transaction, chain)
    }

    /// Takes one row in; gives its rowid, if it is part of a run.
    fn row(&mut self, captured: Captured) -> ViewResult<Option<i64>> {
        let Captured { table, key, old, new, state, op } = captured;
        assert!(state.is_some() || old.is_none(), "a row that was shown has a state");
        let view = &mut *self.view;
        match (state, &new) {
            (None, Some((rowid, _))) if *rowid >= view.fold.figures.next_rowid(table.number) => {
                return Ok(Some(*rowid));
            }
            (None, Some((_, row))) => {
                let row = RowEntry::inserted(&table, InsertOrigin { by: self.by, width: table.width() }, row);
                let position = &view.fold.position;
                row.save(&view.connection, &position.authors, &table, &key.to_bytes(), position.next)?;
            }
            (None, None) => {}
            (Some(mut row), _) => {
                let key = key.to_bytes();
                if op.changes() {
                    let by = self.by;
                    let basis = Basis { seen: &self.context, own: Some((by.dot().chain(), by.seq - 1)) };
                    let cell = |(at, mode, value): (usize, Mode, Value)| (table.ids[at], mode, value);
                    let cells = op.cells.into_iter().map(cell).collect();
                    let cells = view.documents.take(&view.connection, (&table, &key, &row), cells, by)?;
                    let cells = cells.iter().map(|(id, mode, value)| (*id, *mode, value));
                    row.state.apply(op.action, cells, by, &basis);
                }
                let after = new.as_ref().map(|(_, row)| row.as_slice());
                view.keep_row(&table, &key, row, old.is_some(), after)?;
            }
        }
        Ok(None)
    }
}
