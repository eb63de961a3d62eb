//! The SQL functions tandem adds: generated ids, UUIDs, decimals.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::{ColumnId, text_forms};

use super::decimals;
pub(crate) use super::ids::{SharedIds, locked};
use crate::cause::sqlite::refused_by_function;

/// Adds the functions to the writer's connection.
/// `exactly` is set when the function of that name is called.
pub(crate) fn install(
    connection: &Connection,
    ids: SharedIds,
    exactly: Arc<AtomicBool>,
) -> rusqlite::Result<()> {
    let plain = FunctionFlags::SQLITE_UTF8;
    let next_ids = Arc::clone(&ids);
    connection.create_scalar_function("tandem_next", 1, plain, move |context| {
        let table = context.get::<String>(0)?;
        locked(&next_ids).next(&table).map_err(|error| refused_by_function(Cause::from(&error)))
    })?;
    let numbers = Arc::clone(&ids);
    connection.create_scalar_function("tandem_number", 2, plain, move |context| {
        let (column, prefix) = (context.get::<String>(0)?, context.get::<String>(1)?);
        let id = HEXLOWER.decode(column.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        let id = id.map(ColumnId).ok_or_else(|| refused_by_function(Cause::new("id_exhausted")))?;
        locked(&numbers).number(id, &prefix).map_err(|error| refused_by_function(Cause::from(&error)))
    })?;
    connection.create_scalar_function("last_insert_rowid", 0, plain, move |_| Ok(locked(&ids).last))?;
    connection.create_scalar_function("exactly", 1, plain, move |context| {
        exactly.store(true, Ordering::Relaxed);
        context.get::<rusqlite::types::Value>(0)
    })?;
    connection.create_scalar_function("tandem_unknown", 1, plain, |context| {
        let function = context.get::<String>(0)?;
        Err::<i64, _>(refused_by_function(Cause::new("default_function").with("name", function)))
    })?;
    connection.create_scalar_function("tandem_short", 2, pure(), |context| {
        let most = context.get::<u32>(1)? as usize;
        // As it is: bytes put together with a text need not be UTF-8.
        let is_long = match context.get_raw(0) {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() > most,
            _ => false,
        };
        Ok(if is_long { ToSqlOutput::Owned(rusqlite::types::Value::Null) } else { ToSqlOutput::Arg(0) })
    })?;
    install_for_readers(connection)
}

/// What a function is whose answer depends on its arguments alone.
fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC
}

/// Adds the functions that readers may use too.
pub(crate) fn install_for_readers(connection: &Connection) -> rusqlite::Result<()> {
    decimals::install(connection)?;
    super::forms::install(connection)?;
    let last = Mutex::new(Uuid7::default());
    connection.create_scalar_function("uuid7", 0, FunctionFlags::SQLITE_UTF8, move |_| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error: getrandom::Error| Cause::new("system").with("said", error.to_string());
        last.next(now_ms()).map_err(|error| refused_by_function(failed(error)))
    })
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// UUIDs of version 7 (RFC 9562): milliseconds, then random bits. Within one millisecond the
/// random part grows by a random step (its method 2), so that ids ascend.
#[derive(Default)]
struct Uuid7 {
    ms: u64,
    random: u128,
}

const RANDOM_BITS: u32 = 74;

impl Uuid7 {
    fn next(&mut self, now_ms: u64) -> Result<String, getrandom::Error> {
        let mut noise = [0; 16];
        getrandom::fill(&mut noise)?;
        let noise = u128::from_le_bytes(noise);
        let step = (noise & 0xffff_ffff) + 1;
        if now_ms <= self.ms && self.random + step < 1 << RANDOM_BITS {
            self.random += step;
        } else {
            self.ms = now_ms.max(self.ms + u64::from(now_ms <= self.ms));
            // The top bit stays free, for the steps to grow into.
            self.random = noise >> (128 - RANDOM_BITS + 1);
        }
        let high = self.random >> 62;
        let low = self.random & ((1 << 62) - 1);
        let number = u128::from(self.ms) << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low;
        Ok(text_forms::uuid_text(&number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_ascend_also_within_one_millisecond_and_when_the_clock_steps_back() {
        let mut uuids = Uuid7::default();
        let mut last = String::new();
        for now in [5, 5, 5, 4, 1, 6, 6, 2] {
            for _ in 0..1000 {
                let next = uuids.next(1_700_000_000_000 + now).unwrap();
                assert!(next > last, "{next} after {last}");
                assert!(next.as_bytes()[14] == b'7' && b"89ab".contains(&next.as_bytes()[19]));
                last = next;
            }
        }
    }
}
