//! Texts of one form: what statements write, compare and refer to is canonical when SQLite sees it.

use tandem_protocol::value::Value;

use super::{Site, sync};
use crate::{Params, Refusal, Statement, Write, WriteError, Written};

const SCHEMA: &str = "
CREATE TABLE visit (id UUID PRIMARY KEY, at TIMESTAMP, d DATE, h TIME, seen STAMP, extra JSON, n INTEGER, name TEXT);
CREATE TABLE item (id INTEGER PRIMARY KEY, visit UUID REFERENCES visit (id), price DECIMAL(12,2), sku UUID UNIQUE);
CREATE TABLE rate (p DECIMAL(5,2) PRIMARY KEY, v TEXT);
CREATE TABLE changed (id INTEGER PRIMARY KEY, n INTEGER, at STAMP, \"when was it\" STAMP);";

const ID: &str = "0190f5e2-7c3a-7abc-8def-0123456789ab";
const UPPER: &str = "{0190F5E2-7C3A-7ABC-8DEF-0123456789AB}";

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn filled() -> Site {
    let site = Site::founder(SCHEMA);
    site.write(&format!(
        "INSERT INTO visit (id, at, d, h, extra, n, name) VALUES
         ('{UPPER}', '2026-01-01T05:00:00Z', '2026-01-01', '05:00', '{{\"b\": 1, \"a\": 2}}', 1, 'morning'),
         ('0190f5e27c3a7abc8def0123456789ac', '2026-01-01 18:30:00.5', '2026-01-02', '18:30', NULL, 2, 'evening')"
    ));
    site
}

fn asked(site: &Site, sql: &str, params: &[Value]) -> String {
    let (rows, _) = site.space.query(sql, params).unwrap();
    let line = |row: Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
    rows.rows.into_iter().map(line).collect::<Vec<_>>().join(" ")
}

fn returned(written: &Written) -> Vec<String> {
    let line = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
    written.results.iter().flat_map(|result| result.rows.iter().map(line)).collect()
}

/// Conditions about a row of 05:00 and one of 18:30:00.5, and which rows meet them; parameters
/// stand behind.
const COVERED: &[(&str, &[&str], &str)] = &[
    ("at >= '2026-01-01 06:00:00'", &[], "2"),
    ("at >= '2026-01-01T06:00'", &[], "2"),
    ("at >= ?", &["2026-01-01T07:00:00+01:00"], "2"),
    ("? > at", &["2026-01-01T06:00:00.000Z"], "1"),
    ("at BETWEEN '2026-01-01 00:00:00' AND '2026-01-01 23:59:59'", &[], "1 2"),
    ("at NOT BETWEEN ? AND ?", &["2026-01-01T06:00Z", "2026-01-01T19:00Z"], "1"),
    ("at < datetime('now')", &[], "1 2"),
    ("at = '2026-01-01T05:00:00Z'", &[], "1"),
    ("at == '2026-01-01T05:00:00Z'", &[], "1"),
    ("at <> '2026-01-01T05:00:00Z'", &[], "2"),
    ("at = '2026-01-01T18:30:00.500Z'", &[], "2"),
    ("at > '2026-01-01T18:30:00.4999999Z'", &[], "2"),
    ("at > '2026-01-01T18:30:00.5000001Z'", &[], ""),
    ("at IN ('2026-01-01T05:00', 'x')", &[], "1"),
    ("at NOT IN (?, ?)", &["2026-01-01T05:00", "2026-01-01T06:00"], "2"),
    ("visit.at = ?1 OR visit.at = ?1", &["2026-01-01T05:00"], "1"),
    ("(at) = ('2026-01-01T05:00')", &[], "1"),
    ("(n, at) = (1, ?)", &["2026-01-01T05:00"], "1"),
    ("(at, n) > (?, 0)", &["2026-01-01T05:00"], "1 2"),
    ("h = '05:00'", &[], "1"),
    ("h < ?", &["12:00"], "1"),
    ("d = '2026-01-02 00:00:00'", &[], "2"),
    ("id = '0190F5E2-7C3A-7ABC-8DEF-0123456789AB'", &[], "1"),
    ("id IN (?)", &["0190f5e27c3a7abc8def0123456789ab"], "1"),
    ("extra = '{\"b\": 1, \"a\": 2}'", &[], "1"),
    ("at IN (VALUES ('2026-01-01T05:00'), (NULL))", &[], "1"),
    ("at IN (SELECT '2026-01-01T05:00')", &[], "1"),
    ("(n, at) IN (VALUES (2, ?), (1, ?))", &["2026-01-01T05:00", "2026-01-01T05:00"], "1"),
    ("(at, id) NOT IN (SELECT ? AS at, id FROM visit)", &["2026-01-01T05:00"], "2"),
    ("(n, ?) IN (SELECT n, at FROM visit)", &["2026-01-01T05:00"], "1"),
    ("CASE at WHEN '2026-01-01T05:00' THEN 1 ELSE 0 END", &[], "1"),
    ("CASE WHEN at < ? THEN 1 ELSE 0 END", &["2026-01-01T06:00"], "1"),
    ("coalesce(at, '2026-01-01T00:00') < ?", &["2026-01-01T06:00"], "1"),
    ("NOT (at > ? AND n = 2)", &["2026-01-01T06:00"], "1"),
    ("n IN (SELECT n FROM visit WHERE at < ?)", &["2026-01-01T06:00"], "1"),
    ("EXISTS (SELECT 1 FROM item WHERE item.visit = visit.id AND visit.at < ?)", &["2026-01-01T06:00"], ""),
    ("? IN (SELECT at FROM visit)", &["2026-01-01T05:00"], "1 2"),
    ("at IS NOT DISTINCT FROM ?", &["2026-01-01T05:00"], "1"),
    ("at IS ?", &["2026-01-01T05:00"], "1"),
    ("at IS NOT '2026-01-01T05:00'", &[], "2"),
    ("n IS 1.0 AND at = '2026-01-01T05:00'", &[], "1"),
    ("name NOT GLOB 'e*' AND at ISNULL IS FALSE AND at = '2026-01-01T05:00'", &[], "1"),
    ("name = 'é' OR name = 'ü' OR at = '2026-01-01T05:00' -- é", &[], "1"),
    ("name <> ?1 AND at = ?1", &["2026-01-01T05:00"], "1"),
    ("at = ?1 OR h = ?2 OR d = ?1", &["2026-01-01T00:00:00", "18:30"], "1 2"),
    ("at = :at", &["2026-01-01T05:00"], "1"),
    ("at = @at", &["2026-01-01T05:00"], "1"),
    ("at = $at", &["2026-01-01T05:00"], "1"),
];

/// What is not: it is compared as typed. Listed in `docs/sql.md`.
const UNCOVERED: &[(&str, &[&str])] = &[
    ("at = '2026-01-01' || 'T05:00'", &[]),
    ("at = upper(?)", &["2026-01-01T05:00"]),
    ("at = CAST(? AS TEXT)", &["2026-01-01T05:00"]),
    ("at = (SELECT '2026-01-01T05:00')", &[]),
    ("nullif(at, '2026-01-01T05:00') IS NULL", &[]),
    ("CASE WHEN n > 0 THEN at ELSE at END = '2026-01-01T05:00'", &[]),
    ("at IN (SELECT '2026-01-01T05:00' UNION SELECT '2026-01-01T06:00')", &[]),
    ("id = (SELECT replace(id, '-', '') FROM visit WHERE n = 1)", &[]),
    ("at LIKE '2026-01-01T05%'", &[]),
    ("at GLOB '2026-01-01T05*'", &[]),
    ("substr(at, 1) = '2026-01-01T05:00'", &[]),
    ("iif(1, at, at) = '2026-01-01T05:00'", &[]),
    ("(SELECT at) = '2026-01-01T05:00'", &[]),
];

#[test]
fn what_is_compared_with_a_column_has_its_form() {
    let site = filled();
    for (condition, params, expected) in COVERED {
        let params: Vec<Value> = params.iter().map(|param| text(param)).collect();
        let sql = format!("SELECT n FROM visit WHERE {condition}\nORDER BY n");
        assert_eq!(asked(&site, &sql, &params), *expected, "query: {condition}");
        let sql = format!("UPDATE visit SET name = name || '!' WHERE {condition}\nRETURNING n");
        let (expected, write) =
            (expected.split(' ').filter(|n| !n.is_empty()).count(), (sql.as_str(), params));
        assert_eq!(returned(&site.try_write(&[write]).unwrap()).len(), expected, "write: {condition}");
    }
    let not = UNCOVERED.iter().filter(|(condition, params)| {
        let params: Vec<Value> = params.iter().map(|param| text(param)).collect();
        asked(&site, &format!("SELECT n FROM visit WHERE {condition}"), &params).is_empty()
    });
    assert_eq!((COVERED.len(), not.count()), (48, UNCOVERED.len()));
}

#[test]
fn names_are_resolved_through_joins_subqueries_and_aliases() {
    let site = filled();
    site.write(&format!("INSERT INTO item (id, visit) VALUES (7, '{UPPER}')"));
    for sql in [
        "SELECT v.n FROM item AS i JOIN visit v ON v.id = i.visit AND v.at < ?1",
        "SELECT v.n FROM item i LEFT JOIN visit AS v ON v.id = i.visit WHERE v.at < ?1",
        "SELECT n FROM (SELECT n, at AS moment FROM visit) WHERE moment < ?1",
        "SELECT n, at AS moment FROM visit WHERE moment < ?1",
        "WITH early AS (SELECT * FROM visit) SELECT n FROM early WHERE at < ?1",
        "WITH early AS MATERIALIZED (SELECT * FROM visit NOT INDEXED) SELECT n FROM early WHERE at < ?1",
        "WITH early (a, b) AS (SELECT n, at FROM visit) SELECT a FROM early WHERE b < ?1",
        "SELECT n FROM visit WHERE at < ?1 UNION ALL SELECT n FROM visit WHERE at < ?1 LIMIT 1",
        "SELECT n FROM visit GROUP BY n HAVING max(at) < ?1",
        "SELECT n FROM main.\"VISIT\" AS [w] WHERE `w`.\"AT\" < ?1",
        "SELECT n FROM visit ORDER BY at < ?1 DESC LIMIT 1",
        "SELECT n FROM visit o WHERE EXISTS (SELECT 1 FROM item WHERE o.at < ?1) AND o.n = 1",
        "SELECT (SELECT n FROM visit WHERE at < ?1) AS n",
        "SELECT CASE WHEN count(*) > 0 THEN 1 END FROM visit WHERE at < ?1",
        "EXPLAIN QUERY PLAN SELECT n FROM visit WHERE at < ?1",
    ] {
        let found = asked(&site, sql, &[text("2026-01-01T06:00")]);
        assert!(found.starts_with('1') || sql.starts_with("EXPLAIN"), "{sql}: {found}");
    }
    let (rows, _) =
        site.space.query("SELECT at >= ?, n FROM visit WHERE n = 1", &[text("2026-01-01")]).unwrap();
    assert_eq!(rows.columns, ["at >= ?", "n"], "columns are called as they were typed");
}

#[test]
fn a_key_in_another_spelling_is_the_same_row() {
    let site = filled();
    for sql in [
        format!("INSERT INTO visit (id) VALUES ('{UPPER}')"),
        format!("INSERT INTO visit (id) SELECT lower('{}')", UPPER.replace('-', "")),
        format!("INSERT INTO visit SELECT '{UPPER}', NULL, NULL, NULL, NULL, NULL, NULL, NULL"),
    ] {
        assert_eq!(site.refused(&sql).code, "constraint_primary_key", "{sql}");
    }
    // The very text that was inserted before.
    let upsert = "INSERT INTO visit (id, at, n) VALUES (?1, ?2, 1) ON CONFLICT (id) DO UPDATE SET name = 'twice', at = excluded.at, h = ?3 WHERE visit.at < ?2";
    let params = vec![text(UPPER), text("2026-01-01T05:30Z"), text("05:30")];
    assert_eq!(site.try_write(&[(upsert, params)]).unwrap().changes[0].updated, 1);
    assert_eq!(
        asked(&site, "SELECT at, h, name FROM visit WHERE n = 1", &[]),
        "2026-01-01 05:30:00|05:30:00|twice"
    );
    site.write(&format!("INSERT OR IGNORE INTO visit (id, n) VALUES ('{UPPER}', 9)"));
    site.write(&format!("INSERT OR REPLACE INTO visit (id, n, name) VALUES ('{UPPER}', 1, 'replaced')"));
    site.write(&format!("REPLACE INTO visit (id, n, name) VALUES ('{UPPER}', 1, 'replaced again')"));
    assert_eq!(asked(&site, "SELECT count(*), max(name) FROM visit WHERE n = 1", &[]), "1|replaced again");
    // A child says its parent's name in the same words, or in others.
    for (id, visit) in [(1, UPPER), (2, ID), (3, "0190F5E27C3A7ABC8DEF0123456789AB")] {
        let insert = "INSERT INTO item (id, visit) VALUES (?, ?)";
        site.try_write(&[(insert, vec![Value::Integer(id), text(visit)])]).unwrap();
    }
    assert_eq!(asked(&site, "SELECT count(*) FROM item WHERE visit = ?", &[text(UPPER)]), "3");
    site.write("INSERT INTO item (id, sku) VALUES (4, '0190F5E27C3A7ABC8DEF0123456789AD') ON CONFLICT (sku) DO NOTHING");
    site.write("INSERT INTO item (id, sku) VALUES (5, '0190F5E27C3A7ABC8DEF0123456789AD') ON CONFLICT (sku) DO NOTHING");
    assert_eq!(asked(&site, "SELECT count(*) FROM item WHERE sku IS NOT NULL", &[]), "1");
    site.verify();
    for _ in 0..2 {
        site.write("INSERT INTO rate VALUES (5.005, 'a') ON CONFLICT (p) DO UPDATE SET v = v || 'b'");
    }
    assert_eq!(asked(&site, "SELECT p, v FROM rate", &[]), "5|ab");
}

#[test]
fn parents_and_children_of_one_transaction_are_written_in_linear_time() {
    let site = Site::founder(SCHEMA);
    let name = |n: usize| text(&format!("0190F5E2-7C3A-7ABC-8DEF-{n:012X}"));
    let many = |sql: &str, sets: Vec<Vec<Value>>| Statement { sql: sql.into(), params: Params::Many(sets) };
    let count = 4000;
    let parents = (0..count).map(|n| vec![name(n), text("2026-01-01T05:00")]).collect();
    let children = (0..count).map(|n| vec![Value::Integer(n as i64 + 1), name(n)]).collect();
    let statements = vec![
        many("INSERT INTO visit (id, at) VALUES (?, ?)", parents),
        many("INSERT INTO item (id, visit) VALUES (?, ?)", children),
    ];
    let write = Write { edits: statements.into(), ..Write::default() };
    // Nothing is rewritten after SQLite saw it: that is what looked through all children each time.
    let _written: Written = site.space.wait(|reply| site.space.write(write, reply)).unwrap();
    assert_eq!(asked(&site, "SELECT count(*) FROM item JOIN visit ON visit.id = item.visit", &[]), "4000");
    site.verify();
}

#[test]
fn what_is_returned_is_what_is_stored() {
    let site = Site::founder(SCHEMA);
    site.write(&format!("INSERT INTO visit (id, n) VALUES ('{ID}', 1)"));
    for (sql, expected) in [
        ("INSERT INTO item (id, price) VALUES (1, 12.345) RETURNING price", "12.34"),
        (
            "INSERT INTO item (id, price) VALUES (2, 12.345), (3, '1.5') RETURNING id, price * 2 AS double; -- end",
            "2|24.68 3|3",
        ),
        ("UPDATE item SET price = price / 3 WHERE id = 2 RETURNING *", "2|NULL|4.11|NULL"),
        ("UPDATE item AS i SET price = 1.005 WHERE i.id = 2 RETURNING item.id, price", "2|1"),
        (
            "INSERT INTO item (id, price) VALUES (2, 1) ON CONFLICT (id) DO UPDATE SET price = 0.015 RETURNING price",
            "0.02",
        ),
        ("INSERT INTO item (id, visit) VALUES (9, '0190F5E27C3A7ABC8DEF0123456789AB') RETURNING visit", ID),
        ("UPDATE visit SET at = '2026-01-01' || 'T05:00' RETURNING at", "2026-01-01 05:00:00"),
        (
            "UPDATE visit SET at = '2026-01-01T06:00', extra = '{\"b\": 1, \"a\":2}' RETURNING at, extra, n",
            "2026-01-01 06:00:00|{\"a\":2,\"b\":1}|1",
        ),
        (
            "INSERT INTO visit (id) SELECT lower('0190F5E27C3A7ABC8DEF0123456789AC') RETURNING id",
            "0190f5e2-7c3a-7abc-8def-0123456789ac",
        ),
        ("DELETE FROM item WHERE id = 1 RETURNING price", "12.34"),
    ] {
        assert_eq!(returned(&site.write(sql)).join(" "), expected, "{sql}");
    }
    let written = site.write("UPDATE item SET price = 7.005 WHERE id = 2 RETURNING price, id");
    assert_eq!(written.results[0].columns, ["price", "id"]);
    site.verify();
}

#[test]
fn a_stamp_fills_itself() {
    let site = Site::founder(SCHEMA);
    let read = || asked(&site, "SELECT at, \"when was it\" FROM changed WHERE id = 1", &[]);
    let both = |line: &str| line.split('|').map(str::to_owned).collect::<Vec<_>>();
    let first =
        returned(&site.write("INSERT INTO changed (id, n) VALUES (1, 1) RETURNING at, \"when was it\""));
    assert_eq!(read(), first[0]);
    let stamps = both(&first[0]);
    assert!(stamps[0] == stamps[1] && stamps[0].len() >= 19, "{stamps:?}");
    // What a statement sets stays; what it does not set is the time.
    site.write("UPDATE changed SET n = 2, at = '2020-01-01T00:00' WHERE id = 1");
    let now = both(&read());
    assert!(now[0] == "2020-01-01 00:00:00" && now[1] > stamps[1], "{now:?}");
    let again = returned(&site.write("UPDATE changed SET n = n + 1 RETURNING at"));
    assert!(again[0] > stamps[0] && read().starts_with(&again[0]), "{again:?}");
    // An update that changes nothing is none.
    assert_eq!(site.write("UPDATE changed SET n = n").dot, None);
    // Explicitly nothing stays nothing; an insert of nothing does not.
    site.write("UPDATE changed SET at = NULL");
    assert_eq!(both(&read())[0], "NULL");
    site.write(
        "INSERT INTO changed (id, n, at) VALUES (1, 9, NULL) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
    );
    assert!(both(&read())[0] > stamps[0]);
    site.write("INSERT INTO changed VALUES (2, 1, NULL, '2020-01-01')");
    let second = asked(&site, "SELECT at, \"when was it\" FROM changed WHERE id = 2", &[]);
    assert!(second.ends_with("|2020-01-01 00:00:00") && !second.starts_with("NULL"), "{second}");
    // Others see the very same.
    let member = Site::member(&site, "member");
    sync(&site, &member);
    let sites = [&site, &member].map(|site| asked(site, "SELECT * FROM changed ORDER BY id", &[]));
    assert_eq!(sites[0], sites[1]);
    site.verify();
}

#[test]
fn a_parameter_with_a_name_is_brought_into_the_form_as_well() {
    let site = filled();
    site.write("UPDATE visit SET at = '2026-01-01T05:00:00Z' WHERE n = 1");
    for name in [":at", "@at", "$at", "?", "?1"] {
        let sql = format!("SELECT n FROM visit WHERE at = {name}");
        assert_eq!(asked(&site, &sql, &[text("2026-01-01T06:00+01:00")]), "1", "{name}");
    }
}

#[test]
fn more_than_microseconds_and_what_is_no_time_are_refused() {
    let site = filled();
    for sql in [
        "UPDATE visit SET at = '2026-01-01T05:00:00.1234567Z'",
        "UPDATE visit SET h = '05:00:00.1234567'",
        "UPDATE visit SET at = 'tomorrow'",
        "UPDATE visit SET d = '2026-01-01 05:00:00'",
    ] {
        assert_eq!(site.refused(sql).code, "type_mismatch", "{sql}");
    }
    site.write("UPDATE visit SET at = '2026-01-01T05:00:00.123456Z' WHERE n = 1");
    assert_eq!(asked(&site, "SELECT at FROM visit WHERE n = 1", &[]), "2026-01-01 05:00:00.123456");
}

#[test]
fn what_is_wrong_is_said_of_what_was_typed() {
    let site = filled();
    let refused = |sql: &str, params: &[Value]| -> Refusal {
        let query = site
            .space
            .query(&sql.replace("UPDATE visit SET n = 1", "SELECT 1 FROM visit"), params)
            .unwrap_err();
        match site.try_write(&[(sql, params.to_vec())]) {
            Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, query.code),
            other => panic!("{sql}: {other:?}"),
        }
        query
    };
    assert!(
        refused("UPDATE visit SET n = 1 WHERE at = ? AND nope = 1", &[text("x")])
            .to_string()
            .contains("sqlite_no_column (name: nope)")
    );
    assert_eq!(refused("UPDATE visit SET n = 1 WHERE at = ?", &[]).code, "parameter_count");
    assert_eq!(refused("UPDATE visit SET n = 1 WHERE at = '2026-01-01T05:00' AND", &[]).code, "sql_error");
}

/// Statements that are too long or too deep to be read run as they are, and nothing overflows.
#[test]
fn what_is_too_large_to_be_read_runs_as_it_is() {
    let site = filled();
    let chains = |term: &str, join: &str, count: usize| vec![term; count].join(join);
    for condition in [
        chains("at = '2026-01-01T05:00'", " OR ", 500),
        format!("at = '2026-01-01T05:00' AND n < {}", chains("1", "+", 900)),
    ] {
        assert_eq!(asked(&site, &format!("SELECT n FROM visit WHERE {condition}"), &[]), "1");
    }
    let sql =
        format!("SELECT n FROM visit WHERE at = '2026-01-01T05:00' OR n IN ({})", chains("1", ",", 4_000));
    assert_eq!(asked(&site, &sql, &[]), "1");
    for sql in [
        format!("SELECT n FROM visit WHERE n < {}", chains("1", "+", 300_000)),
        format!("SELECT n FROM visit WHERE n < {}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        format!("SELECT n FROM visit WHERE n < {}1", "-".repeat(1000)),
        format!("SELECT n FROM visit WHERE n < {}1", "NOT ".repeat(100_000)),
        format!("SELECT n FROM visit WHERE n = {}", chains("(SELECT n FROM visit WHERE at =", "", 1000)),
        chains("SELECT n FROM visit", " UNION ", 10_000),
    ] {
        let Err(refusal) = site.space.query(&sql, &[]) else { continue };
        assert!(["sql_too_long", "sql_error"].contains(&refusal.code), "{refusal:?}");
    }
}

/// Django's and Laravel's filters on times and dates, by chance, against plain SQLite with the
/// same rows in canonical form and what is compared in canonical form.
#[test]
fn generated_comparisons_give_what_sqlite_gives_on_canonical_values() {
    let site = Site::founder(SCHEMA);
    crate::view::heap::count();
    let mut random = Random(7);
    let plain = filled_alike(&site, &mut random);
    for round in 0..1000 {
        let Comparison { ours, theirs, params } = Comparison::by_chance(&mut random);
        let found = asked(&site, &format!("SELECT n FROM visit WHERE {ours} ORDER BY n"), &params);
        let mut statement = plain.prepare(&format!("SELECT n FROM visit WHERE {theirs} ORDER BY n")).unwrap();
        let expected = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        let expected = expected.map(|n| n.unwrap().to_string()).collect::<Vec<_>>().join(" ");
        assert_eq!(found, expected, "{round}: {ours} {params:?} against {theirs}");
    }
}

/// The same visits in the site, as programs spell them, and in plain SQLite, in canonical form.
fn filled_alike(site: &Site, random: &mut Random) -> rusqlite::Connection {
    let plain = rusqlite::Connection::open_in_memory().unwrap();
    plain.execute_batch("CREATE TABLE visit (n INTEGER, at TEXT, d TEXT, h TEXT)").unwrap();
    let sets: Vec<Vec<Value>> = (0..60)
        .map(|n| {
            let moment = random.moment();
            let [at, d, h] = moment.canonical();
            plain.execute("INSERT INTO visit VALUES (?, ?, ?, ?)", (n, &at, &d, &h)).unwrap();
            let id = text(&format!("0190f5e2-7c3a-7abc-8def-{n:012x}"));
            let [at, d, h] = moment.spelled(random);
            vec![id, Value::Integer(n), text(&at), text(&d), text(&h)]
        })
        .collect();
    let sql = "INSERT INTO visit (id, n, at, d, h) VALUES (?, ?, ?, ?, ?)".to_owned();
    let write =
        Write { edits: vec![Statement { sql, params: Params::Many(sets) }].into(), ..Write::default() };
    let _written: Written = site.space.wait(|reply| site.space.write(write, reply)).unwrap();
    plain
}

/// Comparisons of a column, `{c}`, with values.
const COMPARISONS: &[&str] = &[
    "{c} = {}",
    "{c} <> {}",
    "{c} < {}",
    "{c} <= {}",
    "{c} > {}",
    "{c} >= {}",
    "{} <= {c}",
    "{c} BETWEEN {} AND {}",
    "NOT ({c} >= {} AND {c} < {})",
    "{c} IN ({}, {}, {})",
    "{c} NOT IN ({}, {})",
    "(n > 30 OR {c} <= {})",
    "strftime('%Y-%m-%d', {c}) = date({})",
    "date({c}) <> date({})",
    "{c} < datetime({}, '+1 day')",
    "({c}, n) > ({}, 20)",
];

/// One comparison, as a program writes it and with canonical values.
struct Comparison {
    ours: String,
    theirs: String,
    /// Those values of `ours` that are parameters.
    params: Vec<Value>,
}

impl Comparison {
    fn by_chance(random: &mut Random) -> Self {
        let column = random.below(3);
        let shape = COMPARISONS[random.below(COMPARISONS.len())].replace("{c}", ["at", "d", "h"][column]);
        let parts: Vec<&str> = shape.split("{}").collect();
        let (mut ours, mut theirs, mut params) = (parts[0].to_owned(), parts[0].to_owned(), Vec::new());
        for part in &parts[1..] {
            let moment = random.moment();
            let canonical = moment.canonical()[column].clone();
            let spelled = match shape.contains("date(") || shape.contains("datetime(") {
                true => canonical.clone(),
                false => moment.spelled(random)[column].clone(),
            };
            theirs += &format!("'{canonical}'{part}");
            if random.below(2) == 0 {
                ours += &format!("?{part}");
                params.push(text(&spelled));
            } else {
                ours += &format!("'{spelled}'{part}");
            }
        }
        Self { ours, theirs, params }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    /// Few days, hours and fractions, so that many are equal.
    fn moment(&mut self) -> Moment {
        let (day, hour) = (1 + self.below(3), [0, 5, 23][self.below(3)]);
        Moment { day, hour, micros: [0, 0, 500_000, 123_456, 1][self.below(5)] }
    }
}

struct Moment {
    day: usize,
    hour: usize,
    micros: usize,
}

impl Moment {
    fn canonical(&self) -> [String; 3] {
        let Self { day, hour, micros } = self;
        let fraction = if *micros == 0 { String::new() } else { format!(".{micros:06}") };
        let time = format!("{hour:02}:00:00{fraction}");
        [format!("2026-03-{day:02} {time}"), format!("2026-03-{day:02}"), time]
    }

    fn spelled(&self, random: &mut Random) -> [String; 3] {
        let Self { day, hour, micros } = self;
        let [canonical, date, time] = self.canonical();
        let digits = format!("{micros:06}");
        let short = digits.trim_end_matches('0');
        let point = if short.is_empty() { String::new() } else { format!(".{short}") };
        let short_time = match micros {
            0 => format!("{hour:02}:00"),
            _ => format!("{hour:02}:00:00{point}"),
        };
        let at = match random.below(6) {
            0 => canonical,
            1 => format!("2026-03-{day:02}T{hour:02}:00:00{point}Z"),
            2 => format!("2026-03-{day:02} {short_time}"),
            3 if *hour == 5 => format!("2026-03-{day:02}T07:00:00{point}+02:00"),
            4 if *hour == 0 && *micros == 0 => date.clone(),
            _ => format!("2026-03-{day:02}T{hour:02}:00:00.{micros:06}+00:00"),
        };
        let d = if random.below(3) == 0 { format!("{date} 00:00:00") } else { date };
        [at, d, if random.below(2) == 0 { short_time } else { time }]
    }
}
