//! The plain side: SQLite as it is, with the tables that tandem's view is said to show.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, ffi};
use tandem_protocol::value::Value;
use tandem_store::StatementResult;

use super::difference::{Difference, Met};
use super::functions::{Bound, NOW, State, install, is_made, read};
use super::kind::Kind;
use super::on_delete::Snapshot;
use super::sql::Sql;
use super::table::Table;
use super::tandem::Answer;

/// The last id where a statement inserted nothing.
const MARK: i64 = -77_777;
const SENTINEL_TABLE: &str = "CREATE TEMP TABLE sentinel (mark INTEGER PRIMARY KEY)";
const SENTINEL: &str = "INSERT OR REPLACE INTO temp.sentinel VALUES (-77777)";

/// A plain database.
pub struct Plain {
    connection: Connection,
    state: Arc<Mutex<State>>,
    tables: Vec<Table>,
    /// Whether ON DELETE is carried out here, not by SQLite.
    carries_out: bool,
    /// Per table, all keys there ever were.
    ever: Vec<BTreeSet<String>>,
    /// Which differences came into play.
    pub met: Met,
}

/// What became of a transaction.
#[derive(Debug)]
pub enum Verdict {
    /// It is committed.
    Accepted(Vec<StatementResult>),
    /// It is rolled back.
    Refused { code: &'static str, message: String },
    /// tandem refused it, and may.
    Either,
    /// What tandem answered cannot be right.
    Wrong(String),
}

impl Plain {
    /// A database with these tables. `carries_out`: ON DELETE is, after each statement.
    pub fn open(tables: &[Table], carries_out: bool) -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        let state = Arc::new(Mutex::new(State::default()));
        install(&connection, &state)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        tables.iter().try_for_each(|table| connection.execute_batch(&table.for_plain(!carries_out)))?;
        let ever = vec![BTreeSet::new(); tables.len()];
        connection.execute_batch(SENTINEL_TABLE)?;
        Ok(Self { connection, carries_out, state, tables: tables.to_vec(), ever, met: Met::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meet(&mut self, difference: Difference) {
        *self.met.entry(difference).or_default() += 1;
    }

    /// Runs a transaction as tandem should have. Its answer tells only the keys it made.
    pub fn run(&mut self, statements: &[Sql], answer: &Answer) -> Verdict {
        (self.state().misfit, self.state().last) = (false, 0);
        let ran = self
            .connection
            .execute_batch("BEGIN")
            .map_err(refused)
            .and_then(|()| self.statements(statements, answer));
        let verdict = match ran {
            Ok(results) if self.state().misfit && answer.is_refused() => {
                self.meet(Difference::MisfitOnTheWay);
                drop(results);
                Verdict::Either
            }
            Ok(results) => match self.connection.execute_batch("COMMIT") {
                Ok(()) => {
                    self.remember();
                    return Verdict::Accepted(results);
                }
                Err(error) => refused(error),
            },
            Err(verdict) => verdict,
        };
        if !self.connection.is_autocommit() {
            // A transaction that failed is open: nothing else can be the matter here.
            let _rolled_back = self.connection.execute_batch("ROLLBACK");
        }
        verdict
    }

    fn statements(&mut self, statements: &[Sql], answer: &Answer) -> Result<Vec<StatementResult>, Verdict> {
        let mut results = Vec::new();
        for (at, sql) in statements.iter().enumerate() {
            if let Some(moves) = &sql.moves {
                let moving: i64 = self.connection.query_row(moves, [], |row| row.get(0)).map_err(refused)?;
                if moving > 0 {
                    self.meet(Difference::KeyFixed);
                    return Err(Verdict::Refused {
                        code: "key_changed",
                        message: "a key would change".into(),
                    });
                }
            }
            let before = sql.generates.map(|table| self.keys(table)).transpose().map_err(refused)?;
            let snapshot =
                self.carries_out.then(|| Snapshot::take(&self.connection, &self.tables)).transpose();
            let snapshot = snapshot.map_err(refused)?;
            self.connection.execute_batch(SENTINEL).map_err(refused)?;
            let mut result = self.statement(sql).map_err(refused)?;
            if sql.plain.contains("last_insert_rowid") {
                self.meet(Difference::LastId);
            }
            let mut last = self.connection.last_insert_rowid();
            if let (Some(table), Some(before), Some(keys)) = (sql.generates, before, answer.keys(at)) {
                let made = self.exchange_keys(table, &before, keys)?;
                last = match made.get(&Value::Integer(last).to_string()) {
                    Some(Value::Integer(id)) => *id,
                    _ => last,
                };
                for cell in result.rows.iter_mut().flatten() {
                    if let Some(key) = made.get(&cell.to_string()) {
                        *cell = key.clone();
                    }
                }
            }
            // The connection's own changes with each row; a statement sees the one it began with.
            if last != MARK {
                self.state().last = last;
            }
            if let Some(snapshot) = snapshot
                && snapshot.carry_out(&self.connection, &self.tables).map_err(refused)? > 0
            {
                self.meet(Difference::OnDelete);
            }
            results.push(result);
        }
        self.judge()?;
        Ok(results)
    }

    fn statement(&self, sql: &Sql) -> rusqlite::Result<StatementResult> {
        let mut prepared = self.connection.prepare(&sql.plain)?;
        let columns: Vec<String> = prepared.column_names().map(str::to_owned).collect();
        let parameters = rusqlite::params_from_iter(sql.params.iter().map(Bound));
        if columns.is_empty() {
            let affected = prepared.execute(parameters)? as u64;
            return Ok(StatementResult { affected, columns, ..StatementResult::default() });
        }
        let mut all = Vec::new();
        let mut rows = prepared.query(parameters)?;
        while let Some(row) = rows.next()? {
            all.push(
                (0..columns.len()).map(|at| row.get_ref(at).map(read)).collect::<rusqlite::Result<_>>()?,
            );
        }
        drop(rows);
        let affected = if prepared.readonly() { 0 } else { self.connection.changes() };
        Ok(StatementResult { affected, columns, rows: all, ..StatementResult::default() })
    }

    /// Asks a question outside a transaction.
    pub fn query(&self, sql: &Sql) -> Result<Vec<Vec<Value>>, Verdict> {
        self.statement(sql).map(|result| result.rows).map_err(refused)
    }

    /// All rows of a table in the order of its key.
    pub fn dump(&self, table: usize) -> Result<Vec<Vec<Value>>, Verdict> {
        self.query(&Sql { plain: dump_of(&self.tables[table]), ..Sql::default() })
    }

    fn keys(&self, table: usize) -> rusqlite::Result<BTreeSet<String>> {
        let sql = Sql { plain: keys_of(&self.tables[table]), ..Sql::default() };
        let rows = self.statement(&sql)?.rows;
        Ok(rows.into_iter().flatten().map(|key| key.to_string()).collect())
    }

    /// Gives the keys that were made here the values that tandem made, in their order.
    fn exchange_keys(
        &mut self,
        place: usize,
        before: &BTreeSet<String>,
        keys: &[Value],
    ) -> Result<HashMap<String, Value>, Verdict> {
        let after = self.keys(place).map_err(refused)?;
        let mut made: Vec<String> = after.iter().filter(|key| is_made(key)).cloned().collect();
        made.sort_by_key(|key| (key.len(), key.clone()));
        let theirs =
            keys.iter().filter(|key| !before.contains(&key.to_string()) && !after.contains(&key.to_string()));
        let theirs: Vec<&Value> = theirs.collect();
        let name = self.tables[place].name.clone();
        if theirs.len() != made.len() {
            let theirs: Vec<String> = theirs.iter().map(ToString::to_string).collect();
            return Err(Verdict::Wrong(format!(
                "keys made in {name}: {theirs:?} where {} are to be made",
                made.len()
            )));
        }
        if !made.is_empty() {
            self.meet(Difference::Keys);
        }
        // The statement may have read a key that it made, and written it elsewhere in the table.
        let kind = self.tables[place].columns[0].kind;
        let alike = self.tables[place].columns.iter().filter(|column| column.kind == kind);
        let updates: Vec<String> =
            alike.map(|column| format!("UPDATE {name} SET {0} = ?1 WHERE {0} = ?2", column.name)).collect();
        let mut exchanged = HashMap::new();
        for (mine, key) in made.into_iter().zip(theirs) {
            if self.ever[place].contains(&key.to_string()) {
                return Err(Verdict::Wrong(format!(
                    "the key {key} was made in {name} that was there before"
                )));
            }
            if matches!(key, Value::Integer(id) if id % 1024 != 1) {
                return Err(Verdict::Wrong(format!(
                    "the key {key} made in {name} is not of this site's kind"
                )));
            }
            let old = if self.tables[place].is_alias() {
                Value::Integer(mine.parse().unwrap_or(0))
            } else {
                Value::Text(mine.clone())
            };
            let parameters = [Bound(key), Bound(&old)];
            for update in &updates {
                let parameters = rusqlite::params_from_iter(&parameters);
                self.connection.execute(update, parameters).map_err(refused)?;
            }
            exchanged.insert(mine, key.clone());
        }
        Ok(exchanged)
    }

    /// What is looked at when a transaction ends.
    fn judge(&mut self) -> Result<(), Verdict> {
        for table in &self.tables {
            for (code, breach) in table.breaches() {
                let sql = format!("SELECT count(*) FROM {} WHERE {breach}", table.name);
                let broken: i64 = self.connection.query_row(&sql, [], |row| row.get(0)).map_err(refused)?;
                if broken > 0 {
                    let met =
                        if code == "invalid_utf8" { Difference::Utf8 } else { Difference::RulesAtTheEnd };
                    let message = format!("{broken} rows of {} with {breach}", table.name);
                    self.meet(met);
                    return Err(Verdict::Refused { code, message });
                }
            }
        }
        let came_into_play = {
            let mut state = self.state();
            [
                (Difference::CanonicalForm, std::mem::take(&mut state.changed_form)),
                (Difference::CanonicalComparison, std::mem::take(&mut state.compared_form)),
                (Difference::LongDecimals, std::mem::take(&mut state.long_decimal)),
            ]
        };
        came_into_play.into_iter().filter(|(_, met)| *met).for_each(|(difference, _)| self.meet(difference));
        Ok(())
    }

    fn remember(&mut self) {
        for place in 0..self.tables.len() {
            if self.tables[place].generates()
                && let Ok(keys) = self.keys(place)
            {
                self.ever[place].extend(keys);
            }
        }
    }

    /// Takes over the times that tandem filled in.
    pub fn take_times(&mut self, place: usize, rows: &[Vec<Value>]) -> rusqlite::Result<()> {
        let table = &self.tables[place];
        let stamps = table.columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Stamp);
        let mut filled = 0;
        for (at, column) in stamps {
            let keys: Vec<String> =
                (0..table.key).map(|key| format!("{} = ?{}", table.columns[key].name, key + 2)).collect();
            let (name, keys) = (&column.name, keys.join(" AND "));
            let sql = format!("UPDATE {} SET {name} = ?1 WHERE {name} = '{NOW}' AND {keys}", table.name);
            for row in rows {
                let parameters = std::iter::once(&row[at]).chain(&row[..table.key]).map(Bound);
                filled += self.connection.execute(&sql, rusqlite::params_from_iter(parameters))?;
            }
        }
        if filled > 0 {
            self.meet(Difference::Stamp);
        }
        Ok(())
    }
}

/// The query that gives a table's keys.
pub fn keys_of(table: &Table) -> String {
    format!("SELECT {0} FROM {1} ORDER BY {0}", table.columns[0].name, table.name)
}

/// The query that gives all of a table.
pub fn dump_of(table: &Table) -> String {
    format!("SELECT {} FROM {} ORDER BY {}", table.names().join(", "), table.name, table.key_list())
}

fn refused(error: rusqlite::Error) -> Verdict {
    let message = error.to_string();
    let code = match &error {
        rusqlite::Error::SqliteFailure(failure, text) => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => "constraint_primary_key",
            ffi::SQLITE_CONSTRAINT_UNIQUE => "constraint_unique",
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "constraint_foreign_key",
            ffi::SQLITE_CONSTRAINT_NOTNULL => "constraint_not_null",
            ffi::SQLITE_CONSTRAINT_DATATYPE => "type_mismatch",
            // An INTEGER PRIMARY KEY says it in a code of its own.
            ffi::SQLITE_MISMATCH => "type_mismatch",
            ffi::SQLITE_CONSTRAINT if text.as_ref().is_some_and(|text| text.starts_with("FOREIGN KEY")) => {
                "constraint_foreign_key"
            }
            _ => "sql_error",
        },
        _ => "sql_error",
    };
    Verdict::Refused { code, message }
}
