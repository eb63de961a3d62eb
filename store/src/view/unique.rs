//! UNIQUE: a real unique index, which gives way to a plain one and refusing triggers while a merge
//! has left a value with several rows, and comes back when that is settled.

use std::sync::Arc;

use tandem_protocol::value::{Key, Value};

use super::ddl::UniqueRule;
use super::table::{ViewTable, quoted};
use super::{View, ViewResult};

impl View {
    /// A merge broke a uniqueness rule: both rows stay, and from here on the rule is kept by
    /// triggers that look at local writes only. `broken` is what SQLite said.
    pub(super) fn loosen_unique(&mut self, table: &ViewTable, broken: rusqlite::Error) -> ViewResult<()> {
        let said = broken.to_string();
        let strict: Vec<&UniqueRule> =
            table.unique.iter().filter(|rule| !self.memory.loose.contains(&rule.name)).collect();
        let named = |rule: &&UniqueRule| {
            let fields: Vec<String> =
                rule.columns.iter().map(|column| format!("{}.{column}", table.def.name)).collect();
            said.ends_with(&format!("failed: {}", fields.join(", ")))
        };
        let found: Vec<&UniqueRule> = strict.iter().copied().filter(named).collect();
        let loosened = if found.is_empty() { strict } else { found };
        if loosened.is_empty() {
            return Err(broken.into());
        }
        for rule in loosened {
            self.connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
            rule.loose.iter().try_for_each(|sql| self.connection.execute_batch(sql))?;
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
                for event in ["insert", "update"] {
                    let trigger = quoted(&format!("{}_{event}", rule.name));
                    self.connection.execute_batch(&format!("DROP TRIGGER {trigger}"))?;
                }
                self.connection.execute_batch(&format!("DROP INDEX {}", quoted(&rule.name)))?;
                self.connection.execute_batch(&rule.index)?;
                Arc::make_mut(&mut self.memory.loose).remove(&rule.name);
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
