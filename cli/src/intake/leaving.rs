//! Rows that are to go, of tables whose rows may refer to each other: they go together. Those stay to which
//! a row refers that stays.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde_json::Value as Json;
use tandem_node::api::cell::Cell;
use tandem_node::api::query::Query;
use tandem_node::api::rows::RowEdit;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnDef, OnDelete, Reference, TableDef};
use tandem_protocol::value::Value;

use super::comparison::{is_key, named};
use super::writing::Target;
use crate::batch;
use crate::client::Rows;
use crate::failure::Failure;

/// Rows of one table that are to go.
pub struct Gone<'p> {
    /// The table.
    pub table: &'p TableDef,
    /// Its key.
    pub key: &'p ColumnDef,
    /// Theirs.
    pub keys: Vec<Value>,
}

/// See the module.
pub struct Leaving<'p> {
    tables: Vec<Gone<'p>>,
    /// Each row by its table and key, in canonical bytes.
    places: HashMap<(usize, Vec<u8>), Place>,
}

/// A row that is to go: its table's number, and its own.
type Place = (usize, usize);

/// A reference from a row that is to go, or from one that is not, to one that is.
type Link = (Option<Place>, Place);

impl<'p> Leaving<'p> {
    /// All of these.
    pub fn of(tables: Vec<Gone<'p>>) -> Self {
        let rows = tables.iter().enumerate().flat_map(|(at, gone)| {
            gone.keys.iter().enumerate().map(move |(row, key)| ((at, bytes(key)), (at, row)))
        });
        let places = rows.collect();
        Self { tables, places }
    }

    /// Whether they can go together.
    pub fn is_one(&self) -> bool {
        let keys = self.places.keys().map(|(_, key)| key.len() as u64);
        batch::is_one(self.places.len() as u64, keys.sum())
    }

    /// All of them again.
    pub fn into_tables(self) -> Vec<Gone<'p>> {
        self.tables
    }

    /// Gives the rows back table by table: those that stay, for one refers to them that does, and the others.
    pub fn part(
        self,
        target: Target<'_>,
        all: &[TableDef],
    ) -> Result<(Vec<Gone<'p>>, Vec<Gone<'p>>), Failure> {
        let mut links: HashMap<Option<Place>, Vec<Place>> = HashMap::new();
        for (from, to) in self.links(target, all)? {
            links.entry(from).or_default().push(to);
        }
        let mut stays: Vec<Vec<bool>> = self.tables.iter().map(|gone| vec![false; gone.keys.len()]).collect();
        let mut open = links.remove(&None).unwrap_or_default();
        while let Some(place) = open.pop() {
            if !std::mem::replace(&mut stays[place.0][place.1], true) {
                open.extend(links.remove(&Some(place)).unwrap_or_default());
            }
        }
        let split = |(Gone { table, key, keys }, stays): (Gone<'p>, Vec<bool>)| {
            let (staying, going): (Vec<_>, Vec<_>) =
                keys.into_iter().zip(stays).partition(|(_, stays)| *stays);
            let of = |keys: Vec<(Value, bool)>| Gone {
                table,
                key,
                keys: keys.into_iter().map(|(key, _)| key).collect(),
            };
            (of(staying), of(going))
        };
        Ok(self.tables.into_iter().zip(stays).map(split).unzip())
    }

    /// Every reference to one of the rows that keeps it from going.
    fn links(&self, target: Target<'_>, all: &[TableDef]) -> Result<Vec<Link>, Failure> {
        let mut links = Vec::new();
        for (to, gone) in self.tables.iter().enumerate().filter(|(_, gone)| !gone.keys.is_empty()) {
            let keys: Json = gone.keys.iter().map(|key| named(gone.key.kind, key)).collect();
            for child in all {
                let references = child.references.iter();
                let holds =
                    |one: &&Reference| one.table_id == gone.table.id && one.on_delete == OnDelete::Restrict;
                for reference in references.filter(holds) {
                    let from = self.tables.iter().position(|one| one.table.id == child.id);
                    let sql = referrers(gone, child, reference, from.map(|from| self.tables[from].key));
                    let params = vec![Cell(Value::Text(keys.to_string()))];
                    let mut found = Found { leaving: self, from, to, links: &mut links };
                    let query = Query { sql, params: params.into(), deadline: None };
                    target.client.query_rows(target.space, query, &mut found)?;
                }
            }
        }
        Ok(links)
    }
}

/// Of some rows, by number, the keys of those of a table that refer to them; of a table of which none goes,
/// that there are some says it all.
fn referrers(gone: &Gone<'_>, child: &TableDef, reference: &Reference, key: Option<&ColumnDef>) -> String {
    let shown = key.map_or_else(|| "NULL".to_owned(), |key| format!("c.{}", quoted(&key.name)));
    let on = reference.columns.iter().zip(&reference.targets);
    let on: Vec<String> = on.map(|(from, to)| format!("c.{} = t.{}", quoted(from), quoted(to))).collect();
    format!(
        "SELECT DISTINCT k.key, {shown} FROM json_each(?) AS k CROSS JOIN {} AS t ON {} CROSS JOIN {} AS c ON {}",
        quoted(&gone.table.name),
        is_key(gone.key, "k.value"),
        quoted(&child.name),
        on.join(" AND ")
    )
}

/// A key in bytes that are equal where it is.
pub fn bytes(key: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.write_canonical(&mut bytes);
    bytes
}

/// Edits that delete all of these.
pub fn deletions(gone: &[Gone<'_>]) -> Vec<RowEdit> {
    let some = gone.iter().filter(|gone| !gone.keys.is_empty());
    let delete = |gone: &Gone<'_>| RowEdit::Delete {
        table: gone.table.name.clone(),
        keys: gone.keys.iter().map(|key| vec![Cell(key.clone())]).collect(),
    };
    some.map(delete).collect()
}

/// References as they are found, from rows of one table to rows of another.
struct Found<'l, 'p> {
    leaving: &'l Leaving<'p>,
    from: Option<usize>,
    to: usize,
    links: &'l mut Vec<Link>,
}

impl Rows for Found<'_, '_> {
    fn columns(&mut self, _: &[String]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Cell]) -> ControlFlow<()> {
        let [Cell(Value::Integer(number)), Cell(key)] = row else { return ControlFlow::Continue(()) };
        let from = self.from.and_then(|from| {
            let key = self.leaving.tables[from].key.kind.canonical(key.clone()).ok()?;
            self.leaving.places.get(&(from, bytes(&key))).copied()
        });
        if let Ok(number) = usize::try_from(*number) {
            self.links.push((from, (self.to, number)));
        }
        ControlFlow::Continue(())
    }
}
