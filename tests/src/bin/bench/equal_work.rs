//! The same work for everybody: the same rows with the same rules, one client on one connection, one
//! durable transaction a request. tandem, PostgreSQL and plain SQLite take turns within one run, so
//! that whatever else the machine does strikes all of them.

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use postgres::types::private::BytesMut;
use postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, Statement};
use serde_json::json;
use tandem_school::{ATTENDANCE_INSERT, ATTENDANCE_SCHEMA, Cell, IdKind, attendance_day};
use tandem_tests::postgres::Server;
use tandem_tests::site::Site;

use crate::connection::Connection;
use crate::figures::{Figures, percentile};
use crate::node::{SPACE, path};
use crate::plain_sqlite::{Bound, TABLE};

/// Rows of a transaction.
const BATCH: usize = 100;
/// How often everybody has a turn.
const TURNS: usize = 10;
/// Single rows that everybody writes in a turn.
const SINGLE: usize = 50;

const COLUMNS: &str = "id, session_id, student_id, status, notes, updated_at";

/// Somebody who can take in rows.
trait Writer {
    /// Its line in the report.
    fn name(&self) -> &'static str;
    /// Prepares what can be prepared before the clock runs, then writes transactions of [`BATCH`]
    /// rows; gives the seconds they took.
    fn write(&mut self, rows: &[Vec<Cell>]) -> f64;
    /// Whether it writes single rows in another way than others of its kind.
    fn writes_single_rows(&self) -> bool {
        true
    }
}

/// Measures one kind of ids.
pub fn measure(figures: &mut Figures, server: Option<&Server>, ids: (&str, IdKind), rows: usize) {
    let (name, kind) = ids;
    let mut writers: Vec<Box<dyn Writer>> = vec![Box::new(Tandem::start()), Box::new(Sqlite::open())];
    for way in server.map_or(&[][..], |_| &[Way::Insert, Way::Copy, Way::Rows]) {
        writers.push(Box::new(Postgres::open(server.unwrap(), *way)));
    }
    let data: Vec<Vec<Cell>> = attendance_day(3, rows, kind).collect();
    let singles: Vec<Vec<Cell>> = attendance_day(4, TURNS * SINGLE, kind).collect();
    let mut seconds = vec![0.0; writers.len()];
    let mut times = vec![Vec::new(); writers.len()];
    // Whole transactions in every turn; the last turn may be shorter.
    let share = rows.div_ceil(TURNS).next_multiple_of(BATCH);
    for (turn, batch) in data.chunks(share).enumerate() {
        for place in 0..writers.len() {
            // Who begins changes with the turn.
            let at = (place + turn) % writers.len();
            seconds[at] += writers[at].write(batch);
            if writers[at].writes_single_rows() {
                let single = singles.chunks(1).skip(turn * SINGLE).take(SINGLE);
                times[at].extend(single.map(|row| writers[at].write(row) * 1000.0));
            }
        }
    }
    for ((writer, seconds), mut times) in writers.iter().zip(seconds).zip(times) {
        figures.note(&format!("equal {} rows/s", writer.name()), name, rows as f64 / seconds);
        if !times.is_empty() {
            times.sort_by(f64::total_cmp);
            figures.note(&format!("equal {} p50 ms", writer.name()), name, percentile(&times, 50));
            figures.note(&format!("equal {} p99 ms", writer.name()), name, percentile(&times, 99));
        }
    }
    if server.is_some() {
        let [mine, theirs] =
            ["tandem", "insert"].map(|who| figures.last(&format!("equal {who} rows/s"), name));
        figures.note("equal tandem / insert", name, mine / theirs);
    }
}

struct Tandem {
    site: Site,
    connection: Connection,
}

impl Tandem {
    fn start() -> Self {
        let site = Site::alone("equal");
        let schema = site.file("schema.sql", ATTENDANCE_SCHEMA);
        let schema = schema.to_str().unwrap();
        site.tandem(&["init", "--space", SPACE, "--schema", schema, "--name", "equal"]).succeeded();
        site.start();
        let connection = Connection::open(site.data());
        Self { site, connection }
    }
}

impl Drop for Tandem {
    fn drop(&mut self) {
        self.site.stop();
    }
}

impl Writer for Tandem {
    fn name(&self) -> &'static str {
        "tandem"
    }

    fn write(&mut self, rows: &[Vec<Cell>]) -> f64 {
        let body = |batch: &[Vec<Cell>]| json!({ "statements": [{ "sql": ATTENDANCE_INSERT, "params_list": batch }] });
        let requests: Vec<Vec<u8>> = rows
            .chunks(BATCH)
            .map(|batch| self.connection.request("POST", &path("transactions"), &body(batch).to_string()))
            .collect();
        let started = Instant::now();
        for request in &requests {
            self.connection.send(request);
        }
        started.elapsed().as_secs_f64()
    }
}

/// Plain SQLite in the benchmark's own process, synced at each commit.
struct Sqlite {
    connection: rusqlite::Connection,
    /// Kept for its end.
    _folder: tempfile::TempDir,
}

impl Sqlite {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(folder.path().join("plain.sqlite")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "synchronous", "FULL").unwrap();
        connection.execute_batch(TABLE).unwrap();
        Self { connection, _folder: folder }
    }
}

impl Writer for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn write(&mut self, rows: &[Vec<Cell>]) -> f64 {
        let mut insert = self.connection.prepare_cached(ATTENDANCE_INSERT).unwrap();
        let started = Instant::now();
        for batch in rows.chunks(BATCH) {
            self.connection.execute_batch("BEGIN").unwrap();
            for row in batch {
                insert.execute(rusqlite::params_from_iter(row.iter().map(Bound))).unwrap();
            }
            self.connection.execute_batch("COMMIT").unwrap();
        }
        started.elapsed().as_secs_f64()
    }
}

/// How PostgreSQL is given 100 rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One prepared INSERT of 100 rows.
    Insert,
    /// One COPY of 100 rows.
    Copy,
    /// BEGIN, 100 times a prepared INSERT of one row, COMMIT: a round trip each.
    Rows,
}

struct Postgres {
    client: Client,
    way: Way,
    table: String,
    one: Statement,
    many: Statement,
}

impl Postgres {
    fn open(server: &Server, way: Way) -> Self {
        let mut client = server.connect();
        let table = format!("attendance_{}", way as u8);
        let create = format!(
            "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (id uuid PRIMARY KEY, session_id bigint NOT NULL,
             student_id bigint NOT NULL, status text NOT NULL CHECK (status IN ('present', 'absent', 'late', 'excused')),
             notes text, updated_at timestamptz)"
        );
        client.batch_execute(&create).unwrap();
        let one = client.prepare(&insert(&table, 1)).unwrap();
        let many = client.prepare(&insert(&table, BATCH)).unwrap();
        Self { client, way, table, one, many }
    }
}

fn insert(table: &str, rows: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (row * 6 + 1..=row * 6 + 6).map(|place| format!("${place}")).collect();
        format!("({})", places.join(", "))
    };
    format!("INSERT INTO {table} ({COLUMNS}) VALUES {}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

/// A cell as PostgreSQL's text form of whatever type the column has.
#[derive(Debug)]
struct Parameter(Option<String>);

impl Parameter {
    fn of(cell: &Cell) -> Self {
        Self(match cell {
            Cell::Null => None,
            Cell::Integer(number) => Some(number.to_string()),
            Cell::Real(number) => Some(number.to_string()),
            Cell::Text(text) => Some(text.to_string()),
        })
    }
}

impl ToSql for Parameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(text) = &self.0 else { return Ok(IsNull::Yes) };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

impl Writer for Postgres {
    fn name(&self) -> &'static str {
        match self.way {
            Way::Insert => "insert",
            Way::Copy => "copy",
            Way::Rows => "rows",
        }
    }

    fn write(&mut self, rows: &[Vec<Cell>]) -> f64 {
        let parameters: Vec<Vec<Parameter>> =
            rows.iter().map(|row| row.iter().map(Parameter::of).collect()).collect();
        let bound: Vec<Vec<&(dyn ToSql + Sync)>> = parameters
            .iter()
            .map(|row| row.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect())
            .collect();
        let batches: Vec<Vec<&(dyn ToSql + Sync)>> = bound.chunks(BATCH).map(<[_]>::concat).collect();
        let copied: Vec<String> = parameters.chunks(BATCH).map(lines).collect();
        let copy = format!("COPY {} ({COLUMNS}) FROM STDIN", self.table);
        let started = Instant::now();
        match self.way {
            _ if rows.len() == 1 => drop(self.client.execute(&self.one, &bound[0]).unwrap()),
            Way::Insert => {
                for batch in &batches {
                    self.client.execute(&self.many, batch).unwrap();
                }
            }
            Way::Copy => {
                for text in &copied {
                    let mut writer = self.client.copy_in(&copy).unwrap();
                    writer.write_all(text.as_bytes()).unwrap();
                    writer.finish().unwrap();
                }
            }
            Way::Rows => {
                for batch in bound.chunks(BATCH) {
                    let mut transaction = self.client.transaction().unwrap();
                    for row in batch {
                        transaction.execute(&self.one, row).unwrap();
                    }
                    transaction.commit().unwrap();
                }
            }
        }
        started.elapsed().as_secs_f64()
    }

    fn writes_single_rows(&self) -> bool {
        self.way == Way::Insert
    }
}

/// Rows as COPY reads them. What the school writes has no character that COPY would take otherwise.
fn lines(rows: &[Vec<Parameter>]) -> String {
    let cell = |cell: &Parameter| cell.0.clone().unwrap_or_else(|| "\\N".into());
    let line = |row: &Vec<Parameter>| row.iter().map(cell).collect::<Vec<_>>().join("\t") + "\n";
    rows.iter().map(line).collect()
}
