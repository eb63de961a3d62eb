//! The figures as a document and as JSON.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::figures::{Figures, Spread};

/// What each figure is, in the order of the table, with its target.
const LINES: &[(&str, &str, &str)] = &[
    ("S1 rows/s", "S1: local writes, rows/s, each transaction of 100 acknowledged durable", "≥ 100,000"),
    ("S1 / SQLite", "S1 as a part of plain SQLite, not synced", "v4: ≥ 0.3"),
    ("S1 / SQLite durable", "S1 as a part of plain SQLite, synced at each commit", ""),
    ("S2 s", "S2: first sync, s", "≤ 0.6, v4: ≤ 0.9"),
    ("S2 MB", "S2: MB on the sync stream, both ways", "≤ 3.0"),
    ("S3 ms", "S3: catch-up, ms", "≤ 8"),
    ("S3 KB", "S3: KB on the sync stream, both ways", "≤ 6"),
    ("S4 p50 ms", "S4: live, ms, median", "≤ 2 × sync + 0.5"),
    ("S4 p99 ms", "S4: live, ms, 99 of 100", "≤ 5"),
    ("sync ms", "one sync of 4 KB on this disk, ms", ""),
    ("disk MB", "S5: disk after S1 (log and view), MB", ""),
    ("disk / SQLite", "S5: disk as a multiple of plain SQLite's", "≤ 2"),
    ("memory A MB", "S5: peak memory of the writing node, MB", "≤ 120"),
    ("memory B MB", "S5: peak memory of the receiving node, MB", "≤ 120"),
    ("own memory A MB", "S5: of it without pages of the program's file, writing node, MB", ""),
    ("own memory B MB", "S5: of it without pages of the program's file, receiving node, MB", ""),
    ("idle B/min", "S5: bytes a minute between equal sites", "< 1,000"),
    ("SQLite rows/s", "plain SQLite, rows/s, not synced", ""),
    ("SQLite durable rows/s", "plain SQLite, rows/s, synced at each commit", ""),
    ("SQLite disk MB", "plain SQLite, disk, MB", ""),
];

/// The same for equal work.
const EQUAL: &[(&str, &str)] = &[
    ("equal tandem rows/s", "tandem, over HTTP, rows/s"),
    ("equal insert rows/s", "PostgreSQL, one prepared INSERT of 100 rows, rows/s"),
    ("equal copy rows/s", "PostgreSQL, COPY of 100 rows, rows/s"),
    ("equal rows rows/s", "PostgreSQL, BEGIN, 100 prepared INSERTs of one row, COMMIT, rows/s"),
    ("equal sqlite rows/s", "plain SQLite, synced at each commit, in the client's own process, rows/s"),
    ("equal tandem / insert", "tandem as a part of PostgreSQL's INSERT of 100 rows"),
    ("equal tandem p50 ms", "one durable row: tandem, ms, median"),
    ("equal tandem p99 ms", "… 99 of 100"),
    ("equal insert p50 ms", "one durable row: PostgreSQL, ms, median"),
    ("equal insert p99 ms", "… 99 of 100"),
    ("equal sqlite p50 ms", "one durable row: plain SQLite, ms, median"),
    ("equal sqlite p99 ms", "… 99 of 100"),
];

/// The document.
pub fn table(figures: &Figures, rows: usize, runs: usize) -> String {
    let mut text = include_str!("benchmarks-head.md").to_owned();
    let _infallible = writeln!(
        text,
        "{rows} rows, {runs} runs, {} cores. Median (least – greatest).\n\n| | UUIDv7 | UUIDv4 | target |\n|---|---|---|---|",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    for (name, what, target) in LINES {
        let cell = |ids| figures.spread(name, ids).map_or_else(String::new, shown);
        let _infallible = writeln!(text, "| {what} | {} | {} | {target} |", cell("UUIDv7"), cell("UUIDv4"));
    }
    text.push_str(&equal_table(figures));
    text.push_str(include_str!("benchmarks-tail.md"));
    text
}

/// The document's part on equal work.
pub fn equal_table(figures: &Figures) -> String {
    let mut text = include_str!("benchmarks-equal.md").to_owned();
    for (name, what) in EQUAL {
        let cell = |ids| figures.spread(name, ids).map_or_else(String::new, shown);
        let _infallible = writeln!(text, "| {what} | {} | {} |", cell("UUIDv7"), cell("UUIDv4"));
    }
    text
}

fn shown(spread: Spread) -> String {
    format!("{} ({} – {})", number(spread.median), number(spread.least), number(spread.greatest))
}

fn number(figure: f64) -> String {
    match figure.abs() {
        large if large >= 1000.0 => {
            let whole = figure.round() as i64;
            format!("{},{:03}", whole / 1000, whole % 1000)
        }
        middle if middle >= 20.0 => format!("{figure:.0}"),
        _ => format!("{figure:.2}"),
    }
}

/// One object: by name and kind of ids, the spread.
pub fn json(figures: &Figures, rows: usize, runs: usize) -> Value {
    let mut all = Map::new();
    for (name, ids) in figures.names() {
        let by_ids = all.entry(name.clone()).or_insert_with(|| json!({}));
        by_ids[ids] = json!(figures.spread(name, ids));
    }
    json!({ "rows": rows, "runs": runs, "figures": all })
}
