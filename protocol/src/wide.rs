//! Integers wide enough for the sum of every number that was ever added to a counter.

use std::ops::{Add, Neg, Sub};

use bincode::de::Decoder;
use bincode::enc::Encoder;
use bincode::error::{DecodeError, EncodeError};
use bincode::{Decode, Encode};

/// A signed integer of 256 bits. What one op adds has less than 131 bits and no log holds 2^64 ops,
/// so sums stay far from its ends.
// Fields in this order compare as the numbers do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Wide {
    high: i128,
    low: u128,
}

impl Wide {
    /// Nothing.
    pub const ZERO: Self = Self { high: 0, low: 0 };

    /// The number, if 128 bits hold it.
    pub fn narrow(self) -> Option<i128> {
        let low = self.low as i128;
        (self.high == low >> 127).then_some(low)
    }

    /// Its distance from 0.
    pub fn abs(self) -> Self {
        if self.high < 0 { -self } else { self }
    }

    /// Whether it lies within ±2^`bits`, for at least 128 bits.
    pub(crate) fn is_within(self, bits: u32) -> bool {
        debug_assert!((128..256).contains(&bits), "only the upper half is looked at");
        self.abs().high >> bits.saturating_sub(128) == 0
    }

    /// Ten times as much.
    pub fn times_ten(self) -> Self {
        let twice = self + self;
        let eight = twice + twice + twice + twice;
        eight + twice
    }
}

impl From<i128> for Wide {
    fn from(number: i128) -> Self {
        Self { high: number >> 127, low: number as u128 }
    }
}

impl Add for Wide {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (low, carry) = self.low.overflowing_add(other.low);
        let high = self.high.wrapping_add(other.high).wrapping_add(i128::from(carry));
        Self { high, low }
    }
}

impl Neg for Wide {
    type Output = Self;

    fn neg(self) -> Self {
        Self { high: !self.high, low: !self.low } + Self { high: 0, low: 1 }
    }
}

impl Sub for Wide {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

/// Two variable-length integers, the second of which is 0 for whatever fits into 128 bits.
impl Encode for Wide {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        let low = self.low as i128;
        low.encode(encoder)?;
        self.high.wrapping_sub(low >> 127).encode(encoder)
    }
}

impl<Context> Decode<Context> for Wide {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let low = i128::decode(decoder)?;
        let high = i128::decode(decoder)?.wrapping_add(low >> 127);
        Ok(Self { high, low: low as u128 })
    }
}

bincode::impl_borrow_decode!(Wide);

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::codec;
    use proptest::prelude::*;

    pub(crate) fn wides() -> impl Strategy<Value = Wide> {
        let edge = prop_oneof![Just(i128::MAX), Just(i128::MIN), Just(-1), Just(0), any::<i128>()];
        (edge, -(1i128 << 70)..1 << 70, any::<bool>()).prop_map(|(number, high, narrow)| {
            let wide = Wide::from(number);
            if narrow { wide } else { Wide { high, ..wide } }
        })
    }

    proptest! {
        #[test]
        fn sums_and_differences_are_exact(a in any::<i64>(), b in any::<i64>(), c in wides(), d in wides()) {
            let (wide_a, wide_b) = (Wide::from(i128::from(a)), Wide::from(i128::from(b)));
            let (a, b) = (i128::from(a), i128::from(b));
            prop_assert_eq!((wide_a + wide_b).narrow(), Some(a + b));
            prop_assert_eq!((wide_a - wide_b).narrow(), Some(a - b));
            prop_assert_eq!(wide_a.cmp(&wide_b), a.cmp(&b));
            prop_assert_eq!(wide_a.times_ten().narrow(), Some(a * 10));
            prop_assert_eq!(c + d - d, c);
            prop_assert_eq!(c - d, -(d - c));
            prop_assert_eq!(c < d, (c - d) < Wide::ZERO);
        }

        #[test]
        fn round_trip(wide in wides()) {
            prop_assert_eq!(codec::decode::<Wide>(&codec::encode(&wide), "wide").unwrap(), wide);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_narrow_and_what_is_small_is_short() {
        let most = Wide::from(i128::MAX);
        assert_eq!((most + Wide::from(1)).narrow(), None);
        assert_eq!((most + Wide::from(1) - Wide::from(1)).narrow(), Some(i128::MAX));
        assert!(most.is_within(128) && (most + most + most).is_within(129));
        assert!(!(most + most + most).is_within(128));
        assert_eq!(codec::encode(&Wide::from(-3)).len(), 2);
    }
}
