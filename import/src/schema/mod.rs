//! The tables of another database in tandem's SQL: what each column, key and rule becomes, and a note
//! of each that becomes something else, or nothing.

mod cell;
mod draft;
mod kind;
pub(crate) mod plain;
mod references;
mod rules;
mod suggestions;
mod views;

pub use cell::cell;
pub use draft::{Draft, DraftColumn, DraftReference, DraftTable, DraftView};

use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::ColumnType;

use crate::dump::Dump;
use crate::model::{Column, Table};
use crate::note::Notes;
use kind::{Becomes, kind_of};
use rules::Rules;

/// The key that a table without one is given.
const GIVEN_KEY: &str = "id";

/// What a dump's tables become, and what is to be told of it besides what the dump itself told.
pub fn draft(dump: &Dump) -> (Draft, Notes) {
    let mut notes = Notes::default();
    let mut draft = Draft::default();
    for table in &dump.tables {
        let drafted = one_table(table, dump, &draft, &mut notes);
        draft.tables.push(drafted);
    }
    for (at, table) in dump.tables.iter().enumerate() {
        for reference in &table.references {
            references::put(&mut draft, at, reference, &mut notes);
        }
    }
    draft.indices = rules::indices(&dump.tables, &draft, &mut notes);
    dump.views.iter().for_each(|view| views::put(&mut draft, view, dump.dialect, &mut notes));
    suggestions::suggest(&dump.tables, &draft, &mut notes);
    (draft, notes)
}

fn one_table(table: &Table, dump: &Dump, draft: &Draft, notes: &mut Notes) -> DraftTable {
    let taken: Vec<&str> = draft.tables.iter().map(|table| table.name.as_str()).collect();
    let name = usable(&table.name, &taken, table.line, notes);
    let mut drafted = DraftTable { name, source: table.name.clone(), ..DraftTable::default() };
    for column in &table.columns {
        let taken: Vec<&str> = drafted.columns.iter().map(|column| column.name.as_str()).collect();
        let place = format!("{}.{}", table.name, column.name);
        let name = usable(&column.name, &taken, column.line, notes);
        let becomes = kind_of(column, dump.dialect);
        let is_key = table.key.iter().any(|key| name::same(key, &column.name));
        let kind = keyed(becomes, is_key);
        tell_type(column, kind, becomes, &place, notes);
        let counts_up = becomes.counts_up || column.counts_up || rules::is_next_value(column);
        let makes_ids = is_key && table.key.len() == 1 && kind == ColumnType::Integer;
        if counts_up && !makes_ids {
            notes.add(Cause::new("dump_counts_up"), column.line, place);
        }
        let mut not_null = column.not_null || becomes.counts_up;
        if rules::is_no_date(column) && !is_key {
            notes.add(Cause::new("dump_no_date"), column.line, format!("{}.{}", table.name, column.name));
            not_null = false;
        }
        let source = column.name.clone();
        drafted.columns.push(DraftColumn { name, source, kind, not_null, default: None });
    }
    key(table, &mut drafted, notes);
    let mut rules = Rules { table, dialect: dump.dialect, notes };
    rules.defaults(&mut drafted);
    rules.checks(&mut drafted);
    rules.uniques(&mut drafted);
    drafted
}

/// The name under which something can be declared: as it was, where that is possible.
fn usable(name: &str, taken: &[&str], line: u64, notes: &mut Notes) -> String {
    let is_free = |name: &str| !taken.iter().any(|other| name::fold(other) == name::fold(name));
    let composed = name::composed(name);
    if name::check_sql(&composed).is_ok() && is_free(&composed) {
        return composed;
    }
    let seen: String = composed.chars().filter(|sign| !name::is_hidden(*sign)).take(28).collect();
    let seen = seen.trim().trim_start_matches("sqlite_").trim_start_matches("_tandem").to_owned();
    let numbered = (1..).map(|number| match number {
        1 => format!("{seen}_"),
        number => format!("{seen}_{number}"),
    });
    let mut usable = numbered.filter(|name| name::check_sql(name).is_ok() && is_free(name));
    let found = usable.next().unwrap_or_default();
    notes.add(Cause::new("dump_name").with("name", &found), line, name);
    found
}

/// The type of a key's column must be one by which a row can be named.
fn keyed(becomes: Becomes, is_key: bool) -> ColumnType {
    match becomes.kind {
        kind if !is_key || kind.may_be_key() => kind,
        ColumnType::Real => ColumnType::Decimal { precision: 38, scale: 10 },
        ColumnType::Stamp => ColumnType::Timestamp,
        _ => ColumnType::Text,
    }
}

fn tell_type(column: &Column, kind: ColumnType, becomes: Becomes, place: &str, notes: &mut Notes) {
    let declared = &column.declared;
    let digits = if declared.arguments.is_empty() { "" } else { "(n)" };
    let list = if declared.is_array { "[]" } else { "" };
    let found = format!("{}{digits}{list}", declared.words);
    let is_same = declared.words == kind.to_string().split('(').next().unwrap_or_default();
    let code = match becomes.is_exact && kind == becomes.kind {
        true if is_same => return,
        true => "dump_type",
        false if matches!(kind, ColumnType::External(_)) => "dump_type_external",
        false => "dump_type_nearly",
    };
    let cause = Cause::new(code).with("found", found).with("kind", kind.to_string());
    notes.add(cause, column.line, place);
}

/// Every row needs a name. A table that says none has one all the same, if nothing else is unique in it
/// but a column that it is given.
fn key(table: &Table, drafted: &mut DraftTable, notes: &mut Notes) {
    let named = |names: &[String]| -> Vec<String> {
        names.iter().filter_map(|name| Some(drafted.of_source(name)?.name.clone())).collect()
    };
    let may_be = |names: &Vec<String>| {
        !names.is_empty()
            && names.iter().all(|name| drafted.column(name).is_some_and(|column| column.kind.may_be_key()))
    };
    let declared = named(&table.key);
    if may_be(&declared) {
        drafted.key = declared;
        return;
    }
    let whole = |columns: &[String]| {
        let sources = columns.iter().filter_map(|name| table.column(name));
        sources.clone().count() == columns.len() && sources.clone().all(|column| column.not_null)
    };
    let unique = table.uniques.iter().find(|rule| whole(&rule.columns) && may_be(&named(&rule.columns)));
    let all: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    if let Some(rule) = unique {
        drafted.key = named(&rule.columns);
        let kind = Cause::new("dump_key_unique");
        notes.add(kind, table.line, format!("{} ({})", table.name, drafted.key.join(", ")));
    } else if all.len() == 2 && may_be(&named(&all)) && links(table) {
        drafted.key = named(&all);
        notes.add(
            Cause::new("dump_key_link"),
            table.line,
            format!("{} ({})", table.name, drafted.key.join(", ")),
        );
    } else {
        let taken: Vec<&str> = drafted.columns.iter().map(|column| column.name.as_str()).collect();
        let mut names =
            std::iter::once(GIVEN_KEY.to_owned()).chain((2..).map(|n| format!("{GIVEN_KEY}_{n}")));
        let is_free = |name: &String| !taken.iter().any(|other| name::same(other, name));
        let name = names.find(is_free).unwrap_or_default();
        notes.add(Cause::new("dump_key_given").with("column", &name), table.line, table.name.clone());
        drafted.columns.insert(0, DraftColumn::given_key(name.clone()));
        drafted.key = vec![name];
    }
}

/// Whether a table of two columns says nothing but what belongs together.
fn links(table: &Table) -> bool {
    let refers = |name: &str| {
        table
            .references
            .iter()
            .any(|reference| reference.columns.iter().any(|column| name::same(column, name)))
    };
    table.columns.iter().all(|column| column.not_null || refers(&column.name))
}
