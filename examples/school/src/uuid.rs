//! UUIDs made from given bits (RFC 9562), never from a clock.

use std::fmt;

use crate::random::Random;

/// A UUID as its 128 bits; shown in the usual lower-case form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Uuid(u128);

const VERSION_MASK: u128 = 0xf << 76;
const VARIANT_MASK: u128 = 0b11 << 62;
const VARIANT: u128 = 0b10 << 62;

impl Uuid {
    /// Version 4: random but for version and variant.
    pub(crate) fn v4(random: &mut Random) -> Uuid {
        Uuid::stamped(4, draw(random))
    }

    /// Version 7: 48 bits of milliseconds since the Unix epoch, then random.
    /// Ascending as long as `millis` is.
    pub(crate) fn v7(millis: i64, random: &mut Random) -> Uuid {
        let time = (millis as u128) << 80;
        Uuid::stamped(7, time | draw(random) >> 48)
    }

    fn stamped(version: u128, bits: u128) -> Uuid {
        Uuid(bits & !VERSION_MASK & !VARIANT_MASK | version << 76 | VARIANT)
    }
}

fn draw(random: &mut Random) -> u128 {
    u128::from(random.next()) << 64 | u128::from(random.next())
}

impl fmt::Display for Uuid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |shift: u32, digits: u32| (self.0 >> shift) & ((1 << (4 * digits)) - 1);
        write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 8),
            group(80, 4),
            group(64, 4),
            group(48, 4),
            group(0, 12)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_where_the_rfc_puts_them() {
        let mut random = Random::new(1, "uuid");
        for _ in 0..100 {
            let v4 = Uuid::v4(&mut random).to_string();
            let v7 = Uuid::v7(0x0191_b123_4567, &mut random).to_string();
            assert_eq!((v4.len(), &v4[14..15]), (36, "4"));
            assert!(v7.starts_with("0191b123-4567-7"), "{v7}");
            assert!("89ab".contains(&v4[19..20]) && "89ab".contains(&v7[19..20]));
        }
    }
}
