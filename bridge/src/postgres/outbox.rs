//! The outbox: what the application's transactions changed. Reading needs no watermark: the entries of a
//! transaction are there all together once it has committed, in whatever order transactions commit.

use tandem_protocol::value::Key;

use super::Postgres;
use super::installing::place;
use super::table_rows::{listed, read_row};
use crate::engine::{Entry, Outcome, Pending};
use crate::error::BridgeError;
use crate::held::Row;
use crate::paired::{PairedColumn, PairedTable};

/// One statement, and so one snapshot: a transaction is in it whole, or not at all.
const PENDING: &str = "
SELECT xid::text, min(seen), min(extract(epoch FROM at))::text, array_agg(seq ORDER BY seq)
FROM tandem.outbox WHERE NOT own GROUP BY xid ORDER BY max(seq) LIMIT 10000";

/// So many transactions are read together.
const MOST: usize = 10_000;

/// An entry, one side of it.
type Side = (i64, Option<Row>);

impl Postgres {
    pub(super) fn waiting(&mut self, most: usize) -> Outcome<(Vec<Pending>, bool)> {
        let mut entries = 0;
        let rows = self.all(PENDING, &[])?;
        let pending = rows.iter().map(|row| {
            let (xid, at): (&str, &str) = (row.get(0), row.get(2));
            let numbers: Vec<i64> = row.get(3);
            let first = numbers.first().copied().unwrap_or_default();
            Pending { token: format!("{xid}/{first}/{at}"), seen: row.get(1), entries: numbers }
        });
        let within = pending.take_while(|one| {
            let is_first = entries == 0;
            entries += one.entries.len();
            is_first || entries <= most
        });
        let pending: Vec<Pending> = within.collect();
        let are_all = pending.len() == rows.len() && rows.len() < MOST;
        Ok((pending, are_all))
    }

    pub(super) fn read_entries(&mut self, tables: &[PairedTable], numbers: &[i64]) -> Outcome<Vec<Entry>> {
        let mut found = Vec::with_capacity(numbers.len());
        for (at, table) in tables.iter().enumerate() {
            // Most transactions touch few tables.
            let sql =
                "SELECT EXISTS (SELECT FROM tandem.outbox WHERE seq = ANY($1) AND tbl = $2::text::regclass)";
            let has_some = self.one(sql, &[&numbers, &place(table)])?;
            if !has_some.get::<_, bool>(0) {
                continue;
            }
            let (old, new) = (self.side(table, "old", numbers)?, self.side(table, "new", numbers)?);
            debug_assert_eq!(old.len(), new.len(), "both sides tell of the same entries");
            let both = old.into_iter().zip(new);
            found.extend(both.map(|((seq, old), (_, new))| Entry { seq, table: at, old, new }));
        }
        assert!(found.len() <= numbers.len(), "an entry is of one table");
        found.sort_by_key(|entry| entry.seq);
        Ok(found)
    }

    /// One side of the entries of a table. The database itself makes a row of what it noted, and writes it as
    /// it writes the rows of the table; what does not fit its columns any more is read as it was noted.
    fn side(&mut self, table: &PairedTable, side: &str, numbers: &[i64]) -> Outcome<Vec<Side>> {
        let place = place(table);
        let noted = match table.aside.is_empty() {
            true => format!("o.{side}"),
            false => {
                let names: Vec<String> = table.aside.iter().map(|name| literal(name)).collect();
                format!("(o.{side}::jsonb - ARRAY[{}]::text[])::json", names.join(", "))
            }
        };
        let made = format!(
            "SELECT o.seq, o.{side} IS NOT NULL, {} FROM tandem.outbox o
             LEFT JOIN LATERAL json_populate_record(NULL::{place}, {noted}) r ON o.{side} IS NOT NULL
             WHERE o.seq = ANY($1) AND o.tbl = $2::text::regclass ORDER BY o.seq",
            listed(table, "r.")
        );
        self.run("SAVEPOINT reading")?;
        let rows = match self.all(&made, &[&numbers, &place]) {
            Err(BridgeError::Refused(_)) => {
                self.run("ROLLBACK TO SAVEPOINT reading")?;
                let text = |column: &PairedColumn| format!("o.{side}->>{}", literal(&column.there));
                let texts: Vec<String> = table.columns.iter().map(text).collect();
                let as_noted = format!(
                    "SELECT o.seq, o.{side} IS NOT NULL, {} FROM tandem.outbox o
                     WHERE o.seq = ANY($1) AND o.tbl = $2::text::regclass ORDER BY o.seq",
                    texts.join(", ")
                );
                self.all(&as_noted, &[&numbers, &place])?
            }
            read => read?,
        };
        self.run("RELEASE SAVEPOINT reading")?;
        let side = |row: &postgres::Row| {
            let there: bool = row.get(1);
            Ok((row.get(0), there.then(|| read_row(table, row, 2)).transpose()?))
        };
        rows.iter().map(side).collect()
    }

    pub(super) fn remove_entries(&mut self, numbers: &[i64]) -> Outcome {
        self.all("DELETE FROM tandem.outbox WHERE seq = ANY($1)", &[&numbers]).map(|_| ())
    }

    /// What this transaction itself did, which its own entries tell.
    pub(super) fn own_touched(&mut self, tables: &[PairedTable]) -> Outcome<Vec<(usize, Key)>> {
        let sql = "SELECT coalesce(array_agg(seq), '{}') FROM tandem.outbox WHERE own";
        let numbers: Vec<i64> = self.one(sql, &[])?.get(0);
        let entries = self.read_entries(tables, &numbers)?;
        self.remove_entries(&numbers)?;
        let keys = entries.iter().flat_map(|entry| {
            let rows = [&entry.old, &entry.new].into_iter().flatten();
            rows.filter_map(|row| Some((entry.table, tables[entry.table].key_of(row)?)))
        });
        Ok(keys.collect())
    }
}

/// A text in SQL, whatever the settings say of backslashes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
