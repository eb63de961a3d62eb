//! A counter: what it was set to, and all that was ever added. Sums are exact at any size; what a
//! column can show of them is [`ColumnType::shown`]'s to say.

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

use crate::codec;
use crate::decimal::Decimal;
use crate::schema::ColumnType;
use crate::value::Value;
use crate::wide::Wide;

/// Everything that was added to a counter: in units of its last digit, and in how many ops.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Added {
    /// The sum of all deltas.
    pub sum: Wide,
    /// How many there were.
    pub count: u64,
}

impl Added {
    /// Takes in one delta.
    pub fn add(&mut self, delta: Wide) {
        self.sum = self.sum + delta;
        self.count = self.count.wrapping_add(1);
    }

    /// What is left of it without `other`, a part of it.
    pub fn without(self, other: Self) -> Self {
        Self { sum: self.sum - other.sum, count: self.count.wrapping_sub(other.count) }
    }
}

/// One byte for the many cells that nothing was added to.
impl Encode for Added {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.count.encode(encoder)?;
        if self.count == 0 { Ok(()) } else { self.sum.encode(encoder) }
    }
}

impl<Context> Decode<Context> for Added {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u64::decode(decoder)?;
        let sum = if count == 0 { Wide::ZERO } else { Wide::decode(decoder)? };
        Ok(Self { sum, count })
    }
}

bincode::impl_borrow_decode!(Added);

/// What a counter was set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offset {
    /// The value meant, minus all deltas that its writer had seen.
    Number(Wide),
    /// NULL, until more is added than its writer had seen; then the sum of that.
    Null(Added),
}

/// Numbers of ops lie within ±2^this: far beyond what sums can reach.
const OFFSET_BITS: u32 = 200;
/// The difference of two numbers of 38 digits has fewer bits.
const DELTA_BITS: u32 = 129;

const _: () = assert!(DELTA_BITS + u64::BITS < OFFSET_BITS, "an offset has room for every sum of deltas");

const NUMBER: u8 = 0;
const NULL: u8 = 1;

impl Offset {
    /// What an op that sets a counter of that type says; `None` if it is not the one form of it.
    pub fn read(kind: ColumnType, value: &Value) -> Option<Self> {
        let offset = match value {
            Value::Null => Self::Null(Added::default()),
            Value::Blob(bytes) if bytes.first() == Some(&NULL) => {
                let known: Added = codec::decode(&bytes[1..], "offset").ok()?;
                Self::Null(known)
            }
            number => Self::Number(units(number)?),
        };
        let bounded = match offset {
            Self::Number(number) => number,
            Self::Null(known) => known.sum,
        };
        (bounded.is_within(OFFSET_BITS) && offset.value(kind) == *value).then_some(offset)
    }

    /// The value by which an op says it.
    pub fn value(self, kind: ColumnType) -> Value {
        match self {
            Self::Number(number) => in_units(kind, number),
            Self::Null(Added { count: 0, .. }) => Value::Null,
            Self::Null(known) => blob(NULL, &known),
        }
    }

    /// What the counter is, `added` being all that was ever added; `None`: NULL.
    pub fn total(self, added: Added) -> Option<Wide> {
        match self {
            Self::Number(number) => Some(number + added.sum),
            Self::Null(known) if known.count == added.count => None,
            Self::Null(known) => Some(added.without(known).sum),
        }
    }
}

/// What an op adds to a counter of that type; `None` if it is not the one form of it.
pub fn delta(kind: ColumnType, value: &Value) -> Option<Wide> {
    units(value).filter(|number| number.is_within(DELTA_BITS) && in_units(kind, *number) == *value)
}

/// A number in units of its last digit.
pub fn units(value: &Value) -> Option<Wide> {
    match value {
        Value::Integer(number) => Some(i128::from(*number).into()),
        Value::Decimal(decimal) => Some(decimal.mantissa.into()),
        Value::Blob(bytes) if bytes.first() == Some(&NUMBER) => codec::decode(&bytes[1..], "number").ok(),
        _ => None,
    }
}

/// The value by which an op to a counter of that type says so many units of its last digit: a number
/// of the column, or, beyond what that can say, a blob.
pub fn in_units(kind: ColumnType, units: Wide) -> Value {
    let plain = units.narrow().and_then(|units| match kind.digits() {
        None => i64::try_from(units).ok().map(Value::Integer),
        Some((_, scale)) => {
            Some(Decimal { mantissa: units, scale }).filter(|decimal| decimal.is_sound()).map(Value::Decimal)
        }
    });
    plain.unwrap_or_else(|| blob(NUMBER, &units))
}

fn blob(tag: u8, content: &impl Encode) -> Value {
    Value::Blob([vec![tag], codec::encode(content)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::tests::wides;
    use proptest::prelude::*;

    const MONEY: ColumnType = ColumnType::Counter { precision: 38, scale: 2 };

    proptest! {
        #[test]
        fn every_number_has_one_form(number in wides(), count in 0u64..3) {
            for kind in [ColumnType::COUNTER, MONEY] {
                let offset = Offset::Number(number);
                prop_assert_eq!(Offset::read(kind, &offset.value(kind)), Some(offset));
                let known = if count == 0 { Added::default() } else { Added { sum: number, count } };
                let null = Offset::Null(known);
                prop_assert_eq!(Offset::read(kind, &null.value(kind)), Some(null));
                // What a number of the column can say is never a blob.
                if number.narrow().is_some_and(|number| i64::try_from(number).is_ok()) {
                    prop_assert_eq!(Offset::read(kind, &blob(NUMBER, &number)), None);
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(offset) = Offset::read(MONEY, &Value::Blob(bytes.clone())) {
                prop_assert_eq!(offset.value(MONEY), Value::Blob(bytes));
            }
        }
    }

    #[test]
    fn what_no_counter_can_come_to_is_not_understood() {
        let huge = (0..240).fold(Wide::from(1), |number, _| number + number);
        assert_eq!(Offset::read(MONEY, &in_units(MONEY, huge)), None);
        assert_eq!(delta(MONEY, &in_units(MONEY, huge)), None);
        let most = Wide::from(i128::MAX);
        assert_eq!(delta(MONEY, &in_units(MONEY, most + most)), Some(most + most));
    }
}
