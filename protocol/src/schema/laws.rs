//! The law of the schema: it is what the set of its ops comes to, in whatever order they arrive, also
//! a column before its table and a choice before what it chooses from.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use super::{
    ColumnDef, ColumnId, ColumnType, IndexDef, KnownSchema, NamedQuery, OnDelete, OpPlace, OpPlaces,
    ReferenceDeclaration, ReferringColumn, Schema, SchemaOp, TableDeclaration, TableDef, TableId, ddl,
};
use crate::bounds;
use crate::cause::{Param, part};
use crate::conflict::{Conflict, ConflictKind, VersionContent};
use crate::identity::{Author, TxHash};
use crate::merge::WriteId;
use crate::name;
use crate::transaction::Header;
use crate::version::{Dot, Head, VersionVector};

/// What one transaction declares, and how long the chain of changes is that led to it.
type Declared = (u32, WriteId, Vec<SchemaOp>);

/// One name in several ways: keys, columns, defaults, rules.
const TABLES: [&str; 5] = [
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y TEXT)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, y INTEGER, x TEXT NOT NULL DEFAULT '-', CHECK (x <> ''), UNIQUE (x, y))",
    "CREATE TABLE t (id TEXT PRIMARY KEY, x TEXT)",
    "CREATE TABLE T (id INTEGER PRIMARY KEY DEFAULT 7, X TEXT UNIQUE)",
    "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, w DATE NOT NULL)",
];

fn table(sql: &str) -> TableDeclaration {
    let ops = ddl::plan(sql, &Schema::default()).unwrap();
    let [SchemaOp::CreateTable(table)] = &ops[..] else { panic!("{sql}") };
    table.clone()
}

fn tables() -> Vec<TableDeclaration> {
    TABLES.iter().map(|sql| table(sql)).collect()
}

/// Columns of the tables, and more that differ in rules alone, or in the case of the name.
fn columns() -> Vec<ColumnDef> {
    let more = "CREATE TABLE m (k INTEGER PRIMARY KEY, x TEXT, z DATE, Y TEXT, id TEXT)";
    let all = tables().into_iter().chain([table(more)]);
    all.flat_map(|table| table.columns).filter(|column| column.name != "k").collect()
}

fn ids() -> Vec<TableId> {
    tables().iter().map(TableDeclaration::id).collect()
}

fn ops() -> impl Strategy<Value = SchemaOp> {
    let any_table = || prop::sample::select(ids());
    let any_name = || prop::sample::select(vec!["x", "y", "Y", "z", "id"]);
    let some_columns = || prop::collection::vec(prop::sample::select(columns()), 0..5);
    let ids_of = |columns: Vec<ColumnDef>| columns.iter().map(ColumnDef::id).collect::<Vec<ColumnId>>();
    let check = table(TABLES[1]).checks[0].clone();
    prop_oneof![
        3 => prop::sample::select(tables()).prop_map(SchemaOp::CreateTable),
        3 => (any_table(), prop::sample::select(columns()))
            .prop_map(|(table_id, column)| SchemaOp::AddColumn { table: "t".into(), table_id, column }),
        1 => (any_table(), any_name(), prop::sample::select(vec!["t", "t_i", "i"])).prop_map(
            |(table_id, column, name)| {
                let columns = vec![column.to_owned()];
                SchemaOp::CreateIndex(IndexDef { name: name.into(), table: "t".into(), table_id, columns })
            }
        ),
        1 => (any_table(), any_name()).prop_map(|(table_id, column)| SchemaOp::AddUnique {
            table: "t".into(),
            table_id,
            columns: vec![column.to_owned()],
        }),
        3 => (any_table(), any_table(), prop::collection::vec((referring(), referring()), 1..3), any::<bool>())
            .prop_map(|(of_id, table_id, pairs, refuses)| SchemaOp::AddReference {
                of: "t".into(),
                of_id,
                reference: reference(table_id, &pairs, refuses),
            }),
        1 => any_table().prop_map(move |table_id| SchemaOp::AddCheck {
            table: "t".into(),
            table_id,
            check: check.clone(),
        }),
        // Now and then a choice that makes no sense: a column of another name.
        2 => (any_table(), prop::sample::select(columns()), some_columns(), prop::option::weighted(0.2, Just("x")))
            .prop_map(move |(table_id, column, looked_at, name)| SchemaOp::ChooseColumn {
                table: "t".into(),
                table_id,
                name: name.unwrap_or(&column.name).to_owned(),
                column: column.id(),
                looked_at: ids_of(looked_at),
            }),
        2 => (any_table(), prop::collection::vec(any_table(), 0..5))
            .prop_map(|(table_id, looked_at)| SchemaOp::ChooseTable { name: "t".into(), table_id, looked_at }),
        2 => (prop::sample::select(vec!["t", "v", "V"]), prop::option::weighted(0.7, 0..3)).prop_map(
            |(name, sql)| SchemaOp::SetQuery(NamedQuery {
                name: name.into(),
                columns: Vec::new(),
                sql: sql.map(|number| format!("SELECT {number}")),
            })
        ),
        // Void, on every site.
        1 => any_table().prop_map(|table_id| SchemaOp::AddUnique {
            table: "t".into(),
            table_id,
            columns: Vec::new(),
        }),
    ]
}

/// A column by which a table may refer, or be referred to.
type Referring = (&'static str, ColumnType);

fn referring() -> impl Strategy<Value = Referring> {
    let (text, whole) = (ColumnType::Text, ColumnType::Integer);
    prop::sample::select(vec![("x", text), ("X", text), ("y", text), ("y", whole), ("id", whole)])
}

fn reference(table_id: TableId, pairs: &[(Referring, Referring)], refuses: bool) -> ReferenceDeclaration {
    let column = |((name, kind), (target, target_kind)): &(Referring, Referring)| ReferringColumn {
        name: (*name).into(),
        kind: *kind,
        target: (*target).into(),
        target_kind: *target_kind,
    };
    let on_delete = if refuses { OnDelete::Restrict } else { OnDelete::Cascade };
    let columns = pairs.iter().map(column).collect();
    ReferenceDeclaration { columns, table: "t".into(), table_id, on_delete }
}

fn declarations() -> impl Strategy<Value = Vec<Declared>> {
    let one = (0u32..3, 1i64..4, 1u8..4, prop::collection::vec(ops(), 1..4));
    prop::collection::vec(one, 1..9).prop_map(|all| {
        let id =
            |seq: usize, time_ms, author| WriteId::new(time_ms, Dot::new(Author([author; 32]), seq as u64));
        all.into_iter()
            .enumerate()
            .map(|(seq, (depth, time, author, ops))| (depth, id(seq + 1, time, author), ops))
            .collect()
    })
}

fn schema<'a>(declared: impl IntoIterator<Item = &'a Declared>) -> Schema {
    let mut schema = Schema::default();
    for (depth, by, ops) in declared {
        for (op, place) in ops.iter().zip(0..) {
            schema.add(OpPlace { depth: *depth, by: *by, place }, op);
        }
        schema.rejudge();
    }
    schema
}

proptest! {
    #[test]
    fn a_schema_is_the_same_in_any_order_and_however_often_it_is_said(
        declared in declarations(),
        order in prop::collection::vec(any::<Index>(), 9),
        again in prop::collection::vec(any::<Index>(), 0..4),
        writes in prop::collection::vec((prop::sample::select(ids()), 1u8..5), 0..4),
    ) {
        let mut first = schema(&declared);
        let mut left: Vec<&Declared> = declared.iter().collect();
        let mut shuffled = Vec::new();
        for index in &order {
            if !left.is_empty() {
                shuffled.push(left.remove(index.index(left.len())));
            }
        }
        shuffled.extend(again.iter().map(|index| index.get(&declared)));
        let mut second = schema(shuffled);
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(first.fingerprint(), second.fingerprint());
        // And whoever wrote by what, in whatever order.
        let write = |schema: &mut Schema, (id, author): &(TableId, u8)| {
            schema.note_writer(id.0, Author([*author; 32]), &KnownSchema::default());
            schema.rejudge();
        };
        writes.iter().for_each(|one| write(&mut first, one));
        writes.iter().rev().for_each(|one| write(&mut second, one));
        prop_assert_eq!(first, second);
    }

    /// Every name is shown once; what is shown is whole; what is not is told.
    #[test]
    fn what_is_shown_is_whole(declared in declarations()) {
        let schema = schema(&declared);
        for waiting in schema.waiting() {
            prop_assert!(matches!(part(&waiting.what), Param::Cause(_)), "{} has no words", waiting.what);
        }
        let tables: BTreeSet<String> = schema.tables().map(|table| name::fold(&table.shown.name)).collect();
        prop_assert_eq!(tables.len(), schema.tables().count(), "one table of each name");
        let indices: BTreeSet<String> = schema.indices().map(|index| name::fold(&index.name)).collect();
        prop_assert_eq!(indices.len(), schema.indices().count(), "one index of each name");
        for table in schema.tables() {
            let shown = &table.shown;
            let names: BTreeSet<_> = shown.columns.iter().map(|column| name::fold(&column.name)).collect();
            prop_assert_eq!(names.len(), shown.columns.len(), "one column of each name");
            let keys: BTreeSet<_> = shown.key.iter().map(|name| name::fold(name)).collect();
            prop_assert!(!keys.is_empty() && keys.is_subset(&names));
            let ids: BTreeSet<ColumnId> = shown.columns.iter().map(ColumnDef::id).collect();
            for check in &shown.checks {
                prop_assert!(check.expression.columns().all(|id| ids.contains(&id)));
            }
            for unique in &shown.uniques {
                prop_assert!(unique.columns.iter().all(|column| shown.columns.iter().any(|one| one.name == *column)));
            }
            for reference in &shown.references {
                let target = &schema.table_by_id(reference.table_id).unwrap().shown;
                prop_assert_eq!(&target.name, &reference.table);
                let is_unique = target.uniques.iter().any(|unique| unique.columns == reference.targets);
                let is_key = target.key == reference.targets;
                prop_assert!(is_key == reference.is_to_key && (is_key || is_unique));
                prop_assert!(reference.columns.iter().all(|name| shown.column(name).is_some()));
            }
            let references: BTreeSet<_> = shown.references.iter().map(|reference| reference.id).collect();
            prop_assert_eq!(references.len(), shown.references.len(), "one reference from the same to the same");
        }
    }

    /// One conflict for each name declared in several ways that no choice has looked at whole, its
    /// versions in the order of declaration.
    #[test]
    fn every_name_of_several_meanings_is_listed_until_all_of_them_were_looked_at(declared in declarations()) {
        let mut schema = schema(&declared);
        let conflicts = schema.conflicts().to_vec();
        for conflict in &conflicts {
            prop_assert_eq!(conflict.kind, ConflictKind::Schema);
            prop_assert!(conflict.versions.len() > 1);
        }
        let ids: BTreeSet<_> = conflicts.iter().map(Conflict::id).collect();
        prop_assert_eq!(ids.len(), conflicts.len());
        // Looked at by somebody later, none is left; and what is shown stays as it is.
        let shown: Vec<TableDef> = schema.tables().map(|table| table.shown.clone()).collect();
        let kept: Vec<SchemaOp> = conflicts.iter().map(|conflict| keep(&schema, conflict)).collect();
        schema.add_next(&kept);
        schema.rejudge();
        prop_assert_eq!(schema.conflicts(), []);
        prop_assert_eq!(schema.tables().map(|table| table.shown.clone()).collect::<Vec<_>>(), shown);
    }
}

/// The choice of what is shown already.
fn keep(schema: &Schema, conflict: &Conflict) -> SchemaOp {
    let table = schema.table(&conflict.table).unwrap();
    match conflict.columns.first() {
        None => {
            let looked_at = schema.tables_named(&conflict.table);
            SchemaOp::ChooseTable { name: conflict.table.clone(), table_id: table.id(), looked_at }
        }
        Some(name) => SchemaOp::ChooseColumn {
            table: "t".into(),
            table_id: table.id(),
            name: name.clone(),
            column: table.shown.column(name).unwrap().id(),
            looked_at: table.columns_named(name),
        },
    }
}

fn by(time_ms: i64, seq: u64) -> WriteId {
    WriteId::new(time_ms, Dot::new(Author([1; 32]), seq))
}

#[test]
fn the_first_definition_is_shown_until_somebody_chooses_and_a_late_one_opens_it_again() {
    let [first, second] = [0, 1].map(|at| SchemaOp::CreateTable(tables()[at].clone()));
    let table_id = ids()[0];
    let y = |at: usize| tables()[at].column("y").unwrap().clone();
    let choice = SchemaOp::ChooseColumn {
        table: "t".into(),
        table_id,
        name: "Y".into(),
        column: y(1).id(),
        looked_at: vec![y(0).id(), y(1).id()],
    };
    let late = SchemaOp::AddColumn {
        table: "t".into(),
        table_id,
        column: table("CREATE TABLE t (id INTEGER PRIMARY KEY, y DATE)").column("y").unwrap().clone(),
    };
    let said = [
        (0, by(2, 1), vec![first]),
        (0, by(1, 2), vec![second]),
        (1, by(3, 3), vec![choice]),
        (0, by(0, 4), vec![late]),
    ];
    let y_of = |schema: &Schema| schema.table("t").unwrap().shown.column("y").unwrap().kind.to_string();
    let open = |schema: &Schema| -> Vec<Vec<String>> {
        let definitions = |conflict: &Conflict| {
            assert_eq!(conflict.columns.len(), 1);
            let told = |held: &VersionContent| match held {
                VersionContent::Definition(sql) => sql.clone(),
                other => panic!("{other:?}"),
            };
            conflict.versions.iter().map(|version| told(&version.held)).collect()
        };
        schema.conflicts().iter().map(definitions).collect()
    };
    let x = || vec!["TEXT DEFAULT '-'".to_owned(), "TEXT".to_owned()];
    let of_y = |more: &[&str]| more.iter().map(|sql| (*sql).to_owned()).collect::<Vec<_>>();
    assert_eq!((y_of(&schema(&said[..1])), open(&schema(&said[..1]))), ("TEXT".into(), vec![]));
    // Declared first by the clock, that is, for nobody knew of the other.
    let two = schema(&said[..2]);
    assert_eq!((y_of(&two), open(&two)), ("INTEGER".into(), vec![x(), of_y(&["INTEGER", "TEXT"])]));
    assert_eq!(two.table("t").unwrap().shown.checks[0].name, "x <> ''");
    let chosen = schema(&said[..3]);
    assert_eq!((y_of(&chosen), open(&chosen)), ("INTEGER".into(), vec![x()]));
    let opened = schema(&said);
    assert_eq!(
        (y_of(&opened), open(&opened)),
        ("INTEGER".into(), vec![x(), of_y(&["DATE", "INTEGER", "TEXT"])])
    );
}

#[test]
fn what_people_work_with_comes_first_whatever_the_clocks_say() {
    let [people, other] = [0, 2].map(|at| SchemaOp::CreateTable(tables()[at].clone()));
    let mut schema = schema(&[(0, by(2_000, 1), vec![people])]);
    let of_people = schema.table("t").unwrap().id();
    let author = |number| Author([number; 32]);
    let nothing = KnownSchema::default();
    schema.note_writer(of_people.0, author(1), &nothing);
    // Somebody with a clock in the past declares another table of that name.
    let past = OpPlace { depth: 0, by: WriteId { author: author(7), ..by(-5, 1) }, place: 0 };
    schema.add(past, &other);
    schema.rejudge();
    assert_eq!(schema.table("T").unwrap().id(), of_people);
    let beside = schema.table("t (2)").unwrap().id();
    // Whoever knows both and writes by one of them changes nothing.
    let mut places = OpPlaces::default();
    [OpPlace { depth: 0, by: by(2_000, 1), place: 0 }, past].into_iter().for_each(|at| places.note(at));
    let context = VersionVector::from([
        (author(1), Head::new(9, &TxHash([0; 32]))),
        (author(7), Head::new(9, &TxHash([0; 32]))),
    ]);
    let dot = Dot::new(author(3), 1);
    let header =
        Header { dot, time_ms: 0, context: context.clone(), basis: None, key: None, by: None, message: None };
    let both = places.known(&header, &context);
    (3..6).for_each(|number| schema.note_writer(beside.0, author(number), &both));
    schema.rejudge();
    assert_eq!(schema.table("t").unwrap().id(), of_people);
    // As many worked with the other, apart: then the first by the clock, and more by more.
    schema.note_writer(beside.0, author(2), &nothing);
    schema.rejudge();
    assert_eq!(schema.table("t").unwrap().id(), beside);
    schema.note_writer(of_people.0, author(6), &nothing);
    schema.rejudge();
    assert_eq!(schema.table("t").unwrap().id(), of_people);
}

#[test]
fn beyond_a_bound_the_later_waits_and_an_earlier_one_that_arrives_late_pushes_it_out() {
    let create = |number: usize| {
        SchemaOp::CreateTable(table(&format!("CREATE TABLE t{number} (id INTEGER PRIMARY KEY)")))
    };
    let mut schema = Schema::default();
    for number in 0..=bounds::TABLES {
        schema.add(
            OpPlace { depth: 0, by: by(100 + number as i64, number as u64 + 1), place: 0 },
            &create(number),
        );
    }
    schema.rejudge();
    let waiting = |schema: &Schema| schema.waiting().iter().map(|one| one.what.clone()).collect::<Vec<_>>();
    assert_eq!(waiting(&schema), [format!("table t{}", bounds::TABLES)]);
    // A column of it waits with it, and is not lost.
    schema.add(OpPlace { depth: 0, by: by(1, 9_000), place: 0 }, &create(9_000));
    schema.rejudge();
    let expected = [format!("table t{}", bounds::TABLES - 1), format!("table t{}", bounds::TABLES)];
    assert_eq!(waiting(&schema), expected);
    assert!(schema.table("t9000").is_some());

    let mut schema = self::schema(&[(0, by(5, 1), vec![create(0)])]);
    let table_id = schema.table("t0").unwrap().id();
    let add = |number: usize| SchemaOp::AddColumn {
        table: "t0".into(),
        table_id,
        column: ColumnDef { name: format!("c{number}"), ..table(TABLES[0]).columns[1].clone() },
    };
    for number in 1..=bounds::COLUMNS {
        schema.add(OpPlace { depth: 1, by: by(100, number as u64 + 1), place: 0 }, &add(number));
    }
    schema.rejudge();
    assert_eq!(schema.table("t0").unwrap().shown.columns.len(), bounds::COLUMNS);
    assert_eq!(waiting(&schema), [format!("column t0.c{}", bounds::COLUMNS)]);
}

#[test]
fn a_choice_that_cannot_be_shown_shows_nothing_else() {
    let [table_id, text_table] = [ids()[0], ids()[2]];
    let create = (0, by(1, 1), vec![SchemaOp::CreateTable(tables()[0].clone())]);
    let text_key = tables()[2].column("id").unwrap().clone();
    let add = SchemaOp::AddColumn { table: "t".into(), table_id, column: text_key.clone() };
    let choose = |name: &str, column: ColumnId| SchemaOp::ChooseColumn {
        table: "t".into(),
        table_id,
        name: name.into(),
        column,
        looked_at: Vec::new(),
    };
    let y = tables()[0].column("y").unwrap().id();
    let elsewhere = SchemaOp::ChooseTable { name: "t".into(), table_id: text_table, looked_at: Vec::new() };
    let shown = schema(std::slice::from_ref(&create)).table("t").unwrap().shown.clone();
    // A column of another name, another key, a table that nobody made.
    for op in [choose("x", y), choose("id", text_key.id()), elsewhere] {
        let schema = schema(&[create.clone(), (0, by(1, 2), vec![add.clone()]), (1, by(1, 3), vec![op])]);
        assert_eq!(schema.table("t").unwrap().shown, shown);
    }
}
