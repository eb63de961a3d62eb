//! Every statement ends: with its owner, by its deadline, at its bounds, and when the store closes.
//! Nothing here measures time: what must not wait is waited for while the other still runs.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tandem_protocol::value::Value;

use super::Site;
use crate::{Edits, Owner, Params, Refusal, Rows, Statement, Write, WriteError, Written};

const TABLES: &str = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, text TEXT); \
    CREATE TABLE other(id INTEGER PRIMARY KEY, n INTEGER)";

/// Counts for ever.
const ENDLESS: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";

/// As long as a whole run of tests may take.
const LONG: Duration = Duration::from_secs(600);

fn write_for(owner: &Owner, sql: &str) -> Write {
    let statement = Statement { sql: sql.to_owned(), params: Params::One(Vec::new()) };
    Write { edits: vec![statement].into(), owner: owner.clone(), ..Write::default() }
}

/// Begins a write, and gives where its answer comes.
fn begin(site: &Site, write: Write) -> Receiver<Result<Written, WriteError>> {
    let (send, answer) = channel();
    site.space.write(write, move |written| {
        let _test_over = send.send(written);
    });
    answer
}

/// Waits until a statement of that owner runs.
fn runs(site: &Site, owner: &str) {
    while !site.space.running().iter().any(|running| running.owner == owner) {
        std::thread::yield_now();
    }
}

fn refused(answer: Result<Written, WriteError>) -> Refusal {
    match answer {
        Err(WriteError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn read(site: &Site, owner: &Owner, sql: &str) -> Result<Rows, Refusal> {
    let mut rows = Rows::default();
    site.space.query_for(owner, (sql, &[]), crate::ANSWER_BYTES, &mut rows).map(|_| rows)
}

#[test]
fn a_read_ends_with_its_owner_and_by_its_deadline() {
    let site = Site::founder(TABLES);
    let endless = format!("{ENDLESS} SELECT count(*) FROM c");
    let late = Owner::new("late", Some(Duration::from_millis(20)));
    assert_eq!(read(&site, &late, &endless).unwrap_err().code, "deadline");
    let owner = Owner::new("till", Some(LONG));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&site, &owner, &endless));
        runs(&site, "till");
        let running = &site.space.running()[0];
        assert!(!running.writes && running.text.starts_with("WITH RECURSIVE c(x)"), "{running:?}");
        owner.leave();
        assert_eq!(reading.join().unwrap().unwrap_err().code, "statement_left");
    });
    assert_eq!(site.space.running(), []);
}

#[test]
fn a_runaway_write_holds_up_nobody_and_ends_with_its_owner() {
    let site = Site::founder(TABLES);
    let endless = [
        format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c WHERE x < 0"),
        format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c WHERE x % 1000 = 0"),
        format!("UPDATE t SET n = ({ENDLESS} SELECT max(x) FROM c)"),
    ];
    site.write("INSERT INTO t (n) VALUES (1)");
    for sql in endless {
        let owner = Owner::new("runaway", Some(LONG));
        let answer = begin(&site, write_for(&owner, &sql));
        runs(&site, "runaway");
        for _ in 0..20 {
            site.write("INSERT INTO other (n) VALUES (1)");
        }
        assert!(answer.try_recv().is_err(), "{sql} ended");
        owner.leave();
        assert_eq!(refused(answer.recv().unwrap()).code, "statement_left");
    }
    assert_eq!(site.rows("SELECT count(*) FROM t"), ["1"]);
    assert_eq!(site.rows("SELECT count(*) FROM other"), ["60"]);
    site.verify();
}

#[test]
fn a_write_ends_by_its_deadline_with_others_and_without() {
    let site = Site::founder(TABLES);
    let sql = format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c WHERE x < 0");
    let owner = Owner::new("late", Some(Duration::from_millis(200)));
    assert_eq!(refused(begin(&site, write_for(&owner, &sql)).recv().unwrap()).code, "deadline");
    let answer = begin(&site, write_for(&owner, &sql));
    let answer = loop {
        site.write("INSERT INTO other (n) VALUES (1)");
        if let Ok(answer) = answer.try_recv() {
            break answer;
        }
    };
    let refusal = refused(answer);
    assert_eq!(refusal.to_string(), "deadline (seconds: 0.2)");
    site.verify();
}

#[test]
fn whoever_left_before_its_turn_has_written_nothing() {
    let site = Site::founder(TABLES);
    let owner = Owner::new("gone", None);
    owner.leave();
    let answer = begin(&site, write_for(&owner, "INSERT INTO t (n) VALUES (1)"));
    assert_eq!(refused(answer.recv().unwrap()).code, "statement_left");
    assert_eq!(site.rows("SELECT count(*) FROM t"), ["0"]);
}

#[test]
fn a_long_import_gets_through_while_others_write() {
    let site = Site::founder(TABLES);
    let rows: Vec<Vec<Value>> =
        (0..20_000).map(|n| vec![Value::Integer(n), Value::Text(format!("row {n}"))]).collect();
    let sql = "INSERT INTO t (n, text) VALUES (?1, ?2) RETURNING id".to_owned();
    let statement = Statement { sql, params: Params::Many(rows) };
    let owner = Owner::new("import", Some(LONG));
    let write = Write { edits: vec![statement].into(), owner, ..Write::default() };
    let answer = begin(&site, write);
    let mut others = 0;
    let written = loop {
        // Ids are made by both.
        site.write("INSERT INTO other (n) VALUES (1)");
        others += 1;
        if let Ok(answer) = answer.try_recv() {
            break answer.unwrap();
        }
    };
    assert_eq!((written.results[0].affected, written.results[0].rows.len()), (20_000, 20_000));
    assert_eq!(site.rows("SELECT count(*), count(DISTINCT n) FROM t"), ["20000|20000"]);
    assert_eq!(site.rows("SELECT count(*) FROM other"), [others.to_string()]);
    site.verify();
    let site = site.reopen();
    assert_eq!(site.rows("SELECT count(*) FROM t"), ["20000"]);
    assert!(!site.space.folder().join("aside.sqlite").exists());
}

#[test]
fn a_long_write_whose_rows_others_change_meanwhile_knows_of_it() {
    let site = Site::founder(TABLES);
    site.write("INSERT INTO t (id, n) VALUES (1, 0), (2, 0)");
    // Long enough to have to give way, and to be overtaken.
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) \
        SELECT count(*) FROM c";
    let sql = format!("UPDATE t SET text = n || ' and ' || ({slow}) WHERE id = 1 RETURNING text");
    let answer = begin(&site, write_for(&Owner::new("slow", Some(LONG)), &sql));
    let mut n = 0;
    let written = loop {
        site.write("UPDATE t SET n = n + 1 WHERE id = 1");
        n += 1;
        if let Ok(answer) = answer.try_recv() {
            break answer.unwrap();
        }
    };
    let Value::Text(text) = &written.results[0].rows[0][0] else { panic!("{written:?}") };
    let seen: u64 = text.split(' ').next().unwrap().parse().unwrap();
    // It saw the row as it was when it was recorded: no other write came between.
    let dot = written.dot.unwrap();
    let log: Vec<_> =
        site.space.log().entries_from(0).map(|entry| entry.unwrap().transaction.header.dot).collect();
    let before = log.iter().position(|one| *one == dot).unwrap() as u64;
    assert_eq!(seen, before - 2, "the founding and the first rows come before the {n} updates");
    assert_eq!(site.rows("SELECT n FROM t WHERE id = 1"), [n.to_string()]);
    site.verify();
}

#[test]
fn a_unique_value_taken_meanwhile_refuses_the_long_write() {
    let site = Site::founder("CREATE TABLE u(id INTEGER PRIMARY KEY, code TEXT UNIQUE)");
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000) \
        SELECT count(*) FROM c";
    let sql = format!("INSERT INTO u (code) SELECT 'a' WHERE ({slow}) > 1");
    let answer = begin(&site, write_for(&Owner::new("slow", Some(LONG)), &sql));
    runs(&site, "slow");
    let first = site.try_write(&[("INSERT INTO u (code) VALUES ('a')", vec![])]);
    let second = answer.recv().unwrap();
    assert!(first.is_ok(), "{first:?}");
    assert_eq!(refused(second).code, "constraint_unique");
    assert_eq!(site.space.open_conflicts().0, 0);
    site.verify();
}

#[test]
fn of_a_long_write_that_clashes_when_it_comes_back_nothing_is_recorded() {
    let site = Site::founder(
        "CREATE TABLE u(id INTEGER PRIMARY KEY, code TEXT UNIQUE); \
         CREATE TABLE stock(id INTEGER PRIMARY KEY, n COUNTER); \
         CREATE TABLE other(id INTEGER PRIMARY KEY, n INTEGER)",
    );
    site.write("INSERT INTO stock (id, n) VALUES (1, 40)");
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3000000) \
        SELECT count(*) FROM c";
    let mut write = write_for(&Owner::new("slow", Some(LONG)), "UPDATE stock SET n = n - 1 WHERE id = 1");
    let sql = format!("INSERT INTO u (id, code) SELECT 7, 'a' WHERE ({slow}) > 1");
    let Edits::Sql(statements) = &mut write.edits else { unreachable!() };
    statements.push(Statement { sql, params: Params::One(Vec::new()) });
    let answer = begin(&site, write);
    runs(&site, "slow");
    // Others write, so it goes aside, on a copy that knows nothing of what comes then.
    let copy = site.space.folder().join("aside.sqlite-wal");
    while !copy.exists() {
        site.write("INSERT INTO other (n) VALUES (1)");
    }
    site.write("INSERT INTO u (id, code) VALUES (8, 'a')");
    assert_eq!(refused(answer.recv().unwrap()).code, "constraint_unique");
    // Whatever the log holds, the next write follows it.
    site.write("INSERT INTO other (n) VALUES (1)");
    let dots: Vec<_> =
        site.space.log().entries_from(0).map(|entry| entry.unwrap().transaction.header.dot.seq).collect();
    assert!(dots.iter().copied().eq(1..=dots.len() as u64), "{dots:?}");
    assert_eq!(site.rows("SELECT n FROM stock"), ["40"]);
    assert_eq!(site.space.open_conflicts().0, 0);
    site.verify();
}

#[test]
fn a_long_write_and_those_that_come_meanwhile_are_given_different_numbers() {
    let site =
        Site::founder("CREATE TABLE bills(code TEXT PRIMARY KEY, number TEXT DEFAULT (site_number('F')))");
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000000) \
        SELECT count(*) FROM c";
    let sql = format!("INSERT INTO bills (code) SELECT 'slow' WHERE ({slow}) > 1");
    let answer = begin(&site, write_for(&Owner::new("slow", Some(LONG)), &sql));
    runs(&site, "slow");
    let copy = site.space.folder().join("aside.sqlite-wal");
    let mut others = 0;
    while !copy.exists() {
        others += 1;
        site.write(&format!("INSERT INTO bills (code) VALUES ('{others}')"));
    }
    // Its copy knows nothing of this one.
    site.write("INSERT INTO bills (code) VALUES ('last')");
    answer.recv().unwrap().unwrap();
    let counted = site.rows("SELECT count(*), count(DISTINCT number), max(number) FROM bills");
    assert_eq!(counted, [format!("{0}|{0}|F1-{0:04}", others + 2)]);
    site.verify();
}

#[test]
fn a_statement_has_its_share_of_memory_and_no_more() {
    let site = Site::founder(TABLES);
    let owner = Owner::new("greedy", Some(LONG));
    let many = vec!["randomblob(30000000)"; 40].join(", ");
    for (sql, code) in [
        ("SELECT randomblob(200000000)".to_owned(), "sql_error"),
        (format!("SELECT {many}"), "statement_memory"),
        (format!("{ENDLESS} SELECT x, 'of some length, as rows are' FROM c"), "answer_too_large"),
    ] {
        assert_eq!(read(&site, &owner, &sql).unwrap_err().code, code, "{sql}");
    }
    // What must be sorted first is held.
    let sorted =
        format!("SELECT max(x) FROM ({ENDLESS} SELECT x, hex(randomblob(150)) AS h FROM c ORDER BY h)");
    assert_eq!(read(&site, &owner, &sorted).unwrap_err().code, "statement_memory");
    let sorted = format!("INSERT INTO t (n) {sorted}");
    assert_eq!(refused(begin(&site, write_for(&owner, &sorted)).recv().unwrap()).code, "statement_memory");
    let memory = format!("INSERT INTO t (text) VALUES (max({many}))");
    assert_eq!(refused(begin(&site, write_for(&owner, &memory)).recv().unwrap()).code, "statement_memory");
    let returned = format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c RETURNING n, printf('%2000d', n)");
    assert_eq!(refused(begin(&site, write_for(&owner, &returned)).recv().unwrap()).code, "statement_memory");
    let endless = format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c");
    assert_eq!(
        refused(begin(&site, write_for(&owner, &endless)).recv().unwrap()).code,
        "transaction_too_large"
    );
    assert_eq!(site.rows("SELECT count(*) FROM t"), ["0"]);
    site.write("INSERT INTO t (n) VALUES (2)");
    site.verify();
}

#[test]
fn closing_ends_what_runs() {
    let site = Site::founder(TABLES);
    let owner = Owner::new("runaway", Some(LONG));
    let write = format!("{ENDLESS} INSERT INTO t (n) SELECT x FROM c WHERE x < 0");
    let first = begin(&site, write_for(&owner, &write));
    runs(&site, "runaway");
    site.write("INSERT INTO other (n) VALUES (1)");
    let second = begin(&site, write_for(&owner, &write));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&site, &owner, &format!("{ENDLESS} SELECT count(*) FROM c")));
        while !site.space.running().iter().any(|running| !running.writes) {
            std::thread::yield_now();
        }
        site.store.close();
        assert_eq!(reading.join().unwrap().unwrap_err().code, "stopping");
    });
    for answer in [first, second] {
        let answer = answer.recv();
        assert!(matches!(answer, Ok(Err(WriteError::Closed)) | Err(_)), "{answer:?}");
    }
    let site = site.reopen();
    assert_eq!(site.rows("SELECT count(*) FROM other"), ["1"]);
}

#[test]
fn a_text_is_bounded_before_it_is_parsed() {
    let site = Site::founder(TABLES);
    let chain = |joint: &str, count: usize| vec!["1"; count].join(joint);
    for joint in ["+", " AND ", "||", " OR "] {
        let long = chain(joint, 60_000);
        assert_eq!(site.refused(&format!("INSERT INTO t (n) VALUES ({long})")).code, "sql_too_long");
        assert_eq!(site.refused(&format!("UPDATE t SET n = exactly({long})")).code, "sql_too_long");
        assert_eq!(site.space.query(&format!("SELECT {long}"), &[]).unwrap_err().code, "sql_too_long");
        // SQLite has a bound of its own on what is short enough.
        assert_eq!(site.refused(&format!("UPDATE t SET n = {}", chain(joint, 4_000))).code, "sql_error");
    }
    let spaces = format!("SELECT 1{}", " ".repeat(1 << 20));
    assert_eq!(site.space.query(&spaces, &[]).unwrap_err().code, "sql_too_long");
}
