//! The workloads S1-S5 on two nodes.

use std::time::{Duration, Instant};

use serde_json::json;
use tandem_school::{ATTENDANCE_INSERT, ATTENDANCE_SCHEMA, Cell, IdKind, attendance_day};
use tandem_tests::site::Site;

use crate::connection::Connection;
use crate::figures::{Figures, percentile};
use crate::node::{SPACE, disk_mb, path, peak_memory_mb, poll, state, sync_bytes};

/// Rows of a transaction.
const BATCH: usize = 100;

/// Times that the second site catches up.
const CATCH_UPS: usize = 10;

/// The whole day, at the end of which equal sites are listened to for so long.
pub fn measure(figures: &mut Figures, (name, ids): (&str, IdKind), rows: usize, how_long: Duration) {
    let (a, b) = (Site::alone("a"), Site::alone("b"));
    let schema = a.file("schema.sql", ATTENDANCE_SCHEMA);
    let schema = schema.to_str().unwrap();
    a.tandem(&["init", "--space", SPACE, "--schema", schema, "--name", "a"]).succeeded();
    a.start();
    let mut to_a = Connection::open(a.data());

    local_writes(figures, name, ids, rows, &mut to_a);
    figures.note("disk MB", name, disk_mb(a.data()));
    figures.note("disk / SQLite", name, figures.last("disk MB", name) / figures.last("SQLite disk MB", name));

    b.start();
    let mut to_b = Connection::open(b.data());
    first_sync(figures, name, &a, &mut to_a, &mut to_b);
    catch_up(figures, name, ids, rows, &mut to_a, &mut to_b);
    live(figures, name, &b, &mut to_a);
    for (whole, own, site) in [("memory A MB", "own memory A MB", &a), ("memory B MB", "own memory B MB", &b)]
    {
        let (peak, without_files) = peak_memory_mb(site);
        figures.note(whole, name, peak);
        figures.note(own, name, without_files);
    }
    if name == "UUIDv7" {
        idle(figures, name, &a, to_a, how_long);
    }
    a.stop();
    b.stop();
}

fn insert(rows: &[Vec<Cell>]) -> String {
    json!({ "statements": [{ "sql": ATTENDANCE_INSERT, "params_list": rows }] }).to_string()
}

/// S1: one client, one connection, one transaction after the other.
fn local_writes(figures: &mut Figures, name: &str, ids: IdKind, rows: usize, to_a: &mut Connection) {
    let data: Vec<Vec<Cell>> = attendance_day(1, rows, ids).collect();
    let requests: Vec<Vec<u8>> =
        data.chunks(BATCH).map(|batch| to_a.request("POST", &path("transactions"), &insert(batch))).collect();
    let started = Instant::now();
    for request in &requests {
        to_a.send(request);
    }
    let speed = rows as f64 / started.elapsed().as_secs_f64();
    figures.note("S1 rows/s", name, speed);
    figures.note("S1 / SQLite", name, speed / figures.last("SQLite rows/s", name));
    figures.note("S1 / SQLite durable", name, speed / figures.last("SQLite durable rows/s", name));
}

/// S2: from the request to join until the second site holds and shows the same.
fn first_sync(figures: &mut Figures, name: &str, a: &Site, to_a: &mut Connection, to_b: &mut Connection) {
    let token = a.invite();
    let started = Instant::now();
    to_b.post("/v1/join", &json!({ "token": token, "site_name": "b" }));
    equal(to_a, to_b, Duration::from_millis(5));
    figures.note("S2 s", name, started.elapsed().as_secs_f64());
    figures.note("S2 MB", name, sync_bytes(&to_a.get("/v1/status")) / 1e6);
}

/// S3: sync paused, 50 rows added and 50 changed in 50 transactions, resumed. One catch-up is over too soon to
/// be told from what else the machine does, so there are some.
fn catch_up(
    figures: &mut Figures,
    name: &str,
    ids: IdKind,
    rows: usize,
    to_a: &mut Connection,
    to_b: &mut Connection,
) {
    let before = sync_bytes(&to_a.get("/v1/status"));
    let mut times: Vec<f64> = (0..CATCH_UPS)
        .map(|round| {
            to_b.post("/v1/sync", &json!({ "paused": true }));
            write_meanwhile(round, ids, rows, to_a);
            let wanted = state(&to_a.get("/v1/status"));
            let resume = to_b.request("POST", "/v1/sync", &json!({ "paused": false }).to_string());
            let started = Instant::now();
            to_b.send(&resume);
            poll(to_b, "/v1/status", Duration::from_micros(200), |status| state(status) == wanted);
            let elapsed = started.elapsed().as_secs_f64() * 1000.0;
            equal(to_a, to_b, Duration::from_millis(5));
            elapsed
        })
        .collect();
    times.sort_by(f64::total_cmp);
    figures.note("S3 ms", name, percentile(&times, 50));
    let bytes = sync_bytes(&to_a.get("/v1/status")) - before;
    figures.note("S3 KB", name, bytes / 1e3 / CATCH_UPS as f64);
}

/// What one site does while the other does not sync.
fn write_meanwhile(round: usize, ids: IdKind, rows: usize, to_a: &mut Connection) {
    let known = attendance_day(1, rows, ids).skip(round).step_by(rows / 50).take(50);
    for (new, known) in attendance_day(2 + round as u64, 50, ids).zip(known) {
        let change = "UPDATE attendance SET status = 'late', notes = 'arrived by the bus' WHERE id = ?1";
        let body = json!({ "statements": [
            { "sql": ATTENDANCE_INSERT, "params": new },
            { "sql": change, "params": [known[0]] },
        ] });
        to_a.post(&path("transactions"), &body);
    }
}

/// S4: from sending a single-row write to A until B's event stream delivers it.
fn live(figures: &mut Figures, name: &str, b: &Site, to_a: &mut Connection) {
    let mut events = Connection::open(b.data()).events(&path("events"));
    let mut times: Vec<f64> = (0..200)
        .map(|number| {
            let sql = "INSERT INTO attendance (session_id, student_id, status) VALUES (?1, 7, 'present')";
            let body = json!({ "statements": [{ "sql": sql, "params": [number] }] }).to_string();
            let request = to_a.request("POST", &path("transactions"), &body);
            let started = Instant::now();
            // The event is known by the name in the answer, so the clock runs until both are there.
            let dot = to_a.send(&request)["dot"].as_str().unwrap().to_owned();
            events.wait_for(&dot);
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    figures.note("S4 p50 ms", name, percentile(&times, 50));
    figures.note("S4 p99 ms", name, percentile(&times, 99));
}

/// S5: what two equal sites say to each other in a minute.
fn idle(figures: &mut Figures, name: &str, a: &Site, mut to_a: Connection, how_long: Duration) {
    let before = sync_bytes(&to_a.get("/v1/status"));
    std::thread::sleep(how_long);
    // A connection on which nothing is asked for so long is closed.
    to_a = Connection::open(a.data());
    figures.note(
        "idle B/min",
        name,
        (sync_bytes(&to_a.get("/v1/status")) - before) * 60.0 / how_long.as_secs_f64(),
    );
}

fn equal(to_a: &mut Connection, to_b: &mut Connection, every: Duration) {
    let wanted = state(&to_a.get("/v1/status"));
    poll(to_b, "/v1/status", every, |status| state(status) == wanted);
}
