//! Measured figures, several of each.

use std::collections::BTreeMap;

/// By name and kind of ids, what each run measured.
#[derive(Default)]
pub struct Figures(BTreeMap<(String, String), Vec<f64>>);

/// The middle of several runs, and how far they spread.
#[derive(Clone, Copy, serde::Serialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Figures {
    pub fn note(&mut self, name: &str, ids: &str, figure: f64) {
        self.0.entry((name.to_owned(), ids.to_owned())).or_default().push(figure);
    }

    /// The latest figure noted: for ratios inside one run.
    pub fn last(&self, name: &str, ids: &str) -> f64 {
        let figures = self.0.get(&(name.to_owned(), ids.to_owned()));
        *figures.and_then(|figures| figures.last()).unwrap_or_else(|| panic!("{name} was not measured"))
    }

    pub fn spread(&self, name: &str, ids: &str) -> Option<Spread> {
        let mut figures = self.0.get(&(name.to_owned(), ids.to_owned()))?.clone();
        Some(spread(&mut figures))
    }

    pub fn names(&self) -> impl Iterator<Item = &(String, String)> {
        self.0.keys()
    }
}

fn spread(figures: &mut [f64]) -> Spread {
    figures.sort_by(f64::total_cmp);
    Spread { median: percentile(figures, 50), least: figures[0], greatest: figures[figures.len() - 1] }
}

/// Of sorted figures, the one that so many in a hundred do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
