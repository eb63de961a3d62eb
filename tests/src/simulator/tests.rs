//! The simulator, as every test run plays it: seeds that are always the same, and fresh ones.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use tandem_protocol::identity::AuthorKey;
use tandem_store::simulated::{Answer, Founding, Request, Site};
use tandem_store::{Params, Statement, Write as Transaction};

use super::{Plan, STEPS, run};
use crate::random::Random;

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

#[test]
fn what_waits_together_is_flushed_once_for_each_kind() {
    let folder = tempfile::tempdir().unwrap();
    let schema = "CREATE TABLE a (id INTEGER PRIMARY KEY)";
    let founding = Founding { space: "s", site: "a", schema, nonce: [0; 16] };
    let key = AuthorKey::from_secret(&[7; 32]);
    let mut site = Site::found(key, folder.path().join("a"), founding, 1_000).unwrap();
    let write = |id: i64| {
        let statement =
            Statement { sql: format!("INSERT INTO a (id) VALUES ({id})"), params: Params::One(vec![]) };
        Request::Write(Transaction { statements: vec![statement], ..Transaction::default() })
    };
    let grow = |column: &str| Request::ApplySchema(format!("ALTER TABLE a ADD COLUMN {column} TEXT"));
    let before = site.disk().flushes();
    let answers = site.run(vec![write(1), grow("x"), write(2), grow("y"), write(3)], 2_000);
    assert_eq!(answers.len(), 5);
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Written(Ok(_)))), "{answers:?}");
    assert_eq!(site.disk().flushes() - before, 2);
    let (rows, _) = site.space().unwrap().query("SELECT count(*), x, y FROM a", &[]).unwrap();
    assert_eq!(format!("{:?}", rows.rows), "[[Integer(3), Null, Null]]");
}
