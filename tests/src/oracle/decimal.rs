//! Decimal numbers by their digits, of any length: the schoolbook, shared with nothing.

use std::cmp::Ordering;

/// Greatest exponent looked at: beyond, a number is too large or nothing.
const EXPONENTS: i64 = 1_000;

/// A text as a decimal of `scale` digits after the point, rounded half to even; none if it is no
/// number or has more than `precision` digits.
pub fn rounded(text: &str, precision: usize, scale: usize) -> Option<String> {
    let (negative, digits, exponent) = read(text.trim())?;
    let digits = shifted(digits, exponent + scale as i64)?;
    let significant = digits.trim_start_matches('0');
    if significant.len() > precision {
        return None;
    }
    let all = format!("{significant:0>0$}", scale + 1);
    let (whole, part) = all.split_at(all.len() - scale);
    let sign = if negative && !significant.is_empty() { "-" } else { "" };
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") })
}

/// Sign, digits, and the power of ten they are to be multiplied by.
fn read(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some((negative, digits, exponent.saturating_sub(part.len() as i64)))
}

/// The whole number nearest to `digits` times ten to that power, half to even.
fn shifted(digits: String, power: i64) -> Option<String> {
    if digits.bytes().all(|byte| byte == b'0') || power < -EXPONENTS {
        return Some(String::new());
    }
    if power > EXPONENTS {
        return None;
    }
    if power >= 0 {
        return Some(digits + &"0".repeat(power.unsigned_abs() as usize));
    }
    let cut = power.unsigned_abs() as usize;
    let padded = format!("{digits:0>0$}", cut + 1);
    let (kept, rest) = padded.split_at(padded.len() - cut);
    let half = format!("5{}", "0".repeat(cut - 1));
    let is_odd = kept.bytes().last().is_some_and(|digit| digit % 2 == 1);
    let up = match rest.cmp(half.as_str()) {
        Ordering::Greater => true,
        Ordering::Equal => is_odd,
        Ordering::Less => false,
    };
    Some(if up { incremented(kept) } else { kept.to_owned() })
}

fn incremented(digits: &str) -> String {
    let mut digits = digits.as_bytes().to_vec();
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return String::from_utf8_lossy(&digits).into_owned();
        }
        *digit = b'0';
    }
    format!("1{}", String::from_utf8_lossy(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_half_to_even_and_refused_when_they_do_not_fit() {
        let money = |text| rounded(text, 10, 2);
        for (text, wanted) in [
            ("2.675", "2.68"),
            ("2.665", "2.66"),
            ("2.6650000000000000000000000001", "2.67"),
            ("-0.005", "0.00"),
            ("-0.015", "-0.02"),
            ("1e3", "1000.00"),
            ("7", "7.00"),
            (".5", "0.50"),
            ("9.995", "10.00"),
            ("1e-4000", "0.00"),
            ("99999999.994", "99999999.99"),
        ] {
            assert_eq!(money(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["", "-", ".", "abc", "1.2.3", "0x10", "99999999.995", "1e300", "NaN", "--1"] {
            assert_eq!(money(text), None, "{text}");
        }
    }
}
