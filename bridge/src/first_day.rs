//! The first day: a space and a database that become one.
//!
//! While the rows are compared and taken in nobody can write to the tables. Rows that only the database has
//! come into the space, rows that only the space has come into the database, equal rows are one. Of rows that
//! have one key and differ nobody but a person can say whether they are one: as long as there are such,
//! nothing is done.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_import::Note;
use tandem_protocol::cause::Cause;
use tandem_store::{Edits, ObservedChange, Space, Write, Written};

use crate::attachment::{AttachedTable, Attachment};
use crate::catalogue::{self, Catalogue, Layout, Wishes};
use crate::comparison::{self, Comparison};
use crate::engine::{Engine, Outcome};
use crate::error::{BridgeError, told};
use crate::held::{Held, Row, agree};
use crate::ids;
use crate::mirror::Mirror;
use crate::natural_keys;
use crate::paired::PairedTable;
use crate::postgres::{Postgres, new_incarnation};
use crate::view_rows;

/// Rows that come into the space together.
const ROWS: usize = 2_000;

/// What would happen on the first day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Where the database is, without the password.
    pub database: String,
    /// The tables.
    pub tables: Vec<AttachedTable>,
    /// Tables of the database that stay out.
    pub left_out: Vec<String>,
    /// What would be declared here.
    pub sql: String,
    /// What becomes something else here, or what a column may be meant for, each with its place.
    pub notes: Vec<(Cause, String)>,
}

/// What happened on the first day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDay {
    /// What was planned.
    pub plan: Plan,
    /// Rows that came into the space.
    pub taken_in: u64,
    /// Rows that both sides had.
    pub equal: u64,
    /// Rows that go into the database.
    pub to_apply: u64,
}

/// What attaching a database would do. Nothing is changed.
pub fn plan(space: &Space, url: &str, wishes: &Wishes) -> Result<Plan, BridgeError> {
    let mut engine = Postgres::connect(url)?;
    let catalogue = Catalogue::read(&mut engine, wishes, &space.schema())?;
    Ok(planned(url, &catalogue))
}

fn planned(url: &str, catalogue: &Catalogue) -> Plan {
    let told = |note: &Note| (note.kind.clone(), note.what.clone());
    Plan {
        database: crate::postgres::shown(url).unwrap_or_default(),
        tables: catalogue.attached(),
        left_out: catalogue.left_out.clone(),
        sql: catalogue.draft.sql(),
        notes: catalogue.notes.iter().map(told).collect(),
    }
}

/// Attaches a database to a space.
pub fn attach(space: &Space, url: &str, wishes: &Wishes) -> Result<FirstDay, BridgeError> {
    let mut engine = Postgres::connect(url)?;
    if Attachment::of_folder(space.folder())?.is_some() {
        return Err(BridgeError::stopped("bridge_attached"));
    }
    if engine.installed()?.is_some() {
        return Err(BridgeError::stopped("bridge_other_attachment"));
    }
    let catalogue = Catalogue::read(&mut engine, wishes, &space.schema())?;
    let plan = planned(url, &catalogue);
    declare(space, &plan.sql)?;
    let (incarnation, tables) = (new_incarnation()?, plan.tables.clone());
    let (left_out, is_chosen) = (plan.left_out.clone(), !wishes.tables.is_empty());
    let attachment = Attachment { url: url.to_owned(), incarnation, tables, left_out, is_chosen };
    let tables = catalogue::paired(&mut engine, &attachment, &space.schema())?;
    let mut day = Day { space, engine: &mut engine, tables: &tables, attachment: &attachment };
    let ran = day.run(plan);
    ran.inspect_err(|_| {
        // A connection that is gone has taken it back by itself.
        let _taken_back_either_way = engine.rollback();
        let is_own = |saved: &Attachment| saved.incarnation == attachment.incarnation;
        if Attachment::of_folder(space.folder()).is_ok_and(|saved| saved.as_ref().is_some_and(is_own))
            && let Err(error) = Attachment::remove(space.folder())
        {
            tracing::warn!(%error, "what was begun of an attachment could not be removed");
        }
    })
}

/// Declares tables and columns.
pub(crate) fn declare(space: &Space, sql: &str) -> Outcome {
    let _declared: Written =
        space.wait(|reply| space.apply_schema(sql, reply)).map_err(|error| match error {
            tandem_store::WriteError::Refused(refusal) => {
                BridgeError::Stopped(Cause::new("bridge_not_declared").with("detail", told(refusal)))
            }
            error => error.into(),
        })?;
    Ok(())
}

/// The first day while it lasts.
struct Day<'a> {
    space: &'a Space,
    engine: &'a mut Postgres,
    tables: &'a [PairedTable],
    attachment: &'a Attachment,
}

impl Day<'_> {
    fn run(&mut self, plan: Plan) -> Outcome<FirstDay> {
        let ordinal = ids::ordinal_of(self.space)?;
        self.engine.begin()?;
        self.engine.close_tables(self.tables)?;
        natural_keys::align(self.space, self.engine, self.tables, ordinal)?;
        self.engine.install(self.tables, &self.attachment.incarnation)?;
        self.refuse_different()?;
        Attachment::remove(self.space.folder())?;
        let mirror = Mirror::open(&Attachment::mirror(self.space.folder()))?;
        mirror.begin()?;
        let mut day = FirstDay { plan, ..FirstDay::default() };
        for at in 0..self.tables.len() {
            let greatest = self.take_in(at, &mirror, &mut day)?;
            self.engine.own_ids(&self.tables[at], ordinal, greatest)?;
        }
        assert_eq!(mirror.applied()?, 0, "a first day begins with an empty mirror");
        // Where rows are still to come, nobody can have seen them.
        let seen = if day.to_apply == 0 { self.space.vector() } else { Arc::default() };
        mirror.note_basis(1, &seen)?;
        mirror.note_layout(&Layout::of(self.engine.layout()?, self.tables))?;
        mirror.commit()?;
        // Before the commit: a database in which triggers write is one that is known to be attached.
        self.attachment.save(self.space.folder())?;
        self.engine.commit()?;
        Ok(day)
    }

    /// Ends it where rows have one key and differ.
    fn refuse_different(&mut self) -> Outcome {
        let mut compared = Comparison::default();
        for table in self.tables {
            compared.tables.push(comparison::one(self.space, self.engine, table)?);
        }
        let different: u64 = compared.tables.iter().map(|table| table.different).sum();
        if different == 0 {
            return Ok(());
        }
        let some = compared.tables.iter().filter(|table| table.different > 0);
        let some: Vec<String> = some.map(|table| format!("{} ({})", table.table, table.different)).collect();
        let cause = Cause::new("bridge_rows_differ").with("count", different).with("tables", some.join(", "));
        Err(BridgeError::Stopped(cause))
    }

    /// Takes the rows in that only the database has; the greatest id of the others.
    fn take_in(&mut self, at: usize, mirror: &Mirror, day: &mut FirstDay) -> Outcome<i64> {
        let (space, table) = (self.space, &self.tables[at]);
        let mut here = view_rows::by_key(space, table)?;
        let mut new: Vec<Row> = Vec::new();
        self.engine.rows(table, &mut |row| {
            let Some(key) = table.key_of(&row) else { return Ok(()) };
            mirror.put(at, &key, Some(&row))?;
            match here.remove(&key.to_bytes()) {
                Some(known) => {
                    debug_assert!(agree(Some(&row), Some(&known)), "rows that differ end the first day");
                    day.equal += 1;
                }
                None => new.push(row),
            }
            if new.len() < ROWS {
                return Ok(());
            }
            day.taken_in += new.len() as u64;
            insert(space, table, std::mem::take(&mut new))
        })?;
        day.taken_in += new.len() as u64;
        day.to_apply += here.len() as u64;
        let id = |row: &Row| table.key_of(row).and_then(|key| table.id_of(&key));
        let greatest = here.values().filter_map(id).max().unwrap_or(0);
        insert(space, table, new)?;
        Ok(greatest)
    }
}

/// Records rows that the database had.
fn insert(space: &Space, table: &PairedTable, rows: Vec<Row>) -> Outcome {
    if rows.is_empty() {
        return Ok(());
    }
    let change = |row: Row| {
        let held = table.columns.iter().zip(row);
        let (columns, after) = held
            .filter_map(|(column, held)| match held {
                Held::Value(value) => Some((column.here.clone(), value)),
                Held::Unread(_) => None,
            })
            .unzip();
        ObservedChange {
            table: table.here.clone(),
            columns,
            before: None,
            after: Some(after),
            restored: Vec::new(),
        }
    };
    let edits = Edits::Observed(rows.into_iter().map(change).collect());
    let write = Write { edits, message: Some("attach".to_owned()), ..Write::default() };
    let _recorded: Written = space.wait(|reply| space.write(write, reply))?;
    Ok(())
}
