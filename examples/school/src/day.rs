//! The plain attendance rows that the benchmark times.

use crate::attendance::Status;
use crate::calendar::{Day, Moment};
use crate::cell::Cell;
use crate::random::Random;
use crate::uuid::Uuid;

/// The benchmark's only table: the school's attendance without its references,
/// so that it can stand alone.
pub const ATTENDANCE_SCHEMA: &str = "CREATE TABLE attendance (
  id         UUID PRIMARY KEY DEFAULT (uuid7()),
  session_id INTEGER NOT NULL,
  student_id INTEGER NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('present', 'absent', 'late', 'excused')),
  notes      TEXT,
  updated_at STAMP
);
";

/// Inserts one row of [`attendance_day`].
pub const ATTENDANCE_INSERT: &str = "INSERT INTO attendance \
    (id, session_id, student_id, status, notes, updated_at) VALUES (?, ?, ?, ?, ?, ?)";

/// Which UUIDs the rows get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdKind {
    /// Ascending, as tandem itself makes them.
    V7,
    /// Random: the worst case for any ordered store.
    V4,
}

/// `rows` rows of `attendance(id, session_id, student_id, status, notes,
/// updated_at)`, in the order of [`ATTENDANCE_INSERT`].
///
/// 25 rows share a session; students go round from 1 to 500; the status is one
/// of four and the notes four of eighteen words, padded to 20 characters, by
/// chance; `updated_at` grows by 10 ms a row, and version 7 ids with it.
pub fn attendance_day(seed: u64, rows: usize, ids: IdKind) -> AttendanceDay {
    AttendanceDay { next_row: 0, rows, ids, random: Random::new(seed, "day") }
}

/// See [`attendance_day`].
pub struct AttendanceDay {
    next_row: usize,
    rows: usize,
    ids: IdKind,
    random: Random,
}

const FIRST_MOMENT: Moment = Day::of(2024, 9, 2).at(9 * 60);
const MILLIS_PER_ROW: i64 = 10;
const ROWS_PER_SESSION: usize = 25;
const STUDENTS: usize = 500;

static STATUSES: [Status; 4] = [Status::Present, Status::Absent, Status::Late, Status::Excused];

static WORDS: [&str; 18] = [
    "oral", "écrit", "kanji", "hangul", "pinyin", "tons", "lecture", "dictée", "devoir", "rendu", "oublié",
    "cahier", "malade", "bus", "retard", "bien", "revoir", "leçon",
];

impl Iterator for AttendanceDay {
    type Item = Vec<Cell>;

    fn next(&mut self) -> Option<Vec<Cell>> {
        if self.next_row == self.rows {
            return None;
        }
        let row = self.next_row;
        self.next_row += 1;

        let random = &mut self.random;
        let updated_at = FIRST_MOMENT.plus_millis(row as i64 * MILLIS_PER_ROW);
        let id = match self.ids {
            IdKind::V7 => Uuid::v7(updated_at.millis(), random),
            IdKind::V4 => Uuid::v4(random),
        };
        let status = STATUSES[random.below(4) as usize];
        let words = [(); 4].map(|()| random.pick(&WORDS));
        Some(vec![
            id.into(),
            ((row / ROWS_PER_SESSION) as i64 + 1).into(),
            ((row % STUDENTS) as i64 + 1).into(),
            status.text().into(),
            format!("{:<20}", words.join(" ")).into(),
            updated_at.into(),
        ])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.rows - self.next_row;
        (left, Some(left))
    }
}

impl ExactSizeIterator for AttendanceDay {}
