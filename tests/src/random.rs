//! Chance that can be repeated: the seed is printed, and can be given again in `TANDEM_SEED`.

/// A small generator of random numbers (SplitMix64).
pub struct Random(u64);

impl Random {
    /// With the seed of `TANDEM_SEED`, or one taken from the clock; printed either way, and shown
    /// by the test runner if the test fails.
    pub fn new(what: &str) -> Self {
        let clock = || {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            u64::try_from(now.as_nanos() & u128::from(u64::MAX)).unwrap()
        };
        let given = std::env::var("TANDEM_SEED").ok();
        let seed = given.map_or_else(clock, |seed| seed.parse().expect("TANDEM_SEED is a number"));
        println!("{what}: TANDEM_SEED={seed}");
        Self(seed)
    }

    /// With that seed.
    pub fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound.max(1)
    }

    /// True in one of `of` cases.
    pub fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
