//! The simulator, as every test run plays it: seeds that are always the same, and fresh ones.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_protocol::identity::AuthorKey;
use tandem_protocol::membership::Role;
use tandem_store::simulated::{Answer, FlushFault, Founding, Request, Site, Survival, ViewLoss};
use tandem_store::{Params, Statement, Write as Transaction};

use super::{Plan, STEPS, run};
use crate::random::Random;

/// Content of one block, before compression.
const BLOCK_BYTES: usize = 1 << 20;

/// Seeds of every run, and as many fresh ones after the one that is printed.
const SEEDS: u64 = 10;

fn all_are_well(first: u64) {
    let next = AtomicU64::new(first);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + SEEDS {
                        return;
                    }
                    let outcome = run(&Plan::of_seed(seed), STEPS);
                    let again = "cargo run --release -p tandem-tests --bin simulate -- --seed";
                    assert!(
                        outcome.broken.is_none(),
                        "{}\n{}\n{again} {seed}",
                        outcome.steps.join("\n"),
                        outcome.broken.map_or_else(String::new, |broken| broken.0),
                    );
                }
            });
        }
    });
}

#[test]
fn whatever_happens_all_sites_show_what_the_log_means() {
    all_are_well(0);
}

#[test]
fn whatever_happens_in_seeds_nobody_has_seen_before_too() {
    let first = Random::new("simulated seeds").below(1 << 40);
    // Past the test runner, which shows only what failing tests print.
    let told = format!("simulated fresh seeds: {first} and the {} after it\n", SEEDS - 1);
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    all_are_well(first);
}

fn founded(folder: &Path) -> Site {
    let schema = "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT)";
    let founding = Founding { space: "s", site: "a", schema, nonce: [0; 16] };
    Site::found(AuthorKey::from_secret(&[7; 32]), folder.join("a"), founding, 1_000).unwrap()
}

fn write(sql: &str) -> Request {
    let statement = Statement { sql: sql.to_owned(), params: Params::One(vec![]) };
    Request::Write(Transaction { edits: vec![statement].into(), ..Transaction::default() })
}

/// Runs requests that wait together; all must be recorded.
fn recorded(site: &mut Site, requests: Vec<Request>) {
    let count = requests.len();
    let answers = site.run(requests, 2_000);
    assert_eq!(answers.len(), count);
    let well = |answer: &Answer| matches!(answer, Answer::Written(Ok(_)) | Answer::Received(Ok(_)));
    assert!(answers.iter().all(well), "{answers:?}");
}

#[test]
fn what_waits_together_is_flushed_once_for_each_kind() {
    let folder = tempfile::tempdir().unwrap();
    let mut site = founded(folder.path());
    let insert = |id: i64| write(&format!("INSERT INTO a (id) VALUES ({id})"));
    let grow = |column: &str| Request::ApplySchema(format!("ALTER TABLE a ADD COLUMN {column} TEXT"));
    let before = site.disk().flushes();
    recorded(&mut site, vec![insert(1), grow("x"), insert(2), grow("y"), insert(3)]);
    assert_eq!(site.disk().flushes() - before, 2);
    let (rows, _) = site.space().unwrap().query("SELECT count(*), x, y FROM a", &[]).unwrap();
    assert_eq!(format!("{:?}", rows.rows), "[[Integer(3), Null, Null]]");
}

#[test]
fn a_write_does_not_count_as_knowing_a_block_that_waits_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut a = founded(folder.path());
    let mut b = Site::adopt(AuthorKey::from_secret(&[8; 32]), folder.path().join("b"), a.id()).unwrap();
    let admit = Request::Admit { author: b.me(), name: "b".into(), role: Role::Member };
    recorded(&mut a, vec![write("INSERT INTO a (id, name) VALUES (1, 'x')")]);
    recorded(&mut a, vec![admit]);
    let lacked = |by: &Site, of: &Site| {
        let (by, of) = (by.space().unwrap(), of.space().unwrap());
        Request::Receive(of.chunks().read(0, &by.vector(), BLOCK_BYTES).unwrap().block.unwrap())
    };
    let block = lacked(&b, &a);
    recorded(&mut b, vec![block]);
    recorded(&mut b, vec![write("UPDATE a SET name = 'from b'")]);
    let block = lacked(&a, &b);
    // Who writes this looks at a row that does not show the other's edit yet.
    recorded(&mut a, vec![block, write("UPDATE a SET name = 'from a'")]);
    assert_eq!(a.space().unwrap().status().open_conflicts, 1);
}

#[test]
fn a_retry_after_a_crash_is_answered_with_what_survived() {
    let request = || {
        let sql = "INSERT INTO a (id, name) VALUES (7, 'x') RETURNING id, name".to_owned();
        let statements = vec![Statement { sql, params: Params::One(vec![]) }];
        let key = Some("sale 1".to_owned());
        Request::Write(Transaction {
            edits: statements.into(),
            idempotency_key: key,
            ..Transaction::default()
        })
    };
    let survived = |changes| FlushFault::PowerCut(Survival { changes, torn: false });
    let torn = FlushFault::PowerCut(Survival { changes: 3, torn: true });
    // One record, then the answer's age, then the answer. The transaction decides, not the answer.
    let cases = [
        (survived(0), false),
        (survived(1), true),
        (survived(2), true),
        (torn, true),
        (FlushFault::PowerCutAfter, true),
    ];
    for (fault, repeated) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut site = founded(folder.path());
        site.disk().fail_next_flush(fault);
        let [Answer::Written(Err(_))] = site.run(vec![request()], 2_000)[..] else { panic!("answered") };
        site.crash(Survival { changes: 0, torn: false }, ViewLoss::None).unwrap();
        site.start().unwrap();
        let [Answer::Written(Ok(written))] = &site.run(vec![request()], 3_000)[..] else {
            panic!("{fault:?}")
        };
        assert_eq!(written.repeated, repeated, "{fault:?}");
        let rows = &written.results[0].rows;
        assert_eq!(format!("{rows:?}"), r#"[[Integer(7), Text("x")]]"#, "{fault:?}");
        let (rows, _) = site.space().unwrap().query("SELECT count(*) FROM a", &[]).unwrap();
        assert_eq!(format!("{:?}", rows.rows), "[[Integer(1)]]");
    }
}
