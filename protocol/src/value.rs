//! The values cells hold.

use std::fmt;

use crate::decimal::Decimal;

/// One canonical typed value: what an op carries and a fingerprint hashes. Two sites that show
/// the same cell hold the very same value.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// No value.
    Null,
    /// INTEGER, BOOLEAN (0 or 1), COUNTER without digits.
    Integer(i64),
    /// REAL; never NaN, infinite or -0.0.
    Real(f64),
    /// TEXT and all types with a canonical text form (UUID, DATE, TIMESTAMP, …).
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
    /// DECIMAL(p,s) and COUNTER(p,s), exact, always with s digits after the point.
    Decimal(Decimal),
}

impl Value {
    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Appends a self-delimiting form: one tag byte, then the content. Equal values have equal
    /// bytes and different values different ones, which makes it fit for keys and fingerprints.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        let tagged = |out: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
            out.push(tag);
            crate::codec::put_varint(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Null => out.push(0),
            Self::Integer(number) => {
                out.push(1);
                crate::codec::put_signed(out, *number);
            }
            Self::Real(number) => {
                out.push(2);
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Self::Text(text) => tagged(out, 3, text.as_bytes()),
            Self::Blob(bytes) => tagged(out, 4, bytes),
            Self::Decimal(decimal) => {
                out.push(5);
                out.push(decimal.scale);
                crate::codec::put_signed_128(out, decimal.mantissa);
            }
        }
    }

    /// Reads back what [`Value::write_canonical`] wrote.
    pub(crate) fn read_canonical(
        reader: &mut crate::codec::Reader<'_>,
    ) -> Result<Self, crate::codec::DecodeError> {
        Ok(match reader.byte()? {
            0 => Self::Null,
            1 => Self::Integer(reader.signed()?),
            2 => Self::Real(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            3 => {
                let len = reader.length()?;
                Self::Text(reader.text(len)?.to_owned())
            }
            4 => {
                let len = reader.length()?;
                Self::Blob(reader.take(len)?.to_vec())
            }
            5 => {
                let decimal = Decimal { scale: reader.byte()?, mantissa: reader.signed_128()? };
                if !decimal.is_sound() {
                    return Err(reader.malformed());
                }
                Self::Decimal(decimal)
            }
            _ => return Err(reader.malformed()),
        })
    }
}

/// For people: text as it is, blobs as `x'…'`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Blob(bytes) => {
                f.write_str("x'")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("'")
            }
            Self::Decimal(decimal) => write!(f, "{decimal}"),
        }
    }
}

/// A row's primary key: its columns' values in the order the schema declares them.
#[derive(Clone, PartialEq, Debug)]
pub struct Key(pub Vec<Value>);

impl Key {
    /// The canonical bytes: equal exactly for equal keys.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(40);
        self.0.iter().for_each(|value| value.write_canonical(&mut bytes));
        bytes
    }

    /// Reads back [`Key::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::codec::DecodeError> {
        let mut reader = crate::codec::Reader::new(bytes, "key");
        let mut values = Vec::new();
        while !reader.is_empty() {
            values.push(Value::read_canonical(&mut reader)?);
        }
        Ok(Self(values))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn decimals() -> impl Strategy<Value = Decimal> {
        let most = crate::decimal::beyond(38) - 1;
        let mantissa = prop_oneof![-most..=most, -999i128..999, Just(most), Just(-most)];
        (mantissa, 0u8..=38).prop_map(|(mantissa, scale)| Decimal { mantissa, scale })
    }

    pub(crate) fn values() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            (-1e300f64..1e300).prop_map(Value::Real),
            ".{0,12}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::Blob),
            decimals().prop_map(Value::Decimal),
        ]
    }

    proptest! {
        #[test]
        fn keys_round_trip(values in prop::collection::vec(values(), 1..4)) {
            let key = Key(values);
            prop_assert_eq!(Key::from_bytes(&key.to_bytes()).unwrap(), key);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(key) = Key::from_bytes(&bytes) {
                prop_assert_eq!(Key::from_bytes(&key.to_bytes()).unwrap().to_bytes(), key.to_bytes());
            }
        }
    }
}
