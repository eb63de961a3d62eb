//! Answers to requests that came with an idempotency key, kept so that a retry is answered in full.
//!
//! They say what was told to a client, not what the data is: nothing is derived from them, and
//! where one is gone the log still tells that the request was carried out. So they lie beside the
//! log, not in it and not in the view, and become durable with the flush that makes the
//! transaction durable.
//!
//! ```text
//! 't' · time (u64 BE) · hash of the key   → size (u32 LE): what is forgotten first
//! 'a' · hash of the key · piece (u16 BE)  → a piece of: length (u32 LE) · checksum (8) · content
//! ```

use std::sync::Arc;

use tandem_protocol::codec;
use tandem_protocol::request::RequestKey;
use tandem_protocol::schema::Constant;
use tandem_protocol::value::Value;
use tandem_protocol::version::Dot;

use crate::log::engine::{LogError, VALUE_BYTES};
use crate::log::{Storage, Tree};
use crate::statement::StatementResult;
use crate::table_change::TableChange;
use crate::write::Written;

/// How long an answer is kept, in milliseconds: longer than any program tries again, also one that
/// was on holiday.
pub(crate) const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Bytes of the largest answer kept.
pub(crate) const ANSWER_BYTES: usize = 64 << 10;
/// Bytes of all answers of a space.
pub(crate) const ALL_BYTES: u64 = 64 << 20;
/// What an answer costs besides its own bytes.
const ENTRY_BYTES: u64 = 128;
/// Length and checksum.
const FRAMING_BYTES: usize = 4 + 8;

/// What was answered to a request.
#[derive(Clone, Debug)]
pub(crate) struct KeptAnswer {
    /// The hash of what was asked.
    pub request: [u8; 32],
    /// The answer.
    pub written: Written,
}

/// The kept answers of one space.
pub(crate) struct Answers {
    storage: Arc<Storage>,
    tree: Tree,
    /// Bytes of all; none before somebody had to know.
    bytes: Option<u64>,
    most: u64,
}

/// An answer as it is encoded: the request's hash, when it was given, the transaction, results, changes.
type Encoded = ([u8; 32], i64, Option<Dot>, Vec<EncodedResult>, Vec<(String, u64, u64, u64)>);
/// What one statement did: rows affected, names of columns, rows, whether it came too late.
type EncodedResult = (u64, Vec<String>, Vec<Vec<Constant>>, bool);

impl Answers {
    pub(crate) fn new(storage: Arc<Storage>, tree: Tree) -> Self {
        Self { storage, tree, bytes: None, most: ALL_BYTES }
    }

    /// With room for so many bytes only.
    #[cfg(test)]
    pub(crate) fn set_room(&mut self, bytes: u64) {
        self.most = bytes;
    }

    /// What was answered to the request of that key. One that cannot be read is as good as none.
    pub(crate) fn get(&self, key: &[u8; 32]) -> Result<Option<KeptAnswer>, LogError> {
        Ok(self.read(key)?.and_then(|content| decode(&content)).map(|(_, answer)| answer))
    }

    /// Keeps an answer, unless it is too large, and forgets what is old or too much. Durable only
    /// after the next flush of the log.
    pub(crate) fn put(&mut self, key: &RequestKey, written: &Written, now_ms: i64) -> Result<(), LogError> {
        self.storage.writable()?;
        let put = self.put_unguarded(key, written, now_ms);
        if put.is_err() {
            self.storage.poison();
        }
        put
    }

    fn put_unguarded(&mut self, key: &RequestKey, written: &Written, now_ms: i64) -> Result<(), LogError> {
        let content = encode(key, written, now_ms);
        debug_assert!(
            decode(&content).is_some_and(|(_, answer)| answer.request == key.request),
            "an answer that is stored can be loaded"
        );
        if content.len() > ANSWER_BYTES {
            return Ok(());
        }
        let mut framed = Vec::with_capacity(content.len() + FRAMING_BYTES);
        framed.extend_from_slice(&(content.len() as u32).to_le_bytes());
        framed.extend_from_slice(&blake3::hash(&content).as_bytes()[..8]);
        framed.extend_from_slice(&content);
        // First what will make it forgotten: nothing lies here that nobody finds.
        self.tree.put(&age(now_ms, &key.key), &(framed.len() as u32).to_le_bytes())?;
        for (piece, value) in framed.chunks(VALUE_BYTES).enumerate().rev() {
            self.tree.put(&place(&key.key, piece as u16), value)?;
        }
        let bytes = match self.bytes {
            Some(bytes) => bytes + framed.len() as u64 + ENTRY_BYTES,
            None => self.sizes()?,
        };
        self.bytes = Some(self.forget(bytes, now_ms)?);
        Ok(())
    }

    /// Removes the oldest answers until the rest are young and few enough. Gives what is left.
    fn forget(&self, mut bytes: u64, now_ms: i64) -> Result<u64, LogError> {
        let mut ages = self.tree.from(b"t");
        while let Some((age, size)) = ages.next().transpose()? {
            let Some((time_ms, key)) = read_age(&age) else { break };
            if bytes <= self.most && now_ms.saturating_sub(time_ms) <= KEPT_MS {
                break;
            }
            // An answer given anew under the same key has an age of its own.
            if self.read(&key)?.and_then(|content| decode(&content)).is_none_or(|(at, _)| at == time_ms) {
                let pieces = (ANSWER_BYTES + FRAMING_BYTES).div_ceil(VALUE_BYTES) as u16;
                (0..pieces).try_for_each(|piece| self.tree.remove(&place(&key, piece)))?;
            }
            self.tree.remove(&age)?;
            bytes = bytes.saturating_sub(size_of(&size));
        }
        Ok(bytes)
    }

    fn sizes(&self) -> Result<u64, LogError> {
        let mut bytes = 0;
        for entry in self.tree.from(b"t") {
            let (age, size) = entry?;
            if read_age(&age).is_none() {
                break;
            }
            bytes += size_of(&size);
        }
        Ok(bytes)
    }

    fn read(&self, key: &[u8; 32]) -> Result<Option<Vec<u8>>, LogError> {
        let Some(mut framed) = self.tree.get(&place(key, 0))? else { return Ok(None) };
        let Some(len) = framed.first_chunk::<4>().map(|len| u32::from_le_bytes(*len) as usize) else {
            return Ok(None);
        };
        for piece in 1..(len.min(ANSWER_BYTES) + FRAMING_BYTES).div_ceil(VALUE_BYTES) {
            match self.tree.get(&place(key, piece as u16))? {
                Some(more) => framed.extend_from_slice(&more),
                None => return Ok(None),
            }
        }
        let Some((checksum, content)) = framed[4..].split_at_checked(8) else { return Ok(None) };
        let whole = content.len() == len && checksum == &blake3::hash(content).as_bytes()[..8];
        Ok(whole.then(|| content.to_vec()))
    }
}

fn age(time_ms: i64, key: &[u8; 32]) -> Vec<u8> {
    [&b"t"[..], &(time_ms.max(0) as u64).to_be_bytes(), key].concat()
}

fn read_age(bytes: &[u8]) -> Option<(i64, [u8; 32])> {
    let (time, key) = bytes.strip_prefix(b"t")?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*time) as i64, key.try_into().ok()?))
}

fn place(key: &[u8; 32], piece: u16) -> Vec<u8> {
    [&b"a"[..], key, &piece.to_be_bytes()].concat()
}

fn size_of(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<4>().map_or(0, |size| u64::from(u32::from_le_bytes(*size))) + ENTRY_BYTES
}

fn encode(key: &RequestKey, written: &Written, now_ms: i64) -> Vec<u8> {
    let row = |row: &Vec<Value>| row.iter().map(Constant::new).collect();
    let result = |result: &StatementResult| -> EncodedResult {
        (
            result.affected,
            result.columns.clone(),
            result.rows.iter().map(row).collect(),
            result.changed_meanwhile,
        )
    };
    let change =
        |change: &TableChange| (change.table.clone(), change.inserted, change.updated, change.deleted);
    let encoded: Encoded = (
        key.request,
        now_ms.max(0),
        written.dot,
        written.results.iter().map(result).collect(),
        written.changes.iter().map(change).collect(),
    );
    codec::encode(&encoded)
}

/// When it was given, and what it was.
fn decode(content: &[u8]) -> Option<(i64, KeptAnswer)> {
    let (request, time_ms, dot, results, changes): Encoded = codec::decode(content, "answer").ok()?;
    let result = |(affected, columns, rows, changed_meanwhile): EncodedResult| {
        let row = |row: Vec<Constant>| row.iter().map(|cell| cell.value().ok()).collect::<Option<_>>();
        let rows = rows.into_iter().map(row).collect::<Option<_>>()?;
        Some(StatementResult { affected, columns, rows, changed_meanwhile })
    };
    let change = |(table, inserted, updated, deleted)| TableChange { table, inserted, updated, deleted };
    let written = Written {
        dot,
        results: results.into_iter().map(result).collect::<Option<_>>()?,
        changes: changes.into_iter().map(change).collect(),
        repeated: true,
    };
    Some((time_ms, KeptAnswer { request, written }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn answers() -> Answers {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(Storage::on_disk(folder.path()).unwrap());
        let tree = storage.tree("answers").unwrap();
        Answers::new(storage, tree)
    }

    fn name(number: u8) -> RequestKey {
        RequestKey { key: [number; 32], request: [number + 100; 32] }
    }

    fn answer(bytes: usize) -> Written {
        let rows = vec![vec![Value::Integer(7), Value::Null, Value::Blob(vec![5; bytes])]];
        let columns = vec!["id".into(), "note".into(), "photo".into()];
        Written {
            dot: None,
            results: vec![StatementResult { affected: 1, columns, rows, changed_meanwhile: false }],
            changes: vec![TableChange { table: "t".into(), inserted: 1, ..TableChange::default() }],
            repeated: false,
        }
    }

    #[test]
    fn an_answer_comes_back_as_it_was_given_up_to_its_largest_size() {
        let mut answers = answers();
        for (number, bytes) in [(1, 0), (2, VALUE_BYTES), (3, ANSWER_BYTES - 200)] {
            answers.put(&name(number), &answer(bytes), 5).unwrap();
            let kept = answers.get(&name(number).key).unwrap().unwrap();
            assert_eq!(kept.request, name(number).request);
            assert_eq!(
                (&kept.written.results, &kept.written.changes),
                (&answer(bytes).results, &answer(bytes).changes)
            );
            assert!(kept.written.repeated);
        }
        answers.put(&name(4), &answer(ANSWER_BYTES), 5).unwrap();
        assert!(answers.get(&name(4).key).unwrap().is_none(), "larger than one is kept");
        // A piece that a crash lost makes it one that is not there.
        answers.tree.remove(&place(&name(3).key, 2)).unwrap();
        assert!(answers.get(&name(3).key).unwrap().is_none());
    }

    #[test]
    fn the_oldest_are_forgotten_when_they_are_old_or_too_many() {
        let mut answers = answers();
        let known = |answers: &Answers| -> Vec<u8> {
            (1..9).filter(|number| answers.get(&name(*number).key).unwrap().is_some()).collect()
        };
        answers.put(&name(1), &answer(10), 0).unwrap();
        answers.put(&name(2), &answer(10), 10 * DAY_MS).unwrap();
        answers.put(&name(3), &answer(10), 30 * DAY_MS).unwrap();
        assert_eq!(known(&answers), [1, 2, 3]);
        answers.put(&name(4), &answer(10), 30 * DAY_MS + 1).unwrap();
        assert_eq!(known(&answers), [2, 3, 4]);
        // The same key again: its first age must not take the second answer along.
        answers.put(&name(2), &answer(10), 31 * DAY_MS).unwrap();
        answers.put(&name(5), &answer(10), 41 * DAY_MS).unwrap();
        assert_eq!(known(&answers), [2, 3, 4, 5]);
        answers.set_room(answers.bytes.unwrap() / 2);
        answers.put(&name(6), &answer(10), 41 * DAY_MS).unwrap();
        assert_eq!(known(&answers).len(), 2);
        assert!(known(&answers).contains(&6));
        // Counted anew as if it had been counted along.
        let counted = answers.bytes.take();
        answers.bytes = Some(answers.sizes().unwrap());
        assert_eq!(answers.bytes, counted);
    }
}
