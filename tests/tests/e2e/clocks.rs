//! PCs whose clocks are wrong: in 2009, in 2099, an hour behind after a restart.

use serde_json::{Value, json};
use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::site::Site;
use tandem_tests::wait::{self, connected, equal};

use crate::{SHOP, founder, pair};

const IN_2009: &str = "@2009-01-01 08:00:00";
const IN_2099: &str = "@2099-01-01 08:00:00";
const HOUR_BEHIND: &str = "-3600";

const YEAR_MS: i64 = 365 * 24 * 3_600_000;

/// Transactions of one part of a day at one site.
const TRANSACTIONS: usize = 40;

/// Part of a working day: new students and payments, notes, a deletion, hours that are used up.
fn work(site: &Site, part: usize) {
    let name = site.name();
    site.http(|http| {
        for number in 0..TRANSACTIONS {
            let text = format!("{name} {part} {number}");
            let statement = match number % 5 {
                0 => json!({ "sql": "INSERT INTO students (first_name, last_name) VALUES (?, 'new')",
                    "params": [text] }),
                1 => json!({ "sql": "UPDATE attendance SET notes = ? WHERE id = (SELECT id FROM attendance ORDER BY id LIMIT 1 OFFSET ?)",
                    "params": [text, number] }),
                2 => json!({ "sql": "INSERT INTO payments (enrollment_id, amount, date, notes) SELECT min(id), 12.5, '2025-01-31', ? FROM enrollments",
                    "params": [text] }),
                3 => json!({ "sql": "DELETE FROM payments WHERE id = (SELECT max(id) FROM payments WHERE notes LIKE ?)",
                    "params": [format!("{name}%")] }),
                _ => json!({ "sql": "UPDATE enrollments SET hours_consumed = hours_consumed + 2 WHERE id = (SELECT min(id) FROM enrollments)" }),
            };
            let (status, reply) = http.transact(&[statement]).unwrap();
            assert_eq!(status, 200, "{reply}");
        }
    });
}

fn work_at_once(sites: &[&Site], part: usize) {
    std::thread::scope(|scope| {
        for site in sites {
            scope.spawn(move || work(site, part));
        }
    });
}

/// How far a peer's clock is off, as a site's status says.
fn offset_of(site: &Site, peer: &str) -> i64 {
    let space = site.space();
    let peers = space["peers"].as_array().unwrap();
    let found = peers.iter().find(|one| one["name"] == peer);
    let offset = found.unwrap_or_else(|| panic!("{peer} is not in {space}"))["clock_offset_ms"].as_i64();
    offset.unwrap_or_else(|| panic!("no offset of {peer} in {space}"))
}

/// What `doctor` says of clocks.
fn clocks(site: &Site) -> Vec<Value> {
    // A problem that is found makes it end with 1: what it prints is what counts.
    let answer = site.tandem(&["doctor"]);
    let report: Value = serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{answer:?}"));
    let checks = report["checks"].as_array().unwrap();
    checks.iter().filter(|check| check["check"] == "clock").cloned().collect()
}

fn time_of_newest(site: &Site) -> String {
    site.tandem(&["log", "--limit", "1"]).json_lines()[0]["time"].as_str().unwrap().to_owned()
}

fn now() -> String {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    sqlite.query_row("SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", [], |row| row.get(0)).unwrap()
}

/// A site that joins with a wrong clock.
fn member(lan: &std::sync::Arc<Lan>, name: &str, clock: &str, founder: &Site) -> Site {
    let site = Site::on(&lan.host(), name);
    site.set_clock(Some(clock));
    site.join(&founder.invite());
    site.start();
    site
}

fn hours(site: &Site) -> i64 {
    site.cell("SELECT hours_consumed FROM enrollments ORDER BY id LIMIT 1").as_i64().unwrap()
}

/// How many conflicts about that row are open.
fn conflicts_about(site: &Site, id: &Value) -> usize {
    site.conflicts().into_iter().filter(|one| one["key"]["id"] == *id).count()
}

/// Together, apart, together again; what they did apart is about this student's address.
fn work_a_day(sites: [&Site; 3], student: &Value) {
    let [_, past, future] = sites;
    work_at_once(&sites, 0);
    equal(&sites);
    past.host().unplug();
    future.host().unplug();
    work_at_once(&sites, 1);
    for site in sites {
        site.write(&format!("UPDATE students SET address = '{}' WHERE id = {student}", site.name()));
    }
    past.host().plug();
    future.host().plug();
    connected(&sites);
    work_at_once(&sites, 2);
    equal(&sites);
}

/// `site` names `peer`, whose clock is that far from its own.
fn tells_whose_clock_is_wrong(site: &Site, peer: &str, offset_ms: std::ops::Range<i64>) {
    let told = offset_of(site, peer);
    assert!(offset_ms.contains(&told), "{} of {peer}: {told} ms", site.name());
    let told = clocks(site);
    let named = told.iter().find(|check| check["message"].as_str().unwrap().contains(peer));
    let named = named.unwrap_or_else(|| panic!("{peer} is not named: {told:?}"));
    assert_eq!(named["level"], "problem", "{named}");
    assert!(named["message"].as_str().unwrap().contains("years"), "{named}");
}

#[test]
fn a_days_work_with_clocks_in_2009_and_2099_converges() {
    let lan = Lan::new();
    let office = founder(&lan, "office", tandem_school::SCHEMA);
    school::load(&office, 300);
    let past = member(&lan, "past", IN_2009, &office);
    let future = member(&lan, "future", IN_2099, &office);
    let all = [&office, &past, &future];
    connected(&all);
    equal(&all);
    let before = hours(&office);
    let student = office.cell("SELECT min(id) FROM students");
    let address = format!("SELECT address FROM students WHERE id = {student}");

    work_a_day(all, &student);
    let times = 3 * 3 * TRANSACTIONS as i64 / 5;
    for site in all {
        assert_eq!(hours(site), before + 2 * times, "{}", site.name());
        assert_eq!(site.cell("SELECT count(*) FROM students WHERE last_name = 'new'"), times);
        assert_eq!(site.conflicts(), office.conflicts());
        assert_eq!(site.cell(&address), "future", "of edits made apart the latest is shown");
        site.verify();
    }
    assert_eq!(conflicts_about(&office, &student), 1);

    // Who has read the other's edit wins over it, whatever the clocks say.
    for (author, value) in [(&office, "read by the office"), (&past, "read in 2009"), (&office, "read again")]
    {
        author.write(&format!("UPDATE students SET address = '{value}' WHERE id = {student}"));
        equal(&all);
        for site in all {
            assert_eq!(site.cell(&address), value);
        }
    }
    assert_eq!(conflicts_about(&office, &student), 0);

    let decades = 20 * YEAR_MS;
    for (site, peer, offset_ms) in [
        (&office, "past", i64::MIN..-10 * YEAR_MS),
        (&office, "future", decades..i64::MAX),
        (&past, "office", 10 * YEAR_MS..i64::MAX),
        (&past, "future", 89 * YEAR_MS..91 * YEAR_MS),
        (&future, "office", i64::MIN..-decades),
        (&future, "past", -91 * YEAR_MS..-89 * YEAR_MS),
    ] {
        tells_whose_clock_is_wrong(site, peer, offset_ms);
    }
    past.stop();
    future.stop();
}

#[test]
fn once_a_clock_in_2099_is_mended_nothing_of_it_lingers() {
    let lan = Lan::new();
    let office = founder(&lan, "office", SHOP);
    let future = member(&lan, "future", IN_2099, &office);
    let all = [&office, &future];
    connected(&all);
    future.write(
        "INSERT INTO items (id, name, shelf, updated_at) VALUES (5, 'chalk', 'from 2099', '2025-01-31')",
    );
    assert!(time_of_newest(&future).starts_with("2099-01-01T08:"));
    equal(&all);
    let began = now();
    office.write("UPDATE items SET name = 'read' WHERE id = 5");
    assert!(time_of_newest(&office) >= began && time_of_newest(&office) <= now(), "led astray");
    equal(&all);

    future.stop();
    future.set_clock(None);
    future.start();
    connected(&all);
    let began = now();
    future.write("UPDATE items SET shelf = 'mended' WHERE id = 5");
    let written = time_of_newest(&future);
    assert!(began <= written && written <= now(), "{began} {written}");
    equal(&all);
    office.write("UPDATE items SET shelf = 'from the office' WHERE id = 5");
    equal(&all);
    for site in all {
        assert_eq!(site.rows("SELECT name, shelf FROM items"), [["read", "from the office"]]);
        assert!(site.conflicts().is_empty());
        wait::until("right clocks everywhere", &all, || {
            let told = clocks(site);
            let right = told.len() == 1 && told[0]["level"] == "ok";
            if right { Ok(()) } else { Err(format!("{}: {told:?}", site.name())) }
        });
        site.verify();
    }
    // Apart, the mended clock decides no better and no worse than any other.
    future.host().unplug();
    future.write("UPDATE items SET shelf = 'earlier' WHERE id = 5");
    office.write("UPDATE items SET shelf = 'later' WHERE id = 5");
    future.host().plug();
    equal(&all);
    assert_eq!(future.cell("SELECT shelf FROM items"), "later");
    assert_eq!(office.conflicts().len(), 1);
}

#[test]
fn a_clock_that_steps_back_over_a_restart_stops_nothing() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    let all = [&office, &classroom];
    office.write("INSERT INTO items (id, name, stock) VALUES (5, 'chairs', 0)");
    equal(&all);
    let chairs = "UPDATE items SET stock = stock + 1, shelf = ";
    for (round, clock) in
        [None, Some(HOUR_BEHIND), Some(IN_2009), Some(IN_2009), None].into_iter().enumerate()
    {
        classroom.set_clock(clock);
        classroom.restart();
        // Before and after the sites have met again.
        classroom.write(&format!("{chairs}'before {round}'"));
        connected(&all);
        equal(&all);
        assert_eq!(office.cell("SELECT shelf FROM items WHERE id = 5"), format!("before {round}"));
        office.write(&format!("{chairs}'office {round}'"));
        equal(&all);
        classroom.write(&format!("{chairs}'after {round}'"));
        classroom.write("INSERT INTO items (name) VALUES ('another')");
        equal(&all);
        assert_eq!(office.cell("SELECT shelf FROM items WHERE id = 5"), format!("after {round}"));
    }
    for site in all {
        assert_eq!(site.cell("SELECT stock FROM items WHERE id = 5"), 15);
        assert_eq!(site.cell("SELECT count(DISTINCT id) FROM items"), 6);
        assert!(site.conflicts().is_empty(), "{:?}", site.conflicts());
        site.verify();
    }
}
