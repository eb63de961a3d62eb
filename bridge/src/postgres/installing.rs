//! What tandem puts into a PostgreSQL database, and takes out again: all of it in the schema `tandem`, but
//! for two triggers on each table.

use tandem_protocol::schema::expression::quoted;

use super::Postgres;
use super::failure::failed;
use super::sequences::put_sequences_back;
use crate::engine::{Installed, Outcome};
use crate::paired::PairedTable;

/// Sorted behind the triggers of references, which are named by numbers and RI.
const TRIGGER: &str = "zz_tandem";
const EMPTIED: &str = "zz_tandem_emptied";

/// The objects, made in one piece.
const INSTALL: &str = include_str!("install.sql");

/// The name of a table in SQL.
pub(super) fn place(table: &PairedTable) -> String {
    format!("{}.{}", quoted(&table.schema), quoted(&table.there))
}

impl Postgres {
    pub(super) fn is_there(&mut self) -> Outcome<Option<Installed>> {
        let sql = "SELECT to_regclass('tandem.state') IS NOT NULL";
        if !self.client.query_one(sql, &[]).map_err(failed)?.get::<_, bool>(0) {
            return Ok(None);
        }
        let state = self.client.query_opt("SELECT incarnation, applied, cycles FROM tandem.state", &[]);
        let installed = |row: postgres::Row| Installed {
            incarnation: row.get(0),
            applied: row.get(1),
            cycles: row.get(2),
        };
        Ok(state.map_err(failed)?.map(installed))
    }

    pub(super) fn put_there(&mut self, tables: &[PairedTable], incarnation: &str) -> Outcome {
        tables.iter().try_for_each(|table| self.close_table(table))?;
        self.run(INSTALL)?;
        let sql = "INSERT INTO tandem.state (incarnation, applied) VALUES ($1, 1)";
        self.client.execute(sql, &[&incarnation]).map_err(failed)?;
        tables.iter().try_for_each(|table| self.put_triggers(table))
    }

    /// Lets nobody write to a table until the commit.
    pub(super) fn close_table(&mut self, table: &PairedTable) -> Outcome {
        self.run(&format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", place(table)))
    }

    pub(super) fn put_triggers(&mut self, table: &PairedTable) -> Outcome {
        let place = place(table);
        self.run(&format!(
            "DROP TRIGGER IF EXISTS {TRIGGER} ON {place}; DROP TRIGGER IF EXISTS {EMPTIED} ON {place};
             CREATE TRIGGER {TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON {place}
               FOR EACH ROW EXECUTE FUNCTION tandem.capture();
             CREATE TRIGGER {EMPTIED} BEFORE TRUNCATE ON {place}
               FOR EACH STATEMENT EXECUTE FUNCTION tandem.emptied();
             ALTER TABLE {place} ENABLE ALWAYS TRIGGER {TRIGGER};
             ALTER TABLE {place} ENABLE ALWAYS TRIGGER {EMPTIED};"
        ))
    }

    /// The places of the tables that lacked a trigger, or had one that was off.
    pub(super) fn put_triggers_again(&mut self, tables: &[PairedTable]) -> Outcome<Vec<usize>> {
        let sql = "
SELECT n.nspname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgname IN ('zz_tandem', 'zz_tandem_emptied') AND t.tgenabled = 'A'
GROUP BY n.nspname, c.relname HAVING count(*) = 2";
        let rows = self.client.query(sql, &[]).map_err(failed)?;
        let whole: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let has_them =
            |table: &PairedTable| whole.iter().any(|one| one.0 == table.schema && one.1 == table.there);
        let lacking: Vec<usize> = (0..tables.len()).filter(|at| !has_them(&tables[*at])).collect();
        for at in &lacking {
            self.close_table(&tables[*at])?;
            self.put_triggers(&tables[*at])?;
        }
        Ok(lacking)
    }

    pub(super) fn take_away(&mut self, tables: &[PairedTable]) -> Outcome {
        for table in tables {
            let there = self.client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&place(table)]);
            if !there.map_err(failed)?.get::<_, bool>(0) {
                continue;
            }
            let place = place(table);
            self.run(&format!(
                "DROP TRIGGER IF EXISTS {TRIGGER} ON {place}; DROP TRIGGER IF EXISTS {EMPTIED} ON {place};"
            ))?;
        }
        if self.is_there()?.is_some() {
            put_sequences_back(self)?;
        }
        self.run("DROP SCHEMA IF EXISTS tandem CASCADE")
    }
}

/// What names an attachment, drawn by chance.
pub(crate) fn new_incarnation() -> Outcome<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(data_encoding::HEXLOWER.encode(&bytes))
}
