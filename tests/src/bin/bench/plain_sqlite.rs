//! The floor: the same rows into plain SQLite from Rust, in transactions of 100.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Instant;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql};
use tandem_school::{ATTENDANCE_INSERT, Cell, IdKind, attendance_day};

use crate::figures::{Figures, percentile};

/// tandem's table as plain SQLite has it: the same rules.
pub const TABLE: &str = "CREATE TABLE attendance (id TEXT PRIMARY KEY NOT NULL, session_id INTEGER NOT NULL,
    student_id INTEGER NOT NULL, status TEXT NOT NULL CHECK (status IN ('present', 'absent', 'late', 'excused')),
    notes TEXT, updated_at TEXT) STRICT";

/// A cell as SQLite's parameter.
pub struct Bound<'a>(pub &'a Cell);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Cell::Null => Ok(ToSqlOutput::Owned(rusqlite::types::Value::Null)),
            Cell::Integer(number) => number.to_sql(),
            Cell::Real(number) => number.to_sql(),
            Cell::Text(text) => text.to_sql(),
        }
    }
}

/// Measures plain SQLite, not synced and synced at each commit, and what a sync costs here.
pub fn measure(figures: &mut Figures, name: &str, ids: IdKind, rows: usize) {
    let data: Vec<Vec<Cell>> = attendance_day(1, rows, ids).collect();
    for (figure, synchronous) in [("SQLite rows/s", "NORMAL"), ("SQLite durable rows/s", "FULL")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plain.sqlite");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", synchronous).unwrap();
        connection.execute_batch(TABLE).unwrap();
        let started = Instant::now();
        for batch in data.chunks(100) {
            connection.execute_batch("BEGIN").unwrap();
            let mut insert = connection.prepare_cached(ATTENDANCE_INSERT).unwrap();
            for row in batch {
                insert.execute(rusqlite::params_from_iter(row.iter().map(Bound))).unwrap();
            }
            drop(insert);
            connection.execute_batch("COMMIT").unwrap();
        }
        figures.note(figure, name, rows as f64 / started.elapsed().as_secs_f64());
        connection.close().unwrap();
        figures.note("SQLite disk MB", name, std::fs::metadata(&path).unwrap().len() as f64 / 1e6);
    }
    figures.note("sync ms", name, sync_ms());
}

/// What it costs to make 4 KB durable.
fn sync_ms() -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let mut file = OpenOptions::new().create_new(true).append(true).open(folder.path().join("file")).unwrap();
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let started = Instant::now();
            file.sync_data().unwrap();
            started.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    percentile(&times, 50)
}
