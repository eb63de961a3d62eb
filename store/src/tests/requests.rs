//! Requests that come again: from whom, where, and when.

use tandem_protocol::conflict::{ConflictKind, Version};
use tandem_protocol::op::{Op, Settlement};
use tandem_protocol::value::Value;
use tandem_protocol::verify::HeldTransactions;
use tandem_protocol::version::Reference;

use super::{Site, sync};
use crate::writer::LocalWork;
use crate::{Edits, Params, Statement, Write, WriteError, Written};

const SCHEMA: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, stock COUNTER);
    CREATE TABLE sales (id INTEGER PRIMARY KEY, item INTEGER REFERENCES items (id), n INTEGER);";

fn request(key: &str, statements: &[(&str, Vec<Value>)]) -> Write {
    let statement = |(sql, params): &(&str, Vec<Value>)| Statement {
        sql: (*sql).to_owned(),
        params: Params::One(params.clone()),
    };
    Write {
        edits: Edits::Sql(statements.iter().map(statement).collect()),
        idempotency_key: Some(key.to_owned()),
        ..Write::default()
    }
}

fn sale(key: &str, n: i64) -> Write {
    request(
        key,
        &[
            ("UPDATE items SET stock = stock - ?1", vec![Value::Integer(n)]),
            ("INSERT INTO sales (item, n) VALUES (1, ?1) RETURNING id, n AS pieces", vec![Value::Integer(n)]),
        ],
    )
}

fn send(site: &Site, write: Write) -> Result<Written, WriteError> {
    site.space.wait(|reply| site.space.write(write, reply))
}

fn reused(site: &Site, write: Write) {
    let before = (site.space.end(), site.rows("SELECT id FROM sales"));
    match send(site, write) {
        Err(WriteError::Refused(refusal)) => assert_eq!(refusal.code, "idempotency_key_reused"),
        other => panic!("{other:?}"),
    }
    assert_eq!(before, (site.space.end(), site.rows("SELECT id FROM sales")), "recorded all the same");
}

fn shop() -> Site {
    let site = Site::founder(SCHEMA);
    site.write("INSERT INTO items (id, name, stock) VALUES (1, 'chalk', 40)");
    site
}

/// The same answer, but for being a repeated one.
fn assert_repeats(again: &Written, first: &Written) {
    assert!(again.repeated && !first.repeated);
    assert_eq!((again.dot, &again.results, &again.changes), (first.dot, &first.results, &first.changes));
}

#[test]
fn a_retry_is_answered_in_full_also_after_a_restart_and_a_rebuild() {
    let site = shop();
    let first = send(&site, sale("s1", 3)).unwrap();
    assert_eq!(first.results[1].columns, ["id", "pieces"]);
    assert_eq!(first.results[1].rows.len(), 1);
    assert_repeats(&send(&site, sale("s1", 3)).unwrap(), &first);
    site.space.rebuild_view().unwrap();
    assert_repeats(&send(&site, sale("s1", 3)).unwrap(), &first);
    let site = site.reopen();
    // Not read again: what was answered is answered, whatever became of the rows.
    site.write("DELETE FROM sales");
    assert_repeats(&send(&site, sale("s1", 3)).unwrap(), &first);
    assert_eq!(site.rows("SELECT stock FROM items"), ["37"]);
    site.verify();
}

#[test]
fn a_key_used_for_something_else_is_refused_and_swallows_nothing() {
    let a = shop();
    let b = Site::member(&a, "till 2");
    sync(&a, &b);
    // Somebody guesses the key of the next sale.
    send(&a, sale("till-1-sale-2", 1)).unwrap();
    reused(&a, sale("till-1-sale-2", 5));
    let mut labelled = sale("till-1-sale-2", 1);
    labelled.by = Some("somebody else".into());
    reused(&a, labelled);
    let mut based = sale("till-1-sale-2", 1);
    based.basis = Some((*a.space.vector()).clone());
    reused(&a, based);
    // Apart, both stand, and are listed.
    send(&b, sale("till-1-sale-2", 5)).unwrap();
    sync(&a, &b);
    let conflicts = a.space.conflicts().all().unwrap();
    assert_eq!(conflicts.iter().map(|one| one.kind).collect::<Vec<_>>(), [ConflictKind::Duplicate]);
    assert_eq!(a.rows("SELECT stock FROM items"), ["34"]);
    // A retry of either is answered with its own.
    assert!(send(&a, sale("till-1-sale-2", 5)).unwrap().repeated);
    assert!(send(&b, sale("till-1-sale-2", 1)).unwrap().repeated);
    reused(&b, sale("till-1-sale-2", 2));
    assert_eq!(b.rows("SELECT stock FROM items"), ["34"]);
}

#[test]
fn another_site_answers_with_dot_counts_and_the_rows_as_they_are() {
    let a = shop();
    let b = Site::member(&a, "till 2");
    sync(&a, &b);
    let first = send(&a, sale("s1", 3)).unwrap();
    sync(&a, &b);
    assert_repeats(&send(&b, sale("s1", 3)).unwrap(), &first);
    b.write("UPDATE sales SET n = 4");
    let again = send(&b, sale("s1", 3)).unwrap();
    assert_eq!(again.results[1].rows[0][1], Value::Integer(4), "read again");
    b.write("DELETE FROM sales");
    let again = send(&b, sale("s1", 3)).unwrap();
    assert_eq!((again.results[1].affected, again.results[1].rows.len()), (1, 0));
    // Two statements on one table: the log does not tell whose row is whose.
    let two = || {
        let insert = "INSERT INTO sales (item, n) VALUES (1, 1) RETURNING id";
        request("s2", &[(insert, vec![]), (insert, vec![])])
    };
    let first = send(&a, two()).unwrap();
    sync(&a, &b);
    let again = send(&b, two()).unwrap();
    assert_eq!((again.dot, again.results.len(), again.changes[0].inserted), (first.dot, 0, 2));
    assert_repeats(&send(&a, two()).unwrap(), &first);
}

#[test]
fn an_answer_too_large_to_keep_is_read_again() {
    let site = shop();
    let large = || {
        let sql = "INSERT INTO items (name) VALUES (?1) RETURNING name, id";
        request("s1", &[(sql, vec![Value::Text("x".repeat(70_000))])])
    };
    let first = send(&site, large()).unwrap();
    site.write("UPDATE items SET name = 'short' WHERE id <> 1");
    let again = send(&site, large()).unwrap();
    assert_eq!((again.dot, again.repeated), (first.dot, true));
    assert_eq!(
        again.results[0].rows,
        [vec![Value::Text("short".into()), first.results[0].rows[0][1].clone()]]
    );
}

#[test]
fn a_request_that_changed_nothing_is_answered_the_same_again() {
    let site = shop();
    let update = || request("s1", &[("UPDATE sales SET n = 9 WHERE n = 3", vec![])]);
    let first = send(&site, update()).unwrap();
    assert_eq!((first.dot, first.results[0].affected), (None, 0));
    send(&site, sale("s2", 3)).unwrap();
    let site = site.reopen();
    assert_repeats(&send(&site, update()).unwrap(), &first);
    assert_eq!(site.rows("SELECT n FROM sales"), ["3"]);
    reused(&site, sale("s1", 3));
    // One that was refused has used up no key.
    let bad = request("s3", &[("INSERT INTO items (name) VALUES (NULL)", vec![])]);
    assert!(matches!(send(&site, bad), Err(WriteError::Refused(_))));
    assert!(!send(&site, sale("s3", 1)).unwrap().repeated);
}

#[test]
fn of_retries_that_run_together_one_is_carried_out() {
    let site = shop();
    let (done, answers) = std::sync::mpsc::channel();
    for round in 0..200 {
        let done = done.clone();
        let (key, n) = if round % 5 == 4 { ("s1", 2) } else { ("s1", 1) };
        site.space.write(sale(key, n), move |result| done.send((n, result)).unwrap());
    }
    drop(done);
    let answers: Vec<_> = answers.iter().collect();
    assert_eq!(answers.len(), 200);
    let carried_out = |(n, result): &(i64, Result<Written, WriteError>)| {
        result.as_ref().ok().filter(|written| !written.repeated).map(|written| (*n, written.clone()))
    };
    let [(sold, first)] = &*answers.iter().filter_map(carried_out).collect::<Vec<_>>() else {
        panic!("one is carried out: {answers:?}");
    };
    for (n, result) in &answers {
        match result {
            Ok(written) => {
                assert_eq!((*n, written.dot, &written.results), (*sold, first.dot, &first.results));
            }
            Err(WriteError::Refused(refusal)) => {
                assert_eq!(refusal.code, "idempotency_key_reused");
                assert_ne!(n, sold, "the same request is no other");
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(site.rows("SELECT stock FROM items"), [(40 - sold).to_string()]);
}

/// Two transactions can go by one name: who looked at the other one has not looked at this.
#[test]
fn only_the_transactions_that_were_looked_at_are_settled() {
    let a = shop();
    let b = Site::member(&a, "till 2");
    sync(&a, &b);
    for site in [&a, &b] {
        send(site, sale("s1", 3)).unwrap();
    }
    sync(&a, &b);
    let conflict = a.space.conflicts().all().unwrap().remove(0);
    let settle = |altered: u8| {
        let reference = |version: &Version| {
            let mut prefix = a.space.forks().prefix(&version.dot()).unwrap();
            prefix[15] ^= altered;
            Reference { dot: version.dot(), prefix }
        };
        let looked_at = conflict.versions.iter().map(reference).collect();
        let ops = vec![Op::Settle(Settlement { conflict: conflict.id(), looked_at })];
        let _: Written = a.space.wait(|reply| a.space.local(LocalWork::Ops(ops), reply)).unwrap();
        sync(&a, &b);
        [a.space.conflicts().all().unwrap().len(), b.space.conflicts().all().unwrap().len()]
    };
    assert_eq!(settle(1), [1, 1]);
    assert_eq!(settle(0), [0, 0]);
}
