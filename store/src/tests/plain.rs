//! What plain SQLite gives: statements in which the oracle once found a difference.

use tandem_protocol::value::Value;

use super::{Site, sync};
use crate::{Refusal, WriteError};

const SCHEMA: &str = "
CREATE TABLE n (id INTEGER PRIMARY KEY, code TEXT UNIQUE, price DECIMAL(10,2), stock COUNTER(10,2), whole DECIMAL(9,0));
CREATE TABLE u (id UUID PRIMARY KEY DEFAULT (uuid7()), at TIMESTAMP, extra JSON);
CREATE TABLE long (d DECIMAL(38,10) PRIMARY KEY, name TEXT);";

fn asked(site: &Site, sql: &str) -> String {
    let (rows, _) = site.space.query(sql, &[]).unwrap();
    let line = |row: Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
    rows.rows.into_iter().map(line).collect::<Vec<_>>().join(" ")
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn refused(site: &Site, sql: &str, params: Vec<Value>) -> Refusal {
    match site.try_write(&[(sql, params)]) {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("{sql}: {other:?}"),
    }
}

/// A clause of the statement goes before that of the column, by which NULL asks for a key.
#[test]
fn null_asks_for_a_key_whatever_the_statement_says_of_conflicts() {
    let site = Site::founder(SCHEMA);
    for (sql, inserted) in [
        ("INSERT OR IGNORE INTO n (id, code) VALUES (NULL, 'a'), (NULL, 'b'), (NULL, 'a')", 2),
        ("INSERT OR ABORT INTO n (id, code) VALUES (NULL, 'c')", 1),
        ("INSERT OR FAIL INTO n VALUES (NULL, 'd', NULL, NULL, NULL)", 1),
        ("INSERT OR REPLACE INTO n (id, code) VALUES (NULL, 'e')", 1),
        ("INSERT OR IGNORE INTO n (id, code) SELECT NULL, code || code FROM n", 5),
        (
            "INSERT OR IGNORE INTO n SELECT NULL, code, NULL, NULL, NULL FROM n WHERE code < 'c' ORDER BY id",
            0,
        ),
        (
            "INSERT OR IGNORE INTO n (id, code) VALUES (NULL, 'a') ON CONFLICT (id) DO UPDATE SET code = 'x'",
            0,
        ),
        ("INSERT OR IGNORE INTO n (code) VALUES ('a'), ('f') RETURNING id", 1),
        ("INSERT OR IGNORE INTO n DEFAULT VALUES", 1),
        ("INSERT OR IGNORE INTO u (id) VALUES (NULL), (NULL)", 2),
    ] {
        assert_eq!(site.write(sql).results[0].affected, inserted, "{sql}");
    }
    assert_eq!(asked(&site, "SELECT count(*), count(DISTINCT id), sum(id % 1024 <> 1) FROM n"), "12|12|0");
    for clause in ["OR ABORT", "OR FAIL"] {
        let sql = format!("INSERT {clause} INTO n (id, code) VALUES (NULL, 'g'), (NULL, 'a')");
        assert_eq!(site.refused(&sql).code, "constraint_unique");
    }
    assert_eq!(asked(&site, "SELECT count(*) FROM n WHERE code = 'g'"), "0");
    site.verify();
}

#[test]
fn null_asks_for_a_key_beside_an_open_conflict() {
    let (site, member) = {
        let site = Site::founder(SCHEMA);
        let member = Site::member(&site, "member");
        sync(&site, &member);
        (site, member)
    };
    for one in [&site, &member] {
        one.write("INSERT INTO n (code) VALUES ('twice')");
    }
    sync(&site, &member);
    let ignored = site.write("INSERT OR IGNORE INTO n (id, code) VALUES (NULL, 'once'), (NULL, 'once')");
    assert_eq!(ignored.results[0].affected, 1);
    assert_eq!(
        site.refused("INSERT OR IGNORE INTO n (id, code) VALUES (NULL, 'twice')").code,
        "constraint_unique"
    );
    site.verify();
}

/// A key that was given a moment ago, even by the same statement, is not made again.
#[test]
fn a_key_that_was_given_in_the_same_transaction_is_not_made_again() {
    let site = Site::founder(SCHEMA);
    let statement = |sql| (sql, Vec::new());
    site.try_write(&[
        statement("INSERT INTO n (id) VALUES (1025), (NULL), (3073)"),
        statement("INSERT INTO n DEFAULT VALUES"),
    ])
    .unwrap();
    assert_eq!(asked(&site, "SELECT id FROM n ORDER BY id"), "1025 2049 3073 4097");
    site.verify();
}

/// SQLite makes a floating-point number of a text in such a column, which has not all its digits.
#[test]
fn decimals_are_rounded_by_all_their_digits_before_sqlite_sees_them() {
    let site = Site::founder(SCHEMA);
    let fine = "0.02500000000000000001";
    site.write(&format!("INSERT INTO n (id, price, stock) VALUES (1, '{fine}', '{fine}'), (2, 7, 1)"));
    site.write(&format!("UPDATE n SET price = CASE WHEN id = 2 THEN '{fine}' ELSE price END"));
    site.try_write(&[
        ("INSERT INTO n (id, price, stock) VALUES (3, ?1, ?1)", vec![text(fine)]),
        ("UPDATE n SET stock = coalesce(NULL, ?1), price = ?1 WHERE id = 2", vec![text(fine)]),
        (
            "INSERT INTO n (id) VALUES (3) ON CONFLICT (id) DO UPDATE SET price = ?1",
            vec![text("0.03500000000000000001")],
        ),
    ])
    .unwrap();
    assert_eq!(asked(&site, "SELECT price, stock FROM n ORDER BY id"), "0.03|0.03 0.03|0.03 0.04|0.03");
    // What an upsert calculates with is what would have been stored.
    site.write("INSERT INTO n (id, whole) VALUES (4, 3)");
    for value in ["12.5", "'12.5'", "-0.5"] {
        site.write(&format!("INSERT INTO n (id, whole) VALUES (4, {value}) ON CONFLICT (id) DO UPDATE SET whole = n.whole + excluded.whole"));
    }
    assert_eq!(asked(&site, "SELECT whole FROM n WHERE id = 4"), "27");
    // A number is found under whatever it was written as.
    site.write("INSERT INTO long VALUES (-1.5, 'a')");
    for value in ["-1.5", "'-1.50'", "- 1.5"] {
        let sql =
            format!("INSERT INTO long VALUES ({value}, '') ON CONFLICT (d) DO UPDATE SET name = name || 'b'");
        site.write(&sql);
    }
    assert_eq!(asked(&site, "SELECT * FROM long"), "-1.5000000000|abbb");
    assert_eq!(site.refused("INSERT INTO long VALUES (1234567.5, '')").code, "type_mismatch");
    site.verify();
}

/// What SQLite reads and sqlparser does not is read all the same.
#[test]
fn values_have_their_form_in_all_that_sqlite_reads() {
    let site = Site::founder(SCHEMA);
    let id = "0190f5e2-7c3a-7abc-8def-0123456789ab";
    let upper = "0190F5E27C3A7ABC8DEF0123456789AB";
    let insert = format!(
        "INSERT INTO u (id, at) WITH s AS MATERIALIZED (SELECT 1) SELECT '{upper}', '2026-01-01T05:00' FROM s WHERE true RETURNING id, at"
    );
    assert_eq!(
        site.write(&insert).results[0].rows,
        [[text(id), text("2026-01-01 05:00:00")]],
        "what is returned is what is stored"
    );
    assert_eq!(site.refused(&insert).code, "constraint_primary_key");
    let upsert = "INSERT INTO u AS mine (id, at) VALUES (?1, NULL) ON CONFLICT (id) WHERE true DO UPDATE SET at = '2026-01-02T00:00' WHERE mine.at IS ?2";
    let params = vec![text(upper), text("2026-01-01T05:00Z")];
    assert_eq!(site.try_write(&[(upsert, params)]).unwrap().results[0].affected, 1);
    for sql in [
        "SELECT count(*) FROM u WHERE at IS '2026-01-02T00:00'",
        "SELECT count(*) FROM u NOT INDEXED WHERE at >= '2026-01-02T00:00' AND 1 << 2 = 4",
        "SELECT count(*) FROM u WHERE at IS NOT '2026-01-02T00:01' AND at NOT GLOB 'x'",
    ] {
        assert_eq!(asked(&site, sql), "1", "{sql}");
    }
    site.write("INSERT INTO n (id, code, stock) VALUES (1, 'a', 5)");
    site.try_write(&[("UPDATE n SET stock = exactly(3) WHERE code IS ?", vec![text("a")])]).unwrap();
    assert_eq!(asked(&site, "SELECT stock FROM n"), "3");
    site.verify();
}

/// A row that the same statement replaced again cannot be read again for its RETURNING.
#[test]
fn what_is_returned_of_a_replaced_row_has_its_form() {
    let site = Site::founder(
        "CREATE TABLE r (id INTEGER PRIMARY KEY, code TEXT UNIQUE, extra JSON, p DECIMAL(5,2), at STAMP);",
    );
    let sql = "INSERT OR REPLACE INTO r (id, code, extra, p) VALUES (1, 'a', ' {\"b\": 1, \"a\": 2}', 2.675), (2, 'a', '[ ]', '2.665') RETURNING id, extra, p";
    let rows = site.write(sql).results.remove(0).rows;
    let told: Vec<String> = rows.iter().flatten().map(Value::to_string).collect();
    assert_eq!(told, ["1", "{\"a\":2,\"b\":1}", "2.68", "2", "[]", "2.66"]);
    assert_eq!(asked(&site, "SELECT id FROM r"), "2");
    site.verify();
}

#[test]
fn a_number_given_to_a_json_column_is_its_text() {
    let site = Site::founder(SCHEMA);
    let id = |n: u32| text(&format!("0190f5e2-7c3a-7abc-8def-{n:012x}"));
    let insert = "INSERT INTO u (id, extra) VALUES (?, ?)";
    for (n, value) in [(1, Value::Integer(2)), (2, Value::Real(1e300)), (3, Value::Real(2.5))] {
        site.try_write(&[(insert, vec![id(n), value])]).unwrap();
    }
    assert_eq!(asked(&site, "SELECT extra FROM u ORDER BY id"), "2 1e+300 2.5");
    assert_eq!(refused(&site, insert, vec![id(4), Value::Real(f64::INFINITY)]).code, "invalid_json");
    site.verify();
}
