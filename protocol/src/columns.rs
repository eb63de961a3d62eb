//! The values of one column over many rows, packed: what repeats or ascends costs little even
//! before compression, and compresses better after.
//!
//! A packed column is one tag byte and its content. The number of values stands outside.
//!
//! | tag | values | content |
//! |---|---|---|
//! | 0 | all NULL | nothing |
//! | 1 | integers | difference to the previous, zigzag LEB128 |
//! | 2 | texts | all lengths (LEB128), then all bytes |
//! | 3 | canonical UUID texts | 16 bytes each |
//! | 4 | canonical timestamp texts | microseconds, as tag 1 |
//! | 5 | reals | 8 bytes each, little endian |
//! | 6 | decimals of one scale | the scale, then mantissas as tag 1 |
//! | 7 | blobs | as tag 2 |
//! | 8 | some NULL | a bitmap (1 = present), then the packed column of those present |
//! | 9 | anything else | each value in its canonical form |

use crate::codec::{DecodeError, Reader, put_signed, put_signed_128, put_varint};
use crate::decimal::Decimal;
use crate::schema::text_forms;
use crate::value::Value;

const WHAT: &str = "column";

/// Packs `values`.
pub fn pack(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::with_capacity(values.len() * 4 + 1);
    let present: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
    if present.is_empty() {
        out.push(0);
        return out;
    }
    if present.len() < values.len() {
        out.push(8);
        for chunk in values.chunks(8) {
            let bits = chunk.iter().rev().fold(0, |bits, value| bits << 1 | u8::from(!value.is_null()));
            out.push(bits);
        }
        debug_assert_eq!(out.len(), 1 + values.len().div_ceil(8), "the bitmap has a bit for each value");
    }
    pack_present(&mut out, &present);
    out
}

fn pack_present(out: &mut Vec<u8>, values: &[&Value]) {
    let tag_at = out.len();
    out.push(9);
    let uniform = match values[0] {
        Value::Integer(_) => try_each(out, tag_at, 1, values, &mut integers()),
        Value::Text(text) if text_forms::uuid_bytes(text).is_some() => {
            try_each(out, tag_at, 3, values, &mut |out, value| match value {
                Value::Text(text) => text_forms::uuid_bytes(text).map(|bytes| out.extend_from_slice(&bytes)),
                _ => None,
            })
        }
        Value::Text(text) if text_forms::timestamp_us(text).is_some() => {
            let mut previous = 0;
            try_each(out, tag_at, 4, values, &mut |out, value| match value {
                Value::Text(text) => {
                    text_forms::timestamp_us(text).map(|us| put_delta(out, &mut previous, us))
                }
                _ => None,
            })
        }
        Value::Real(_) => try_each(out, tag_at, 5, values, &mut |out, value| match value {
            Value::Real(number) => {
                out.extend_from_slice(&number.to_bits().to_le_bytes());
                Some(())
            }
            _ => None,
        }),
        Value::Decimal(Decimal { scale, .. }) => {
            out.push(*scale);
            let mut previous = 0i128;
            try_each(out, tag_at, 6, values, &mut |out, value| match value {
                Value::Decimal(decimal) if decimal.scale == *scale => {
                    put_signed_128(out, decimal.mantissa.wrapping_sub(previous));
                    previous = decimal.mantissa;
                    Some(())
                }
                _ => None,
            })
        }
        _ => false,
    };
    if uniform {
        return;
    }
    let texts = values.iter().all(|value| matches!(value, Value::Text(_)));
    let blobs = values.iter().all(|value| matches!(value, Value::Blob(_)));
    if texts || blobs {
        out[tag_at] = if texts { 2 } else { 7 };
        values.iter().for_each(|value| put_varint(out, bytes_of(value).len() as u64));
        values.iter().for_each(|value| out.extend_from_slice(bytes_of(value)));
    } else {
        values.iter().for_each(|value| value.write_canonical(out));
    }
}

/// Writes every value with `write` under `tag`; takes all of it back when one does not fit.
fn try_each(
    out: &mut Vec<u8>,
    tag_at: usize,
    tag: u8,
    values: &[&Value],
    write: &mut dyn FnMut(&mut Vec<u8>, &Value) -> Option<()>,
) -> bool {
    let fits = values.iter().all(|value| write(out, value).is_some());
    if fits {
        out[tag_at] = tag;
    } else {
        out.truncate(tag_at + 1);
    }
    fits
}

fn integers() -> impl FnMut(&mut Vec<u8>, &Value) -> Option<()> {
    let mut previous = 0;
    move |out, value| match value {
        Value::Integer(number) => {
            put_delta(out, &mut previous, *number);
            Some(())
        }
        _ => None,
    }
}

fn put_delta(out: &mut Vec<u8>, previous: &mut i64, number: i64) {
    put_signed(out, number.wrapping_sub(*previous));
    *previous = number;
}

fn bytes_of(value: &Value) -> &[u8] {
    match value {
        Value::Text(text) => text.as_bytes(),
        Value::Blob(bytes) => bytes,
        _ => &[],
    }
}

/// Unpacks exactly `count` values. The caller bounds `count`: 0 bytes can stand for many NULLs.
pub fn unpack(bytes: &[u8], count: usize) -> Result<Vec<Value>, DecodeError> {
    let mut reader = Reader::new(bytes, WHAT);
    let tag = reader.byte()?;
    let values = match tag {
        0 => vec![Value::Null; count],
        8 => return unpack_sparse(reader, count),
        _ => unpack_present(&mut reader, tag, count)?,
    };
    reader.end()?;
    Ok(values)
}

fn unpack_sparse(mut reader: Reader<'_>, count: usize) -> Result<Vec<Value>, DecodeError> {
    let bitmap = reader.take(count.div_ceil(8))?;
    let present = |at: usize| bitmap[at / 8] >> (at % 8) & 1 == 1;
    let there = (0..count).filter(|at| present(*at)).count();
    let tag = reader.byte()?;
    let mut values = unpack_present(&mut reader, tag, there)?.into_iter();
    reader.end()?;
    let all =
        (0..count).map(|at| if present(at) { values.next().unwrap_or(Value::Null) } else { Value::Null });
    let all = all.collect();
    assert_eq!(values.len(), 0, "every value that is present has a place");
    Ok(all)
}

fn unpack_present(reader: &mut Reader<'_>, tag: u8, count: usize) -> Result<Vec<Value>, DecodeError> {
    // No value of these tags takes less than a byte: a false count fails before it allocates.
    let mut values = Vec::with_capacity(count.min(1 << 16));
    let mut previous = 0i64;
    let mut delta = |reader: &mut Reader<'_>| -> Result<i64, DecodeError> {
        previous = previous.wrapping_add(reader.signed()?);
        Ok(previous)
    };
    let mut mantissa = 0i128;
    let scale = if tag == 6 { reader.byte()? } else { 0 };
    let lengths = match tag {
        2 | 7 => (0..count).map(|_| reader.length()).collect::<Result<Vec<_>, _>>()?,
        _ => Vec::new(),
    };
    let mut lengths = lengths.into_iter();
    for _ in 0..count {
        let len = lengths.next().unwrap_or(0);
        values.push(match tag {
            1 => Value::Integer(delta(reader)?),
            2 => Value::Text(reader.text(len)?.to_owned()),
            3 => Value::Text(text_forms::uuid_text(&reader.array()?)),
            4 => {
                let us = delta(reader)?;
                Value::Text(text_forms::timestamp_text(us).ok_or_else(|| reader.malformed())?)
            }
            5 => Value::Real(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            6 => {
                mantissa = mantissa.wrapping_add(reader.signed_128()?);
                let decimal = Decimal { mantissa, scale };
                if !decimal.is_sound() {
                    return Err(reader.malformed());
                }
                Value::Decimal(decimal)
            }
            7 => Value::Blob(reader.take(len)?.to_vec()),
            9 => Value::read_canonical(reader)?,
            _ => return Err(reader.malformed()),
        });
    }
    debug_assert!(lengths.next().is_none(), "every length is of one value");
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns() -> impl Strategy<Value = Vec<Value>> {
        let of = |one: BoxedStrategy<Value>| prop::collection::vec(one, 0..20);
        let timestamp = (-62_000_000_000_000_000i64..250_000_000_000_000_000)
            .prop_map(|us| Value::Text(text_forms::timestamp_text(us).unwrap()));
        // Whole seconds among fractions, and texts that only look like timestamps.
        let spelled = prop_oneof![
            timestamp.clone(),
            (0i64..100_000_000)
                .prop_map(|second| Value::Text(text_forms::timestamp_text(second * 1_000_000).unwrap())),
            "2026-0[1-9]-01[ T]0[0-9]:00:00(\\.[0-9]{1,6})?Z?".prop_map(Value::Text),
        ];
        let uuid = any::<[u8; 16]>().prop_map(|bytes| Value::Text(text_forms::uuid_text(&bytes)));
        let integer = any::<i64>().prop_map(Value::Integer).boxed();
        let decimal = crate::value::tests::decimals()
            .prop_map(|one| Value::Decimal(Decimal { scale: 2, ..one }))
            .boxed();
        prop_oneof![
            of(integer.clone()),
            of(decimal),
            of(timestamp.boxed()),
            of(spelled.boxed()),
            of(uuid.clone().boxed()),
            of(prop_oneof![uuid, ".{0,5}".prop_map(Value::Text)].boxed()),
            of(prop_oneof![Just(Value::Null), integer].boxed()),
            of(crate::value::tests::values().boxed()),
        ]
    }

    #[test]
    fn a_packed_timestamp_that_has_no_text_is_malformed() {
        for us in [i64::MIN, i64::MAX, 253_402_300_800_000_000] {
            let mut bytes = vec![4];
            put_signed(&mut bytes, us);
            assert!(unpack(&bytes, 1).is_err(), "{us}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(values in columns()) {
            prop_assert_eq!(unpack(&pack(&values), values.len()).unwrap(), values);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), count in 0usize..100) {
            let _ = unpack(&bytes, count).map(|values| assert_eq!(values.len(), count));
        }
    }
}
