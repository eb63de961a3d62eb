//! The law of the schema: it is the union of what was declared and chosen, in whatever order that
//! arrives, also a column before its table and a choice before what it chooses from.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{ColumnDef, ColumnId, IndexDef, Schema, SchemaOp, TableDef, TableId, ddl};
use crate::conflict::{Conflict, ConflictKind, Held};
use crate::identity::Author;
use crate::merge::WriteId;

/// What one transaction declares.
type Declared = (WriteId, Vec<SchemaOp>);

/// One name in several ways: keys, columns, defaults, rules.
const TABLES: [&str; 4] = [
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y TEXT)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, y INTEGER, x TEXT NOT NULL DEFAULT '-', CHECK (x <> ''), UNIQUE (x, y))",
    "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT)",
    "CREATE TABLE T (id INTEGER PRIMARY KEY DEFAULT 7, X TEXT UNIQUE)",
];

fn table(sql: &str) -> TableDef {
    let ops = ddl::plan(sql, &Schema::default()).unwrap();
    let [SchemaOp::CreateTable(table)] = &ops[..] else { panic!("{sql}") };
    table.clone()
}

fn tables() -> Vec<TableDef> {
    TABLES.iter().map(|sql| table(sql)).collect()
}

/// Columns of the two, and more that differ in rules alone, or in the case of the name.
fn columns() -> Vec<ColumnDef> {
    let more = "CREATE TABLE m (k INTEGER PRIMARY KEY, x TEXT CHECK (x > 'a'), z DATE, Y TEXT, id TEXT)";
    let all = tables().into_iter().chain([table(more)]);
    all.flat_map(|table| table.columns).filter(|column| column.name != "k").collect()
}

fn ids() -> Vec<TableId> {
    tables().iter().map(TableDef::id).collect()
}

fn ops() -> impl Strategy<Value = SchemaOp> {
    let any_table = || prop::sample::select(ids());
    let some_columns = || prop::collection::vec(prop::sample::select(columns()), 0..5);
    let ids_of = |columns: Vec<ColumnDef>| columns.iter().map(ColumnDef::id).collect::<Vec<ColumnId>>();
    prop_oneof![
        3 => prop::sample::select(tables()).prop_map(SchemaOp::CreateTable),
        3 => (any_table(), prop::sample::select(columns()))
            .prop_map(|(table_id, column)| SchemaOp::AddColumn { table: "t".into(), table_id, column }),
        1 => prop::sample::select(vec!["x", "y"]).prop_map(|column| {
            let columns = vec![column.to_owned()];
            SchemaOp::CreateIndex(IndexDef { name: "t_i".into(), table: "t".into(), columns })
        }),
        // Now and then a choice that makes no sense: a column of another name.
        2 => (any_table(), prop::sample::select(columns()), some_columns(), prop::option::weighted(0.2, Just("x")))
            .prop_map(move |(table_id, column, seen, name)| SchemaOp::ChooseColumn {
                table: "t".into(),
                table_id,
                name: name.unwrap_or(&column.name).to_owned(),
                column: column.id(),
                seen: ids_of(seen),
            }),
        2 => (any_table(), prop::collection::vec(any_table(), 0..5))
            .prop_map(|(table_id, seen)| SchemaOp::ChooseTable { name: "t".into(), table_id, seen }),
    ]
}

fn declarations() -> impl Strategy<Value = Vec<Declared>> {
    let one = (1i64..4, 1u8..4, prop::collection::vec(ops(), 1..4));
    prop::collection::vec(one, 1..9).prop_map(|all| {
        let id =
            |seq: usize, time_ms, author| WriteId { time_ms, author: Author([author; 32]), seq: seq as u64 };
        all.into_iter()
            .enumerate()
            .map(|(seq, (time, author, ops))| (id(seq + 1, time, author), ops))
            .collect()
    })
}

fn schema<'a>(declared: impl IntoIterator<Item = &'a Declared>) -> Schema {
    let mut schema = Schema::default();
    for (by, ops) in declared {
        for op in ops {
            let before = schema.clone();
            assert_eq!(schema.apply(op, *by), schema != before);
        }
    }
    schema
}

/// All that can be told of a schema.
#[derive(PartialEq, Debug)]
struct Told {
    tables: Vec<TableDef>,
    indices: Vec<IndexDef>,
    conflicts: Vec<Conflict>,
    named: Vec<TableId>,
    columns_named: Vec<Vec<ColumnId>>,
}

fn told(schema: &Schema) -> Told {
    let columns = |id: TableId| {
        let of_name =
            move |name: &str| schema.table_by_id(id).map_or_else(Vec::new, |table| table.columns_named(name));
        ["id", "x", "y", "z"].map(of_name)
    };
    Told {
        tables: schema.tables().map(|table| table.shown.clone()).collect(),
        indices: schema.indices().cloned().collect(),
        conflicts: schema.conflicts(),
        named: schema.tables_named("t"),
        columns_named: ids().into_iter().flat_map(columns).collect(),
    }
}

proptest! {
    #[test]
    fn a_schema_is_the_same_in_any_order_and_however_often_it_is_said(
        declared in declarations(),
        order in prop::collection::vec(any::<Index>(), 9),
        again in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let first = schema(&declared);
        let mut left: Vec<&Declared> = declared.iter().collect();
        let mut shuffled = Vec::new();
        for index in &order {
            if !left.is_empty() {
                shuffled.push(left.remove(index.index(left.len())));
            }
        }
        let second = schema(shuffled.iter().copied());
        prop_assert_eq!(told(&first), told(&second));
        prop_assert_eq!(&first, &second);
        shuffled.extend(again.iter().map(|index| index.get(&declared)));
        prop_assert_eq!(&first, &schema(shuffled));
    }

    /// One conflict for each name declared in several ways that no choice has looked at whole, its
    /// versions in the order of declaration.
    #[test]
    fn every_name_of_several_meanings_is_listed_until_all_of_them_were_looked_at(declared in declarations()) {
        let mut schema = schema(&declared);
        let conflicts = schema.conflicts();
        for conflict in &conflicts {
            prop_assert_eq!(conflict.kind, ConflictKind::Schema);
            prop_assert!(conflict.versions.len() > 1);
            prop_assert!(conflict.versions.windows(2).all(|pair| pair[0].by <= pair[1].by));
        }
        for table in schema.tables() {
            let names: std::collections::BTreeSet<_> =
                table.shown.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect();
            prop_assert_eq!(names.len(), table.shown.columns.len(), "one column of each name");
            prop_assert!(table.shown.key.iter().all(|name| names.contains(&name.to_ascii_lowercase())));
        }
        let ids: std::collections::BTreeSet<_> = conflicts.iter().map(Conflict::id).collect();
        prop_assert_eq!(ids.len(), conflicts.len());
        // Looked at by somebody later, none is left; and what is shown stays as it is.
        let shown: Vec<TableDef> = schema.tables().map(|table| table.shown.clone()).collect();
        let by = WriteId { time_ms: 9, author: Author([9; 32]), seq: 1 };
        for conflict in &conflicts {
            let op = keep(&schema, conflict);
            schema.apply(&op, by);
        }
        prop_assert_eq!(schema.conflicts(), []);
        prop_assert_eq!(schema.tables().map(|table| table.shown.clone()).collect::<Vec<_>>(), shown);
    }
}

/// The choice of what is shown already.
fn keep(schema: &Schema, conflict: &Conflict) -> SchemaOp {
    match conflict.columns.first() {
        None => {
            let shown = schema.table(&conflict.table).unwrap();
            let seen = schema.tables_named(&conflict.table);
            SchemaOp::ChooseTable { name: conflict.table.clone(), table_id: shown.id(), seen }
        }
        Some(name) => {
            let table = schema.table(&conflict.table).unwrap();
            SchemaOp::ChooseColumn {
                table: table.shown.name.clone(),
                table_id: table.id(),
                name: name.clone(),
                column: table.shown.column(name).unwrap().id(),
                seen: table.columns_named(name),
            }
        }
    }
}

#[test]
fn the_first_definition_is_shown_until_somebody_chooses_and_a_late_one_opens_it_again() {
    let by = |time_ms, seq| WriteId { time_ms, author: Author([1; 32]), seq };
    let [first, second] = [0, 1].map(|at| SchemaOp::CreateTable(tables()[at].clone()));
    let table_id = ids()[0];
    let y = |at: usize| tables()[at].column("y").unwrap().clone();
    let choice = SchemaOp::ChooseColumn {
        table: "t".into(),
        table_id,
        name: "Y".into(),
        column: y(1).id(),
        seen: vec![y(0).id(), y(1).id()],
    };
    let late = SchemaOp::AddColumn {
        table: "t".into(),
        table_id,
        column: table("CREATE TABLE t (id INTEGER PRIMARY KEY, y DATE)").column("y").unwrap().clone(),
    };
    let said =
        [(by(2, 1), vec![first]), (by(1, 2), vec![second]), (by(3, 3), vec![choice]), (by(0, 4), vec![late])];
    let y_of = |schema: &Schema| schema.table("t").unwrap().shown.column("y").unwrap().kind.to_string();
    let open = |schema: &Schema| -> Vec<Vec<String>> {
        let definitions = |conflict: Conflict| {
            assert_eq!(conflict.columns.len(), 1);
            let told = |held| match held {
                Held::Definition(sql) => sql,
                other => panic!("{other:?}"),
            };
            conflict.versions.into_iter().map(|version| told(version.held)).collect()
        };
        schema.conflicts().into_iter().map(definitions).collect()
    };
    let x = || vec!["TEXT DEFAULT '-'".to_owned(), "TEXT".to_owned()];
    let of_y = |more: &[&str]| more.iter().map(|sql| (*sql).to_owned()).collect::<Vec<_>>();
    assert_eq!((y_of(&schema(&said[..1])), open(&schema(&said[..1]))), ("TEXT".into(), vec![]));
    // Declared first by the clock, that is, for nobody knew of the other.
    let two = schema(&said[..2]);
    assert_eq!((y_of(&two), open(&two)), ("INTEGER".into(), vec![x(), of_y(&["INTEGER", "TEXT"])]));
    assert_eq!(two.table("t").unwrap().shown.checks, ["x <> ''"]);
    let chosen = schema(&said[..3]);
    assert_eq!((y_of(&chosen), open(&chosen)), ("INTEGER".into(), vec![x()]));
    let opened = schema(&said);
    assert_eq!(
        (y_of(&opened), open(&opened)),
        ("INTEGER".into(), vec![x(), of_y(&["DATE", "INTEGER", "TEXT"])])
    );
}

#[test]
fn a_choice_that_cannot_be_shown_shows_nothing_else() {
    let by = |seq| WriteId { time_ms: 1, author: Author([1; 32]), seq };
    let [table_id, text_table] = [ids()[0], ids()[2]];
    let create = (by(1), vec![SchemaOp::CreateTable(tables()[0].clone())]);
    let text_key = tables()[2].column("id").unwrap().clone();
    let add = SchemaOp::AddColumn { table: "t".into(), table_id, column: text_key.clone() };
    let choose = |name: &str, column: ColumnId| SchemaOp::ChooseColumn {
        table: "t".into(),
        table_id,
        name: name.into(),
        column,
        seen: Vec::new(),
    };
    let y = tables()[0].column("y").unwrap().id();
    let elsewhere = SchemaOp::ChooseTable { name: "t".into(), table_id: text_table, seen: Vec::new() };
    // A column of another name, another key, a table that nobody made.
    for op in [choose("x", y), choose("id", text_key.id()), elsewhere] {
        let schema = schema(&[create.clone(), (by(2), vec![add.clone()]), (by(3), vec![op])]);
        assert_eq!(schema.table("t").unwrap().shown, tables()[0]);
    }
}
