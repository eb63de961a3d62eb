//! What a change that was made elsewhere says to other sites: the same as a statement that made it here
//! would have said, but for the rules, which nobody asks.

use std::sync::Arc;

use tandem_protocol::bounds;
use tandem_protocol::op::{Op, RowGroup};
use tandem_protocol::schema::ColumnDef;
use tandem_protocol::value::{Key, Value};

use super::View;
use super::captured::{Captured, group_ops};
use super::local_error::LocalError;
use super::row_op::{CanonicalChange, CellWrite};
use super::table::ViewTable;
use super::unseen::{AtBasis, Unseen};
use crate::observed::ObservedChange;
use crate::refusal::Refusal;

/// Changes that were made elsewhere, as they are put in words.
pub(crate) struct Observation<'v> {
    pub view: &'v mut View,
    /// What lies beyond what their writer had seen.
    pub unseen: &'v Unseen,
    /// The time of the transaction that they become.
    pub time_ms: i64,
}

impl Observation<'_> {
    /// The ops that say what was seen to happen to rows, each of which is named once.
    pub fn ops(&mut self, changes: &[ObservedChange]) -> Result<Vec<Op>, LocalError> {
        let (mut all, mut restored) = (Vec::with_capacity(changes.len()), Vec::new());
        for change in changes {
            let mut captured = self.observe(change)?;
            restored.extend(self.restored(&mut captured, &change.restored));
            all.push(captured);
        }
        let mut ops = group_ops(&mut all);
        ops.extend(restored.into_iter().map(Op::Rows));
        Ok(ops)
    }

    /// Takes out of a change the cells that were restored, if what replaced them says to be later than the
    /// transaction: they are written as just after it.
    fn restored(&self, captured: &mut Captured, columns: &[String]) -> Vec<RowGroup> {
        let (table, state) = (Arc::clone(&captured.table), captured.state.as_ref());
        let later = |at: usize| {
            let cell = state?.state.cells.get(&table.ids[at])?;
            let shown = cell.shown_sibling(table.def.columns[at].kind)?.by.time_ms;
            (shown >= self.time_ms).then_some(shown.saturating_add(1))
        };
        let is_restored =
            |at: usize| columns.iter().any(|name| name.eq_ignore_ascii_case(&table.def.columns[at].name));
        let (mut groups, cells) = (Vec::new(), captured.op.cells.len());
        captured.op.cells.retain(|(at, mode, value)| {
            let Some(time) = Some(*at).filter(|at| is_restored(*at)).and_then(later) else { return true };
            let (key, action) = (captured.key.clone(), captured.op.action);
            let cells = vec![(*at, *mode, value.clone())];
            let group = CellWrite { table: table.id, key, action, cells }.group(&self.view.fold.tables);
            let is_said = group.is_some();
            groups.extend(group.map(|group| RowGroup { times: vec![time], ..group }));
            !is_said
        });
        assert_eq!(captured.op.cells.len() + groups.len(), cells, "each cell is written once");
        groups
    }

    fn observe(&mut self, change: &ObservedChange) -> Result<Captured, LocalError> {
        let unknown = || LocalError::Refused(Refusal::no_table(&change.table));
        let table = self.view.fold.tables.named(&change.table).ok_or_else(unknown)?;
        let before = change.before.as_ref().map(|values| row_of(&table, change, values)).transpose()?;
        let after = change.after.as_ref().map(|values| row_of(&table, change, values)).transpose()?;
        let keys = [&before, &after].map(|row| row.as_ref().map(|row| table.key_of(row)));
        let key = match keys {
            [Some(before), Some(after)] if before != after => {
                return Err(LocalError::Refused(Refusal::key_changed(&table.def.name)));
            }
            [before, after] => before.or(after).ok_or_else(unknown)?,
        };
        self.captured(table, key, (before, after))
    }

    fn captured(
        &mut self,
        table: Arc<ViewTable>,
        key: Key,
        (before, after): (Option<Vec<Value>>, Option<Vec<Value>>),
    ) -> Result<Captured, LocalError> {
        let bytes = key.to_bytes();
        if bytes.len() > bounds::KEY_BYTES {
            return Err(LocalError::Refused(Refusal::key_too_long(&table.def.name)));
        }
        let entry = self.view.load_row(&table, &key, &bytes)?;
        let state = Some(entry).filter(|entry| entry.stored || entry.shown.is_some());
        let change = CanonicalChange {
            table: &table,
            key: &key,
            old: before.as_deref(),
            new: after.as_deref(),
            state: state.as_ref(),
            exact: &[],
            at_basis: &AtBasis::new(),
        };
        let op = self.view.cells().row_op(&change, self.unseen)?;
        Ok(Captured { table, key, old: None, new: None, state, op })
    }
}

/// A whole row of canonical values. A column that is not told has what it has when nobody wrote it, before
/// and after.
fn row_of(table: &ViewTable, change: &ObservedChange, values: &[Value]) -> Result<Vec<Value>, LocalError> {
    let refused = |refusal| LocalError::Refused(refusal);
    let mut row: Vec<Value> = table.def.columns.iter().map(|column| column.unwritten()).collect();
    if values.len() != change.columns.len() {
        return Err(refused(Refusal::width(change.columns.len(), values.len())));
    }
    for (name, value) in change.columns.iter().zip(values) {
        let is_it = |column: &ColumnDef| column.name.eq_ignore_ascii_case(name);
        let at = table.def.columns.iter().position(is_it);
        let at = at.ok_or_else(|| refused(Refusal::no_column(&change.table, name)))?;
        let canonical = table.def.columns[at].kind.canonical(value.clone());
        row[at] = canonical.map_err(|error| refused(Refusal::of_type(&change.table, name, &error)))?;
    }
    let is_named = |at: &usize| {
        change.columns.iter().any(|name| name.eq_ignore_ascii_case(&table.def.columns[*at].name))
    };
    match table.key.iter().find(|at| !is_named(at)) {
        Some(at) => Err(refused(Refusal::no_column(&change.table, &table.def.columns[*at].name))),
        None => Ok(row),
    }
}
