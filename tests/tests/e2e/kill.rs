//! `kill -9` at any moment: nothing acknowledged is lost, and the sites agree afterwards.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tandem_tests::lan::Lan;
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, equal};

use crate::pair;

const SCHEMA: &str = "CREATE TABLE marks (id TEXT PRIMARY KEY, text TEXT);
    CREATE TABLE totals (id INTEGER PRIMARY KEY, n COUNTER NOT NULL DEFAULT 0);";

/// Someone who writes at one site, whether it runs or not, and remembers what was acknowledged.
struct Writer<'a> {
    site: &'a Site,
    next: AtomicU64,
    acknowledged: Mutex<BTreeSet<String>>,
}

impl<'a> Writer<'a> {
    fn new(site: &'a Site) -> Self {
        Self { site, next: AtomicU64::new(0), acknowledged: Mutex::default() }
    }

    fn acknowledged(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until told to stop, or until the node is gone.
    fn write(&self, stop: &AtomicBool) {
        self.site.http(|http| {
            while !stop.load(Ordering::Relaxed) {
                let number = self.next.fetch_add(1, Ordering::Relaxed);
                let id = format!("{}-{number:07}", self.site.name());
                // Mostly small; now and then enough to keep the disk and the network busy.
                let text =
                    if number.is_multiple_of(16) { "a longer text ".repeat(3_000) + &id } else { id.clone() };
                let statements = [
                    json!({ "sql": "INSERT INTO marks (id, text) VALUES (?, ?)", "params": [id, text] }),
                    json!({ "sql": "UPDATE totals SET n = n + 1 WHERE id = 1" }),
                ];
                match http.transact(&statements) {
                    Ok((200, reply)) => {
                        assert!(reply["dot"].is_string(), "{reply}");
                        self.acknowledged().insert(id);
                    }
                    Ok((status, reply)) => panic!("{status} {reply}"),
                    Err(_killed) => return,
                }
            }
        });
    }

    /// Checks that a site holds all that was acknowledged here.
    fn check(&self, held_by: &Site, round: usize) {
        let rows = held_by.rows(&format!("SELECT id FROM marks WHERE id LIKE '{}-%'", self.site.name()));
        let held: BTreeSet<_> = rows.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
        let lost: Vec<_> = self.acknowledged().iter().filter(|id| !held.contains(*id)).cloned().collect();
        assert!(
            lost.is_empty(),
            "round {round}: acknowledged by {}, lost at {}: {lost:?}",
            self.site.name(),
            held_by.name()
        );
    }
}

#[test]
fn whatever_moment_a_node_is_killed_nothing_acknowledged_is_lost() {
    let rounds = if full() { 200 } else { 30 };
    let mut random = Random::new("kill");
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SCHEMA);
    office.write("INSERT INTO totals (id) VALUES (1)");
    equal(&[&office, &classroom]);
    let writers = [Writer::new(&office), Writer::new(&classroom)];

    for round in 0..rounds {
        let victim = random.below(2) as usize;
        let (hit, spared) = (&writers[victim], &writers[1 - victim]);
        let stop = AtomicBool::new(false);
        // The moment is the subject of the test: nothing is waited for here.
        let moment = Duration::from_millis(random.below(250));
        std::thread::scope(|scope| {
            scope.spawn(|| spared.write(&stop));
            if random.one_in(3) {
                // Killed while it catches up, right after its start.
                hit.site.kill();
                std::thread::sleep(moment);
                hit.site.spawn(&[]);
            } else {
                scope.spawn(|| hit.write(&stop));
            }
            std::thread::sleep(moment);
            hit.site.kill();
            stop.store(true, Ordering::Relaxed);
        });
        hit.site.start();
        hit.check(hit.site, round);
        if random.one_in(4) {
            equal(&[&office, &classroom]);
        }
    }

    equal(&[&office, &classroom]);
    for site in [&office, &classroom] {
        writers.iter().for_each(|writer| writer.check(site, rounds));
        // Each transaction is there whole, and once.
        assert_eq!(site.cell("SELECT n FROM totals"), site.cell("SELECT count(*) FROM marks"));
        site.verify();
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged().len()).sum();
    println!("{rounds} kills, {acknowledged} transactions acknowledged, none lost");
    assert!(acknowledged > rounds, "hardly anything was written");
}

#[test]
fn a_first_sync_killed_again_and_again_is_completed() {
    let mut random = Random::new("kill during the first sync");
    let lan = Lan::new();
    let office = crate::founder(&lan, "office", SCHEMA);
    office.http(|http| {
        for part in 0..40 {
            let rows: Vec<_> = (0..500)
                .map(|row| json!([format!("{part}-{row}"), "some text of the office ".repeat(4)]))
                .collect();
            let insert = json!({ "sql": "INSERT INTO marks (id, text) VALUES (?, ?)", "params_list": rows });
            assert_eq!(http.transact(&[insert]).unwrap().0, 200);
        }
    });
    let classroom = Site::on(&lan.host(), "classroom");
    classroom.start();
    classroom.join(&office.invite());
    for _ in 0..6 {
        classroom.kill();
        classroom.spawn(&[]);
        std::thread::sleep(Duration::from_millis(random.below(400)));
        if random.one_in(3) {
            office.kill();
            office.start();
        }
    }
    classroom.wait_ready();
    equal(&[&office, &classroom]);
    assert_eq!(classroom.cell("SELECT count(*) FROM marks"), 20_000);
    classroom.verify();
    wait::connected(&[&office, &classroom]);
}
