//! Work that costs what it is about, however much else is held.

use tandem_protocol::bounds;
use tandem_protocol::fork::Withheld;
use tandem_protocol::op::{Action, Op, RowGroup};
use tandem_protocol::value::Value;

use super::{Site, pull, sync};
use crate::writer::LocalWork;
use crate::{ConflictPlace, LogFilter, SharedEffect, WriteError, Written};

fn history(site: &Site, table: Option<&str>, key: &str) -> Vec<u64> {
    let filter = LogFilter { table: table.map(Into::into), key: Some(key.into()), ..LogFilter::default() };
    let found = site.space.log().find(&filter).unwrap().into_iter().map(|entry| entry.arrival).collect();
    // Whoever reads the whole log finds the same.
    let all = site.space.log().entries_from(0).map(Result::unwrap);
    let mut read: Vec<u64> =
        all.filter(|entry| filter.matches(&entry.transaction)).map(|entry| entry.arrival).collect();
    read.reverse();
    assert_eq!(found, read, "{table:?} {key}");
    found
}

const TABLES: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT, c COUNTER);
    CREATE TABLE d (amount DECIMAL(5,2) PRIMARY KEY, n TEXT);
    CREATE TABLE b (bytes BLOB PRIMARY KEY);
    CREATE TABLE two (name TEXT, day DATE, n TEXT, PRIMARY KEY (name, day));";

#[test]
fn the_history_of_a_row_is_found_by_its_key() {
    let a = Site::founder(TABLES);
    let b = Site::member(&a, "b");
    let many: Vec<String> = (1..=200).map(|id| format!("({id}, 'x', 0)")).collect();
    a.write(&format!("INSERT INTO t VALUES {}", many.join(",")));
    sync(&a, &b);
    b.write("UPDATE t SET n = 'y' WHERE id = 7");
    a.write("UPDATE t SET c = c + 1 WHERE id IN (7, 8)");
    a.write("DELETE FROM t WHERE id = 9");
    sync(&a, &b);
    b.write("INSERT INTO t VALUES (9, 'again', 0)");
    b.write("INSERT INTO t (id) VALUES (1000)");
    a.write("INSERT INTO d VALUES (2.5, '7')");
    a.write("INSERT INTO b VALUES (x'07')");
    a.write("INSERT INTO two VALUES ('7', '2026-01-01', ''), ('7,8', '2026-01-01', '')");
    a.write("UPDATE two SET n = 'z' WHERE name = '7'");
    sync(&a, &b);
    for site in [&a, &b] {
        assert_eq!(history(site, Some("t"), "1").len(), 1);
        assert_eq!(history(site, Some("T"), "7").len(), 3);
        assert_eq!(history(site, None, "7").len(), 3);
        assert_eq!(history(site, Some("t"), "8").len(), 2);
        assert_eq!(history(site, Some("t"), "9").len(), 3);
        assert_eq!(history(site, Some("t"), "1000").len(), 1);
        assert_eq!(history(site, Some("d"), "2.50").len(), 1);
        assert_eq!(history(site, Some("b"), "x'07'").len(), 1);
        assert_eq!(history(site, Some("two"), "7,2026-01-01").len(), 2);
        assert_eq!(history(site, Some("two"), "7,8,2026-01-01").len(), 1);
        for nobody in ["201", "x", "", "7,8"] {
            assert_eq!(history(site, Some("t"), nobody), Vec::<u64>::new(), "{nobody}");
        }
    }
    let a = a.reopen();
    assert_eq!(history(&a, Some("t"), "9").len(), 3);
}

#[test]
fn conflicts_come_in_pages_that_are_the_same_everywhere() {
    let a = Site::founder(TABLES);
    let b = Site::member(&a, "b");
    a.write("INSERT INTO t (id, n) VALUES (1, ''), (2, ''), (3, ''), (4, ''), (5, '')");
    a.write("INSERT INTO two VALUES ('p', '2026-01-01', ''), ('q', '2026-01-01', '')");
    sync(&a, &b);
    for (site, text) in [(&a, "of a"), (&b, "of b")] {
        site.write(&format!("UPDATE t SET n = '{text}'"));
        site.write(&format!("UPDATE two SET n = '{text}'"));
    }
    b.write("DELETE FROM t WHERE id = 3");
    sync(&a, &b);
    let all = a.space.conflicts().all().unwrap();
    assert!(all.len() >= 7, "{}", all.len());
    for site in [&a, &b] {
        for limit in [1, 2, 3, all.len(), all.len() + 1] {
            let (mut pages, mut after): (Vec<_>, Option<ConflictPlace>) = (Vec::new(), None);
            loop {
                let (page, next) = site.space.conflicts().page(after.as_ref(), limit).unwrap();
                assert!(page.len() == limit || next.is_none());
                pages.extend(page);
                match next {
                    Some(next) => after = Some(next.to_string().parse().unwrap()),
                    None => break,
                }
            }
            assert_eq!(pages, all, "{limit}");
        }
        for conflict in &all {
            let id = conflict.id().to_string();
            assert_eq!(site.space.conflicts().called(&id[..8]).unwrap(), std::slice::from_ref(conflict));
        }
        assert_eq!(site.space.conflicts().called("!").unwrap(), []);
    }
}

#[test]
fn what_a_site_shows_to_hold_is_read_from_its_last_transaction() {
    let a = Site::founder(TABLES);
    let b = Site::member(&a, "b");
    sync(&a, &b);
    b.write("INSERT INTO t (n) VALUES ('b')");
    sync(&a, &b);
    a.write("INSERT INTO t (n) VALUES ('not known to b')");
    let shown = a.space.shown_by(&b.store.author());
    assert_eq!(shown, *b.space.vector());
    let nobody = tandem_protocol::identity::Author([9; 32]);
    assert_eq!(a.space.shown_by(&nobody), Default::default());
}

#[test]
fn tables_of_values_of_any_size_keep_their_rowid() {
    // Without one, SQLite reads ten megabytes to find the way past them.
    let site = Site::founder(TABLES);
    let view = rusqlite::Connection::open(site.space.folder().join("view.sqlite")).unwrap();
    let sql = "SELECT c.name FROM pragma_table_list t, pragma_table_info(t.name) c
               WHERE t.wr AND c.type = 'BLOB' ORDER BY c.name";
    let mut statement = view.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
    // Ids, hashes, and what a writer knew of schema changes.
    assert_eq!(names, ["author", "conflict", "definition", "definition", "hash", "key", "known", "request"]);
}

/// The deletion of so many rows.
fn deletions(site: &Site, rows: usize) -> Op {
    let table = site.space.schema().table("t").unwrap().shown.clone();
    Op::Rows(RowGroup {
        table_id: table.id(),
        table: table.name,
        action: Action::Delete,
        columns: Vec::new(),
        keys: vec![(0..rows as i64).map(Value::Integer).collect()],
        cells: Vec::new(),
        times: Vec::new(),
    })
}

fn record(site: &Site, ops: Vec<Op>) -> Result<Written, WriteError> {
    site.space.wait(|reply| site.space.local(LocalWork::Ops(ops), reply))
}

#[test]
fn a_transaction_of_too_many_rows_is_refused_and_of_another_program_void() {
    let a = Site::founder(TABLES);
    let b = Site::member(&a, "b");
    a.write("INSERT INTO t (id, n) VALUES (5, 'stays')");
    sync(&a, &b);
    let Err(WriteError::Refused(refusal)) = record(&a, vec![deletions(&a, bounds::TRANSACTION_ROWS + 1)])
    else {
        panic!("a transaction that nobody takes in was recorded");
    };
    assert_eq!(refusal.code, "transaction_too_large");
    // As a program signs it that does not ask.
    let half = bounds::TRANSACTION_ROWS / 2 + 1;
    let signed = |op: &Op| Op::Unknown { kind: 1, body: op.to_bytes()[2..].to_vec() };
    let op = signed(&deletions(&a, half));
    record(&a, vec![op.clone(), op]).unwrap();
    a.write("INSERT INTO t (id, n) VALUES (6, 'after it')");
    pull(&b, &a);
    let a = {
        // Its own view took in what was not read back.
        std::fs::remove_file(a.space.folder().join("view.sqlite")).unwrap();
        a.reopen()
    };
    for site in [&a, &b] {
        let status = site.space.status();
        assert_eq!((status.void, status.parked), (1, 0));
        assert_eq!(site.rows("SELECT id, n FROM t ORDER BY id"), ["5|stays", "6|after it"]);
    }
    sync(&a, &b);
    let b = b.reopen();
    assert_eq!(b.space.status().void, 1);
    b.verify();
}

#[test]
fn who_writes_here_does_not_wait_for_all_that_others_wrote() {
    let a = Site::founder(TABLES);
    let b = Site::member(&a, "b");
    sync(&a, &b);
    a.write("INSERT INTO t (id, n) VALUES (1, '')");
    let text = "x".repeat(200);
    for at in 0..400 {
        a.space_write(&format!("UPDATE t SET n = '{at}{text}' WHERE id = 1"));
    }
    let chunk = a.space.chunks().read(0, &b.space.vector(), 1 << 20).unwrap();
    assert_eq!(chunk.next, a.space.end(), "all of it in one block");
    let begun = b.space.end();
    let (send, received) = std::sync::mpsc::channel();
    // As an import does, which tells what it came to.
    let effect = SharedEffect::default();
    let (block, nothing) = (chunk.block.unwrap(), Withheld::default());
    b.space.receive_counting(block, nothing, effect.clone(), move |answer| send.send(answer).unwrap());
    let mut written = 0;
    let received = loop {
        written += 1;
        b.space_write("INSERT INTO t (n) VALUES ('meanwhile')");
        match received.try_recv() {
            Ok(received) => break received.unwrap(),
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(received.transactions, 401);
    assert_eq!(received.changes[0].updated, 400);
    let effect = effect.take().changes();
    assert_eq!(
        (effect[0].inserted, effect[0].updated),
        (1, 0),
        "one row is new, however often it was changed"
    );
    let own = |entry: crate::LogEntry| entry.transaction.header.dot.author == b.store.author();
    let own: Vec<bool> = b.space.log().entries_from(begun).map(|entry| own(entry.unwrap())).collect();
    let first = own.iter().position(|own| !own).unwrap();
    let last = own.iter().rposition(|own| !own).unwrap();
    assert!(own[first..last].contains(&true), "{written} were written, none between parts of the block");
    sync(&a, &b);
    b.verify();
    // What came in parts goes on, and can be verified.
    let c = Site::member(&a, "c");
    pull(&c, &b);
    assert_eq!(c.rows("SELECT count(*) FROM t WHERE n = 'meanwhile'"), [written.to_string()]);
}
