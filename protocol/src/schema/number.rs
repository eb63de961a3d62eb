//! The columns that hold exact numbers: how many digits they have, how the view stores them, and
//! what it shows of a counter that outgrew its column.

use super::column_type::{ColumnType, Storage};
use super::type_mismatch::MismatchReason;
use crate::decimal::{DIGITS, Decimal, beyond};
use crate::value::Value;
use crate::wide::Wide;

/// Digits that floating point holds exactly.
const REAL_DIGITS: u8 = 15;
/// Digits that a 64-bit integer holds, whichever they are.
const INTEGER_DIGITS: u8 = 18;

const _: () =
    assert!(10i64.pow(REAL_DIGITS as u32) < 1 << f64::MANTISSA_DIGITS, "REAL holds its digits exactly");
const _: () = assert!(10i64.checked_pow(INTEGER_DIGITS as u32).is_some(), "INTEGER holds its digits exactly");

impl ColumnType {
    /// A counter of 64-bit integers.
    pub const COUNTER: Self = Self::Counter { precision: 0, scale: 0 };

    /// Digits in all and after the point, of a DECIMAL or COUNTER that says so.
    pub fn digits(self) -> Option<(u8, u8)> {
        match self {
            Self::Decimal { precision, scale } | Self::Counter { precision, scale }
                if self != Self::COUNTER =>
            {
                Some((precision, scale))
            }
            _ => None,
        }
    }

    pub(super) fn number_storage(self) -> Storage {
        match self.digits() {
            None => Storage::Integer,
            Some((..=REAL_DIGITS, _)) => Storage::Real,
            Some((..=INTEGER_DIGITS, 0)) => Storage::Integer,
            Some(_) => Storage::Digits,
        }
    }

    /// What the view shows of a counter of this type that is so many units of its last digit: that,
    /// or the nearest that the view can store, which may be beyond the column's digits.
    pub fn shown(self, total: Option<Wide>) -> Value {
        let Some(total) = total else { return Value::Null };
        let (least, most) = match self.storage() {
            Storage::Integer => (i128::from(i64::MIN), i128::from(i64::MAX)),
            Storage::Real => (1 - beyond(REAL_DIGITS), beyond(REAL_DIGITS) - 1),
            _ => (1 - beyond(DIGITS), beyond(DIGITS) - 1),
        };
        let within = total.clamp(least.into(), most.into()).narrow();
        debug_assert!(within.is_some(), "what lies between numbers of 128 bits has no more");
        let within = within.unwrap_or(most);
        match self.digits() {
            None => Value::Integer(within as i64),
            Some((_, scale)) => Value::Decimal(Decimal { mantissa: within, scale }),
        }
    }

    /// The greatest number of units of the last digit that a counter of this type is meant to have.
    fn most(self) -> Wide {
        self.digits().map_or(Wide::from(i128::from(i64::MAX)), |(digits, _)| (beyond(digits) - 1).into())
    }

    /// By how much so many units of the last digit are outside what this type is meant to hold; 0
    /// within it.
    pub fn excess(self, units: Wide) -> Wide {
        let least = if self.digits().is_some() { -self.most() } else { i128::from(i64::MIN).into() };
        let beyond = if units < least { least - units } else { units - self.most() };
        beyond.max(Wide::ZERO)
    }

    /// A value as a number of this type, of up to `precision` digits, rounded to its scale.
    /// `None`: it is not a number, or too large.
    pub(super) fn number(self, value: &Value, precision: u8) -> Option<Result<Decimal, MismatchReason>> {
        let (_, scale) = self.digits()?;
        let decimal = match value {
            Value::Real(number) => Decimal::from_f64(*number, precision, scale),
            Value::Integer(number) => Decimal::parse(&number.to_string(), precision, scale),
            Value::Text(text) => Decimal::parse(text, precision, scale),
            Value::Decimal(decimal) => Decimal::parse(&decimal.to_string(), precision, scale),
            _ => return None,
        };
        let decimal = decimal.ok()?;
        let imprecise = matches!(value, Value::Real(_)) && decimal.mantissa.abs() >= beyond(REAL_DIGITS);
        Some(if imprecise { Err(MismatchReason::Imprecise) } else { Ok(decimal) })
    }

    /// A value written over a counter that a merge brought beyond its digits, which may stay beyond
    /// them.
    pub fn beyond_digits(self, value: &Value) -> Option<Value> {
        matches!(self, Self::Counter { .. }).then_some(())?;
        self.number(value, DIGITS)?.ok().map(Value::Decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stored_where_no_digit_is_lost() {
        for (precision, scale, storage) in [
            (1, 0, Storage::Real),
            (15, 15, Storage::Real),
            (16, 0, Storage::Integer),
            (18, 0, Storage::Integer),
            (16, 1, Storage::Digits),
            (19, 0, Storage::Digits),
            (38, 38, Storage::Digits),
        ] {
            assert_eq!(ColumnType::Decimal { precision, scale }.storage(), storage, "{precision},{scale}");
            let counter = ColumnType::Counter { precision, scale };
            assert_eq!(counter.storage(), storage);
            let (most, nothing) = (Wide::from(beyond(precision) - 1), Wide::ZERO);
            assert_eq!((counter.excess(most), counter.excess(-most)), (nothing, nothing));
            assert_eq!(counter.excess(-most - Wide::from(1)).narrow(), Some(1));
        }
        assert_eq!(ColumnType::COUNTER.storage(), Storage::Integer);
        assert_eq!(ColumnType::COUNTER.excess(i128::from(i64::MIN).into()), Wide::ZERO);
        assert_eq!(ColumnType::COUNTER.excess(i128::from(i64::MAX).into()), Wide::ZERO);
    }

    #[test]
    fn floating_point_is_not_trusted_beyond_its_digits() {
        let kind = ColumnType::Decimal { precision: 20, scale: 2 };
        let exact = |mantissa| Value::Decimal(Decimal { mantissa, scale: 2 });
        assert_eq!(kind.canonical(Value::Real(1234.565)).unwrap(), exact(123_456));
        assert_eq!(
            kind.canonical(Value::Text("123456789012345678.95".into())).unwrap(),
            exact(12_345_678_901_234_567_895)
        );
        let refused = kind.canonical(Value::Real(1e15)).unwrap_err();
        assert_eq!(refused.reason.as_deref(), Some(&MismatchReason::Imprecise));
    }
}
