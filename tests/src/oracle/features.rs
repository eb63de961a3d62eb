//! What of the meaning is played: all of it, unless somebody who builds a part asks for less.

use std::collections::BTreeSet;

use super::kind::Kind;

/// All that can be left out.
pub const NAMES: &[&str] = &[
    "counters",
    "decimals",
    "deletes",
    "digits",
    "forms",
    "ids",
    "json",
    "keys",
    "queries",
    "references",
    "rowid",
    "rules",
    "selects",
    "stamps",
    "uniques",
    "updates",
    "upserts",
    "utf8",
    "wide",
];

/// The parts that are played.
#[derive(Clone, Debug)]
pub struct Features(BTreeSet<&'static str>);

impl Default for Features {
    fn default() -> Self {
        Self(NAMES.iter().copied().collect())
    }
}

impl Features {
    /// These alone, or all but these; none if one of them is not known.
    pub fn read(only: Option<&str>, without: Option<&str>) -> Option<Self> {
        let list = |names: &str| {
            let known = |name: &str| NAMES.iter().copied().find(|known| *known == name);
            names.split(',').map(known).collect::<Option<BTreeSet<_>>>()
        };
        let mut all = only.map_or_else(|| Some(Self::default().0), list)?;
        for left_out in without.map_or_else(|| Some(BTreeSet::new()), list)? {
            all.remove(left_out);
        }
        Some(Self(all))
    }

    /// Whether a part is played.
    pub fn has(&self, name: &str) -> bool {
        debug_assert!(NAMES.contains(&name), "{name}");
        self.0.contains(name)
    }

    /// Whether a kind of columns is played.
    pub fn kind(&self, kind: Kind) -> bool {
        kind.feature().is_none_or(|name| self.has(name))
    }
}
