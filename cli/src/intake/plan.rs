//! What goes where: each sheet into the table that is called as it, those first that others refer to, and
//! those together that refer to each other.

use tandem_import::sheets::{Brought, Sheet};
use tandem_node::api::error_kind;
use tandem_protocol::schema::{Schema, TableDef, TableId, TableOrder};

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
    /// Lists of ids, in the same order: what is not in them was deleted.
    pub lists: Vec<IdList<'b>>,
    /// What the files say of themselves; none if they were not written together.
    pub manifest: Option<Manifest>,
    /// Sheets and files that go nowhere.
    pub passed: Vec<String>,
    /// The tables that there are.
    pub tables: Vec<TableDef>,
    order: TableOrder,
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
        let tables: Vec<&TableDef> = schema.tables().map(|table| &table.shown).collect();
        let mut plan = Self {
            readings: Vec::new(),
            lists: Vec::new(),
            manifest,
            passed: brought.passed.clone(),
            tables: tables.iter().map(|table| (*table).clone()).collect(),
            order: TableOrder::of_tables(&tables),
        };
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
        plan.sort();
        if plan.readings.is_empty() && plan.lists.is_empty() {
            return Err(error_kind::table_unknown.with("table", choice.table.unwrap_or_default()).into());
        }
        Ok(plan)
    }

    fn sort(&mut self) {
        let (mut readings, mut lists) = (std::mem::take(&mut self.readings), std::mem::take(&mut self.lists));
        readings.sort_by_cached_key(|reading| self.place(reading.table.id));
        lists.sort_by_cached_key(|list| self.place(list.table.id));
        (self.readings, self.lists) = (readings, lists);
    }

    fn place(&self, table: TableId) -> Option<usize> {
        self.tables.iter().position(|one| one.id == table).map(|at| self.order.place(at))
    }

    /// Whether rows of one table may refer to rows of the other that refer to them.
    pub fn are_one(&self, one: TableId, other: TableId) -> bool {
        let place = self.place(one).filter(|place| self.order.is_circle(*place));
        place.is_some() && place == self.place(other)
    }

    /// The sheets with rows, those together whose rows may refer to each other.
    pub fn parts(&self) -> impl Iterator<Item = &[Reading<'b>]> {
        self.readings.chunk_by(|one, other| self.are_one(one.table.id, other.table.id))
    }

    /// The lists of ids, those together whose tables' rows may refer to each other.
    pub fn list_parts(&self) -> impl DoubleEndedIterator<Item = &[IdList<'b>]> {
        self.lists.chunk_by(|one, other| self.are_one(one.table.id, other.table.id))
    }

    /// The columns of a sheet that may refer to rows that come with it.
    pub fn leading(&self, reading: &Reading<'_>) -> Vec<usize> {
        let table = &reading.table;
        let inside = table.references.iter().filter(|one| self.are_one(table.id, one.table_id));
        let names: Vec<&String> = inside.flat_map(|reference| &reference.columns).collect();
        let columns = reading.columns.iter().enumerate();
        columns.filter(|(_, column)| names.contains(&&column.name)).map(|(at, _)| at).collect()
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
             CREATE TABLE c (id INTEGER PRIMARY KEY);
             CREATE TABLE staff (id INTEGER PRIMARY KEY, store INTEGER REFERENCES store (id), a INTEGER REFERENCES a (id));
             CREATE TABLE store (id INTEGER PRIMARY KEY, manager INTEGER REFERENCES staff (id));
             CREATE TABLE all_of_it (id INTEGER PRIMARY KEY, store INTEGER REFERENCES store (id));",
        )
        .unwrap_or_else(|_| panic!("the schema"));
        let order: Vec<&str> = schema.parents_first().iter().map(|table| table.name.as_str()).collect();
        assert_eq!(order, ["c", "b", "a", "staff", "store", "all_of_it"]);
        let folder = tempfile::tempdir().unwrap();
        for name in ["all_of_it", "a", "b", "c", "staff", "store"] {
            std::fs::write(folder.path().join(format!("{name}.csv")), "id\n1\n").unwrap();
        }
        let brought = Brought::open(folder.path(), folder.path()).unwrap();
        let plan = Plan::of(&brought, &schema, Choice::default()).unwrap_or_else(|_| panic!("the plan"));
        let names = |part: &[Reading<'_>]| {
            part.iter().map(|one| one.table.name.clone()).collect::<Vec<_>>().join(" ")
        };
        let parts: Vec<String> = plan.parts().map(names).collect();
        assert_eq!(parts, ["c", "b", "a", "staff store", "all_of_it"]);
        let is_circle = |at: usize| plan.are_one(plan.readings[at].table.id, plan.readings[at].table.id);
        assert_eq!([0, 1, 2, 3, 4, 5].map(is_circle), [false, true, false, true, true, false]);
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
