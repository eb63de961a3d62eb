//! The language school used by the demo, the tests and the benchmark.
//!
//! [`SCHEMA`] is the school's database of eleven tables. [`School`] fills it
//! with a believable year of any size, and [`attendance_day`] makes the plain
//! attendance rows that the benchmark times. Both depend on nothing but their
//! seed: the same call gives the same bytes on every machine, every day.
//!
//! ```
//! use tandem_school::School;
//!
//! let school = School::generate(7, 1_000);
//! for batch in school.batches() {
//!     // One transaction: {"statements": [batch]} is what the node accepts.
//!     assert!(batch.sql.starts_with("INSERT INTO"));
//! }
//! ```

#![forbid(unsafe_code)]

mod amount;
mod batch;
mod calendar;
mod cell;
mod random;
mod uuid;

mod attendance;
mod catalogue;
mod cohort;
mod enrollment;
mod names;
mod payment;
mod session;
mod student;
mod teacher_payment;

mod day;
mod school;

pub use batch::{BATCH_ROWS, Batch, Batches};
pub use cell::Cell;
pub use day::{ATTENDANCE_INSERT, ATTENDANCE_SCHEMA, AttendanceDay, IdKind, attendance_day};
pub use school::School;

/// The school's eleven tables in tandem's SQL, ready for `init --schema`.
pub const SCHEMA: &str = include_str!("../schema.sql");

/// The id that the founding site (ordinal 1) gives to the `number`-th row of a
/// table, counted from 1.
///
/// Generated rows carry these ids explicitly, so a generated school looks as if
/// it had been typed in on the first PC, and later inserts there continue it.
pub const fn founder_id(number: usize) -> i64 {
    number as i64 * 1024 + 1
}

/// The id of the row in place `index` of its table, counted from 0.
fn row_id(index: usize) -> i64 {
    founder_id(index + 1)
}
