//! Rows as the view shows them.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::{Key, Value};
use tandem_store::{Owner, Space};

use crate::engine::Outcome;
use crate::held::Row;
use crate::paired::PairedTable;

fn listed(table: &PairedTable) -> String {
    table.columns.iter().map(|column| quoted(&column.here)).collect::<Vec<_>>().join(", ")
}

/// The row of that key; none, if none is shown.
pub(crate) fn row(space: &Space, table: &PairedTable, key: &Key) -> Outcome<Option<Row>> {
    let condition = table.key.iter().map(|at| format!("{} = ?", quoted(&table.columns[*at].here)));
    let condition = condition.collect::<Vec<_>>().join(" AND ");
    let sql = format!("SELECT {} FROM {} WHERE {condition}", listed(table), quoted(&table.here));
    let (found, _) = space.query(&sql, &key.0)?;
    Ok(found.rows.into_iter().next().map(|values| table.canonical(values)))
}

/// Gives all rows of a table; the first fault ends it.
pub(crate) fn all(space: &Space, table: &PairedTable, take: &mut dyn FnMut(Row) -> Outcome) -> Outcome {
    struct Answer<'a> {
        table: &'a PairedTable,
        take: &'a mut dyn FnMut(Row) -> Outcome,
        fault: Outcome,
    }
    impl tandem_store::Answer for Answer<'_> {
        fn columns(&mut self, _: Vec<String>) -> ControlFlow<()> {
            ControlFlow::Continue(())
        }

        fn row(&mut self, values: Vec<Value>) -> ControlFlow<()> {
            self.fault = (self.take)(self.table.canonical(values));
            if self.fault.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    let sql = format!("SELECT {} FROM {}", listed(table), quoted(&table.here));
    let mut answer = Answer { table, take, fault: Ok(()) };
    let asked = space.query_for(&Owner::default(), (&sql, &[]), usize::MAX, &mut answer);
    answer.fault?;
    asked?;
    Ok(())
}

/// All rows of a table by the bytes of their keys.
pub(crate) fn by_key(space: &Space, table: &PairedTable) -> Outcome<BTreeMap<Vec<u8>, Row>> {
    let mut rows = BTreeMap::new();
    all(space, table, &mut |row| {
        rows.extend(table.key_of(&row).map(|key| (key.to_bytes(), row)));
        Ok(())
    })?;
    Ok(rows)
}
