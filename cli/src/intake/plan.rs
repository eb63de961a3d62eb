//! What goes where: each sheet into the table that is called as it, those first that others refer to.

use tandem_import::sheets::{Brought, Sheet};
use tandem_node::api::error_kind;
use tandem_protocol::schema::{Schema, TableDef};

use super::manifest::Manifest;
use super::reading::Reading;
use super::school;
use crate::failure::Failure;

/// A list of the ids that there are.
pub struct IdList<'b> {
    /// The list.
    pub sheet: &'b Sheet,
    /// Whose ids.
    pub table: TableDef,
}

/// See the module.
pub struct Plan<'b> {
    /// The sheets with rows, in the order in which they are taken in.
    pub readings: Vec<Reading<'b>>,
    /// Lists of ids: what is not in them was deleted.
    pub lists: Vec<IdList<'b>>,
    /// What the files say of themselves; none if they were not written together.
    pub manifest: Option<Manifest>,
    /// Sheets and files that go nowhere.
    pub passed: Vec<String>,
}

/// How a plan is made.
#[derive(Clone, Copy, Default)]
pub struct Choice<'c> {
    /// The table that is meant.
    pub table: Option<&'c str>,
    /// Files and columns that have no place here are left out.
    pub may_ignore: bool,
    /// Apostrophes before formulas are taken off.
    pub is_disarmed: bool,
}

impl<'b> Plan<'b> {
    /// Finds the table of each sheet, and the column of each name in its head.
    pub fn of(brought: &'b Brought, schema: &Schema, choice: Choice<'_>) -> Result<Self, Failure> {
        let sheets = &brought.sheets;
        let manifest = sheets.iter().find(|sheet| sheet.name.eq_ignore_ascii_case(school::MANIFEST));
        let manifest = manifest.map(Manifest::read).transpose()?;
        let is_disarmed = choice.is_disarmed || manifest.as_ref().is_some_and(Manifest::is_disarmed);
        let mut plan =
            Self { readings: Vec::new(), lists: Vec::new(), manifest, passed: brought.passed.clone() };
        let named = choice.table.map(|name| {
            let table = school::table(schema, name);
            table.ok_or_else(|| Failure::from(error_kind::table_unknown.with("table", name)))
        });
        let named = named.transpose()?;
        for sheet in sheets {
            if sheet.name.eq_ignore_ascii_case(school::MANIFEST) {
                continue;
            }
            if let Some(table) = school::listed(schema, &sheet.name) {
                plan.lists.push(IdList { sheet, table: table.clone() });
                continue;
            }
            let own = || school::table(schema, &sheet.name).or_else(|| school::table(schema, &sheet.file));
            let table = match named {
                Some(table) if sheets.len() == 1 => Some(table),
                Some(table) => own().filter(|own| own.id() == table.id()),
                None => own(),
            };
            match table {
                Some(table) => {
                    plan.readings.push(Reading::of(sheet, table, choice.may_ignore, is_disarmed)?);
                }
                None if choice.may_ignore || named.is_some() => plan.passed.push(sheet.shown().to_owned()),
                None => return Err(error_kind::table_unknown.with("table", &sheet.name).into()),
            }
        }
        let order = schema.parents_first();
        plan.readings.sort_by_key(|reading| order.iter().position(|table| table.id == reading.table.id));
        if plan.readings.is_empty() && plan.lists.is_empty() {
            return Err(error_kind::table_unknown.with("table", choice.table.unwrap_or_default()).into());
        }
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::schema::planned;

    #[test]
    fn tables_come_behind_those_that_they_refer_to() {
        let schema = planned(
            "CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES c (id), b INTEGER REFERENCES b (id));
             CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b (id));
             CREATE TABLE c (id INTEGER PRIMARY KEY);",
        )
        .unwrap_or_else(|_| panic!("the schema"));
        let order: Vec<&str> = schema.parents_first().iter().map(|table| table.name.as_str()).collect();
        assert_eq!(order, ["c", "b", "a"]);
    }

    #[test]
    fn a_file_of_the_school_is_known_by_its_name() {
        let schema = planned(
            "CREATE TABLE payments (id INTEGER PRIMARY KEY); CREATE TABLE sessions (id INTEGER PRIMARY KEY);
             CREATE TABLE \"Élèves\" (id INTEGER PRIMARY KEY);",
        )
        .unwrap_or_else(|_| panic!("the schema"));
        let name = |found: Option<&TableDef>| found.map(|table| table.name.clone());
        assert_eq!(name(school::table(&schema, "Paiements_Etudiants")).as_deref(), Some("payments"));
        assert_eq!(name(school::table(&schema, "ELEVES")).as_deref(), Some("Élèves"));
        assert_eq!(name(school::table(&schema, "presences")), None);
        assert_eq!(name(school::listed(&schema, "_all_session_ids")).as_deref(), Some("sessions"));
        assert_eq!(name(school::listed(&schema, "sessions")), None);
        assert_eq!((school::year(2026, 1), school::year(2026, 9)), ("2025-2026".into(), "2026-2027".into()));
    }
}
