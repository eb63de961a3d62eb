//! The SQL functions tandem adds: generated ids, and UUIDs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use tandem_protocol::schema::text_forms;

/// Ids below this are generated as `counter * 1024 + ordinal`; larger ones say nothing about the
/// counter.
const GENERATED_BELOW: i64 = 1 << 52;
const ORDINALS: i64 = 1024;

/// Generates integer keys that are unique without coordination.
#[derive(Default)]
pub(crate) struct Ids {
    /// This site's ordinal; none before it is admitted.
    pub ordinal: Option<u16>,
    /// Per table (its id as text), the greatest key ever seen.
    greatest: HashMap<String, i64>,
    /// The key that the last statement to insert any gave its last row; 0 where there is none.
    pub last: i64,
}

impl Ids {
    /// Takes note of a key, generated or not, of this site or another.
    pub(crate) fn saw(&mut self, table: &str, id: i64) {
        if id < GENERATED_BELOW {
            match self.greatest.get_mut(table) {
                Some(greatest) => *greatest = (*greatest).max(id),
                None => {
                    self.greatest.insert(table.to_owned(), id);
                }
            }
        }
    }

    /// The greatest key seen in a table.
    pub(crate) fn greatest(&self, table: &str) -> i64 {
        self.greatest.get(table).copied().unwrap_or(0)
    }

    /// Forgets what a rolled back transaction saw.
    pub(crate) fn reset(&mut self, table: &str, greatest: i64) {
        self.greatest.insert(table.to_owned(), greatest);
    }

    /// The next key: above all seen, with this site's ordinal in its low bits.
    fn next(&mut self, table: &str) -> Option<i64> {
        let counter = self.greatest(table).max(0) / ORDINALS + 1;
        let id = counter * ORDINALS + i64::from(self.ordinal?);
        self.saw(table, id);
        Some(id)
    }
}

/// The writer's ids, shared with the functions of its connection.
pub(crate) type SharedIds = Arc<Mutex<Ids>>;

pub(crate) fn locked(ids: &SharedIds) -> MutexGuard<'_, Ids> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        let refused = "this site has no ordinal yet: it was not admitted";
        locked(&next_ids).next(&table).ok_or_else(|| rusqlite::Error::UserFunctionError(refused.into()))
    })?;
    connection.create_scalar_function("last_insert_rowid", 0, plain, move |_| Ok(locked(&ids).last))?;
    connection.create_scalar_function("exactly", 1, plain, move |context| {
        exactly.store(true, Ordering::Relaxed);
        context.get::<rusqlite::types::Value>(0)
    })?;
    connection.create_scalar_function("tandem_unknown", 1, plain, |context| {
        let function = context.get::<String>(0)?;
        let refused = format!("its default is made by {function}(), which this program does not know yet: give a value, or update tandem on this PC");
        Err::<i64, _>(rusqlite::Error::UserFunctionError(refused.into()))
    })?;
    connection.create_scalar_function("tandem_short", 2, pure(), |context| {
        let most = context.get::<u32>(1)? as usize;
        let value = context.get::<rusqlite::types::Value>(0)?;
        let is_long = match &value {
            rusqlite::types::Value::Text(text) => text.len() > most,
            rusqlite::types::Value::Blob(bytes) => bytes.len() > most,
            _ => false,
        };
        Ok(if is_long { rusqlite::types::Value::Null } else { value })
    })?;
    super::forms::install(connection)?;
    install_uuid7(connection)
}

/// What a function is whose answer depends on its arguments alone.
fn pure() -> FunctionFlags {
    FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC
}

/// Adds the functions that readers may use too.
pub(crate) fn install_uuid7(connection: &Connection) -> rusqlite::Result<()> {
    let last = Mutex::new(Uuid7::default());
    connection.create_scalar_function("uuid7", 0, FunctionFlags::SQLITE_UTF8, move |_| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        last.next(now_ms()).map_err(|error| rusqlite::Error::UserFunctionError(error.to_string().into()))
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
    fn generated_ids_carry_the_ordinal_and_never_repeat() {
        let mut ids = Ids { ordinal: Some(7), ..Ids::default() };
        assert_eq!(ids.next("t"), Some(1024 + 7));
        assert_eq!(ids.next("t"), Some(2048 + 7));
        ids.saw("t", 10 * 1024 + 3);
        assert_eq!(ids.next("t"), Some(11 * 1024 + 7));
        ids.saw("t", i64::MAX);
        assert_eq!(ids.next("t"), Some(12 * 1024 + 7), "a huge id says nothing about the counter");
        assert_eq!(ids.next("other"), Some(1024 + 7));
        assert_eq!(Ids::default().next("t"), None);
    }

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
