//! Repeatable chance.

/// A stream of pseudo-random numbers (SplitMix64), fixed by a seed and a name.
///
/// Each kind of row draws from a stream of its own name, so a change in how one
/// table is made leaves the others as they were. Integers only: floating point
/// would invite differences between machines.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        let mut random = Random { state: seed };
        for byte in name.bytes() {
            random.state ^= u64::from(byte);
            random.state = random.next();
        }
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// True `percent` times out of a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, each equally likely.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn streams_repeat_and_differ_by_name_and_seed() {
        let draw = |seed, name| Random::new(seed, name).next();
        assert_eq!(draw(1, "students"), draw(1, "students"));
        assert_ne!(draw(1, "students"), draw(2, "students"));
        assert_ne!(draw(1, "students"), draw(1, "sessions"));
    }

    #[test]
    fn draws_stay_within_bounds_and_reach_both_ends() {
        let mut random = Random::new(3, "bounds");
        let draws: Vec<i64> = (0..1_000).map(|_| random.between(-2, 3)).collect();
        assert_eq!(draws.iter().min(), Some(&-2));
        assert_eq!(draws.iter().max(), Some(&3));
    }
}
