//! Another program writes into the view's file.

use super::{Site, assert_equal, pull};
use crate::ReceiveError;
use tandem_protocol::value::Value;

const SCHEMA: &str = "
CREATE TABLE payments (id INTEGER PRIMARY KEY, amount DECIMAL(12,2), at TIMESTAMP, note RICHTEXT, stock COUNTER(9,2));
CREATE TABLE quiet (id TEXT PRIMARY KEY, name TEXT);";

fn filled() -> Site {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO payments VALUES (1, 12.5, '2026-01-01', 'paid', 1.5), (2, 0.1, NULL, NULL, 0)");
    site.write("INSERT INTO quiet (id, name) VALUES ('1', 'x')");
    site.write("UPDATE payments SET stock = stock + 0.1");
    site
}

const TAMPERED: [(&str, &str); 5] = [
    ("UPDATE payments SET amount = 99 WHERE id = 1", "payments"),
    ("UPDATE payments SET at = '2026-01-01 00:00:00.0' WHERE id = 1", "payments"),
    ("INSERT INTO quiet (id, name) VALUES ('7', 'from outside')", "quiet"),
    ("DELETE FROM quiet", "quiet"),
    ("UPDATE quiet SET id = '5'", "quiet"),
];

#[test]
fn rows_that_another_program_wrote_are_found_while_running_and_put_right_on_open() {
    for (sql, table) in TAMPERED {
        let site = filled();
        site.verify();
        let before = (
            site.space.status().fingerprint,
            site.rows("SELECT * FROM payments"),
            site.rows("SELECT * FROM quiet"),
        );
        let outside = rusqlite::Connection::open(site.space.folder().join("view.sqlite")).unwrap();
        assert_eq!(outside.execute(sql, []).unwrap(), 1, "{sql}");
        drop(outside);
        let scratch = tempfile::tempdir().unwrap();
        let report = site.space.verify(scratch.path());
        assert_eq!((report.altered, report.problems), (vec![table.to_owned()], vec![]), "{sql}");
        assert_eq!(site.space.altered_tables().unwrap(), [table], "{sql}");
        let site = site.reopen();
        let after = (
            site.space.status().fingerprint,
            site.rows("SELECT * FROM payments"),
            site.rows("SELECT * FROM quiet"),
        );
        assert_eq!(before, after, "{sql}");
        assert_eq!(site.space.altered_tables().unwrap(), Vec::<String>::new());
        assert_eq!(site.space.mended_tables(), [table], "{sql}");
        let site = site.reopen();
        assert_eq!(site.space.mended_tables(), Vec::<String>::new());
        site.verify();
        // The others are not touched by it.
        let member = Site::member(&site, "member");
        pull(&member, &site);
        assert_eq!(
            member.space.query("SELECT count(*) FROM quiet", &[]).unwrap().0.rows,
            [[Value::Integer(1)]]
        );
    }
}

#[test]
fn rows_given_the_last_rowid_from_outside_stop_a_block_until_the_view_is_opened_again() {
    let site = Site::founder(SCHEMA);
    let member = Site::member(&site, "member");
    pull(&member, &site);
    let rows: Vec<String> = (10..30).map(|number| format!("('{number}', 'x')")).collect();
    site.write(&format!("INSERT INTO quiet (id, name) VALUES {}", rows.join(", ")));
    // From here on SQLite takes rowids by chance.
    let outside = rusqlite::Connection::open(member.space.folder().join("view.sqlite")).unwrap();
    let sql = "INSERT INTO quiet (rowid, id, name) VALUES (9223372036854775807, '7', 'from outside')";
    outside.execute(sql, []).unwrap();
    drop(outside);
    let block = site.space.chunks().read(0, &member.space.vector(), 1 << 20).unwrap().block.unwrap();
    let received = member.space.wait(|reply| member.space.receive(block, reply));
    assert!(matches!(received, Err(ReceiveError::View(_))), "{received:?}");
    let member = member.reopen();
    pull(&member, &site);
    assert_equal(&member, &site);
    member.verify();
}
