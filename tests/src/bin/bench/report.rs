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
    ("idle B/min", "S5: bytes a minute between equal sites", "< 1,000"),
    ("SQLite rows/s", "plain SQLite, rows/s, not synced", ""),
    ("SQLite durable rows/s", "plain SQLite, rows/s, synced at each commit", ""),
    ("SQLite disk MB", "plain SQLite, disk, MB", ""),
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
    text.push_str(include_str!("benchmarks-tail.md"));
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
