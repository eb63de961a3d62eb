//! Stories that the simulator told first.

use super::{Site, assert_equal, sync, two};

const SCHEMA: &str = "
CREATE TABLE rooms (name TEXT PRIMARY KEY, parent TEXT REFERENCES rooms ON DELETE SET NULL);
CREATE TABLE lessons (id INTEGER PRIMARY KEY, room TEXT REFERENCES rooms ON DELETE CASCADE);
CREATE TABLE items (id INTEGER PRIMARY KEY, stock COUNTER, paid COUNTER(12,2));
";

#[test]
fn a_counter_set_to_null_counts_nothing_from_before_also_where_it_was_set() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO items (id, stock, paid) VALUES (1, 5, NULL)");
    a.write("UPDATE items SET stock = stock - 3, paid = 2.25");
    a.write("UPDATE items SET stock = NULL");
    a.write("DELETE FROM items");
    a.write("INSERT INTO items (id, stock, paid) VALUES (1, NULL, 1.5)");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT stock, paid FROM items"), ["NULL|1.5"]);
    a.verify();
}

#[test]
fn a_counter_that_was_null_can_be_brought_back_to_zero() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO items (id) VALUES (1)");
    sync(&a, &b);
    a.write("UPDATE items SET stock = exactly(NULL)");
    b.write("INSERT INTO items (id, stock) VALUES (1, 4) ON CONFLICT (id) DO UPDATE SET stock = 4");
    b.write("UPDATE items SET stock = stock - 1");
    sync(&a, &b);
    b.write("UPDATE items SET stock = 0");
    sync(&a, &b);
    assert_eq!(a.rows("SELECT stock FROM items"), ["0"]);
    a.verify();
    b.verify();
}

#[test]
fn replace_cannot_leave_a_table_referring_to_nothing_of_its_own() {
    let (a, _) = two(SCHEMA);
    a.write("INSERT INTO rooms (name) VALUES ('hall')");
    let refusal = a.refused("INSERT OR REPLACE INTO rooms (name, parent) VALUES ('hall', 'nowhere')");
    assert_eq!(refusal.code, "constraint_foreign_key");
    a.write("INSERT OR REPLACE INTO rooms (name, parent) VALUES ('hall', 'hall')");
    assert_eq!(a.rows("SELECT * FROM rooms"), ["hall|hall"]);
}

#[test]
fn rows_kept_for_others_go_when_a_local_write_lets_go_of_them() {
    let (a, b) = two(SCHEMA);
    a.write("INSERT INTO rooms (name, parent) VALUES ('aula', NULL), ('hall', 'aula')");
    sync(&a, &b);
    a.write("DELETE FROM rooms WHERE name = 'hall'");
    a.write("DELETE FROM rooms WHERE name = 'aula'");
    b.write("INSERT INTO lessons (id, room) VALUES (1, 'hall')");
    sync(&a, &b);
    assert_eq!(b.rows("SELECT name FROM rooms ORDER BY name"), ["aula", "hall"]);
    // Both go at once, though one refers to the other.
    b.write("UPDATE lessons SET room = NULL");
    assert_eq!(b.rows("SELECT name FROM rooms"), [""; 0]);
    sync(&a, &b);
    let b = b.reopen();
    assert_equal(&a, &b);
    a.verify();
    b.verify();
}

#[test]
fn a_replacement_cannot_replace_the_row_that_its_own_refers_to() {
    let site = Site::founder(
        "CREATE TABLE rooms (name TEXT PRIMARY KEY, parent TEXT REFERENCES rooms ON DELETE SET NULL, code TEXT UNIQUE)",
    );
    site.write("INSERT INTO rooms (name, code) VALUES ('vert', 'no 0')");
    site.write("INSERT INTO rooms (name, parent) VALUES ('bleu', 'vert')");
    let refused =
        site.refused("INSERT OR REPLACE INTO rooms (name, parent, code) VALUES ('bleu', 'vert', 'no 0')");
    assert_eq!(refused.code, "constraint_referenced");
    assert_eq!(site.rows("SELECT name, parent FROM rooms ORDER BY name"), ["bleu|vert", "vert|NULL"]);
    site.verify();
}
