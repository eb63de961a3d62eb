//! UNIQUE: a real unique index. While a merge has left a value with several rows, a plain index
//! takes its place, and a unique one over all *other* values is made when a statement leans on it
//! (decision 0027). The real one comes back when the last conflict is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::{Connection, ffi};
use tandem_protocol::schema::expression::literal_sql as literal;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::{Key, Value};

use super::bind::to_storage;
use super::captured::Captured;
use super::conflicts::ConflictList;
use super::ddl::UniqueRule;
use super::local_error::LocalError;
use super::table::ViewTable;
use super::tables::Tables;
use super::words::{conflict_targets, contains, words, written_table};
use super::{ViewResult, is_constraint};
use crate::refusal::Refusal;

/// The state of the uniqueness rules, and what of it the transaction at hand leaves to look at.
#[derive(Clone, Default)]
pub(crate) struct UniqueRules {
    /// Names of the rules that a merge has broken.
    loose: Arc<BTreeSet<String>>,
    /// Names of the unique indices over their values that are in no conflict.
    rest: Arc<BTreeSet<String>>,
    /// Values to look at: table, rule, value.
    noted: BTreeMap<(i64, usize, Vec<u8>), Key>,
}

/// A table, and where the conflicts of its loose rules are listed.
type ListedIn<'a> = (&'a Connection, &'a ConflictList, &'a ViewTable);

impl UniqueRules {
    /// Finds out from the indices there are.
    pub(super) fn load(connection: &Connection) -> ViewResult<Self> {
        let names = |pattern: &str| -> ViewResult<BTreeSet<String>> {
            let sql = format!("SELECT name FROM sqlite_schema WHERE type = 'index' AND {pattern}");
            let mut statement = connection.prepare(&sql)?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        };
        let loose = names("name LIKE '!_tandem!_unique!_%' ESCAPE '!' AND sql NOT LIKE 'CREATE UNIQUE%'")?;
        let rest = names("name LIKE '!_tandem!_rest!_%' ESCAPE '!'")?;
        Ok(Self { loose: Arc::new(loose), rest: Arc::new(rest), noted: BTreeMap::new() })
    }

    fn is_loose(&self, rule: &UniqueRule) -> bool {
        self.loose.contains(&rule.name)
    }

    /// A merge broke a uniqueness rule: all rows stay, and the index over the values that broke it
    /// gives way. `broken` is what SQLite said.
    pub(super) fn suspend(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        broken: rusqlite::Error,
    ) -> ViewResult<()> {
        let said = broken.to_string();
        let is_kept = |rule: &&UniqueRule| !self.is_loose(rule) || self.rest.contains(&rule.rest);
        let kept: Vec<&UniqueRule> = table.unique.iter().filter(is_kept).collect();
        let named = |rule: &&UniqueRule| {
            let fields: Vec<String> =
                rule.columns.iter().map(|column| format!("{}.{column}", table.def.name)).collect();
            said.ends_with(&format!("failed: {}", fields.join(", ")))
        };
        let found: Vec<&UniqueRule> = kept.iter().copied().filter(named).collect();
        let suspended = if found.is_empty() { kept } else { found };
        if suspended.is_empty() {
            return Err(broken.into());
        }
        for rule in suspended {
            if self.is_loose(rule) {
                self.drop_rest(connection, rule)?;
                continue;
            }
            assert!(!self.rest.contains(&rule.rest), "a rule that holds has one index, over all its values");
            connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
            connection.execute_batch(&rule.plain)?;
            Arc::make_mut(&mut self.loose).insert(rule.name.clone());
        }
        Ok(())
    }

    /// Inserts a row; rules that it breaks give way. `false` if its key is taken.
    pub(super) fn insert_row(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        row: &[Value],
    ) -> ViewResult<bool> {
        debug_assert!(!connection.is_autocommit(), "a row is written in a group");
        loop {
            let inserted = connection
                .prepare_cached(&table.sql.insert)?
                .execute(rusqlite::params_from_iter(table.stored_row(row)));
            match inserted {
                Ok(_) => return Ok(true),
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => return Ok(false),
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                    self.suspend(connection, table, error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives a row other values; rules that it then breaks give way.
    pub(super) fn update_row(
        &mut self,
        connection: &Connection,
        table: &ViewTable,
        row: &[Value],
    ) -> ViewResult<()> {
        debug_assert!(!connection.is_autocommit(), "a row is written in a group");
        loop {
            let key = table.key.iter().map(|at| table.stored(*at, &row[*at]));
            let updated = connection
                .prepare_cached(&table.sql.update)?
                .execute(rusqlite::params_from_iter(table.stored_row(row).chain(key)));
            match updated {
                Err(error) if is_constraint(&error, ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                    self.suspend(connection, table, error)?;
                }
                other => {
                    other?;
                    return Ok(());
                }
            }
        }
    }

    /// Rules that no open conflict is about are kept by a unique index again.
    pub(super) fn restore(
        &mut self,
        connection: &Connection,
        conflicts: &ConflictList,
        tables: &Tables,
    ) -> ViewResult<()> {
        if self.loose.is_empty() {
            return Ok(());
        }
        for table in tables.all() {
            for rule in &table.unique {
                if !self.is_loose(rule) || conflicts.is_violated(connection, table, &rule.columns)? {
                    continue;
                }
                self.drop_rest(connection, rule)?;
                connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
                connection.execute_batch(&rule.index)?;
                Arc::make_mut(&mut self.loose).remove(&rule.name);
            }
        }
        Ok(())
    }

    /// Drops the index over the values of a rule that are in no conflict: others are, now.
    pub(super) fn drop_rest(&mut self, connection: &Connection, rule: &UniqueRule) -> ViewResult<()> {
        if self.rest.contains(&rule.rest) {
            connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.rest)))?;
            Arc::make_mut(&mut self.rest).remove(&rule.rest);
        }
        Ok(())
    }

    /// Before a statement that says what is to happen if a value is there already (upserts, OR IGNORE,
    /// OR REPLACE): makes sure that there are unique indices over all values in no conflict, and
    /// names them in its conflict targets. Returns the statement as it is to run.
    pub(super) fn lean_on(
        &mut self,
        connection: &Connection,
        conflicts: &ConflictList,
        tables: &Tables,
        sql: &str,
    ) -> ViewResult<String> {
        let leans = ["conflict", "ignore", "replace"].iter().any(|word| contains(sql, word));
        if self.loose.is_empty() || !leans {
            return Ok(sql.to_owned());
        }
        let words = words(sql);
        let table = written_table(&words).and_then(|name| tables.named(&name));
        let Some(table) = table else { return Ok(sql.to_owned()) };
        let listed = (connection, conflicts, &*table);
        let mut sql = sql.to_owned();
        for target in conflict_targets(&words).iter().rev() {
            let names = |rule: &UniqueRule| {
                let names: BTreeSet<String> =
                    rule.columns.iter().map(|name| name.to_ascii_lowercase()).collect();
                names.into_iter().eq(target.columns.iter().cloned())
            };
            if let Some(rule) = table.unique.iter().find(|rule| names(rule) && self.is_loose(rule)) {
                let condition = format!(" WHERE {} ", in_no_conflict(listed, rule)?);
                sql.replace_range(target.condition.clone(), &condition);
            }
        }
        for rule in &table.unique {
            if self.is_loose(rule) && !self.rest.contains(&rule.rest) {
                let condition = in_no_conflict(listed, rule)?;
                let (name, on) = (quoted(&rule.rest), quoted(&table.def.name));
                let columns: Vec<String> = rule.columns.iter().map(|column| quoted(column)).collect();
                let columns = columns.join(", ");
                connection.execute_batch(&format!(
                    "CREATE UNIQUE INDEX {name} ON {on} ({columns}) WHERE {condition}"
                ))?;
                Arc::make_mut(&mut self.rest).insert(rule.rest.clone());
            }
        }
        Ok(sql)
    }

    /// Refuses a transaction that gives a row a value which another holds, where no index does.
    pub(super) fn judge(&self, connection: &Connection, captured: &[Captured]) -> Result<(), LocalError> {
        if self.loose.is_empty() {
            return Ok(());
        }
        for row in captured {
            let Some(after) = row.after() else { continue };
            for rule in row.table.unique.iter().filter(|rule| self.is_loose(rule)) {
                let value = |row: &[Value]| -> Vec<Value> {
                    rule.positions.iter().map(|at| row[*at].clone()).collect()
                };
                let values = value(after);
                let was_held = row.before().is_some_and(|before| value(before) == values);
                if was_held || values.iter().any(Value::is_null) {
                    continue;
                }
                let holders = holders(connection, &row.table, rule, &Key(values.clone()))?;
                if holders.iter().any(|holder| *holder != row.key) {
                    return Err(LocalError::Refused(Refusal::value_held(
                        &row.table,
                        &rule.columns,
                        &holders,
                    )));
                }
            }
        }
        Ok(())
    }

    /// Takes note of unique values a row held or holds, where a rule may be broken.
    pub(super) fn note(&mut self, table: &ViewTable, row: &[Value]) {
        if self.loose.is_empty() {
            return;
        }
        for (place, rule) in table.unique.iter().enumerate() {
            if !self.is_loose(rule) {
                continue;
            }
            let values = Key(rule.positions.iter().map(|at| row[*at].clone()).collect());
            if !values.0.iter().any(Value::is_null) {
                self.noted.entry((table.number, place, values.to_bytes())).or_insert(values);
            }
        }
    }

    /// The values noted: table, rule, value. Nothing is noted any more.
    pub(super) fn take_noted(&mut self) -> impl Iterator<Item = (i64, usize, Key)> + use<> {
        let noted = std::mem::take(&mut self.noted).into_iter();
        noted.map(|((table, rule, _), values)| (table, rule, values))
    }
}

/// The keys of the rows that hold a value which only one may hold.
pub(super) fn holders(
    connection: &Connection,
    table: &ViewTable,
    rule: &UniqueRule,
    values: &Key,
) -> ViewResult<Vec<Key>> {
    let mut statement = connection.prepare_cached(&rule.holders)?;
    let stored = rule.positions.iter().zip(&values.0).map(|(at, value)| table.stored(*at, value));
    let mut rows = statement.query(rusqlite::params_from_iter(stored))?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let values = super::read_row(row, 1, table.def.columns.len())?;
        keys.push(table.key_of(&table.read_back(values)));
    }
    Ok(keys)
}

/// That a row's value is none of those that several rows hold, in SQL.
fn in_no_conflict((connection, conflicts, table): ListedIn<'_>, rule: &UniqueRule) -> ViewResult<String> {
    let held = conflicts.values_held_twice(connection, table, &rule.columns)?;
    let column = |name: &String| quoted(name);
    if let [only] = rule.columns.as_slice() {
        let kind = table.def.columns[rule.positions[0]].kind;
        let value = |values: &Vec<Value>| literal(&to_storage(kind, values[0].clone()));
        let values: Vec<String> = held.iter().map(value).collect();
        return Ok(format!("{} NOT IN ({})", column(only), values.join(", ")));
    }
    let other = |values: &Vec<Value>| {
        let kinds = rule.positions.iter().map(|at| table.def.columns[*at].kind);
        let same = rule.columns.iter().zip(kinds.zip(values)).map(|(name, (kind, value))| {
            format!("{} = {}", column(name), literal(&to_storage(kind, value.clone())))
        });
        format!("NOT ({})", same.collect::<Vec<_>>().join(" AND "))
    };
    Ok(all_of(&held.iter().map(other).collect::<Vec<_>>()))
}

/// Conditions that must all hold, as a tree: SQLite bounds the depth of an expression.
fn all_of(conditions: &[String]) -> String {
    match conditions {
        [] => "1".to_owned(),
        [only] => only.clone(),
        _ => {
            let (left, right) = conditions.split_at(conditions.len() / 2);
            format!("({} AND {})", all_of(left), all_of(right))
        }
    }
}
