//! UNIQUE: a real unique index. While a merge has left a value with several rows, a plain index
//! takes its place, and a unique one over all *other* values is made when a statement leans on it
//! (decision 0027). The real one comes back when the last conflict is settled.

use std::collections::BTreeSet;
use std::sync::Arc;

use tandem_protocol::schema::expression::literal_sql as literal;
use tandem_protocol::value::{Key, Value};

use super::ddl::UniqueRule;
use super::local::{Captured, LocalError};
use super::table::{ViewTable, quoted, to_storage};
use super::words::{conflict_targets, contains, words, written_table};
use super::{View, ViewResult};
use crate::write::Refusal;

impl View {
    /// A merge broke a uniqueness rule: all rows stay, and the index over the values that broke it
    /// gives way. `broken` is what SQLite said.
    pub(super) fn loosen_unique(&mut self, table: &ViewTable, broken: rusqlite::Error) -> ViewResult<()> {
        let said = broken.to_string();
        let is_kept = |rule: &&UniqueRule| {
            !self.memory.loose.contains(&rule.name) || self.memory.rest.contains(&rule.rest)
        };
        let kept: Vec<&UniqueRule> = table.unique.iter().filter(is_kept).collect();
        let named = |rule: &&UniqueRule| {
            let fields: Vec<String> =
                rule.columns.iter().map(|column| format!("{}.{column}", table.def.name)).collect();
            said.ends_with(&format!("failed: {}", fields.join(", ")))
        };
        let found: Vec<&UniqueRule> = kept.iter().copied().filter(named).collect();
        let loosened = if found.is_empty() { kept } else { found };
        if loosened.is_empty() {
            return Err(broken.into());
        }
        for rule in loosened {
            if self.memory.loose.contains(&rule.name) {
                self.drop_rest(rule)?;
                continue;
            }
            self.connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
            self.connection.execute_batch(&rule.plain)?;
            Arc::make_mut(&mut self.memory.loose).insert(rule.name.clone());
        }
        Ok(())
    }

    /// Rules that no open conflict is about are kept by a unique index again.
    pub(super) fn tighten_unique(&mut self) -> ViewResult<()> {
        if self.memory.loose.is_empty() {
            return Ok(());
        }
        for table in Arc::clone(&self.memory.tables).values() {
            for rule in &table.unique {
                if !self.memory.loose.contains(&rule.name) || self.is_violated(table, &rule.columns)? {
                    continue;
                }
                self.drop_rest(rule)?;
                self.connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
                self.connection.execute_batch(&rule.index)?;
                Arc::make_mut(&mut self.memory.loose).remove(&rule.name);
            }
        }
        Ok(())
    }

    /// Drops the index over the values of a rule that are in no conflict: others are, now.
    pub(super) fn drop_rest(&mut self, rule: &UniqueRule) -> ViewResult<()> {
        if self.memory.rest.contains(&rule.rest) {
            self.connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.rest)))?;
            Arc::make_mut(&mut self.memory.rest).remove(&rule.rest);
        }
        Ok(())
    }

    /// Before a statement that says what is to happen if a value is there already (upserts, OR IGNORE,
    /// OR REPLACE): makes sure that there are unique indices over all values in no conflict, and
    /// names them in its conflict targets. Returns the statement as it is to run.
    pub(super) fn keep_rest_unique(&mut self, sql: &str) -> ViewResult<String> {
        let leans = ["conflict", "ignore", "replace"].iter().any(|word| contains(sql, word));
        if self.memory.loose.is_empty() || !leans {
            return Ok(sql.to_owned());
        }
        let words = words(sql);
        let table = written_table(&words).and_then(|name| self.shown_table(&name));
        let Some(table) = table else { return Ok(sql.to_owned()) };
        let mut sql = sql.to_owned();
        for target in conflict_targets(&words).iter().rev() {
            let names = |rule: &UniqueRule| {
                let names: BTreeSet<String> =
                    rule.columns.iter().map(|name| name.to_ascii_lowercase()).collect();
                names.into_iter().eq(target.columns.iter().cloned())
            };
            let rule = table.unique.iter().find(|rule| names(rule) && self.memory.loose.contains(&rule.name));
            if let Some(rule) = rule {
                let condition = format!(" WHERE {} ", self.in_no_conflict(&table, rule)?);
                sql.replace_range(target.condition.clone(), &condition);
            }
        }
        for rule in &table.unique {
            if self.memory.loose.contains(&rule.name) && !self.memory.rest.contains(&rule.rest) {
                let condition = self.in_no_conflict(&table, rule)?;
                let (name, on) = (quoted(&rule.rest), quoted(&table.def.name));
                let columns: Vec<String> = rule.columns.iter().map(|column| quoted(column)).collect();
                let columns = columns.join(", ");
                self.connection.execute_batch(&format!(
                    "CREATE UNIQUE INDEX {name} ON {on} ({columns}) WHERE {condition}"
                ))?;
                Arc::make_mut(&mut self.memory.rest).insert(rule.rest.clone());
            }
        }
        Ok(sql)
    }

    /// That a row's value is none of those that several rows hold, in SQL.
    fn in_no_conflict(&self, table: &ViewTable, rule: &UniqueRule) -> ViewResult<String> {
        let held = self.values_held_twice(table, &rule.columns)?;
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

    /// Refuses a transaction that gives a row a value which another holds, where no index does.
    pub(super) fn judge_unique(&self, captured: &[Captured]) -> Result<(), LocalError> {
        if self.memory.loose.is_empty() {
            return Ok(());
        }
        for row in captured {
            let Some(after) = row.after() else { continue };
            for rule in row.table.unique.iter().filter(|rule| self.memory.loose.contains(&rule.name)) {
                let value = |row: &[Value]| -> Vec<Value> {
                    rule.positions.iter().map(|at| row[*at].clone()).collect()
                };
                let values = value(after);
                let was_held = row.before().is_some_and(|before| value(before) == values);
                if was_held || values.iter().any(Value::is_null) {
                    continue;
                }
                let holders = self.holders(&row.table, rule, &Key(values.clone()))?;
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
    pub(super) fn note_unique(&mut self, table: &Arc<ViewTable>, row: &[Value]) {
        if self.memory.loose.is_empty() {
            return;
        }
        for (place, rule) in table.unique.iter().enumerate() {
            if !self.memory.loose.contains(&rule.name) {
                continue;
            }
            let values = Key(rule.positions.iter().map(|at| row[*at].clone()).collect());
            if !values.0.iter().any(Value::is_null) {
                self.pending.unique.entry((table.number, place, values.to_bytes())).or_insert(values);
            }
        }
    }

    /// Lists who holds the values noted.
    pub(super) fn list_noted_unique(&mut self) -> ViewResult<()> {
        for ((number, place, _), values) in std::mem::take(&mut self.pending.unique) {
            if let Some(table) = self.table_numbered(number) {
                self.list_unique(&table, place, &values)?;
            }
        }
        Ok(())
    }
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
