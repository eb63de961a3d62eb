//! Exact decimal numbers of up to 18 digits, as money needs them.

use std::fmt;
use std::str::FromStr;

use bincode::{Decode, Encode};
use rust_decimal::RoundingStrategy::MidpointNearestEven;

/// `mantissa` / 10^`scale`. Two decimals of one column have the same scale, so comparing and
/// adding mantissas is comparing and adding the numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Decimal {
    /// The digits as one integer.
    pub mantissa: i64,
    /// How many of them stand after the point.
    pub scale: u8,
}

/// A number that does not fit: not a number at all, or too many digits before the point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not fit DECIMAL({precision},{scale})")]
pub struct NotADecimal {
    text: String,
    precision: u8,
    scale: u8,
}

impl Decimal {
    /// Reads `text` ("12.5", "-3", "1e3") and rounds half to even at `scale` digits.
    pub fn parse(text: &str, precision: u8, scale: u8) -> Result<Self, NotADecimal> {
        let refused = || NotADecimal { text: text.to_owned(), precision, scale };
        let trimmed = text.trim();
        let exact = rust_decimal::Decimal::from_str(trimmed)
            .or_else(|_| rust_decimal::Decimal::from_scientific(trimmed))
            .map_err(|_| refused())?;
        let mut rounded = exact.round_dp_with_strategy(u32::from(scale), MidpointNearestEven);
        rounded.rescale(u32::from(scale));
        let mantissa = i64::try_from(rounded.mantissa()).map_err(|_| refused())?;
        let fits = rounded.scale() == u32::from(scale)
            && mantissa.unsigned_abs() < 10u64.pow(u32::from(precision.min(18)));
        if fits { Ok(Self { mantissa, scale }) } else { Err(refused()) }
    }

    /// The decimal nearest to a floating-point number as people write it (its shortest decimal
    /// form), rounded half to even: 2.675 becomes 2.68, whatever its binary digits are.
    pub fn from_f64(number: f64, precision: u8, scale: u8) -> Result<Self, NotADecimal> {
        Self::parse(&number.to_string(), precision, scale)
    }

    /// The nearest floating-point number; [`Decimal::from_f64`] of it gives `self` back as long
    /// as there are at most 15 digits.
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = format!("{:0>1$}", self.mantissa.unsigned_abs(), usize::from(self.scale) + 1);
        let (whole, part) = digits.split_at(digits.len() - usize::from(self.scale));
        let point = if part.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{part}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rounds_half_to_even_as_written() {
        let parse = |text| Decimal::parse(text, 15, 2).unwrap().to_string();
        assert_eq!(parse("2.675"), "2.68");
        assert_eq!(parse("2.665"), "2.66");
        assert_eq!(parse("-0.005"), "0.00");
        assert_eq!(parse("1e3"), "1000.00");
        assert_eq!(parse("7"), "7.00");
        assert_eq!(Decimal::from_f64(2.675, 15, 2).unwrap().to_string(), "2.68");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for text in ["", "abc", "1.2.3", "NaN", "inf", "10000000000000", "1e300"] {
            assert!(Decimal::parse(text, 15, 2).is_err(), "{text}");
        }
        assert!(Decimal::from_f64(f64::NAN, 15, 2).is_err());
        assert!(Decimal::from_f64(1e300, 15, 2).is_err());
    }

    proptest! {
        #[test]
        fn floating_point_form_is_exact_up_to_15_digits(
            mantissa in -999_999_999_999_999i64..=999_999_999_999_999, scale in 0u8..=15,
        ) {
            let decimal = Decimal { mantissa, scale };
            prop_assert_eq!(Decimal::from_f64(decimal.to_f64(), 15, scale).unwrap(), decimal);
            prop_assert_eq!(Decimal::parse(&decimal.to_string(), 15, scale).unwrap(), decimal);
        }
    }
}
