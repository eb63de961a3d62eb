//! Money.

use std::fmt;

/// An amount in hundredths of a dinar; shown as an exact decimal, `1500.00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Amount(i64);

impl Amount {
    pub(crate) const fn dinars(dinars: i64) -> Amount {
        Amount(dinars * 100)
    }

    pub(crate) const fn times(self, count: i64) -> Amount {
        Amount(self.0 * count)
    }

    /// What remains after taking `other` away, at least nothing.
    pub(crate) fn less(self, other: Amount) -> Amount {
        Amount((self.0 - other.0).max(0))
    }

    /// Rounded down to the hundredth.
    pub(crate) const fn percent(self, percent: i64) -> Amount {
        Amount(self.0 * percent / 100)
    }

    /// Part `index` of `count` parts that add up to the whole; the first part
    /// takes what does not divide.
    pub(crate) const fn part(self, index: i64, count: i64) -> Amount {
        let rest = if index == 0 { self.0 % count } else { 0 };
        Amount(self.0 / count + rest)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole() {
        let price = Amount::dinars(1_000);
        let parts: Vec<String> = (0..3).map(|index| price.part(index, 3).to_string()).collect();
        assert_eq!(parts, ["333.34", "333.33", "333.33"]);
        assert_eq!(price.less(price.percent(10)).to_string(), "900.00");
    }
}
