//! Which tables of the database are which here: what it declares becomes a schema in the way in which a dump
//! of it would.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde::{Deserialize, Serialize};
use tandem_import::dialect::Dialect;
use tandem_import::schema::{Draft, DraftTable, draft};
use tandem_import::{Dump, Notes};
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::expression::{Expression, Node, Operator};
use tandem_protocol::schema::{ColumnDef, ColumnId, ColumnType, ExternalType, Schema, TableDef, TableOrder};

use crate::attachment::{AttachedTable, Attachment};
use crate::engine::Outcome;
use crate::error::BridgeError;
use crate::paired::{PairedColumn, PairedTable};
use crate::postgres::{CatalogueReader, Postgres};

/// What belongs to one PC alone: sessions of its users, what its own migrations did, what its administrators
/// clicked.
const OF_ONE_PC: &[&str] = &["django_session", "django_migrations", "django_admin_log"];

/// What somebody who attaches a database wants of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// Only these tables.
    pub tables: Vec<String>,
    /// None of these.
    pub exclude: Vec<String>,
    /// Columns (`stock.quantity`) of which all additions count.
    pub counter: Vec<String>,
    /// Columns that are a time of last change.
    pub stamp: Vec<String>,
    /// Columns whose concurrent edits are not worth telling.
    pub quiet: Vec<String>,
}

/// The tables of a database, as they are going to be declared here.
pub(crate) struct Catalogue {
    pub draft: Draft,
    pub notes: Notes,
    /// Where each table of the draft stands in the database.
    pub places: Vec<(String, String)>,
    /// Tables that stay out unless they are asked for.
    pub left_out: Vec<String>,
}

impl Catalogue {
    /// As [`Catalogue::read`], of a database that is attached: what is excluded may be gone by now, and what
    /// came and cannot be attached stays out.
    pub fn read_known(engine: &mut Postgres, wishes: &Wishes, schema: &Schema) -> Outcome<Self> {
        let mut dump = declared(&CatalogueReader(engine).declared()?)?;
        let left_out = leave_out(&mut dump, wishes, CatalogueReader(engine).partitioned()?)?;
        let (draft, _) = draft(&dump);
        let (keyless, few) = (keyless(&draft), dump.tables.iter().map(has_few_ids).collect::<Vec<_>>());
        let mut stays = (0..few.len()).map(|at| !few[at] && !keyless.contains(&draft.tables[at].source));
        dump.tables.retain(|_| stays.next().unwrap_or_default());
        Self::of(&dump, left_out, wishes, schema)
    }

    /// What a database declares, as somebody wants it, for a space that has `schema`.
    pub fn read(engine: &mut Postgres, wishes: &Wishes, schema: &Schema) -> Outcome<Self> {
        let mut dump = declared(&CatalogueReader(engine).declared()?)?;
        for wanted in wishes.tables.iter().chain(&wishes.exclude) {
            if !dump.tables.iter().any(|table| is_called(wanted, table)) {
                return Err(BridgeError::Stopped(Cause::new("bridge_no_table").with("table", wanted)));
            }
        }
        let left_out = leave_out(&mut dump, wishes, CatalogueReader(engine).partitioned()?)?;
        let keyless = keyless(&draft(&dump).0);
        if !keyless.is_empty() {
            return Err(BridgeError::Stopped(Cause::new("bridge_no_key").with("tables", keyless.join(", "))));
        }
        if let Some(table) = dump.tables.iter().find(|table| has_few_ids(table)) {
            return Err(BridgeError::Stopped(Cause::new("bridge_small_key").with("table", &table.name)));
        }
        Self::of(&dump, left_out, wishes, schema)
    }

    fn of(dump: &Dump, left_out: Vec<String>, wishes: &Wishes, schema: &Schema) -> Outcome<Self> {
        let (mut draft, more) = draft(dump);
        kept_as_texts(&mut draft, dump);
        let mut notes = dump.notes.clone();
        notes.append(more);
        meant(&mut draft, wishes)?;
        as_here(&mut draft, schema);
        let place = |table: &tandem_import::model::Table| {
            (table.schema.clone().unwrap_or_else(|| "public".to_owned()), table.own_name.clone())
        };
        let places: Vec<(String, String)> = dump.tables.iter().map(place).collect();
        assert_eq!(places.len(), draft.tables.len(), "each table becomes one");
        Ok(Self { draft, notes, places, left_out })
    }

    /// The tables, those first to which others refer.
    pub fn attached(&self) -> Vec<AttachedTable> {
        let place = |name: &str| self.draft.tables.iter().position(|table| table.name == name);
        let targets = |table: usize| {
            let references = self.draft.tables[table].references.iter();
            references.filter_map(|reference| place(&reference.table)).collect()
        };
        let order = TableOrder::of(self.draft.tables.len(), &targets);
        let mut ordered: Vec<usize> = (0..self.draft.tables.len()).collect();
        ordered.sort_by_key(|at| order.place(*at));
        let attached = |at: usize| {
            let (schema, there) = self.places[at].clone();
            AttachedTable { here: self.draft.tables[at].name.clone(), schema, there }
        };
        ordered.into_iter().map(attached).collect()
    }
}

/// Leaves out what somebody does not want, and what belongs to one PC; the names of all that is out.
fn leave_out(dump: &mut Dump, wishes: &Wishes, mut left_out: Vec<String>) -> Outcome<Vec<String>> {
    dump.tables.retain(|table| {
        let named = |list: &[String]| list.iter().any(|wanted| is_called(wanted, table));
        let is_of_one_pc = OF_ONE_PC.contains(&table.own_name.as_str());
        let stays = match wishes.tables.is_empty() {
            true => !is_of_one_pc && !named(&wishes.exclude),
            false => named(&wishes.tables) && !named(&wishes.exclude),
        };
        if !stays {
            left_out.push(table.name.clone());
        }
        stays
    });
    if dump.tables.is_empty() { Err(BridgeError::stopped("bridge_no_tables")) } else { Ok(left_out) }
}

/// The tables of which no row has a name of its own.
fn keyless(draft: &Draft) -> Vec<String> {
    let is_given = |table: &&DraftTable| table.columns.iter().any(|one| one.source.is_empty());
    draft.tables.iter().filter(is_given).map(|table| table.source.clone()).collect()
}

/// Whether a table's ids come to their end where several sites make them: those of one site lie 1024 apart.
fn has_few_ids(table: &tandem_import::model::Table) -> bool {
    let [key] = table.key.as_slice() else { return false };
    table.column(key).is_some_and(|column| {
        let makes_ids = column.counts_up || column.default.is_some();
        makes_ids && ["SMALLINT", "INT2", "SMALLSERIAL"].contains(&column.declared.words.as_str())
    })
}

/// Whether somebody means that table.
fn is_called(wanted: &str, table: &tandem_import::model::Table) -> bool {
    let whole = format!("{}.{}", table.schema.as_deref().unwrap_or_default(), table.own_name);
    [&table.own_name, &whole, &table.name].iter().any(|one| name::same(wanted, one))
}

/// What was declared, read as a dump is.
fn declared(sql: &str) -> Outcome<Dump> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(sql.as_bytes())?;
    file.flush()?;
    Dump::read(&[file.path()], Some(Dialect::PostgreSql)).map_err(|(_, error)| match error {
        tandem_import::DumpError::NoTable => BridgeError::stopped("bridge_no_tables"),
        error => BridgeError::Stopped(Cause::new("bridge_declared").with("detail", Cause::from(&error))),
    })
}

/// A NUMERIC that says no digits has as many as it likes, and a JSON is the text that was entered: their texts
/// are kept as they are.
fn kept_as_texts(draft: &mut Draft, dump: &Dump) {
    for (drafted, table) in draft.tables.iter_mut().zip(&dump.tables) {
        let key = drafted.key.clone();
        for column in drafted.columns.iter_mut().filter(|column| !key.contains(&column.name)) {
            let Some(declared) = table.column(&column.source).map(|column| &column.declared) else {
                continue;
            };
            let name = match declared.words.as_str() {
                _ if declared.is_array => continue,
                "NUMERIC" if declared.arguments.is_empty() => "numeric",
                "JSON" => "json",
                _ => continue,
            };
            if let Some(external) = ExternalType::named(name) {
                column.kind = ColumnType::External(external);
            }
        }
    }
}

/// Gives columns the meaning that somebody wants them to have.
fn meant(draft: &mut Draft, wishes: &Wishes) -> Outcome {
    let counter = |kind| match kind {
        ColumnType::Integer => Some(ColumnType::Counter { precision: 0, scale: 0 }),
        ColumnType::Decimal { precision, scale } => Some(ColumnType::Counter { precision, scale }),
        ColumnType::External(kind) if kind.name() == "numeric" => {
            Some(ColumnType::Counter { precision: 38, scale: 10 })
        }
        _ => None,
    };
    let stamp = |kind| matches!(kind, ColumnType::Timestamp).then_some(ColumnType::Stamp);
    let quiet = |kind| matches!(kind, ColumnType::Text).then_some(ColumnType::Quiet);
    type Meaning<'a> = &'a dyn Fn(ColumnType) -> Option<ColumnType>;
    let all: [(&[String], &str, Meaning<'_>); 3] = [
        (&wishes.counter, "COUNTER", &counter),
        (&wishes.stamp, "STAMP", &stamp),
        (&wishes.quiet, "QUIET", &quiet),
    ];
    for (columns, kind, meaning) in all {
        for wanted in columns {
            let cause = |code: &'static str| Cause::new(code).with("column", wanted).with("kind", kind);
            let unknown = || BridgeError::Stopped(cause("bridge_no_column"));
            let (table, column) = wanted.rsplit_once('.').ok_or_else(unknown)?;
            let is_it =
                |one: &&mut DraftTable| name::same(&one.source, table) || name::same(&one.name, table);
            let table = draft.tables.iter_mut().find(is_it).ok_or_else(unknown)?;
            let is_key = table.key.iter().any(|key| name::same(key, column));
            let found = table.columns.iter_mut().find(|one| name::same(&one.source, column));
            let found = found.ok_or_else(unknown)?;
            let kind = meaning(found.kind).filter(|_| !is_key);
            found.kind = kind.ok_or_else(|| BridgeError::Stopped(cause("bridge_other_kind")))?;
        }
    }
    Ok(())
}

/// What a column means was said when it was first declared.
fn as_here(draft: &mut Draft, schema: &Schema) {
    for table in &mut draft.tables {
        let Some(here) = schema.table(&table.name) else { continue };
        for column in &mut table.columns {
            if let Some(known) = here.shown.column(&column.name) {
                column.kind = known.kind;
            }
        }
    }
}

/// The tables of an attachment with the columns that both sides have now.
pub(crate) fn paired(
    engine: &mut Postgres,
    attachment: &Attachment,
    schema: &Schema,
) -> Outcome<Vec<PairedTable>> {
    attachment.tables.iter().map(|table| pair(engine, table, schema)).collect()
}

/// Which columns the rows of the mirror have, and what the database's tables looked like then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// What tells whether the database's tables changed.
    pub hash: String,
    /// Of each table, by its name here, the columns that both sides have, each by its name there and its
    /// type here.
    columns: BTreeMap<String, Vec<(String, String)>>,
}

impl Layout {
    /// That of these tables.
    pub fn of(hash: String, tables: &[PairedTable]) -> Self {
        let column = |column: &PairedColumn| (column.there.clone(), column.kind.to_string());
        let columns = |table: &PairedTable| table.columns.iter().map(column).collect();
        let columns = tables.iter().map(|table| (table.here.clone(), columns(table))).collect();
        Self { hash, columns }
    }

    /// The places of a table's columns that it had not, or none if it had none of it.
    pub fn lacks(&self, table: &PairedTable) -> Option<Vec<usize>> {
        let had = self.columns.get(&table.here)?;
        let is_new = |at: &usize| had.iter().all(|(there, _)| *there != table.columns[*at].there);
        Some((0..table.columns.len()).filter(is_new).collect())
    }
}

fn pair(engine: &mut Postgres, table: &AttachedTable, schema: &Schema) -> Outcome<PairedTable> {
    let gone = |code: &'static str| BridgeError::Stopped(Cause::new(code).with("table", &table.there));
    let here =
        schema.table(&table.here).map(|table| &table.shown).ok_or_else(|| gone("bridge_table_not_here"))?;
    let (types, aside) = CatalogueReader(engine).columns(&table.schema, &table.there)?;
    if types.is_empty() {
        return Err(gone("bridge_table_gone"));
    }
    let column = |(there, type_there): (String, String)| {
        let known = column_of(here, &there)?;
        let is_choice = here.checks.iter().any(|check| is_list_of(&check.expression, known.id()));
        Some(PairedColumn { here: known.name.clone(), there, kind: known.kind, type_there, is_choice })
    };
    let columns: Vec<PairedColumn> = types.into_iter().filter_map(column).collect();
    let place = |name: &String| columns.iter().position(|column| name::same(&column.here, name));
    let key: Option<Vec<usize>> = here.key.iter().map(place).collect();
    let key = key.ok_or_else(|| gone("bridge_key_gone"))?;
    let (schema, there) = (table.schema.clone(), table.there.clone());
    Ok(PairedTable { here: table.here.clone(), schema, there, columns, aside, key })
}

/// Whether a CHECK lists the values of that column.
fn is_list_of(check: &Expression, column: ColumnId) -> bool {
    let [Node::Apply(Operator::In, _), Node::Column(id), values @ ..] = check.nodes() else { return false };
    *id == column && values.iter().all(|value| matches!(value, Node::Literal(_)))
}

/// The column here that a column of the database is: by its name, as it would be declared.
fn column_of<'a>(table: &'a TableDef, there: &str) -> Option<&'a ColumnDef> {
    table.columns.iter().find(|column| name::same(&column.name, &name::composed(there)))
}

/// The tables of an attachment, by their names alone.
pub(crate) fn named(attachment: &Attachment) -> Vec<PairedTable> {
    let table = |table: &AttachedTable| {
        let (here, schema, there) = (table.here.clone(), table.schema.clone(), table.there.clone());
        PairedTable { here, schema, there, columns: Vec::new(), aside: Vec::new(), key: Vec::new() }
    };
    attachment.tables.iter().map(table).collect()
}
