//! The tables of a dump, as far as it was read.

use tandem_protocol::cause::Cause;

use super::names::{Names, is_in, referred};
use super::virtual_table::VirtualTable;
use crate::model::{Reference, Table};
use crate::note::Notes;

/// A name, and the schema that is said before it.
pub type Said = (Option<String>, String);

/// See the module.
#[derive(Default)]
pub struct Tables {
    all: Vec<Table>,
    names: Names,
    virtuals: Vec<VirtualTable>,
}

impl Tables {
    /// What names mean.
    pub fn names(&mut self) -> &mut Names {
        &mut self.names
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// How many columns they have, each of them counted as one too.
    pub fn columns(&self) -> usize {
        self.all.iter().map(|table| table.columns.len() + 1).sum()
    }

    /// The place of the one that a name means.
    pub fn place(&self, (schema, name): &Said) -> Option<usize> {
        self.names.place(&self.all, (schema.as_deref(), name))
    }

    /// The one at that place, to be changed.
    pub fn at_mut(&mut self, place: usize) -> &mut Table {
        &mut self.all[place]
    }

    /// The one that a name means.
    pub fn called(&self, said: &Said) -> Option<&Table> {
        self.place(said).map(|at| &self.all[at])
    }

    /// Whether one that is declared by that name is there already.
    pub fn is_there(&self, (said, name): &Said) -> bool {
        let schema = self.names.schema_of(said.as_deref());
        self.all.iter().any(|table| table.is_called(name) && is_in(table, schema.as_deref()))
    }

    /// An empty one by that name.
    pub fn named(&self, (said, own_name): Said, line: u64, notes: &mut Notes) -> Table {
        let schema = self.names.schema_of(said.as_deref());
        let name = self.free(schema.as_deref(), &own_name);
        if name != own_name {
            notes.add(Cause::new("dump_table_again").with("name", &name), line, own_name.clone());
        }
        Table { name, schema, own_name, line, ..Table::default() }
    }

    /// A name that no other has: that of its schema stands before it, where another schema has one of it.
    fn free(&self, schema: Option<&str>, name: &str) -> String {
        let is_taken = self.all.iter().any(|other| other.name.eq_ignore_ascii_case(name));
        if is_taken { format!("{}_{name}", schema.unwrap_or_default()) } else { name.to_owned() }
    }

    /// One more.
    pub fn add(&mut self, table: Table) {
        self.all.push(table);
    }

    /// One more that a module of SQLite keeps.
    pub fn add_virtual(&mut self, table: VirtualTable) {
        self.virtuals.retain(|known| !known.name.eq_ignore_ascii_case(&table.name));
        self.virtuals.push(table);
    }

    /// One of them holds a part of the rows of another.
    pub fn attach(&mut self, part: Option<Said>, whole: &Said) {
        if let Some(at) = part.and_then(|part| self.place(&part)) {
            self.all[at].part_of = Some(whole.clone());
        }
    }

    /// The one that a name means is gone; whether it was there.
    pub fn drop(&mut self, said: &Said) -> bool {
        let before = self.virtuals.len();
        self.virtuals.retain(|table| !table.name.eq_ignore_ascii_case(&said.1));
        let at = self.place(said);
        at.map(|at| self.all.remove(at)).is_some() || self.virtuals.len() < before
    }

    /// An index is gone; whether it was there. Only MySQL says of which table.
    pub fn drop_index(&mut self, name: &str, of: Option<&Said>) -> bool {
        match of {
            Some(of) => self.place(of).is_some_and(|at| self.all[at].drop_index(name)),
            None => self.all.iter_mut().any(|table| table.drop_index(name)),
        }
    }

    /// It is called otherwise, wherever it is named.
    pub fn rename(&mut self, at: usize, new: &str) {
        // What a name means is looked for among all tables: only of those that say this one's.
        let means_it = |table: &Table, reference: &Reference| {
            self.all[at].is_called(&reference.table) && referred(&self.all, table, reference) == Some(at)
        };
        let mut referring = Vec::new();
        for (place, table) in self.all.iter().enumerate() {
            let references = table.references.iter().enumerate();
            let meant = references.filter(|(_, reference)| means_it(table, reference));
            referring.extend(meant.map(|(number, _)| (place, number)));
        }
        for (place, number) in referring {
            new.clone_into(&mut self.all[place].references[number].table);
        }
        let name = self.free(self.all[at].schema.as_deref(), new);
        let table = &mut self.all[at];
        table.name = name;
        new.clone_into(&mut table.own_name);
    }

    /// All of them, each reference with the name of its table among them.
    pub fn settle(self) -> Vec<Table> {
        let mut all = self.all;
        self.virtuals.into_iter().for_each(|table| table.settle(&mut all));
        // A part of a part comes behind what it is a part of.
        for at in 0..all.len() {
            if let Some((schema, name)) = all[at].part_of.take()
                && let Some(whole) = self.names.place(&all, (schema.as_deref(), &name))
            {
                let whole = all[whole].clone();
                all[at].keep_rules_of(&whole);
            }
        }
        let name = |table: &Table, reference: &Reference| match referred(&all, table, reference) {
            Some(place) => all[place].name.clone(),
            // No other one is meant, whatever has its name elsewhere.
            None => match &reference.schema {
                Some(schema) => format!("{schema}.{}", reference.table),
                None => reference.table.clone(),
            },
        };
        let of = |table: &Table| -> Vec<String> {
            table.references.iter().map(|reference| name(table, reference)).collect()
        };
        let names: Vec<Vec<String>> = all.iter().map(of).collect();
        for (table, names) in all.iter_mut().zip(names) {
            table.references.iter_mut().zip(names).for_each(|(reference, name)| reference.table = name);
        }
        all
    }
}
