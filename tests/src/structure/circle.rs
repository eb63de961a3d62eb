//! Circles: files each of which leads, by what it names, to every other.

use std::collections::BTreeSet;

/// The largest circle; empty if arrows run one way everywhere.
pub fn largest(arrows: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let reached: Vec<BTreeSet<usize>> = (0..arrows.len()).map(|from| reachable(arrows, from)).collect();
    let circle = |from: usize| -> BTreeSet<usize> {
        reached[from].iter().copied().filter(|to| reached[*to].contains(&from)).collect()
    };
    (0..arrows.len())
        .map(circle)
        .fold(BTreeSet::new(), |most, one| if one.len() > most.len() { one } else { most })
}

/// What can be reached by one step or more.
fn reachable(arrows: &[BTreeSet<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut next: Vec<usize> = arrows[from].iter().copied().collect();
    while let Some(at) = next.pop() {
        if found.insert(at) {
            next.extend(&arrows[at]);
        }
    }
    found
}
