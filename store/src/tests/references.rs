//! References of several columns, and to what is UNIQUE and not the key: before they are signed, and
//! after a merge.

use tandem_protocol::value::{Key, Value};

use super::conflicts::{only, open};
use super::schemas::{apply, equal_and_open};
use super::{Site, pull, sync};
use crate::{WriteError, schema_sql};

const SCHEMA: &str = "
CREATE TABLE rooms (building TEXT, number INTEGER, code TEXT UNIQUE, floor INTEGER, side TEXT,
  PRIMARY KEY (building, number), UNIQUE (floor, side));
CREATE TABLE lessons (id INTEGER PRIMARY KEY, building TEXT, number INTEGER,
  FOREIGN KEY (number, building) REFERENCES rooms (number, building));
CREATE TABLE tables (id INTEGER PRIMARY KEY, building TEXT, number INTEGER,
  FOREIGN KEY (building, number) REFERENCES rooms ON DELETE SET NULL);
CREATE TABLE keys (id INTEGER PRIMARY KEY, code TEXT REFERENCES rooms (code),
  spare TEXT REFERENCES rooms (code) ON DELETE CASCADE);
CREATE TABLE doors (id INTEGER PRIMARY KEY, side TEXT, floor INTEGER,
  FOREIGN KEY (floor, side) REFERENCES rooms (floor, side) ON DELETE SET NULL);
";

fn two() -> (Site, Site) {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO rooms VALUES ('A', 1, 'a1', 0, 'left'), ('A', 2, 'a2', 0, 'right')");
    sync(&a, &b);
    (a, b)
}

fn refusal(site: &Site, statements: &[&str]) -> (&'static str, String) {
    let statements: Vec<(&str, Vec<Value>)> = statements.iter().map(|sql| (*sql, vec![])).collect();
    match site.try_write(&statements) {
        Err(WriteError::Refused(refusal)) => (refusal.code, refusal.to_string()),
        other => panic!("{statements:?}: {other:?}"),
    }
}

#[test]
fn what_leads_nowhere_is_refused_by_column_and_row_and_what_is_partly_null_is_not_looked_at() {
    let (a, _b) = two();
    a.write("INSERT INTO lessons VALUES (1, 'A', 2), (2, 'nowhere', NULL), (3, NULL, 9)");
    a.write("INSERT INTO keys VALUES (1, 'a1', 'a2'), (2, NULL, NULL)");
    a.write("INSERT INTO doors VALUES (1, 'left', 0)");
    let (nothing, referred, value) =
        ("constraint_foreign_key", "constraint_referenced", "constraint_referenced_value");
    for (statements, code, parts) in [
        (
            &["INSERT INTO lessons VALUES (4, 'B', 1)"][..],
            nothing,
            &["table: lessons", "id=4", "column: building, number", "value: B, 1", "key: building, number"][..],
        ),
        (&["UPDATE lessons SET number = 3 WHERE id = 1"], nothing, &["id=1", "value: A, 3"]),
        (&["UPDATE lessons SET building = 'A' WHERE id = 3"], nothing, &["id=3", "value: A, 9"]),
        (
            &["INSERT INTO keys (id, code) VALUES (4, 'A1')"],
            nothing,
            &["column: code", "value: A1", "target: rooms", "key: code"],
        ),
        (
            &["DELETE FROM rooms WHERE number = 2"],
            referred,
            &["building=A, number=2", "child: lessons", "column: building, number", "count: 1"],
        ),
        (
            &["UPDATE rooms SET code = 'x' WHERE number = 1"],
            value,
            &["building=A, number=1", "value: a1", "key: code", "child: keys", "column: code", "count: 1"],
        ),
        (&["UPDATE rooms SET code = NULL WHERE number = 2"], value, &["value: a2", "column: spare"]),
        (&["UPDATE rooms SET floor = 3"], value, &["value: 0, left", "column: floor, side", "child: doors"]),
    ] {
        let (found, message) = refusal(&a, statements);
        assert_eq!(found, code, "{statements:?}: {message}");
        parts.iter().for_each(|part| assert!(message.contains(part), "{message}: {part}"));
    }
    for statements in [
        // Judged when the transaction ends: the values move on together, or from row to row.
        &["UPDATE rooms SET code = 'x' WHERE number = 1", "UPDATE keys SET code = 'x' WHERE id = 1"][..],
        &[
            "UPDATE rooms SET code = NULL WHERE number = 1",
            "UPDATE rooms SET code = 'x' WHERE number = 2",
            "UPDATE keys SET spare = NULL",
        ],
        &["DELETE FROM lessons WHERE id = 1", "REPLACE INTO rooms VALUES ('B', 7, 'x', 0, 'left')"],
    ] {
        let statements: Vec<(&str, Vec<Value>)> = statements.iter().map(|sql| (*sql, vec![])).collect();
        a.try_write(&statements).unwrap();
    }
    assert_eq!(a.rows("SELECT * FROM keys"), ["1|x|NULL", "2|NULL|NULL"]);
    assert_eq!(a.rows("SELECT * FROM doors"), ["1|left|0"], "another row is called so now");
    assert_eq!(a.rows("SELECT building, number FROM rooms ORDER BY 2"), ["B|7"]);
    a.verify();
}

#[test]
fn on_delete_empties_all_columns_of_a_reference_and_follows_values() {
    let (a, b) = two();
    a.write("INSERT INTO tables VALUES (1, 'A', 1), (2, 'A', NULL), (3, 'A', 2)");
    a.write("INSERT INTO keys VALUES (1, NULL, 'a1'), (2, 'a2', NULL), (3, 'a2', 'a1')");
    a.write("INSERT INTO doors VALUES (1, 'left', 0), (2, NULL, 0)");
    a.write("DELETE FROM rooms WHERE number = 1");
    assert_eq!(open(&a, &b), [""; 0]);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT * FROM tables"), ["1|NULL|NULL", "2|A|NULL", "3|A|2"]);
        assert_eq!(site.rows("SELECT * FROM keys"), ["2|a2|NULL"]);
        assert_eq!(site.rows("SELECT * FROM doors"), ["1|NULL|NULL", "2|NULL|0"]);
    }
}

#[test]
fn a_deleted_row_stays_for_who_came_to_refer_to_its_key_or_its_values() {
    for (child, refers) in [
        ("lessons", "INSERT INTO lessons VALUES (7, 'A', 1)"),
        ("tables", "INSERT INTO tables VALUES (7, 'A', 1)"),
        ("keys", "INSERT INTO keys (id, code) VALUES (7, 'a1')"),
        ("keys", "INSERT INTO keys (id, spare) VALUES (7, 'a1')"),
        ("doors", "INSERT INTO doors VALUES (7, 'left', 0)"),
    ] {
        let (a, b) = two();
        a.write("DELETE FROM rooms WHERE number = 1");
        b.write(refers);
        assert_eq!(open(&a, &b), ["reference rooms. A,1"], "{refers}");
        let (a, b) = equal_and_open(a, b);
        assert_eq!(a.rows("SELECT number, code FROM rooms ORDER BY 1"), ["1|a1", "2|a2"]);
        let referrers = a.space.conflicts().referrers(&only(&a), 5).unwrap();
        assert_eq!((referrers.count, &*referrers.rows[0].table), (1, child), "{refers}");
        assert_eq!(referrers.rows[0].key, Key(vec![Value::Integer(7)]));
        // Nobody needs it any more.
        b.write(&format!("DELETE FROM {child}"));
        assert_eq!(open(&a, &b), [""; 0], "{refers}");
        assert_eq!(a.rows("SELECT number FROM rooms"), ["2"]);
        equal_and_open(a, b);
    }
}

#[test]
fn values_mean_the_row_that_is_alive_else_the_one_deleted_last() {
    let (a, b) = two();
    // Long ago, another room was called so.
    a.write("INSERT INTO rooms VALUES ('Z', 1, 'c', NULL, NULL)");
    a.write("DELETE FROM rooms WHERE building = 'Z'");
    a.write("INSERT INTO rooms VALUES ('Z', 2, 'c', NULL, NULL)");
    sync(&a, &b);
    a.write("DELETE FROM rooms WHERE building = 'Z'");
    b.write("INSERT INTO keys (id, code) VALUES (7, 'c')");
    assert_eq!(open(&a, &b), ["reference rooms. Z,2"]);
    assert_eq!(a.rows("SELECT number FROM rooms WHERE code = 'c'"), ["2"], "nothing older comes back");
    // Somebody gives its name to a room that is there; the deleted one may go.
    assert_eq!(a.refused("UPDATE rooms SET code = 'c' WHERE number = 1").code, "constraint_unique");
    let (a, b) = equal_and_open(a, b);
    let update = [
        ("UPDATE rooms SET code = NULL WHERE code = 'c'", vec![]),
        ("UPDATE rooms SET code = 'c' WHERE building = 'A' AND number = 1", vec![]),
    ];
    a.try_write(&update).unwrap();
    sync(&a, &b);
    assert_eq!(b.rows("SELECT building, number FROM rooms WHERE code = 'c'"), ["A|1"]);
    equal_and_open(a, b);
}

#[test]
fn a_value_given_up_elsewhere_stays_given_up_and_is_judged_when_it_is_written() {
    let (a, b) = two();
    a.write("UPDATE rooms SET code = 'other' WHERE number = 1");
    b.write("INSERT INTO keys (id, code, spare) VALUES (7, 'a1', 'a2')");
    assert_eq!(open(&a, &b), [""; 0]);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT code FROM rooms ORDER BY number"), ["other", "a2"]);
        assert_eq!(site.rows("SELECT code FROM keys"), ["a1"]);
    }
    // What it led to before is not asked for; what is written is.
    a.write("UPDATE keys SET spare = NULL");
    assert_eq!(a.refused("INSERT INTO keys (id, code) VALUES (8, 'a1')").code, "constraint_foreign_key");
    a.write("UPDATE rooms SET code = 'a1' WHERE number = 1");
    assert_eq!(a.refused("UPDATE rooms SET code = NULL").code, "constraint_referenced_value");
    assert_eq!(open(&a, &b), [""; 0]);
    equal_and_open(a, b);
}

#[test]
fn columns_of_one_reference_changed_apart_both_stay() {
    let (a, b) = two();
    a.write("INSERT INTO rooms (building, number) VALUES ('B', 1)");
    a.write("INSERT INTO lessons VALUES (1, 'A', 1)");
    sync(&a, &b);
    a.write("UPDATE lessons SET building = 'B'");
    b.write("UPDATE lessons SET number = 2");
    assert_eq!(open(&a, &b), [""; 0]);
    for site in [&a, &b] {
        assert_eq!(site.rows("SELECT building, number FROM lessons"), ["B|2"]);
    }
    assert_eq!(a.refused("UPDATE lessons SET number = 3").code, "constraint_foreign_key");
    a.write("UPDATE lessons SET number = 1");
    assert_eq!(open(&a, &b), [""; 0]);
    equal_and_open(a, b);
}

#[test]
fn any_row_of_a_value_that_was_given_twice_will_do() {
    let (a, b) = two();
    a.write("INSERT INTO rooms VALUES ('C', 1, 'c', NULL, NULL)");
    b.write("INSERT INTO rooms VALUES ('C', 2, 'c', NULL, NULL)");
    assert_eq!(open(&a, &b), ["unique rooms.code c"]);
    a.write("INSERT INTO keys VALUES (1, 'c', NULL), (2, NULL, 'c')");
    assert_eq!(refusal(&a, &["INSERT INTO keys VALUES (3, 'd', NULL)"]).0, "constraint_foreign_key");
    // One of the two may go, or be called otherwise, and nothing follows.
    a.write("DELETE FROM rooms WHERE building = 'C' AND number = 1");
    assert_eq!(a.rows("SELECT * FROM keys"), ["1|c|NULL", "2|NULL|c"]);
    assert_eq!(refusal(&a, &["DELETE FROM rooms WHERE building = 'C'"]).0, "constraint_referenced");
    assert_eq!(open(&a, &b), [""; 0]);
    equal_and_open(a, b);
}

#[test]
fn rows_that_only_refer_to_each_other_by_values_stay_hidden() {
    let a = Site::founder(
        "CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT UNIQUE, boss TEXT REFERENCES staff (name))",
    );
    let b = Site::member(&a, "b");
    a.write("INSERT INTO staff VALUES (1, 'x', 'y'), (2, 'y', 'x'), (3, 'z', 'x')");
    pull(&b, &a);
    a.write("DELETE FROM staff");
    b.write("INSERT INTO staff VALUES (4, 'w', 'x')");
    assert_eq!(open(&a, &b), ["reference staff. 1", "reference staff. 2"]);
    b.write("DELETE FROM staff WHERE id = 4");
    assert_eq!(open(&a, &b), [""; 0]);
    assert_eq!(a.rows("SELECT id FROM staff"), [""; 0]);
    equal_and_open(a, b);
}

#[test]
fn who_begins_to_refer_finds_what_was_deleted_before() {
    let a = Site::founder("CREATE TABLE rooms (id INTEGER PRIMARY KEY, code TEXT UNIQUE)");
    let b = Site::member(&a, "b");
    a.write("INSERT INTO rooms VALUES (1, 'a'), (2, 'b')");
    sync(&a, &b);
    apply(&b, "CREATE TABLE keys (id INTEGER PRIMARY KEY, code TEXT REFERENCES rooms (code))");
    b.write("INSERT INTO keys VALUES (1, 'a')");
    a.write("DELETE FROM rooms WHERE id = 1");
    assert_eq!(open(&a, &b), ["reference rooms. 1"]);
    let (a, b) = equal_and_open(a, b);
    // A table that is there comes to refer: what is there already is not judged.
    apply(&a, "CREATE TABLE tags (id INTEGER PRIMARY KEY, room TEXT, at INTEGER)");
    a.write("INSERT INTO tags VALUES (1, 'nowhere', 1), (2, 'b', 2)");
    apply(&a, "ALTER TABLE tags ADD FOREIGN KEY (room) REFERENCES rooms (code)");
    a.write("UPDATE tags SET at = 3");
    assert_eq!(a.refused("UPDATE tags SET room = 'elsewhere' WHERE id = 2").code, "constraint_foreign_key");
    assert_eq!(a.refused("DELETE FROM rooms WHERE id = 2").code, "constraint_referenced");
    equal_and_open(a, b);
}

#[test]
fn the_schema_is_told_as_it_was_declared_and_to_programs_that_ask() {
    let a = Site::founder(SCHEMA);
    let sql = schema_sql(&a.space.schema(), |_| true);
    for line in [
        "FOREIGN KEY (building, number) REFERENCES rooms (building, number)\n",
        "FOREIGN KEY (building, number) REFERENCES rooms (building, number) ON DELETE SET NULL\n",
        "spare TEXT REFERENCES rooms (code) ON DELETE CASCADE",
        "FOREIGN KEY (floor, side) REFERENCES rooms (floor, side) ON DELETE SET NULL\n",
    ] {
        assert!(sql.contains(line), "{line}: {sql}");
    }
    let again = Site::founder(&sql);
    let tables =
        |site: &Site| site.space.schema().tables().map(|table| table.shown.clone()).collect::<Vec<_>>();
    assert_eq!(tables(&again), tables(&a));
    assert_eq!(
        a.rows(
            "SELECT \"table\", \"from\", \"to\", on_delete FROM pragma_foreign_key_list('doors') ORDER BY seq"
        ),
        ["rooms|floor|floor|SET NULL", "rooms|side|side|SET NULL"]
    );
    // A reference of a UNIQUE that is suspended stops no write of either table.
    let b = Site::member(&a, "b");
    pull(&b, &a);
    a.write("INSERT INTO rooms VALUES ('C', 1, 'c', NULL, NULL)");
    b.write("INSERT INTO rooms VALUES ('C', 2, 'c', NULL, NULL)");
    assert_eq!(open(&a, &b), ["unique rooms.code c"]);
    a.write("INSERT INTO rooms VALUES ('D', 1, 'd', NULL, NULL)");
    a.write("INSERT INTO keys VALUES (1, 'd', 'c')");
    a.verify();
}
