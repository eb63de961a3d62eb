//! Statements that never end: nobody waits for them but their owners, and they end with those, or
//! with the node.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tandem_tests::lan::Lan;
use tandem_tests::school::{found_with, full};
use tandem_tests::site::Site;
use tandem_tests::wait::{equal, until};

use crate::{SHOP, pair};

const ENDLESS: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";

/// `tandem sql` on its way, with an hour to go. What a shell starts in the background ignores Ctrl-C, and so would
/// all that these tests start.
fn begin(site: &Site, sql: &str) -> Child {
    let plain = site.command();
    let mut command = Command::new("env");
    command.arg("--default-signal=INT").arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.args(["sql", "--deadline", "3600", "--by", "Ann", sql]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn runaways(site: &Site) -> [Child; 2] {
    let both = [
        begin(site, &format!("{ENDLESS} SELECT count(*) FROM c")),
        begin(site, &format!("{ENDLESS} INSERT INTO items (name) SELECT x FROM c WHERE x % 100000 = 0")),
    ];
    running(site, 2);
    both
}

fn running(site: &Site, count: usize) {
    until(&format!("{count} running"), &[site], || {
        let running = site.space()["running"].as_array().unwrap().clone();
        if running.len() == count { Ok(()) } else { Err(format!("{running:?}")) }
    });
}

#[test]
fn runaways_hold_up_nobody_and_end_with_ctrl_c() {
    let lan = Lan::new();
    let (office, classroom) = pair(&lan, SHOP);
    let both = runaways(&office);
    let mut slowest = Duration::ZERO;
    let mut times = Vec::new();
    for _ in 0..if full() { 500 } else { 30 } {
        let began = Instant::now();
        let insert = ["INSERT INTO items (name) VALUES ('one more')"];
        assert_eq!(office.http(|http| http.transact(&insert)).unwrap().0, 200);
        times.push(began.elapsed());
        slowest = slowest.max(began.elapsed());
    }
    times.sort();
    classroom.write("INSERT INTO items (name) VALUES ('from the other site')");
    equal(&[&office, &classroom]);
    running(&office, 2);
    eprintln!(
        "writes beside a runaway read and write: median {:?}, slowest {slowest:?}",
        times[times.len() / 2]
    );
    let told = office.tandem(&["doctor"]).json();
    assert_eq!(told["ok"], true, "{told}");
    for mut child in both {
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        child.wait().unwrap();
    }
    running(&office, 0);
    assert_eq!(office.cell("SELECT count(*) FROM items WHERE CAST(name AS INTEGER) > 0"), 0);
    equal(&[&office, &classroom]);
    office.stop();
}

#[test]
fn runaways_end_with_the_node() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.start();
    site.write("INSERT INTO items (name) VALUES ('before')");
    let both = runaways(&site);
    let began = Instant::now();
    site.stop();
    eprintln!("a node with a runaway read and write is gone {:?} after SIGTERM", began.elapsed());
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("stopping"), "{told}");
    }
    // The folder is free at once, and nothing of the write is there.
    assert_eq!(site.cell("SELECT count(*) FROM items"), 1);
}

#[test]
fn an_answer_takes_no_more_memory_than_it_may() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.start();
    let most = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    };
    let before = most();
    let rows = if full() { 3_000_000 } else { 300_000 };
    let series = format!("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {rows})");
    let mut csv = site.command();
    // Not as JSON: it is CSV that has no bound.
    let args: Vec<_> = csv.get_args().filter(|arg| *arg != "--json").map(ToOwned::to_owned).collect();
    let mut command = std::process::Command::new(csv.get_program());
    command.args(args).env("TANDEM_LANG", "en");
    csv = command;
    let output = csv
        .args(["sql", "--csv", &format!("{series} SELECT x, 'a row of an answer' AS t FROM c")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines, rows + 1);
    let streamed = most() - before;
    site.tandem(&["sql", "SELECT randomblob(200000000)"]).refused("sql_error");
    site.tandem(&["sql", "SELECT randomblob(30000000), randomblob(30000000), randomblob(30000000)"])
        .refused("statement_memory");
    let refused = most() - before;
    if full() {
        site.tandem(&["sql", &format!("{series} SELECT x, 'a row of an answer' AS t FROM c")])
            .refused("answer_too_large");
    }
    eprintln!(
        "{rows} rows as CSV: {streamed} MiB more than before; refused ones: {refused} MiB; in all {} MiB",
        most()
    );
    assert!(streamed < 64 && most() - before < 256, "{streamed} MiB, {} MiB", most() - before);
    site.stop();
}
