//! Rows of a PostgreSQL table, read and written as texts that the database itself makes and takes.

use std::collections::BTreeSet;

use postgres::types::ToSql;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::{Key, Value};

use super::Postgres;
use super::catalogue::CatalogueReader;
use super::failure::failed;
use super::installing::place;
use super::renumbering::give_ids;
use super::sequences::step_apart;
use crate::engine::{Engine, Entry, Installed, Outcome, Pending};
use crate::error::BridgeError;
use crate::held::{Held, Row};
use crate::paired::{PairedColumn, PairedTable};

/// The columns of a table as texts.
pub(super) fn listed(table: &PairedTable, prefix: &str) -> String {
    let text = |column: &PairedColumn| format!("{prefix}{}::text", quoted(&column.there));
    table.columns.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// A row of which these columns were read, from that place of the answer on.
pub(super) fn read_row(table: &PairedTable, row: &postgres::Row, first: usize) -> Outcome<Row> {
    let held = |(at, column): (usize, &PairedColumn)| {
        Ok(Held::read(column.kind, row.try_get(first + at).map_err(failed)?))
    };
    table.columns.iter().enumerate().map(held).collect()
}

/// A value as a text that the database takes.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Blob(bytes) => Some(format!("\\x{}", data_encoding::HEXLOWER.encode(bytes))),
        value => Some(value.to_string()),
    }
}

fn given(held: &Held) -> Option<String> {
    match held {
        Held::Value(value) => text_of(value),
        Held::Unread(text) => Some(text.clone()),
    }
}

/// The parameter of that number, as a value of a column.
fn parameter(column: &PairedColumn, number: usize) -> String {
    format!("${number}::text::{}", column.type_there)
}

/// The condition for one row, its key's values being the parameters from that number on.
fn is_row(table: &PairedTable, first: usize) -> String {
    let part = |(number, at): (usize, &usize)| {
        let column = &table.columns[*at];
        format!("{} = {}", quoted(&column.there), parameter(column, first + number))
    };
    table.key.iter().enumerate().map(part).collect::<Vec<_>>().join(" AND ")
}

fn references(texts: &[Option<String>]) -> Vec<&(dyn ToSql + Sync)> {
    texts.iter().map(|text| text as &(dyn ToSql + Sync)).collect()
}

impl Postgres {
    /// The rows of these keys, locked in that way.
    fn select(&mut self, table: &PairedTable, keys: &[Key], lock: &str) -> Outcome<Vec<Row>> {
        assert!(!table.key.is_empty(), "a row is named by its key");
        let (list, place) = (listed(table, "t."), place(table));
        // Each key by itself and in their order: so whoever locks several does so in one order.
        let condition = table.key.iter().enumerate().map(|(number, at)| {
            let column = &table.columns[*at];
            format!("t.{} = k.k{number}::{}", quoted(&column.there), column.type_there)
        });
        let condition = condition.collect::<Vec<_>>().join(" AND ");
        let names: Vec<String> = (0..table.key.len()).map(|number| format!("k{number}")).collect();
        let arrays: Vec<String> = (1..=table.key.len()).map(|number| format!("${number}::text[]")).collect();
        let sql = format!(
            "SELECT {list} FROM ROWS FROM (unnest({})) WITH ORDINALITY AS k({}, place)
             JOIN {place} t ON {condition} ORDER BY k.place {lock}",
            arrays.join(", "),
            names.join(", ")
        );
        let column = |at: usize| keys.iter().map(|key| text_of(&key.0[at])).collect::<Vec<_>>();
        let columns: Vec<Vec<Option<String>>> = (0..table.key.len()).map(column).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        let rows = self.all(&sql, &parameters)?;
        rows.iter().map(|row| read_row(table, row, 0)).collect()
    }

    /// Runs a statement that returns the row that it wrote, if it wrote one.
    fn written(&mut self, table: &PairedTable, sql: &str, texts: &[Option<String>]) -> Outcome<Option<Row>> {
        let rows = self.all(sql, &references(texts))?;
        rows.first().map(|row| read_row(table, row, 0)).transpose()
    }
}

impl Engine for Postgres {
    fn begin(&mut self) -> Outcome {
        self.run("BEGIN")
    }

    fn mark(&mut self) -> Outcome {
        // Nobody else can know it.
        self.all("SELECT set_config('tandem.applies', incarnation, true) FROM tandem.state", &[]).map(|_| ())
    }

    fn commit(&mut self) -> Outcome {
        self.run("COMMIT")
    }

    fn rollback(&mut self) -> Outcome {
        self.run("ROLLBACK")
    }

    fn save(&mut self) -> Outcome {
        self.run("SAVEPOINT part; SET CONSTRAINTS ALL DEFERRED")
    }

    fn keep(&mut self) -> Outcome {
        self.run("SET CONSTRAINTS ALL IMMEDIATE; RELEASE SAVEPOINT part")
    }

    fn undo(&mut self) -> Outcome {
        self.run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
    }

    fn installed(&mut self) -> Outcome<Option<Installed>> {
        self.is_there()
    }

    fn install(&mut self, tables: &[PairedTable], incarnation: &str) -> Outcome {
        self.put_there(tables, incarnation)
    }

    fn reinstall(&mut self, tables: &[PairedTable]) -> Outcome<Vec<usize>> {
        self.put_triggers_again(tables)
    }

    fn close_tables(&mut self, tables: &[PairedTable]) -> Outcome {
        tables.iter().try_for_each(|table| self.close_table(table))
    }

    fn capture(&mut self, table: &PairedTable) -> Outcome {
        self.put_triggers(table)
    }

    fn layout(&mut self) -> Outcome<String> {
        CatalogueReader(self).layout_hash()
    }

    fn uninstall(&mut self, tables: &[PairedTable]) -> Outcome {
        self.take_away(tables)
    }

    fn own_ids(&mut self, table: &PairedTable, ordinal: u16, floor: i64) -> Outcome {
        step_apart(self, table, ordinal, floor)
    }

    fn renumber(&mut self, table: &PairedTable, ids: &[(i64, i64)]) -> Outcome {
        give_ids(self, table, ids)
    }

    fn has_pending(&mut self) -> Outcome<bool> {
        let sql = "SELECT EXISTS (SELECT FROM tandem.outbox WHERE NOT own)";
        Ok(self.one(sql, &[])?.get(0))
    }

    fn pending(&mut self, most: usize) -> Outcome<(Vec<Pending>, bool)> {
        self.waiting(most)
    }

    fn entries(&mut self, tables: &[PairedTable], numbers: &[i64]) -> Outcome<Vec<Entry>> {
        self.read_entries(tables, numbers)
    }

    fn forget(&mut self, numbers: &[i64]) -> Outcome {
        self.remove_entries(numbers)
    }

    fn touched(&mut self, tables: &[PairedTable]) -> Outcome<Vec<(usize, Key)>> {
        self.own_touched(tables)
    }

    fn lock(&mut self, table: &PairedTable, keys: &[Key]) -> Outcome<(Vec<Row>, Vec<Key>)> {
        self.run("SAVEPOINT locking")?;
        match self.select(table, keys, "FOR UPDATE OF t") {
            Ok(rows) => {
                self.run("RELEASE SAVEPOINT locking")?;
                Ok((rows, Vec::new()))
            }
            // Somebody holds one of them, for longer than is waited for: the others are not kept from it.
            Err(BridgeError::Busy(_)) => {
                self.run("ROLLBACK TO SAVEPOINT locking; RELEASE SAVEPOINT locking")?;
                let rows = self.select(table, keys, "FOR UPDATE OF t SKIP LOCKED")?;
                let found: BTreeSet<Vec<u8>> =
                    rows.iter().filter_map(|row| Some(table.key_of(row)?.to_bytes())).collect();
                let there = self.select(table, keys, "")?;
                let keys = there.iter().filter_map(|row| table.key_of(row));
                let held = keys.filter(|key| !found.contains(&key.to_bytes())).collect();
                Ok((rows, held))
            }
            Err(error) => Err(error),
        }
    }

    fn rows(&mut self, table: &PairedTable, take: &mut dyn FnMut(Row) -> Outcome) -> Outcome {
        let sql = format!(
            "DECLARE all_rows NO SCROLL CURSOR FOR SELECT {} FROM {} t",
            listed(table, "t."),
            place(table)
        );
        self.run(&sql)?;
        loop {
            let rows = self.client.query("FETCH 2000 FROM all_rows", &[]).map_err(failed)?;
            for row in &rows {
                take(read_row(table, row, 0)?)?;
            }
            if rows.is_empty() {
                return self.run("CLOSE all_rows");
            }
        }
    }

    fn insert(&mut self, table: &PairedTable, row: &Row) -> Outcome<Option<Row>> {
        let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.there)).collect();
        let each = table.columns.iter().enumerate();
        let places: Vec<String> = each.map(|(at, column)| parameter(column, at + 1)).collect();
        let sql = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) RETURNING {}",
            place(table),
            names.join(", "),
            places.join(", "),
            listed(table, "")
        );
        let texts: Vec<Option<String>> = row.iter().map(given).collect();
        self.written(table, &sql, &texts)
    }

    fn update(
        &mut self,
        table: &PairedTable,
        key: &Key,
        columns: &[usize],
        row: &Row,
    ) -> Outcome<Option<Row>> {
        assert!(!columns.is_empty(), "something of the row changes");
        let set = |(number, at): (usize, &usize)| {
            let column = &table.columns[*at];
            format!("{} = {}", quoted(&column.there), parameter(column, number + 1))
        };
        let sets: Vec<String> = columns.iter().enumerate().map(set).collect();
        let sql = format!(
            "UPDATE {} SET {} WHERE {} RETURNING {}",
            place(table),
            sets.join(", "),
            is_row(table, columns.len() + 1),
            listed(table, "")
        );
        let mut texts: Vec<Option<String>> = columns.iter().map(|at| given(&row[*at])).collect();
        texts.extend(key.0.iter().map(text_of));
        self.written(table, &sql, &texts)
    }

    fn delete(&mut self, table: &PairedTable, key: &Key) -> Outcome {
        let sql = format!("DELETE FROM {} WHERE {}", place(table), is_row(table, 1));
        let texts: Vec<Option<String>> = key.0.iter().map(text_of).collect();
        self.all(&sql, &references(&texts)).map(|_| ())
    }

    fn count_cycle(&mut self) -> Outcome<i64> {
        Ok(self.one("UPDATE tandem.state SET cycles = cycles + 1 RETURNING cycles", &[])?.get(0))
    }

    fn advance(&mut self, applied: i64) -> Outcome {
        self.all("UPDATE tandem.state SET applied = $1", &[&applied]).map(|_| ())
    }
}
