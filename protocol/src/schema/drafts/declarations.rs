//! All that a set of schema ops declares, table by table.

use std::collections::BTreeMap;

use super::choice::{Choices, ChosenDefinition};
use super::draft::Draft;
use crate::schema::definition::IndexDef;
use crate::schema::id::TableId;
use crate::schema::judgement::Judgement;
use crate::schema::op::SchemaOp;
use crate::schema::place::OpPlace;
use crate::schema::table::Declared;
use crate::schema::waiting::WaitReason;

/// All that a set of schema ops declares.
#[derive(Default)]
pub(super) struct Declarations {
    /// The tables.
    pub drafts: BTreeMap<TableId, Draft>,
    /// The indices, by ascending place.
    pub indices: Vec<(OpPlace, IndexDef)>,
    /// What was chosen where a name has several meanings.
    pub choices: Choices,
}

impl Declarations {
    /// What these ops declare. What belongs to a table that nobody declared waits.
    pub fn of(ops: &BTreeMap<OpPlace, SchemaOp>, judgement: &mut Judgement) -> Self {
        let mut all = Self::default();
        // A table may be declared behind what belongs to it.
        ops.iter().for_each(|(at, op)| all.declare_table(*at, op));
        ops.iter().for_each(|(at, op)| all.declare(*at, op, judgement));
        all
    }

    fn declare_table(&mut self, at: OpPlace, op: &SchemaOp) {
        let SchemaOp::CreateTable(declared) = op else { return };
        let id = declared.id();
        self.drafts.entry(id).or_insert_with(|| Draft::new(id, at, declared)).declare(at, declared);
    }

    fn declare(&mut self, at: OpPlace, op: &SchemaOp, judgement: &mut Judgement) {
        let mut wait = |what: String| judgement.wait(at, what, WaitReason::NoTable);
        match op {
            // Queries are shown when all tables are (`queries.rs`).
            SchemaOp::CreateTable(_) | SchemaOp::SetQuery(_) => {}
            SchemaOp::AddColumn { table, table_id, column } => match self.drafts.get_mut(table_id) {
                Some(draft) => draft.add_column(Declared::new(at, 0, column)),
                None => wait(format!("column {table}.{}", column.name)),
            },
            SchemaOp::AddUnique { table, table_id, columns } => match self.drafts.get_mut(table_id) {
                Some(draft) => draft.uniques.push((at, columns.clone())),
                None => wait(unique_told(table, columns)),
            },
            SchemaOp::AddCheck { table, table_id, check } => match self.drafts.get_mut(table_id) {
                Some(draft) => draft.checks.push((at, check.clone())),
                None => wait(format!("a CHECK of {table}")),
            },
            SchemaOp::AddReference { of, of_id, reference } => match self.drafts.get_mut(of_id) {
                Some(draft) => draft.references.push((at, reference.clone())),
                None => wait(reference.told(of)),
            },
            SchemaOp::CreateIndex(index) => self.indices.push((at, index.clone())),
            SchemaOp::ChooseColumn { table_id, name, column, looked_at, .. } => {
                let chosen = ChosenDefinition { shown: *column, looked_at: looked_at.clone() };
                self.choices.choose_column(*table_id, name, chosen);
            }
            SchemaOp::ChooseTable { name, table_id, looked_at } => {
                let chosen = ChosenDefinition { shown: *table_id, looked_at: looked_at.clone() };
                self.choices.choose_table(name, chosen);
            }
        }
    }
}

/// A UNIQUE, for people.
pub(super) fn unique_told(table: &str, columns: &[String]) -> String {
    format!("UNIQUE ({}) of {table}", columns.join(", "))
}
