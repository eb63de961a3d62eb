//! An import that is killed at any moment goes on where it stopped: each row of the file is there once.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::Duration;

use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::Site;

/// More rows than are written at once, and enough for a kill to fall between two writes.
const ROWS: usize = 50_000;

#[test]
fn an_import_that_is_killed_goes_on_where_it_stopped() {
    let mut random = Random::new("import");
    let mut kills = if full() { 30 } else { 4 };
    // Milliseconds within which a kill comes. Twice as long each time that nothing was written before it, so that a
    // slow machine gets through; half as long where an import ended before it, so that a fast one is killed too.
    let mut patience = 2_000;
    while kills > 0 {
        killed_until_it_is_done(&mut random, &mut patience, &mut kills);
    }
}

/// Kills the import, or the node that it asks, again and again.
fn killed_until_it_is_done(random: &mut Random, patience: &mut u64, kills: &mut usize) {
    let site = Site::alone("till");
    // A key that is generated: a row that was taken in twice is there twice.
    let schema = site.file("schema.sql", "CREATE TABLE sales (id INTEGER PRIMARY KEY, item TEXT, n INTEGER)");
    site.tandem(&["init", "--schema", schema.to_str().unwrap()]).json();
    let mut text = "item;n\n".to_owned();
    (0..ROWS).for_each(|at| writeln!(text, "a longer name of item {at};{at}").unwrap());
    let file = site.file("sales.csv", &text);
    let import = ["import", file.to_str().unwrap()];
    let mut before = 0;
    while before < ROWS as u64 {
        let has_node = random.one_in(2);
        if has_node {
            site.start();
        }
        let mut child =
            site.command().args(import).stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(random.below(*patience)));
        let is_killed = child.try_wait().unwrap().is_none();
        if has_node {
            site.kill();
        }
        // It may have ended by itself.
        let _gone_already = child.kill();
        child.wait().unwrap();
        let sql = "SELECT count(*), count(DISTINCT n), coalesce(max(n), -1) + 1 FROM sales";
        let told = site.tandem(&["sql", sql]).json();
        let [rows, different, last] = [0, 1, 2].map(|at| told["rows"][0][at].as_u64().unwrap());
        assert!((rows, rows) == (different, last) && rows >= before, "{before} rows, then {told}");
        if is_killed {
            *kills = kills.saturating_sub(1);
            *patience *= if rows > before { 1 } else { 2 };
        } else {
            *patience = (*patience / 2).max(1);
        }
        before = rows;
    }
    let again = site.tandem(&import).json();
    assert_eq!((&again["inserted"], &again["before"]), (&0.into(), &ROWS.into()));
    site.verify();
}
