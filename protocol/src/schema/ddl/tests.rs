use super::*;
use crate::identity::Author;
use crate::merge::WriteId;
use crate::schema::expression::Style;
use crate::schema::{ColumnType, NamedQuery, OnDelete, OpPlace, ReferenceDeclaration, WaitReason};
use crate::sql_text::SqlTextError;
use crate::value::Value;
use crate::version::Dot;

fn place(seq: u64, place: usize) -> OpPlace {
    let by = WriteId::new(1, Dot::new(Author([1; 32]), seq));
    OpPlace { depth: 0, by, place: place as u32 }
}

fn schema_of(sql: &str) -> Schema {
    let mut schema = Schema::default();
    schema.add_next(&plan(sql, &schema).unwrap());
    schema.rejudge();
    schema
}

fn refused(sql: &str) -> String {
    crate::cause::Cause::from(&plan(sql, &Schema::default()).unwrap_err()).to_string()
}

#[test]
fn a_type_of_another_database_is_declared_by_its_name() {
    let of = |kind: &str| {
        let schema = schema_of(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, c {kind});"));
        schema.tables().next().unwrap().columns[1].what.kind.to_string()
    };
    for (declared, is) in [
        ("EXTERNAL('timestamp(3) with time zone[]')", "EXTERNAL('timestamp(3) with time zone[]')"),
        ("external(inet)", "EXTERNAL('inet')"),
        ("EXTERNAL('it''s')", "EXTERNAL('it''s')"),
    ] {
        assert_eq!(of(declared), is);
    }
    for kind in [
        "EXTERNAL",
        "EXTERNAL()",
        "EXTERNAL('')",
        "EXTERNAL('a', 'b')",
        &format!("EXTERNAL('{}')", "x".repeat(64)),
    ] {
        let told = refused(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, c {kind});"));
        assert!(told.contains("t.c"), "{kind}: {told}");
    }
}

#[test]
fn every_type_and_rule_is_read() {
    let sql = "CREATE TABLE levels (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS t (
          id UUID PRIMARY KEY DEFAULT (uuid7()), n COUNTER NOT NULL DEFAULT 0, m COUNTER(9,2),
          money DECIMAL(12,2) CHECK (money >= 0), at TIMESTAMP, seen STAMP, who QUIET, note RICHTEXT,
          data JSON, flag BOOLEAN DEFAULT TRUE, b BLOB, r REAL DEFAULT -1.5, d DATE, h TIME,
          code TEXT UNIQUE, level INTEGER REFERENCES levels (id) ON DELETE SET NULL,
          UNIQUE (at, code), CHECK (r < 5));
        CREATE INDEX t_at ON t (at);";
    let ops = plan(sql, &Schema::default()).unwrap();
    assert_eq!(ops.len(), 3);
    let SchemaOp::CreateTable(t) = &ops[1] else { panic!("{ops:?}") };
    let kinds: Vec<String> = t.columns.iter().map(|column| column.kind.to_string()).collect();
    assert_eq!(
        kinds.join(" "),
        "UUID COUNTER COUNTER(9,2) DECIMAL(12,2) TIMESTAMP STAMP QUIET RICHTEXT JSON BOOLEAN BLOB REAL DATE TIME TEXT INTEGER"
    );
    assert_eq!(t.column("flag").unwrap().unwritten(), Value::Integer(1));
    assert_eq!(t.column("r").unwrap().unwritten(), Value::Real(-1.5));
    assert_eq!(t.column("id").unwrap().definition(), "UUID DEFAULT (uuid7())");
    let [level] = &t.references[..] else { panic!("{:?}", t.references) };
    assert_eq!((&*level.columns[0].name, level.on_delete), ("level", OnDelete::SetNull));
    assert_eq!((t.uniques.len(), t.checks.len(), t.key.len()), (2, 2, 1));

    let schema = schema_of(sql);
    assert_eq!(plan(sql, &schema).unwrap(), vec![], "applying again adds nothing");
    let grown = plan("ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'x'", &schema).unwrap();
    assert!(matches!(&grown[..], [SchemaOp::AddColumn { column, .. }] if column.name == "extra"));
}

#[test]
fn a_default_has_all_its_digits() {
    let long = "123456789012345678901234567890.12";
    let sql = format!(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b DECIMAL(38,2) DEFAULT {long}, c DECIMAL(38,2) DEFAULT (-{long}),
        d COUNTER(20,1) DEFAULT 7, e DECIMAL(4,2) DEFAULT 2.675)"
    );
    let schema = schema_of(&sql);
    let table = &schema.table("t").unwrap().shown;
    let default = |column: &str| table.column(column).unwrap().default_sql(Style::People).unwrap();
    assert_eq!(default("b"), long);
    assert_eq!(default("c"), format!("-{long}"));
    assert_eq!((default("d"), default("e")), ("7.0".into(), "2.68".into()));
    // What is written for people can be read again.
    let again = format!("CREATE TABLE t (a INTEGER PRIMARY KEY, b DECIMAL(38,2) DEFAULT {})", default("b"));
    let again = schema_of(&again).table("t").unwrap().shown.columns[1].id();
    assert_eq!(again, table.column("b").unwrap().id());
}

#[test]
fn what_cannot_be_replicated_is_refused_with_a_reason() {
    for (sql, reason) in [
        ("CREATE TABLE t (a TEXT)", "schema_no_key"),
        ("CREATE TABLE t (a MONEY PRIMARY KEY)", "found: MONEY"),
        ("CREATE TABLE t (a DECIMAL(39,2) PRIMARY KEY)", "found: DECIMAL(39,2)"),
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER GENERATED ALWAYS AS (a + 1) STORED)",
            "schema_generated",
        ),
        ("CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END", "schema_triggers"),
        ("CREATE TABLE t (a COUNTER PRIMARY KEY)", "schema_key_type"),
        ("CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY)", "schema_collations"),
        (
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES u (id))",
            "reference_no_table, target: u",
        ),
        ("CREATE TABLE _tandem_x (a INTEGER PRIMARY KEY)", "name_reserved"),
        ("CREATE TABLE t (a INTEGER PRIMARY KEY, b DATE DEFAULT 'demain')", "place: t.b"),
        ("VACUUM", "schema_statement"),
        ("CREATE UNIQUE INDEX i ON t (a)", "schema_index_no_table (index: i, table: t)"),
        ("CREATE TABLE", "parser"),
    ] {
        assert!(refused(sql).to_lowercase().contains(&reason.to_lowercase()), "{sql}: {}", refused(sql));
    }
}

#[test]
fn what_other_databases_spell_otherwise_and_mean_the_same_is_read() {
    for (theirs, ours) in [
        ("INT(11)", "INTEGER"),
        ("smallint", "INTEGER"),
        ("INT8", "INTEGER"),
        ("TINYINT(1)", "BOOLEAN"),
        ("BIT(1)", "BOOLEAN"),
        ("double precision", "REAL"),
        ("CHARACTER VARYING", "TEXT"),
        ("LONGTEXT", "TEXT"),
        ("BYTEA", "BLOB"),
        ("longblob", "BLOB"),
        ("JSONB", "JSON"),
        ("TIMESTAMPTZ", "TIMESTAMP"),
        ("DATETIME(6)", "TIMESTAMP"),
        ("TIMESTAMP(3) WITH TIME ZONE", "TIMESTAMP"),
        ("TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP"),
        ("TIME(6)", "TIME"),
        ("NUMERIC(12,2)", "DECIMAL(12,2)"),
        ("DEC(5)", "DECIMAL(5,0)"),
    ] {
        let schema = schema_of(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, a {theirs} NULL)"));
        assert_eq!(schema.table("t").unwrap().shown.columns[1].kind.to_string(), ours, "{theirs}");
    }
    // A length is kept, as the rule that it is.
    let ours = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, CHECK (length(a) <= 100), CHECK (length(b) <= 2))";
    let theirs = "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(100), b CHAR(2) COLLATE BINARY)";
    assert_eq!(plan(theirs, &schema_of(ours)).unwrap(), []);
    assert_eq!(plan(ours, &schema_of(theirs)).unwrap(), []);
    let added = plan("ALTER TABLE t ADD COLUMN c VARCHAR(3)", &schema_of(ours)).unwrap();
    assert!(matches!(&added[..], [SchemaOp::AddColumn { .. }, SchemaOp::AddCheck { .. }]), "{added:?}");
    // Ids are tandem's; what other columns count up cannot be given apart. What a key's change would do
    // never comes to pass.
    let plain = "CREATE TABLE t (id INTEGER PRIMARY KEY, up INTEGER REFERENCES t ON DELETE CASCADE)";
    for key in [
        "INTEGER PRIMARY KEY AUTOINCREMENT",
        "SERIAL PRIMARY KEY",
        "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    ] {
        let sql = format!(
            "CREATE TABLE t (id {key}, up INT REFERENCES t (id) ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE)"
        );
        assert_eq!(plan(&sql, &schema_of(plain)).unwrap(), [], "{key}");
    }
    for sql in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n SERIAL)",
        "CREATE TABLE t (a TEXT, n BIGSERIAL, PRIMARY KEY (a, n))",
        "CREATE TABLE t (id TEXT PRIMARY KEY GENERATED ALWAYS AS IDENTITY)",
    ] {
        assert!(refused(sql).contains("schema_counts_up"), "{sql}: {}", refused(sql));
    }
}

#[test]
fn what_would_wait_is_refused_also_in_place_of_what_waits() {
    let many: String =
        (0..bounds::QUERIES).map(|at| format!("CREATE VIEW v{at} AS SELECT {at} AS n;")).collect();
    let mut schema = schema_of(&many);
    let elsewhere = NamedQuery { name: "n".into(), columns: Vec::new(), sql: Some("SELECT 1".into()) };
    schema.add_next(&[SchemaOp::SetQuery(elsewhere)]);
    schema.rejudge();
    assert_eq!(schema.waiting().len(), 1, "there is no room for it");
    for sql in ["CREATE OR REPLACE VIEW n AS SELECT 2", "CREATE VIEW n AS SELECT 2"] {
        assert_eq!(problems(sql, &schema), [(None, "schema_waits".to_owned())], "{sql}");
    }
    assert!(
        plan("CREATE OR REPLACE VIEW v7 AS SELECT 2; CREATE TABLE t (id INTEGER PRIMARY KEY)", &schema)
            .is_ok()
    );
}

/// The line and code of each thing that is wrong.
fn problems(sql: &str, schema: &Schema) -> Vec<(Option<u64>, String)> {
    let problems = plan(sql, schema).unwrap_err();
    let code = |error: &DdlError| crate::cause::Cause::from(error).code.into_owned();
    problems.all().iter().map(|problem| (problem.line, code(&problem.error))).collect()
}

#[test]
fn all_that_is_wrong_is_told_at_once_and_by_its_line() {
    let schema = schema_of(
        "CREATE TABLE old (id INTEGER PRIMARY KEY, n TEXT, m TEXT UNIQUE, CHECK (n <> ''), UNIQUE (n, m))",
    );
    let sql = "CREATE TABLE a (
  id INTEGER PRIMARY KEY,
  m MONEY,
  c TEXT COLLATE NOCASE,
  other INTEGER REFERENCES nobody
);
CREATE INDEX of_a ON a (m);
CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a,
  n INTEGER,
  CHECK (n > 0),
  CHECK (nope = 1));
CREATE TABLE c (id INTEGER PRIMARY KEY,
  to_nobody INTEGER REFERENCES nobody (id));
CREATE TABLE e (id INTEGER PRIMARY KEY CHECK (id > random()));
CREATE TABBLE d (id INTEGER PRIMARY KEY);
CREATE TRIGGER t AFTER INSERT ON b BEGIN SELECT 1; SELECT 2; END;
VACUUM;
ALTER TABLE nobody ADD COLUMN n TEXT;
ALTER TABLE old ADD COLUMN k TEXT NOT NULL;
CREATE TABLE old (
  id INTEGER PRIMARY KEY, n INTEGER);
CREATE TABLE keyless (n TEXT);";
    let expected = [
        (3, "schema_type"),
        (4, "schema_collations"),
        (11, "schema_check"),
        (13, "schema_reference"),
        (14, "schema_expression"),
        (15, "parser_expected"),
        (16, "schema_triggers"),
        (17, "schema_statement"),
        (18, "schema_no_table"),
        (19, "schema_no_default"),
        (20, "schema_column_missing"),
        (20, "schema_column_differs"),
        (20, "schema_rule_missing"),
        (20, "schema_rule_missing"),
        (20, "schema_rule_missing"),
        (22, "schema_no_key"),
    ];
    let found = problems(sql, &schema);
    let found: Vec<(u64, &str)> = found.iter().map(|(line, code)| (line.unwrap(), code.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_table_that_is_declared_again_is_declared_with_its_rules() {
    let schema = schema_of("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE, c INTEGER, CHECK (c > 0))");
    let again = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER)";
    assert_eq!(problems(again, &schema).len(), 2, "neither is said");
    let below = "; CREATE UNIQUE INDEX u ON t (b); ALTER TABLE t ADD CHECK (c > 0)";
    assert_eq!(plan(&format!("{again}{below}"), &schema).unwrap(), [], "it may be said below");
}

#[test]
fn changes_that_are_not_additive_are_refused() {
    let schema = schema_of("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)");
    for sql in [
        "CREATE TABLE t (a INTEGER PRIMARY KEY)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)",
        "CREATE TABLE t (a INTEGER, b TEXT PRIMARY KEY)",
        "ALTER TABLE t DROP COLUMN b",
        "ALTER TABLE t RENAME TO u",
        "DROP TABLE t",
    ] {
        let refused = plan(sql, &schema).unwrap_err();
        assert!(matches!(refused.first(), DdlError::NotAdditive(_)), "{sql}");
    }
    assert!(plan("ALTER TABLE t ADD COLUMN c TEXT NOT NULL", &schema).is_err());
    for counter in ["COUNTER", "COUNTER(20,2)"] {
        let added = plan(&format!("ALTER TABLE t ADD COLUMN c {counter} NOT NULL"), &schema).unwrap();
        added.iter().for_each(|op| op.check(crate::schema::Judge::default()).unwrap());
    }
}

#[test]
fn concurrent_definitions_merge_the_same_in_any_order() {
    let ops = [
        plan("CREATE TABLE t (a INTEGER PRIMARY KEY, x TEXT, y TEXT)", &Schema::default()).unwrap(),
        plan("CREATE TABLE t (a INTEGER PRIMARY KEY, y TEXT, x INTEGER, z DATE)", &Schema::default())
            .unwrap(),
        plan("CREATE TABLE t (a TEXT PRIMARY KEY, w TEXT)", &Schema::default()).unwrap(),
    ];
    let merged = |order: [usize; 3]| {
        let mut schema = Schema::default();
        for at in order {
            ops[at].iter().enumerate().for_each(|(nth, op)| schema.add(place(at as u64 + 1, nth), op));
            schema.rejudge();
        }
        schema
    };
    let first = merged([0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(merged(order), first, "{order:?}");
        assert_eq!(merged(order).fingerprint(), first.fingerprint(), "{order:?}");
    }
    let columns = |name: &str| -> Vec<(String, ColumnType)> {
        let shown = &first.table(name).unwrap().shown;
        shown.columns.iter().map(|column| (column.name.clone(), column.kind)).collect()
    };
    let named = |columns: &[(&str, ColumnType)]| -> Vec<(String, ColumnType)> {
        columns.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect()
    };
    assert_eq!(
        columns("t"),
        named(&[
            ("a", ColumnType::Integer),
            ("x", ColumnType::Text),
            ("y", ColumnType::Text),
            ("z", ColumnType::Date),
        ])
    );
    // The other table of that name is there too, beside it.
    assert_eq!(columns("t (2)"), named(&[("a", ColumnType::Text), ("w", ColumnType::Text)]));
}

#[test]
fn rules_are_added_to_a_table_that_is_there() {
    let schema = schema_of("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER)");
    let grown = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c INTEGER, UNIQUE (c, b), CHECK (c > 0))";
    for sql in [grown, "CREATE UNIQUE INDEX u ON t (b, c); ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)"] {
        let ops = plan(sql, &schema).unwrap();
        let [SchemaOp::AddUnique { .. }, SchemaOp::AddCheck { .. }] = &ops[..] else { panic!("{ops:?}") };
    }
    let mut after = schema.clone();
    after.add_next(&plan(grown, &schema).unwrap());
    after.rejudge();
    assert_eq!(after.table("t").unwrap().shown.checks[0].name, "c > 0");
    assert_eq!(plan(grown, &after).unwrap(), [], "all of it is there");
}

#[test]
fn one_rule_written_twice_is_one() {
    let schema = schema_of(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b TEXT UNIQUE, c TEXT, UNIQUE (b), UNIQUE (b, c), UNIQUE (C, B),
           CHECK (b <> ''), CHECK ((b) <> ('')))",
    );
    let shown = &schema.table("a").unwrap().shown;
    assert_eq!((shown.uniques.len(), shown.checks.len()), (2, 1));
    // Names that meet when they are joined, and do not otherwise.
    let schema = schema_of(
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a TEXT, b_c TEXT, a_b TEXT, c TEXT, UNIQUE (a, b_c), UNIQUE (a_b, c))",
    );
    assert_eq!(schema.table("B").unwrap().shown.uniques.len(), 2);
}

#[test]
fn expressions_are_told_as_they_were_meant() {
    for (typed, told) in [
        ("paid >= 0", "paid >= 0"),
        ("a - (b - c) > (a - b) - c AND (a = b) = c", "a - (b - c) > (a - b) - c AND (a = b) = c"),
        ("NOT (a AND b) AND (a < b) IS NOT TRUE", "NOT (a AND b) AND a < b IS NOT TRUE"),
        ("a * (b + c) % 2 = 0 OR (a OR b) AND c", "(a * (b + c)) % 2 = 0 OR (a OR b) AND c"),
        ("status IN ('present', 'ab''sent')", "status IN ('present', 'ab''sent')"),
        (
            "length(trim(name)) > 0 AND (a IS NULL OR b NOT BETWEEN 1 AND (2 + 3))",
            "length(trim(name)) > 0 AND (a IS NULL OR NOT b BETWEEN 1 AND 2 + 3)",
        ),
        ("CASE WHEN (a > 1) THEN b ELSE c END", "CASE WHEN (a > 1) THEN (b) ELSE (c) END"),
        (
            "CASE a WHEN 1 THEN b WHEN 2 THEN c END = 3",
            "CASE (a) WHEN (1) THEN (b) WHEN (2) THEN (c) END = 3",
        ),
        (
            "json_valid(doc) AND d >= '2000-01-01' AND d < ends",
            "json_valid(doc) AND d >= '2000-01-01' AND d < ends",
        ),
        ("\"select\" > - -a", "\"select\" > - (- a)"),
        (
            "name NOT LIKE 'x%' ESCAPE '!' OR name GLOB 'a*'",
            "NOT name LIKE 'x%' ESCAPE '!' OR name GLOB 'a*'",
        ),
        ("CAST(a AS TEXT) || name || 'x' = status", "CAST(a AS TEXT) || name || 'x' = status"),
        ("t.a IS NOT NULL AND substring(name, 2, 3) IS TRUE", "a IS NOT NULL AND substr(name, 2, 3) IS TRUE"),
        ("a > -9223372036854775808 AND x = x'00ff'", "a > (-9223372036854775807 - 1) AND x = x'00ff'"),
    ] {
        let sql = |check: &str| {
            format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, paid INTEGER, status TEXT, name TEXT, a INTEGER, b INTEGER,
                   c INTEGER, doc JSON, d DATE, ends DATE, \"select\" INTEGER, x BLOB, CHECK ({check}))"
            )
        };
        let check = |text: &str| schema_of(&sql(text)).table("t").unwrap().shown.checks[0].clone();
        assert_eq!(check(typed).name, told, "{typed}");
        if !typed.contains("-92233") {
            assert_eq!(check(told), check(typed), "read again, it is the same");
        }
    }
    let searched = schema_of("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, CHECK (a LIKE '%x%'))");
    let check = &searched.table("t").unwrap().shown.checks[0];
    assert_eq!(check.sql, "tandem_short(\"a\", 65536) LIKE tandem_short('%x%', 256)");
    assert_eq!(check.expression.render(Style::People, &|_| None), None, "a column without a name");
}

#[test]
fn what_is_not_the_same_everywhere_is_not_checked_and_what_is_no_tree_is_not_sent() {
    let long = format!("CHECK ({}))", vec!["a > 0"; 600].join(" AND "));
    let deep = format!("CHECK ({}a{} > 0))", "abs(".repeat(40), ")".repeat(40));
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, d DATE, ";
    for (rest, reason) in [
        ("CHECK (random() > 0))", "expression_not_here (name: random)"),
        ("CHECK (d <= date('now')))", "expression_not_here (name: date)"),
        ("CHECK (d <= CURRENT_DATE))", "expression_not_here (name: current_date)"),
        ("CHECK (a > ?1))", "expression_part (words: ?1)"),
        ("CHECK (a IN (SELECT id FROM t)))", "expression_part"),
        ("CHECK (EXISTS (SELECT 1)))", "expression_part"),
        ("CHECK (a MATCH 'x'))", "expression_part"),
        ("CHECK (nope > 0))", "expression_no_column (name: nope)"),
        ("CHECK (nope(a)))", "waits_function (name: nope"),
        ("CHECK (last_insert_rowid() = 1))", "waits_function (name: last_insert_rowid"),
        ("CHECK (printf('%d', a) = ''))", "waits_function (name: printf"),
        ("CHECK (abs(a, 1) > 0))", "expression_operands"),
        ("b INTEGER DEFAULT (id + 1))", "expression_no_column (name: id)"),
        ("b TEXT DEFAULT (a || 'x'))", "expression_no_column (name: a)"),
        ("b INTEGER DEFAULT ((SELECT 1)))", "expression_part"),
        ("b BLOB DEFAULT (randomblob(2000)))", "expression_argument"),
        ("b BLOB DEFAULT (randomblob(abs(random()))))", "expression_argument"),
        ("b INTEGER DEFAULT 'zz')", "place: t.b"),
        (&long, "expression_bounds"),
        (&deep, "expression_bounds"),
        ("b INTEGER REFERENCES t (a))", "reference_not_unique (key: id)"),
        ("b INTEGER REFERENCES t (nosuch))", "reference_not_unique (key: id)"),
        ("b INTEGER REFERENCES users (email))", "reference_no_table, target: users (email)"),
        ("\"e\u{202e}\" TEXT)", "U+202E"),
        ("\"\" TEXT)", "name_empty"),
        ("UNIQUE (a, nope))", "reason: waits_column (name: nope)"),
        ("UNIQUE (a, A))", "schema_twice (column: A"),
    ] {
        let told = refused(&format!("{table}{rest}"));
        assert!(told.contains(reason), "{rest}: {told}");
    }
    // Before it is even parsed.
    let tokens = vec!["1"; 12_000].join("+");
    let sum = format!("{table}CHECK (a > {tokens}))");
    let too_large = Err(Problems::from(DdlError::Text(SqlTextError::TooLarge(4))));
    assert_eq!(plan(&sum, &Schema::default()), too_large);
    assert_eq!(plan(&" ".repeat(5 << 20), &Schema::default()), too_large);
}

#[test]
fn references_are_to_the_key_or_to_what_is_unique_however_they_are_written() {
    let targets = "CREATE TABLE k (a INTEGER, b TEXT, c TEXT UNIQUE, d INTEGER, PRIMARY KEY (a, b));
        CREATE UNIQUE INDEX by_d ON k (d, c);";
    let own = |rest: &str| {
        format!("{targets} CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, y TEXT, z TEXT {rest})")
    };
    let told = |schema: &Schema| {
        let references = &schema.table("t").unwrap().shown.references;
        references.iter().map(|one| one.sql(spelled)).collect::<Vec<_>>()
    };
    for (rest, expected) in [
        (", FOREIGN KEY (x, y) REFERENCES k", "FOREIGN KEY (x, y) REFERENCES k (a, b)"),
        (
            ", FOREIGN KEY (y, x) REFERENCES K (B, A) ON DELETE CASCADE",
            "FOREIGN KEY (x, y) REFERENCES k (a, b) ON DELETE CASCADE",
        ),
        (
            ", CONSTRAINT named FOREIGN KEY (z) REFERENCES k (c) ON UPDATE NO ACTION",
            "FOREIGN KEY (z) REFERENCES k (c)",
        ),
        ("REFERENCES k (c) ON DELETE SET NULL", "FOREIGN KEY (z) REFERENCES k (c) ON DELETE SET NULL"),
        (", FOREIGN KEY (y, x) REFERENCES k (c, d)", "FOREIGN KEY (x, y) REFERENCES k (d, c)"),
        (", FOREIGN KEY (id) REFERENCES t", "FOREIGN KEY (id) REFERENCES t"),
    ] {
        let schema = schema_of(&own(rest));
        assert_eq!(told(&schema), [expected], "{rest}");
        assert_eq!(plan(&own(rest), &schema).unwrap(), [], "applied again: {rest}");
        let without = crate::cause::Cause::from(&plan(&own(""), &schema).unwrap_err()).to_string();
        assert!(without.contains("schema_rule_missing"), "{without}");
        // And later, to a table that is there.
        let grown = plan(&own(rest), &schema_of(&own(""))).unwrap();
        assert!(matches!(&grown[..], [SchemaOp::AddReference { .. }]), "{grown:?}");
        let mut schema = schema_of(&own(""));
        schema.add_next(&grown);
        schema.rejudge();
        assert_eq!(told(&schema), [expected], "{rest}");
    }
    for (rest, reason) in [
        (", FOREIGN KEY (x) REFERENCES k", "reference_count (count: 2)"),
        (", FOREIGN KEY (x, y) REFERENCES k (a, c)", "reference_not_unique (key: a, b)"),
        (", FOREIGN KEY (x) REFERENCES k (a)", "reference_not_unique (key: a, b)"),
        (", FOREIGN KEY (x, nope) REFERENCES k", "schema_lacks_column (column: nope"),
        (", FOREIGN KEY (x, x) REFERENCES k", "schema_twice (column: x"),
        (", FOREIGN KEY (z) REFERENCES k (c) ON UPDATE CASCADE", "reference_on_update"),
        (
            ", FOREIGN KEY (z) REFERENCES k (c), FOREIGN KEY (z) REFERENCES k (c) ON DELETE CASCADE",
            "schema_reference_differs",
        ),
        (", FOREIGN KEY (z) REFERENCES k (c) ON DELETE SET DEFAULT", "schema_set_default"),
    ] {
        assert!(refused(&own(rest)).contains(reason), "{rest}: {}", refused(&own(rest)));
    }
}

#[test]
fn a_reference_waits_for_what_it_refers_to() {
    let whole = "CREATE TABLE k (id INTEGER PRIMARY KEY, a TEXT, b TEXT, UNIQUE (a, b));
        CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, y TEXT, FOREIGN KEY (x, y) REFERENCES k (b, a));";
    let ops = plan(whole, &Schema::default()).unwrap();
    let [SchemaOp::CreateTable(k), t] = &ops[..] else { panic!("{ops:?}") };
    let told = |parts: &[SchemaOp]| {
        let mut schema = Schema::default();
        parts.iter().enumerate().for_each(|(at, op)| schema.add(place(at as u64 + 1, 0), op));
        schema.rejudge();
        let reasons: Vec<WaitReason> = schema.waiting().iter().map(|one| one.reason.clone()).collect();
        (schema.table("t").unwrap().shown.references.len(), reasons)
    };
    let bare = TableDeclaration { uniques: Vec::new(), ..k.clone() };
    let mut short = bare.clone();
    short.columns.retain(|column| column.name != "b");
    let unique = |columns: &[&str]| SchemaOp::AddUnique {
        table: "k".into(),
        table_id: k.id(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
    };
    let create = |table: TableDeclaration| SchemaOp::CreateTable(table);
    let lost = |reason: WaitReason| (0, vec![reason]);
    assert_eq!(told(std::slice::from_ref(t)), lost(WaitReason::NoTable));
    assert_eq!(told(&[t.clone(), create(short)]), lost(WaitReason::NoColumn("k.b".into())));
    let not_unique = || lost(WaitReason::NotUnique("b, a".into()));
    assert_eq!(told(&[t.clone(), create(bare.clone())]), not_unique());
    assert_eq!(told(&[t.clone(), create(bare.clone()), unique(&["a"])]), not_unique());
    assert_eq!(told(&[t.clone(), create(bare.clone()), unique(&["b", "a"])]), (1, vec![]));
    // The same with another action: the one declared first counts.
    let SchemaOp::CreateTable(own) = t else { panic!("{t:?}") };
    let of_id = own.id();
    let reference = ReferenceDeclaration { on_delete: OnDelete::Cascade, ..own.references[0].clone() };
    let again = SchemaOp::AddReference { of: "t".into(), of_id, reference };
    let all = [t.clone(), create(k.clone()), again];
    assert_eq!(told(&all), (1, vec![WaitReason::OtherAction]));
}

#[test]
fn names_that_are_one_are_one_table_and_one_column() {
    let schema = schema_of("CREATE TABLE Notes (id TEXT PRIMARY KEY, été TEXT)");
    let shown = &schema.table("notes").unwrap().shown;
    for same in [
        "CREATE TABLE notes (ID TEXT PRIMARY KEY, été TEXT)",
        "CREATE TABLE NOTES (id TEXT PRIMARY KEY, \"e\u{301}te\u{301}\" TEXT)",
    ] {
        assert_eq!(plan(same, &schema).unwrap(), [], "{same}");
        let alone = plan(same, &Schema::default()).unwrap();
        let [SchemaOp::CreateTable(alone)] = &alone[..] else { panic!("{same}") };
        assert_eq!((alone.id(), alone.columns[1].id()), (shown.id(), shown.columns[1].id()), "{same}");
    }
}
