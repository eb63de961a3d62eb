//! Schema changes made apart, and ops that no honest site would sign: whatever arrives, every site
//! opens, shows the same, and goes on.

use tandem_protocol::op::Op;
use tandem_protocol::schema::expression::{Expression, Node};
use tandem_protocol::schema::{
    ColumnDef, ColumnId, ColumnType, Constant, DefaultValue, Judge, SchemaOp, TableDeclaration, TableId,
    WaitReason, ddl,
};
use tandem_protocol::value::Value;

use super::{Site, pull, sync, two};
use crate::Written;
use crate::writer::{LocalJob, LocalWork};

const BASE: &str = "CREATE TABLE base (id INTEGER PRIMARY KEY, n TEXT);
    CREATE TABLE student (id INTEGER PRIMARY KEY, name TEXT);";

pub(super) fn apply(site: &Site, sql: &str) {
    let _written: Written = site.space.wait(|reply| site.space.apply_schema(sql, reply)).unwrap();
}

pub(super) fn refused(site: &Site, sql: &str) -> String {
    let end = site.space.end();
    let answer: Result<Written, crate::WriteError> =
        site.space.wait(|reply| site.space.apply_schema(sql, reply));
    assert_eq!(site.space.end(), end, "{sql}: recorded");
    answer.unwrap_err().to_string()
}

/// Records an op as a member could who holds no gate.
pub(super) fn smuggle(site: &Site, op: SchemaOp) {
    let ops = vec![Op::Schema(op)];
    let _written: Written = site.space.wait(|reply| site.space.local(LocalWork::Ops(ops), reply)).unwrap();
}

/// Both hold all, show the same, and do so again after their views were made anew.
pub(super) fn equal_and_open(a: Site, b: Site) -> (Site, Site) {
    sync(&a, &b);
    let told = |site: &Site| {
        let schema = site.space.schema();
        let tables: Vec<_> = schema.tables().map(|table| table.shown.clone()).collect();
        (schema.fingerprint(), tables, site.space.status().tables, site.space.not_shown())
    };
    assert_eq!(told(&a), told(&b));
    let before = told(&a);
    let sites = [a, b].map(|site| {
        site.verify();
        let view = site.space.folder().join("view.sqlite");
        let site = site.reopen();
        assert_eq!(told(&site), before);
        site.space.rebuild_view().unwrap();
        assert_eq!(told(&site), before);
        let Site { store, space, folder } = site;
        drop(space);
        store.close();
        drop(store);
        std::fs::remove_file(view).unwrap();
        let site = Site::open(folder);
        assert_eq!(told(&site), before);
        site
    });
    sites.into()
}

/// What two sites declare apart, one each, and the tables that both have then.
const DECLARED_APART: &[(&str, &str, &[&str])] = &[
    // Names that meet when table and column are joined.
    (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, item_code TEXT UNIQUE)",
        "CREATE TABLE orders_item (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
        &["orders", "orders_item"],
    ),
    (
        "ALTER TABLE student ADD COLUMN group_code TEXT UNIQUE",
        "CREATE TABLE student_group (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
        &["student_group"],
    ),
    // An index called as a table is.
    ("CREATE INDEX names ON base (n)", "CREATE TABLE names (id INTEGER PRIMARY KEY)", &["names"]),
    ("CREATE INDEX i ON base (n)", "CREATE INDEX i ON student (name)", &[]),
    // One table in two spellings.
    (
        "CREATE TABLE Notes (id TEXT PRIMARY KEY, body TEXT)",
        "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT)",
        &["notes"],
    ),
    // Two tables of one name.
    (
        "CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT)",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)",
        &["notes", "notes (2)"],
    ),
    // A column and an index on it here, another column there, later.
    (
        "ALTER TABLE base ADD COLUMN grp TEXT; CREATE INDEX base_grp ON base (grp)",
        "ALTER TABLE base ADD COLUMN other TEXT",
        &[],
    ),
    ("CREATE TABLE sqlite2 (id INTEGER PRIMARY KEY)", "ALTER TABLE base ADD COLUMN x TEXT", &["sqlite2"]),
    (
        "ALTER TABLE base ADD COLUMN x TEXT UNIQUE CHECK (x <> '')",
        "ALTER TABLE base ADD COLUMN x INTEGER DEFAULT 3; CREATE INDEX x ON base (x)",
        &[],
    ),
];

#[test]
fn what_two_sites_declare_apart_is_there_on_both() {
    for (a_declares, b_declares, tables) in DECLARED_APART {
        for b_first in [false, true] {
            let (a, b) = two(BASE);
            a.write("INSERT INTO base (id, n) VALUES (1, 'one')");
            apply(&a, a_declares);
            apply(&b, b_declares);
            if b_first {
                pull(&a, &b);
            }
            let (a, b) = equal_and_open(a, b);
            for site in [&a, &b] {
                for table in *tables {
                    assert!(site.space.schema().table(table).is_some(), "{a_declares} {b_declares}: {table}");
                    site.rows(&format!("SELECT * FROM \"{table}\""));
                }
                assert_eq!(site.rows("SELECT n FROM base"), ["one"], "{a_declares} {b_declares}");
            }
        }
    }
}

#[test]
fn what_only_one_of_two_declarations_has_is_not_demanded_of_the_other() {
    let (a, b) = two(BASE);
    apply(&a, "CREATE TABLE bills (id INTEGER PRIMARY KEY, total DECIMAL(9,2) NOT NULL, note TEXT NOT NULL)");
    apply(
        &b,
        "CREATE TABLE bills (id INTEGER PRIMARY KEY, total DECIMAL(9,2) NOT NULL, payer TEXT NOT NULL)",
    );
    a.write("INSERT INTO bills (id, total, note) VALUES (1, 10, 'a')");
    b.write("INSERT INTO bills (id, total, payer) VALUES (2, 20, 'b')");
    let (a, b) = equal_and_open(a, b);
    // Both go on as before, and nothing is in breach of a rule.
    a.write("INSERT INTO bills (id, total, note) VALUES (3, 10, 'a')");
    b.write("INSERT INTO bills (id, total, payer) VALUES (4, 20, 'b')");
    assert_eq!(
        a.refused("INSERT INTO bills (id, note, payer) VALUES (5, 'a', 'b')").code,
        "constraint_not_null"
    );
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(site.space.status().open_conflicts, 0);
        let schema = site.space.schema();
        let told: Vec<_> = schema.waiting().iter().map(|one| (one.what.as_str(), &one.reason)).collect();
        let (note, payer) = ("NOT NULL of bills.note", "NOT NULL of bills.payer");
        assert_eq!(told.len(), 2, "{told:?}");
        // Nobody can bring what it waits for, and nothing else waits: no warning stands for ever.
        assert_eq!(site.space.status().waiting, 0);
        assert!([note, payer].iter().all(|what| told.contains(&(*what, &WaitReason::NotInAll))), "{told:?}");
    }
    // It can be demanded of a table that both know.
    apply(&a, "ALTER TABLE bills ADD CHECK (payer IS NOT NULL)");
    assert_eq!(a.refused("INSERT INTO bills (id, total, note) VALUES (6, 1, 'a')").code, "constraint_check");
}

#[test]
fn rows_of_a_table_in_two_spellings_are_rows_of_one_table() {
    let (a, b) = two(BASE);
    apply(&a, "CREATE TABLE Notes (id TEXT PRIMARY KEY, body TEXT)");
    apply(&b, "CREATE TABLE notes (ID TEXT PRIMARY KEY, Body TEXT)");
    a.write("INSERT INTO notes VALUES ('a', 'of a')");
    b.write("INSERT INTO Notes VALUES ('b', 'of b')");
    let (a, b) = equal_and_open(a, b);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT id, body FROM NOTES ORDER BY id"), ["a|of a", "b|of b"]);
        assert_eq!(site.space.open_conflicts().0, 0);
    }
}

#[test]
fn a_table_that_people_work_with_is_not_put_aside_by_one_declared_elsewhere() {
    let (a, b) = two(BASE);
    apply(&a, "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    a.write("INSERT INTO t VALUES (1, 'work')");
    // By a clock in the past: b's op is the first of the two by time.
    let planned = ddl::plan("CREATE TABLE T (code TEXT PRIMARY KEY)", &b.space.schema()).unwrap();
    let ops = planned.into_iter().map(Op::Schema).collect();
    let _written: Written = b
        .space
        .wait(|reply| {
            let job =
                LocalJob { work: LocalWork::Ops(ops), home: None, now_ms: 1_000, reply: Box::new(reply) };
            b.space.send_job(job);
        })
        .unwrap();
    let (a, b) = equal_and_open(a, b);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT * FROM t"), ["1|work"]);
        assert_eq!(site.rows("SELECT code FROM \"T (2)\""), Vec::<String>::new());
        assert_eq!(site.space.open_conflicts().0, 1);
    }
    a.write("INSERT INTO \"T (2)\" VALUES ('x')");
    let (_, b) = equal_and_open(a, b);
    assert_eq!(b.rows("SELECT code FROM \"T (2)\""), ["x"]);
}

#[test]
fn what_sqlite_would_refuse_leaves_no_trace() {
    let (a, b) = two("CREATE TABLE base (id INTEGER PRIMARY KEY, n TEXT)");
    for sql in [
        "ALTER TABLE base ADD COLUMN c INTEGER DEFAULT (id + 1)",
        "ALTER TABLE base ADD COLUMN c TEXT DEFAULT (n || 'x')",
        "ALTER TABLE base ADD COLUMN c INTEGER DEFAULT ((SELECT 1))",
        "ALTER TABLE base ADD COLUMN at TEXT DEFAULT (nope())",
        "ALTER TABLE base ADD COLUMN at TEXT CHECK (nope > 0)",
        "ALTER TABLE base ADD COLUMN c INTEGER DEFAULT 'zz'",
        "ALTER TABLE base ADD COLUMN c BLOB DEFAULT (strftime())",
        "CREATE TABLE \"sqlite_x\" (id INTEGER PRIMARY KEY)",
    ] {
        refused(&a, sql);
    }
    apply(&a, "ALTER TABLE base ADD COLUMN at TEXT DEFAULT (now())");
    a.write("INSERT INTO base (n) VALUES ('x')");
    assert!(a.rows("SELECT at FROM base")[0].starts_with("20"));
    equal_and_open(a, b);
}

/// What a member can say of a schema that no honest program says.
struct Smuggled {
    base: TableId,
    /// The column of its key.
    id: ColumnId,
}

impl Smuggled {
    /// Breaks a rule by itself.
    fn void(&self) -> Vec<SchemaOp> {
        let mut wide = table("wide", (0..1_990).map(|at| text(&format!("c{at}"))).collect());
        wide.checks = vec![call("random", vec![])];
        let mut no_key = table("no_key", vec![text("a")]);
        no_key.key = vec!["b".into()];
        let mut twice = table("twice", vec![text("a"), text("A")]);
        twice.uniques = vec![vec!["a".into(), "A".into()]];
        let tables = [
            table("_tandem_state", vec![text("a")]),
            table("", vec![text("a")]),
            table(&"x".repeat(100_000), vec![text("a")]),
            table("t\u{202e}", vec![text("a")]),
            table("no_columns", vec![]),
            wide,
            no_key,
            twice,
        ];
        let no_number = DefaultValue::Constant(Constant::new(&Value::Text("zz".into())));
        let huge = call("randomblob", vec![Node::Literal(Constant::new(&Value::Integer(1 << 40)))]);
        let columns = [
            ColumnDef { kind: ColumnType::Decimal { precision: 200, scale: 250 }, ..text("d") },
            ColumnDef { not_null: true, ..text("nn") },
            ColumnDef { kind: ColumnType::Integer, default: no_number, ..text("zz") },
            defaulting("e1", Expression::new(vec![])),
            defaulting("e2", Expression::new(vec![Node::Column(self.id)])),
            defaulting("e3", huge),
        ];
        let rules = [
            self.check(call("random", vec![])),
            self.check(call("uuid7", vec![])),
            SchemaOp::AddUnique { table: "base".into(), table_id: self.base, columns: vec![] },
        ];
        let tables = tables.into_iter().map(SchemaOp::CreateTable);
        tables.chain(columns.into_iter().map(|column| self.add(column))).chain(rules).collect()
    }

    /// No fault by itself: it waits.
    fn waiting(&self) -> Vec<SchemaOp> {
        let columns = || vec!["nope".to_owned()];
        let drops = call("1), PRIMARY KEY (id)) STRICT; DROP TABLE base; --", vec![]);
        vec![
            self.check(call("1); ATTACH DATABASE 'x.db' AS p; --", vec![])),
            self.add(defaulting("later", drops)),
            SchemaOp::AddUnique { table: "base".into(), table_id: self.base, columns: columns() },
            SchemaOp::AddUnique { table: "x".into(), table_id: TableId([9; 16]), columns: columns() },
        ]
    }

    fn add(&self, column: ColumnDef) -> SchemaOp {
        SchemaOp::AddColumn { table: "base".into(), table_id: self.base, column }
    }

    fn check(&self, check: Expression) -> SchemaOp {
        SchemaOp::AddCheck { table: "base".into(), table_id: self.base, check }
    }
}

fn text(name: &str) -> ColumnDef {
    ColumnDef { name: name.into(), kind: ColumnType::Text, default: DefaultValue::None, not_null: false }
}

fn defaulting(name: &str, default: Expression) -> ColumnDef {
    ColumnDef { default: DefaultValue::Expression(default), ..text(name) }
}

/// A table whose key is its first column.
fn table(name: &str, columns: Vec<ColumnDef>) -> TableDeclaration {
    let key = columns.iter().take(1).map(|column| column.name.clone()).collect();
    let (checks, uniques, references) = (Vec::new(), Vec::new(), Vec::new());
    TableDeclaration { name: name.into(), key, columns, checks, uniques, references }
}

fn call(name: &str, operands: Vec<Node>) -> Expression {
    let mut nodes = vec![Node::Call(name.into(), operands.len() as u16)];
    nodes.extend(operands);
    Expression::new(nodes)
}

#[test]
fn a_member_who_signs_what_no_schema_may_say_stops_nobody() {
    let (a, b) = two(BASE);
    b.write("INSERT INTO base (id, n) VALUES (7, 'of b')");
    let schema = a.space.schema();
    let base = schema.table("base").unwrap();
    let smuggled = Smuggled { base: base.id(), id: base.shown.columns[0].id() };
    let (void, waiting) = (smuggled.void(), smuggled.waiting());
    let (voided, waits) = (void.len(), waiting.len());
    void.into_iter().chain(waiting).for_each(|op| smuggle(&a, op));
    let (a, b) = equal_and_open(a, b);
    for site in [&a, &b] {
        let schema = site.space.schema();
        let found = (schema.void().count(), schema.waiting().len());
        assert_eq!(found, (voided, waits), "{:?}", schema.waiting());
        assert_eq!(site.rows("SELECT id, n FROM base"), ["7|of b"]);
        assert_eq!(site.space.schema().tables().count(), 2);
        site.write("INSERT INTO student (name) VALUES ('goes on')");
    }
    let refusal = a.refused("INSERT INTO base (id, n) VALUES (8, 'x')");
    assert!(refusal.is_by(&["default_function"]), "{refusal}");
    a.write("INSERT INTO base (id, n, later) VALUES (8, 'x', 'given')");
    equal_and_open(a, b);
}

#[test]
fn a_table_that_sqlite_refuses_is_told_and_everything_else_goes_on() {
    let (a, b) = two(BASE);
    // A defect of this program, played: SQLite takes fewer columns than count.
    b.space.limit_columns(20);
    let columns: Vec<String> = (0..30).map(|at| format!("c{at} TEXT")).collect();
    apply(&a, &format!("CREATE TABLE large (id INTEGER PRIMARY KEY, {})", columns.join(", ")));
    a.write("INSERT INTO large (id, c3) VALUES (1, 'x')");
    a.write("INSERT INTO base (id, n) VALUES (1, 'after it')");
    pull(&b, &a);
    assert_eq!(b.rows("SELECT n FROM base"), ["after it"]);
    let [(table, reason)] = b.space.not_shown().try_into().unwrap();
    assert_eq!(table, "large");
    assert!(reason.code == "sqlite_many_columns", "{reason}");
    assert_eq!((b.space.status().parked, b.space.vector()), (1, a.space.vector()));
    assert!(b.space.status().tables.iter().all(|table| table.name != "large"), "its fingerprint is withheld");
    // The next version of the program has no such defect.
    let b = b.reopen();
    b.space.rebuild_view().unwrap();
    assert_eq!(b.rows("SELECT c3 FROM large"), ["x"]);
    equal_and_open(a, b);
}

#[test]
fn an_older_program_keeps_what_it_does_not_know_and_agrees_on_the_rest() {
    assert_ne!(Judge::older(), Judge::default());
    let nodes = |columns: &[ColumnDef]| {
        let column = Node::Column(columns[1].id());
        Expression::new(vec![
            Node::Call("instr".into(), 2),
            column,
            Node::Literal(Constant::new(&Value::Text("@".into()))),
        ])
    };
    let a = Site::founder(BASE);
    let b = Site::member_of_program(&a, "b", Judge::older());
    pull(&b, &a);
    let check = nodes(&a.space.schema().table("base").unwrap().shown.columns);
    let table_id = a.space.schema().table("base").unwrap().id();
    smuggle(&a, SchemaOp::AddCheck { table: "base".into(), table_id, check });
    apply(&a, "ALTER TABLE student ADD COLUMN code INTEGER DEFAULT (instr('abc', 'c'))");
    a.write("INSERT INTO base (id, n) VALUES (1, 'a@b')");
    a.write("INSERT INTO student (id, name) VALUES (1, 'x')");
    sync(&a, &b);
    let waiting: Vec<String> =
        b.space.schema().waiting().iter().map(|one| format!("{}: {}", one.what, one.reason)).collect();
    assert_eq!(
        waiting,
        [
            "a CHECK of base: the function instr, which a newer program knows",
            "DEFAULT of student.code: the function instr, which a newer program knows",
        ]
    );
    assert_eq!(b.rows("SELECT code FROM student"), ["3"]);
    assert!(
        b.refused("INSERT INTO student (name) VALUES ('y')")
            .to_string()
            .contains("default_function (name: instr)")
    );
    b.write("INSERT INTO student (name, code) VALUES ('y', 5)");
    b.write("INSERT INTO base (id, n) VALUES (2, 'no sign')");
    sync(&a, &b);
    // Updated, it knows.
    let b = b.reopen();
    b.space.rebuild_view().unwrap();
    assert_eq!(b.space.schema().waiting().len(), 0);
    assert_eq!(b.space.schema().fingerprint(), a.space.schema().fingerprint());
    b.write("INSERT INTO student (name) VALUES ('z')");
    equal_and_open(a, b);
}

/// SQLite calls the rowid so too: it lets a new table have such a column, but adds none to one that is
/// there.
#[test]
fn a_column_that_sqlite_adds_to_no_table_is_there_all_the_same() {
    let office = Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)");
    office.write("INSERT INTO t (id, x) VALUES (1, 'a')");
    for name in ["oid", "_rowid_"] {
        let sql = format!("ALTER TABLE t ADD COLUMN {name} TEXT DEFAULT 'd'");
        office.space.wait(|reply| office.space.apply_schema(&sql, reply)).unwrap();
    }
    office.write("INSERT INTO t (id, oid) VALUES (2, 'b')");
    let rows = ["1|a|d|d", "2|NULL|b|d"];
    assert_eq!(office.rows("SELECT id, x, oid, _rowid_ FROM t ORDER BY id"), rows);
    office.verify();
    let office = office.reopen();
    assert_eq!(office.rows("SELECT id, x, oid, _rowid_ FROM t ORDER BY id"), rows);
}

#[test]
fn every_constant_can_be_a_default_also_where_rows_are_there() {
    let (a, b) = two(BASE);
    a.write("INSERT INTO base (n) VALUES ('there')");
    let values = [
        Value::Text("\0".into()),
        Value::Text("a'b\0c".into()),
        Value::Text("'); --".into()),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Real(-1.5e-300),
        Value::Blob(vec![0, 39]),
        Value::Blob(Vec::new()),
    ];
    for (at, value) in values.iter().enumerate() {
        let kind = match value {
            Value::Text(_) => "TEXT",
            Value::Integer(_) => "INTEGER",
            Value::Real(_) => "REAL",
            _ => "BLOB",
        };
        for sql in [
            format!("ALTER TABLE base ADD COLUMN c{at} {kind}"),
            format!("CREATE TABLE t{at} (id INTEGER PRIMARY KEY, c {kind})"),
        ] {
            let mut ops = ddl::plan(&sql, &a.space.schema()).unwrap();
            for op in &mut ops {
                match op {
                    SchemaOp::CreateTable(table) => {
                        table.columns[1].default = DefaultValue::Constant(Constant::new(value));
                    }
                    SchemaOp::AddColumn { column, .. } => {
                        column.default = DefaultValue::Constant(Constant::new(value));
                    }
                    _ => {}
                }
            }
            ops.into_iter().for_each(|op| smuggle(&a, op));
        }
        a.write(&format!("INSERT INTO t{at} (id) VALUES (1)"));
    }
    let (a, _) = equal_and_open(a, b);
    assert!(a.space.not_shown().is_empty(), "{:?}", a.space.not_shown());
    for (at, value) in values.iter().enumerate() {
        for sql in [format!("SELECT c{at} FROM base"), format!("SELECT c FROM t{at}")] {
            assert_eq!(a.space.query(&sql, &[]).unwrap().0.rows, [[value.clone()]], "{sql}");
        }
    }
}

/// SQLite adds no column with an expression as default to rows that are there: that table alone is made
/// anew, whatever else the log holds.
#[test]
fn a_column_that_sqlite_does_not_add_to_rows_makes_no_other_table_anew() {
    let schema = "CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT UNIQUE, floor INTEGER);
        CREATE TABLE lesson (id INTEGER PRIMARY KEY, room INTEGER REFERENCES room(id) ON DELETE RESTRICT);
        CREATE INDEX room_floor ON room (floor);";
    let (a, b) = two(schema);
    a.write("INSERT INTO room (id, name, floor) VALUES (1, 'red', 1), (2, 'blue', 1), (3, 'gone', 2), (4, 'old', 3)");
    a.write("DELETE FROM room WHERE id = 3");
    sync(&a, &b);
    // A value held twice, a reference to a deleted row, a register in conflict.
    a.write("INSERT INTO room (id, name, floor) VALUES (5, 'green', 1)");
    b.write("INSERT INTO room (id, name, floor) VALUES (6, 'green', 2)");
    a.write("DELETE FROM room WHERE id = 4");
    b.write("INSERT INTO lesson (id, room) VALUES (1, 4)");
    a.write("UPDATE room SET floor = 7 WHERE id = 1");
    b.write("UPDATE room SET floor = 8 WHERE id = 1");
    sync(&a, &b);
    let open = a.space.status().open_conflicts;
    assert!(open >= 3, "{open}");
    for site in [&a, &b] {
        let view = site.space.folder().join("view.sqlite");
        let mark = "INSERT INTO _tandem_state (name, value) VALUES ('not made anew', 1)";
        rusqlite::Connection::open(view).unwrap().execute_batch(mark).unwrap();
    }
    let indices = "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let before = a.view_number(indices);
    apply(&a, "ALTER TABLE room ADD COLUMN since TEXT DEFAULT CURRENT_TIMESTAMP");
    apply(&a, "ALTER TABLE room ADD COLUMN seats INTEGER DEFAULT (2 * 4)");
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(site.view_number("SELECT count(*) FROM _tandem_state WHERE name = 'not made anew'"), 1);
        assert_eq!(site.view_number(indices), before);
        assert_eq!(site.space.status().open_conflicts, open);
        assert_eq!(site.refused("INSERT INTO room (name) VALUES ('red')").code, "constraint_unique");
    }
    a.write("INSERT INTO room (id, name) VALUES (9, 'new')");
    let rows = ["1|NULL", "2|NULL", "4|NULL", "5|NULL", "6|NULL", "9|8"];
    assert_eq!(a.rows("SELECT id, seats FROM room ORDER BY id"), rows);
    b.write("UPDATE room SET seats = 5 WHERE id = 2");
    a.write("UPDATE room SET seats = 6 WHERE id = 2");
    equal_and_open(a, b);
}

/// A default that refers to a row: those of a deleted one are as if each row had been written so.
#[test]
fn a_column_whose_default_refers_to_a_deleted_row_keeps_it() {
    for seen in [false, true] {
        let (a, b) = two(BASE);
        a.write("INSERT INTO base (id, n) VALUES (1, 'one'), (3, 'gone')");
        a.write("INSERT INTO student (id, name) VALUES (1, 'x'), (2, 'y')");
        sync(&a, &b);
        a.write("DELETE FROM base WHERE id = 3");
        if seen {
            sync(&a, &b);
        }
        let sql = "ALTER TABLE student ADD COLUMN room INTEGER REFERENCES base(id) DEFAULT 3";
        let _refused_or_not: Result<Written, crate::WriteError> =
            b.space.wait(|reply| b.space.apply_schema(sql, reply));
        equal_and_open(a, b);
    }
}

#[test]
fn a_counter_that_may_not_be_null_is_added_to_rows_that_are_there_as_0() {
    let (a, b) = two(BASE);
    a.write("INSERT INTO base (id, n) VALUES (1, 'x'), (2, 'y')");
    sync(&a, &b);
    apply(&a, "ALTER TABLE base ADD COLUMN sold COUNTER NOT NULL");
    apply(&a, "ALTER TABLE base ADD COLUMN paid COUNTER(20,2) NOT NULL CHECK (paid >= 0)");
    // Nobody here knows of it yet.
    b.write("INSERT INTO base (id, n) VALUES (3, 'z')");
    a.write("UPDATE base SET sold = sold + 5, paid = decimal_add(paid, '0.25') WHERE id = 1");
    sync(&a, &b);
    let shown = ["1|5|0.25", "2|0|0.00", "3|0|0.00"];
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT id, sold, paid FROM base ORDER BY id"), shown);
    }
    a.write("UPDATE base SET sold = sold - 2 WHERE id = 3");
    b.write("UPDATE base SET sold = sold + 3 WHERE id = 3");
    b.write("INSERT INTO base (id, n) VALUES (4, 'new')");
    let (a, b) = equal_and_open(a, b);
    assert_eq!(a.rows("SELECT id, sold FROM base WHERE id > 2 ORDER BY id"), ["3|1", "4|0"]);
    b.refused("UPDATE base SET sold = NULL WHERE id = 1");
    // Applied again it is there already; what is not 0 by itself still needs a DEFAULT.
    apply(&b, "ALTER TABLE base ADD COLUMN sold COUNTER NOT NULL");
    assert!(refused(&b, "ALTER TABLE base ADD COLUMN k INTEGER NOT NULL").contains("k"));
}
