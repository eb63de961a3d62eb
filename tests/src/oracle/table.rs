//! A table with its rules, drawn from a seed and declared on either side.

use std::fmt::Write;

use tandem_protocol::value::Value;

use super::canonical::canonical;
use super::features::Features;
use super::kind::Kind;
use super::values::{self, pick};
use crate::random::Random;

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns; those of the key come first.
    pub columns: Vec<Column>,
    /// How many columns the key has.
    pub key: usize,
    /// Columns that are unique together.
    pub together: Option<[usize; 2]>,
    /// A reference of several columns, or to what is unique and not the key.
    pub wide: Option<WideReference>,
}

/// A reference of several columns, or to what is unique and not the key.
#[derive(Clone, Debug)]
pub struct WideReference {
    /// The columns that refer.
    pub columns: Vec<usize>,
    /// Place of the table they refer to.
    pub target: usize,
    /// Its columns, and their names.
    pub targets: Vec<(usize, String)>,
    /// What becomes of the row when that one is deleted.
    pub action: &'static str,
}

/// A column with its rules.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// NOT NULL.
    pub not_null: bool,
    /// DEFAULT, as written.
    pub default: Option<Value>,
    /// UNIQUE.
    pub unique: bool,
    /// CHECK.
    pub check: Option<String>,
    /// Place of the table it refers to, and what becomes of the row when that one is deleted.
    pub refers: Option<(usize, &'static str)>,
    /// Places of a table and of the column there whose values it takes.
    pub alike: Option<(usize, usize)>,
}

const KEYS: &[&[Kind]] = &[
    &[Kind::Integer],
    &[Kind::Integer],
    &[Kind::Integer],
    &[Kind::Text],
    &[Kind::Uuid],
    &[Kind::Date],
    &[Kind::Timestamp],
    &[Kind::Decimal(5, 2)],
    &[Kind::Blob],
    &[Kind::Integer, Kind::Text],
    &[Kind::Date, Kind::Integer],
    &[Kind::Uuid, Kind::Timestamp],
    &[Kind::Decimal(5, 2), Kind::Text],
];

/// The tables of a story.
pub fn tables(features: &Features, random: &mut Random) -> Vec<Table> {
    let count = 2 + random.below(2) as usize;
    let mut tables: Vec<Table> = Vec::new();
    for place in 0..count {
        let table = table(place, &tables, features, random);
        tables.push(table);
    }
    tables
}

fn table(place: usize, before: &[Table], features: &Features, random: &mut Random) -> Table {
    let allowed: Vec<_> = KEYS.iter().filter(|key| key.iter().all(|kind| features.kind(*kind))).collect();
    let key = if features.has("keys") { pick(&allowed, random) } else { &KEYS[0] };
    let mut columns: Vec<Column> = Vec::new();
    for kind in *key {
        columns.push(Column { not_null: true, ..Column::of(format!("k{}", columns.len()), *kind) });
    }
    for at in 0..2 + random.below(4) {
        let column = column(format!("c{at}"), (place, key), before, features, random);
        columns.push(column);
    }
    let nulled = columns.iter().any(|column| column.refers.is_some_and(|(_, action)| action == "SET NULL"));
    if nulled {
        // Whether a SET NULL from outside is a change of the row that STAMP tells is left open.
        columns.retain(|column| column.kind != Kind::Stamp);
    }
    let fit: Vec<usize> = (key.len()..columns.len()).filter(|at| columns[*at].kind.may_be_unique()).collect();
    let together = match fit.as_slice() {
        [left, .., right] if features.has("uniques") && random.one_in(4) => Some([*left, *right]),
        _ => None,
    };
    let mut table = Table { name: format!("t{place}"), columns, key: key.len(), together, wide: None };
    if features.has("references") && random.one_in(2) {
        refer_widely(&mut table, place, before, random);
    }
    table
}

/// Gives a table a reference of several columns, or to what is unique, if there is any such thing.
fn refer_widely(table: &mut Table, place: usize, before: &[Table], random: &mut Random) {
    let mut found: Vec<(usize, Vec<usize>)> = Vec::new();
    for (at, target) in before.iter().chain([&*table]).enumerate() {
        let alone = (target.key..target.columns.len()).filter(|at| target.columns[*at].unique);
        found.extend(alone.map(|column| (at, vec![column])));
        found.extend(target.together.map(|both| (at, both.to_vec())));
        found.extend((target.key > 1).then(|| (at, (0..target.key).rev().collect())));
    }
    if found.is_empty() {
        return;
    }
    let (target, targets) = pick(&found, random).clone();
    let mut actions = vec!["", "RESTRICT", "CASCADE"];
    if !table.columns.iter().any(|column| column.kind == Kind::Stamp) {
        actions.push("SET NULL");
    }
    let action = *pick(&actions, random);
    let first = table.columns.len();
    let of_target = |at: usize| {
        if target == place { table.columns[at].clone() } else { before[target].columns[at].clone() }
    };
    let named: Vec<(usize, String, Kind)> =
        targets.iter().map(|at| (*at, of_target(*at).name, of_target(*at).kind)).collect();
    for (at, _, kind) in &named {
        let name = format!("w{}", table.columns.len() - first);
        let not_null = action != "SET NULL" && random.one_in(4);
        table.columns.push(Column { not_null, alike: Some((target, *at)), ..Column::of(name, *kind) });
    }
    let columns = (first..table.columns.len()).collect();
    let targets = named.into_iter().map(|(at, name, _)| (at, name)).collect();
    table.wide = Some(WideReference { columns, target, targets, action });
}

fn column(
    name: String,
    (place, key): (usize, &[Kind]),
    before: &[Table],
    features: &Features,
    random: &mut Random,
) -> Column {
    if features.has("references") && random.one_in(3) {
        let mut targets: Vec<(usize, Kind)> = before
            .iter()
            .enumerate()
            .filter(|(_, table)| table.key == 1)
            .map(|(at, table)| (at, table.columns[0].kind))
            .collect();
        if let [kind] = key {
            targets.push((place, *kind));
        }
        if !targets.is_empty() {
            let (target, kind) = *pick(&targets, random);
            let action = *pick(&["", "RESTRICT", "CASCADE", "SET NULL"], random);
            let not_null = action != "SET NULL" && random.one_in(3);
            return Column { refers: Some((target, action)), not_null, ..Column::of(name, kind) };
        }
    }
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| features.kind(*kind)).collect();
    let kind = *pick(&kinds, random);
    let mut column = Column::of(name, kind);
    if kind == Kind::Stamp {
        return column;
    }
    if random.one_in(3) {
        let value = values::usual(kind, random);
        column.default = canonical(kind, &value).filter(|value| constant(kind, value)).and(Some(value));
    }
    if features.has("rules") {
        column.not_null = random.one_in(4);
        column.check = random.one_in(4).then(|| check(&column, random)).flatten();
    }
    column.unique = features.has("uniques") && kind.may_be_unique() && random.one_in(4);
    column
}

/// Whether a value can stand as a DEFAULT of that kind: of the very type, not converted by SQLite.
fn constant(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Integer(number) => kind.is_whole() && number.unsigned_abs() < 1 << 60,
        Value::Real(number) => kind.is_number() && !kind.is_whole() && number.abs() < 1e15,
        Value::Text(_) => !kind.is_number() && kind != Kind::Json && kind != Kind::RichText,
        _ => false,
    }
}

fn check(column: &Column, random: &mut Random) -> Option<String> {
    let name = &column.name;
    let checks: &[&str] = match column.kind {
        Kind::Integer | Kind::Counter => &["# >= 0", "# % 7 <> 3", "# BETWEEN -5 AND 9000000"],
        Kind::Real | Kind::Decimal(_, 0..=4) | Kind::Money(_, 0..=4) => &["# >= 0", "abs(#) < 1000"],
        Kind::Text | Kind::Quiet | Kind::External => {
            &["length(#) <= 3", "# <> ''", "# NOT LIKE '%x%'", "upper(#) <> 'ABC'"]
        }
        Kind::Date => &["# < '2030-01-01'", "# <> '2024-02-29'"],
        Kind::Boolean => &["# = 1"],
        _ => return None,
    };
    Some(pick(checks, random).replace('#', name))
}

impl Column {
    fn of(name: String, kind: Kind) -> Self {
        Self {
            name,
            kind,
            not_null: false,
            default: None,
            unique: false,
            check: None,
            refers: None,
            alike: None,
        }
    }
}

impl Table {
    /// Whether tandem makes its keys when none is given.
    pub fn generates(&self) -> bool {
        self.key == 1 && matches!(self.columns[0].kind, Kind::Integer | Kind::Uuid)
    }

    /// Whether its key is SQLite's rowid.
    pub fn is_alias(&self) -> bool {
        self.key == 1 && self.columns[0].kind == Kind::Integer
    }

    /// The names of its columns.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The names of its key's columns, for a list.
    pub fn key_list(&self) -> String {
        self.names()[..self.key].join(", ")
    }

    /// The sets of columns that are unique.
    pub fn uniques(&self) -> Vec<Vec<&str>> {
        let single =
            self.columns.iter().filter(|column| column.unique).map(|column| vec![column.name.as_str()]);
        let together = self.together.map(|[left, right]| vec![self.names()[left], self.names()[right]]);
        single.chain(together).collect()
    }

    /// Whether a column belongs to the key or to something unique.
    pub fn is_distinct(&self, at: usize) -> bool {
        at < self.key || self.columns[at].unique || self.together.is_some_and(|both| both.contains(&at))
    }

    /// As tandem's DDL.
    pub fn for_tandem(&self) -> String {
        let mut lines = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let mut line = format!("{} {}", column.name, column.kind);
            if at == 0 && self.key == 1 {
                line.push_str(" PRIMARY KEY");
                if column.kind == Kind::Uuid {
                    line.push_str(" DEFAULT (uuid7())");
                }
            } else if column.not_null {
                line.push_str(" NOT NULL");
            }
            if let Some(default) = &column.default {
                let _infallible = write!(line, " DEFAULT {}", values::literal(default).unwrap_or_default());
            }
            if column.unique {
                line.push_str(" UNIQUE");
            }
            if let Some(check) = &column.check {
                let _infallible = write!(line, " CHECK ({check})");
            }
            if let Some((target, action)) = column.refers {
                let _infallible = write!(line, " REFERENCES t{target}");
                if !action.is_empty() {
                    let _infallible = write!(line, " ON DELETE {action}");
                }
            }
            lines.push(line);
        }
        let wide = self.wide(|action| match action {
            "" => String::new(),
            action => format!(" ON DELETE {action}"),
        });
        self.declared(lines, wide, "")
    }

    /// As plain SQLite's. NOT NULL and CHECK are judged by [`Table::breaches`] when the transaction
    /// ends; a reference too, RESTRICT included. `on_delete`: whether SQLite carries that out.
    pub fn for_plain(&self, on_delete: bool) -> String {
        let plain = |action: &'static str| {
            let action = if !on_delete || matches!(action, "" | "RESTRICT") { "NO ACTION" } else { action };
            format!(" ON DELETE {action} DEFERRABLE INITIALLY DEFERRED")
        };
        let mut lines = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let mut line = format!("{} {}", column.name, column.kind.plain());
            if at == 0 && self.key == 1 {
                line.push_str(if self.is_alias() { " PRIMARY KEY" } else { " NOT NULL PRIMARY KEY" });
            } else if at < self.key {
                line.push_str(" NOT NULL");
            }
            let default = match (&column.default, column.kind) {
                (Some(default), kind) => canonical(kind, default),
                (None, Kind::Stamp) => Some(Value::Text(super::functions::NOW.into())),
                // A counter that may not be NULL begins at 0.
                (None, Kind::Counter | Kind::Money(..)) if column.not_null => Some(match column.kind {
                    Kind::Money(p, _) if p > 15 => Value::Text("0.0000".into()),
                    _ => Value::Integer(0),
                }),
                _ => None,
            };
            if let Some(default) = default.as_ref().and_then(values::literal) {
                let _infallible = write!(line, " DEFAULT {default}");
            }
            if column.unique {
                line.push_str(" UNIQUE");
            }
            if let Some((target, action)) = column.refers {
                let _infallible = write!(line, " REFERENCES t{target}{}", plain(action));
            }
            lines.push(line);
        }
        let wide = self.wide(plain);
        self.declared(lines, wide, if self.is_alias() { " STRICT" } else { " STRICT, WITHOUT ROWID" })
    }

    /// The wide reference, if there is one.
    fn wide(&self, action: impl Fn(&'static str) -> String) -> Option<String> {
        let wide = self.wide.as_ref()?;
        let columns: Vec<&str> = wide.columns.iter().map(|at| self.names()[*at]).collect();
        let targets: Vec<&str> = wide.targets.iter().map(|(_, name)| name.as_str()).collect();
        let (columns, targets) = (columns.join(", "), targets.join(", "));
        let action = action(wide.action);
        Some(format!("FOREIGN KEY ({columns}) REFERENCES t{} ({targets}){action}", wide.target))
    }

    fn declared(&self, mut lines: Vec<String>, wide: Option<String>, options: &str) -> String {
        if self.key > 1 {
            lines.push(format!("PRIMARY KEY ({})", self.key_list()));
        }
        if let Some([left, right]) = self.together {
            lines.push(format!("UNIQUE ({}, {})", self.names()[left], self.names()[right]));
        }
        lines.extend(wide);
        format!("CREATE TABLE {} (\n  {}\n){options};\n", self.name, lines.join(",\n  "))
    }

    /// Conditions, by their code, that no row may meet when a transaction ends.
    pub fn breaches(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        for column in &self.columns {
            let name = &column.name;
            if column.not_null {
                all.push(("constraint_not_null", format!("{name} IS NULL")));
            }
            if let Some(check) = &column.check {
                all.push(("constraint_check", format!("NOT ({check})")));
            }
            if column.kind.has_form() && column.kind != Kind::Stamp {
                all.push(("type_mismatch", format!("NOT is_canonical({}, {name})", column.kind.quoted())));
            }
            if column.kind.is_text() {
                all.push(("invalid_utf8", format!("NOT is_utf8({name})")));
            }
        }
        all
    }
}
