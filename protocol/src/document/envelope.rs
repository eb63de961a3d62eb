//! The outside of an encoded change: looked at before automerge is, which believes the lengths and
//! run lengths it reads.
//!
//! ```text
//! magic 4 · checksum 4 · type 1 · length
//! dependencies (count, 32 bytes each) · actor · seq · first op · time · message
//! other actors · columns (count, then specification and length of each) · the columns' bytes
//! ```

use crate::bounds;
use crate::codec::{DecodeError, Reader, put_varint};

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The type of a chunk that is a whole document.
pub(super) const DOCUMENT: u8 = 0;
/// The type of a chunk that is one change, not compressed.
pub(super) const CHANGE: u8 = 1;

/// Actor ids of this program have this many bytes.
const ACTOR_BYTES: usize = 16;

const KEY_TEXT: u64 = 0x15;
const ACTION: u64 = 0x42;
const PREDECESSORS: u64 = 0x70;
/// Specifications of the columns that a change of this program can have, each at most once.
const COLUMNS: [u64; 12] =
    [0x01, 0x02, 0x11, 0x13, KEY_TEXT, 0x34, ACTION, 0x56, 0x57, PREDECESSORS, 0x71, 0x73];

/// Splits bytes after their first chunk; says its type.
pub(super) fn split_chunk(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let mut reader = Reader::new(bytes, "chunk");
    let magic: [u8; 4] = reader.array().ok()?;
    let _checksum: [u8; 4] = reader.array().ok()?;
    let kind = reader.byte().ok()?;
    let length = reader.length().ok()?;
    let rest = reader.left() - length;
    (magic == MAGIC).then(|| {
        let (chunk, rest) = bytes.split_at(bytes.len() - rest);
        (kind, chunk, rest)
    })
}

/// Whether the bytes are one change whose ops, and what they unfold to, are in proportion to the bytes.
pub(super) fn is_sensible(bytes: &[u8]) -> bool {
    match split_chunk(bytes) {
        Some((CHANGE, chunk, [])) => check(chunk).unwrap_or(false),
        _ => false,
    }
}

/// Whether these are the very bytes that the change with this hash has: there is one checksum and
/// one way to write the length.
pub(super) fn is_exact(bytes: &[u8], hash: &[u8; 32]) -> bool {
    let Some((CHANGE, _, [])) = split_chunk(bytes) else { return false };
    (1..=10).any(|digits| {
        let mut head = [&MAGIC[..], &hash[..4], &[CHANGE]].concat();
        let Some(length) = bytes.len().checked_sub(head.len() + digits) else { return false };
        put_varint(&mut head, length as u64);
        head.len() == bytes.len() - length && bytes.starts_with(&head)
    })
}

fn check(chunk: &[u8]) -> Result<bool, DecodeError> {
    let mut reader = Reader::new(chunk, "change");
    reader.take(MAGIC.len() + 5)?;
    reader.length()?;

    let dependencies = reader.length()?;
    if dependencies == 0 || dependencies > bounds::AUTHORS {
        return Ok(false);
    }
    reader.take(dependencies * 32)?;
    let actor = reader.length()?;
    reader.take(actor)?;
    reader.varint()?;
    reader.varint()?;
    let time = reader.byte()?;
    let message = reader.length()?;
    if (actor, time, message) != (ACTOR_BYTES, 0, 0) {
        return Ok(false);
    }
    let others = reader.length()?;
    for _ in 0..others {
        let actor = reader.length()?;
        reader.take(actor)?;
    }

    let count = reader.length()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        columns.push((reader.varint()?, reader.length()?));
    }
    if count > COLUMNS.len() || !columns.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Ok(false);
    }
    let most = bounds::DOCUMENT_CHANGE_OPS + chunk.len();
    for (column, length) in columns {
        let bytes = reader.take(length)?;
        let unfolded = match column {
            ACTION => unfold(bytes, |value| value.varint().map(|_| 1))?,
            PREDECESSORS => unfold(bytes, |value| value.varint())?,
            KEY_TEXT => unfold(bytes, |value| {
                let length = value.length()?;
                value.take(length)?;
                Ok(length as u64)
            })?,
            known if COLUMNS.contains(&known) => 0,
            _ => return Ok(false),
        };
        let most = if column == KEY_TEXT { bounds::DOCUMENT_CHANGE_BYTES } else { most };
        if unfolded > most as u64 {
            return Ok(false);
        }
    }
    Ok(reader.is_empty())
}

/// Adds up a run-length encoded column: `weigh` reads one value and says what it counts.
fn unfold(
    column: &[u8],
    weigh: impl Fn(&mut Reader<'_>) -> Result<u64, DecodeError>,
) -> Result<u64, DecodeError> {
    let mut reader = Reader::new(column, "column");
    let mut sum = 0u64;
    while !reader.is_empty() {
        match signed(&mut reader)? {
            0 => sum = sum.saturating_add(reader.varint()?),
            run @ 1.. => sum = sum.saturating_add(weigh(&mut reader)?.saturating_mul(run as u64)),
            literal => {
                // Each of them takes a byte or more, so this ends with the column.
                for _ in 0..literal.unsigned_abs() {
                    sum = sum.saturating_add(weigh(&mut reader)?);
                }
            }
        }
    }
    Ok(sum)
}

/// Signed LEB128.
fn signed(reader: &mut Reader<'_>) -> Result<i64, DecodeError> {
    let mut value = 0i64;
    for shift in (0..64).step_by(7) {
        let byte = reader.byte()?;
        value |= i64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let sign = shift + 7;
            return Ok(if byte & 0x40 != 0 && sign < 64 { value | -1 << sign } else { value });
        }
    }
    Err(reader.malformed())
}
