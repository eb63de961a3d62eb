//! The canonical text of UUIDs, dates and times: one form each, so that equal means equal bytes,
//! and earlier means smaller.
//!
//! | type | canonical | also read |
//! |---|---|---|
//! | UUID | `0190f5e2-7c3a-7abc-8def-0123456789ab` | upper case, braces, `urn:uuid:`, without hyphens |
//! | DATE | `2026-01-31` | a timestamp of midnight without an offset |
//! | TIME | `08:00:00`, `08:00:00.500000` | `08:00`, one to six digits after the point |
//! | TIMESTAMP | `2026-01-31 05:00:00`, `2026-01-31 05:00:00.500000`, in UTC | RFC 3339, `T`, offsets, without seconds, a date alone |
//!
//! A fraction has six digits or is not there. One of more than microseconds has no canonical form:
//! it is refused where it is written, and kept whole where it is only compared (the `comparable_`
//! functions), for it lies between two canonical ones and text compares it there.

mod scanner;
mod uuid;
mod date;
mod digits;
mod time_of_day;
mod timestamp;

#[cfg(test)]
mod tests;

pub use date::{canonical_date, civil_day, is_date};
pub use time_of_day::{canonical_time, comparable_time, is_time};
pub use timestamp::{canonical_timestamp, comparable_timestamp, timestamp_text, timestamp_us};
pub use uuid::{canonical_uuid, uuid_bytes, uuid_text};
