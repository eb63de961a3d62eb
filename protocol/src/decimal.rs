//! Exact decimal numbers of up to 38 digits, as money needs them.

use std::fmt;

use bincode::{Decode, Encode};

/// Digits of a decimal at most.
pub const DIGITS: u8 = 38;

const _: () =
    assert!(10i128.checked_pow(DIGITS as u32).is_some(), "every number of so many digits fits 128 bits");

/// `mantissa` / 10^`scale`. Two decimals of one column have the same scale, so comparing and
/// adding mantissas is comparing and adding the numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Encode, Decode)]
pub struct Decimal {
    /// The digits as one integer.
    pub mantissa: i128,
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

/// The least number that has more than `digits` digits.
pub fn beyond(digits: u8) -> i128 {
    10i128.pow(u32::from(digits.min(DIGITS)))
}

impl Decimal {
    /// Reads `text` ("12.5", "-3", "1e3") and rounds half to even at `scale` digits.
    pub fn parse(text: &str, precision: u8, scale: u8) -> Result<Self, NotADecimal> {
        let number = Written::read(text.trim()).and_then(|written| written.round(scale));
        let fits = number.filter(|mantissa| mantissa.unsigned_abs() < beyond(precision).unsigned_abs());
        let refused = || NotADecimal { text: text.chars().take(60).collect(), precision, scale };
        Ok(Self { mantissa: fits.ok_or_else(refused)?, scale })
    }

    /// Reads `text` with all its digits: at most [`DIGITS`], wherever the point is.
    pub fn exact(text: &str) -> Option<Self> {
        let written = Written::read(text.trim())?;
        let scale = u8::try_from(written.exponent.checked_neg()?.max(0)).ok()?;
        Some(Self { mantissa: written.round(scale)?, scale }).filter(|decimal| decimal.is_sound())
    }

    /// Whether it is a number that some column can hold.
    pub fn is_sound(self) -> bool {
        self.scale <= DIGITS && self.mantissa.unsigned_abs() < beyond(DIGITS).unsigned_abs()
    }

    /// How many digits it has.
    pub fn digits(self) -> u8 {
        let digits = (1..DIGITS).find(|digits| self.mantissa.abs() < beyond(*digits));
        digits.unwrap_or(DIGITS).max(self.scale)
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

/// A number as it is written: digits, without leading zeros, times a power of ten.
struct Written {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Written {
    fn read(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (negative, bytes) = match bytes {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            all => (false, all),
        };
        let (number, mut exponent) = match bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => {
                (&bytes[..at], std::str::from_utf8(&bytes[at + 1..]).ok()?.parse::<i32>().ok()?.into())
            }
            None => (bytes, 0i64),
        };
        let mut digits = Vec::with_capacity(number.len());
        let (mut any, mut point) = (false, false);
        for byte in number {
            match byte {
                b'0'..=b'9' => {
                    any = true;
                    exponent -= i64::from(point);
                    if *byte != b'0' || !digits.is_empty() {
                        digits.push(byte - b'0');
                    }
                }
                b'.' if !point => point = true,
                _ => return None,
            }
        }
        any.then_some(Self { negative, digits, exponent })
    }

    /// The number in units of its digit `scale` after the point, rounded half to even; `None` if it
    /// has more than 39 digits.
    fn round(&self, scale: u8) -> Option<i128> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let shift = self.exponent + i64::from(scale);
        let kept = self.digits.len() as i64 + shift;
        if kept > i64::from(DIGITS) + 1 {
            return None;
        }
        let (whole, rest) = self.digits.split_at(self.digits.len().min(usize::try_from(kept).unwrap_or(0)));
        let mut number = 0i128;
        let zeros = std::iter::repeat_n(&0, usize::try_from(shift).unwrap_or(0));
        for digit in whole.iter().chain(zeros) {
            number = number.checked_mul(10)?.checked_add(i128::from(*digit))?;
        }
        // With a gap of zeros before it, what is cut off is less than a half.
        let is_half_or_more = kept >= 0 && rest.first().is_some_and(|digit| *digit >= 5);
        let is_half = is_half_or_more && rest[0] == 5 && rest[1..].iter().all(|digit| *digit == 0);
        if is_half_or_more && !(is_half && number % 2 == 0) {
            number = number.checked_add(1)?;
        }
        debug_assert!(number >= 0, "digits make no negative number: the sign is put on once");
        Some(if self.negative { -number } else { number })
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
        for (text, rounded) in [
            ("2.675", "2.68"),
            ("2.665", "2.66"),
            ("2.66500000000000000000000000000000000000000000000000001", "2.67"),
            ("-0.005", "0.00"),
            ("-0.0051", "-0.01"),
            ("0.0009", "0.00"),
            ("5e-3", "0.00"),
            ("15e-3", "0.02"),
            ("1e3", "1000.00"),
            ("+1.5E+2", "150.00"),
            ("7", "7.00"),
            (".5", "0.50"),
            ("5.", "5.00"),
            ("000123.4", "123.40"),
            ("1e-2000000000", "0.00"),
            ("0e2000000000", "0.00"),
        ] {
            assert_eq!(parse(text), rounded, "{text}");
        }
        assert_eq!(Decimal::from_f64(2.675, 15, 2).unwrap().to_string(), "2.68");
    }

    #[test]
    fn refuses_what_does_not_fit() {
        for text in [
            "",
            "abc",
            "1.2.3",
            "NaN",
            "inf",
            "-",
            ".",
            "e5",
            "1e",
            "1e9999999999",
            "10000000000000",
            "1e300",
            "9999999999999.995",
            "0x10",
            "1 2",
            "١",
        ] {
            assert!(Decimal::parse(text, 15, 2).is_err(), "{text}");
        }
        assert!(Decimal::from_f64(f64::NAN, 15, 2).is_err());
        assert!(Decimal::from_f64(1e300, 15, 2).is_err());
        assert!(Decimal::parse(&"9".repeat(39), 38, 0).is_err());
        assert!(Decimal::parse(&format!("{}.5", "9".repeat(38)), 38, 0).is_err());
    }

    #[test]
    fn all_digits_are_kept() {
        for text in [
            "0.10",
            "-5",
            "12345678901234567890123456789012345678",
            "0.00000000000000000000000000000000000001",
        ] {
            assert_eq!(Decimal::exact(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::exact("1e3").unwrap().to_string(), "1000");
        assert!(Decimal::exact(&"1".repeat(39)).is_none() && Decimal::exact("1e-39").is_none());
        assert!(Decimal::exact("1e-2147483648").is_none());
    }

    proptest! {
        #[test]
        fn floating_point_form_is_exact_up_to_15_digits(
            mantissa in -999_999_999_999_999i128..=999_999_999_999_999, scale in 0u8..=15,
        ) {
            let decimal = Decimal { mantissa, scale };
            prop_assert_eq!(Decimal::from_f64(decimal.to_f64(), 15, scale).unwrap(), decimal);
        }

        #[test]
        fn text_form_is_exact(mantissa in 1 - beyond(38)..beyond(38), scale in 0u8..=38) {
            let decimal = Decimal { mantissa, scale };
            prop_assert_eq!(Decimal::parse(&decimal.to_string(), 38, scale).unwrap(), decimal);
        }

        #[test]
        fn no_text_panics(text in "[-+0-9.eE]{0,50}", scale in 0u8..=38) {
            let _ = (Decimal::parse(&text, 38, scale), Decimal::exact(&text));
        }
    }
}
