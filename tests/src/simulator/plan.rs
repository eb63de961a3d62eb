//! What a run is to be: drawn from a seed, or cut down by [`super::shrink`].

use std::collections::BTreeSet;
use std::fmt;

use super::fault::FaultKind;
use crate::random::Random;

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Everybody to everybody.
    Mesh,
    /// Each to the next: most is relayed.
    Line,
    /// All to the first.
    Star,
}

/// The parameters of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What all chance is drawn from.
    pub seed: u64,
    /// How many sites.
    pub sites: usize,
    /// Of these, so many are admitted while the others already work.
    pub late: usize,
    /// How many transactions are recorded before all is mended.
    pub transactions: u64,
    /// Who talks to whom.
    pub topology: Topology,
    /// Milliseconds between two writes of one site, on average.
    pub pace_ms: u64,
    /// Milliseconds between two faults, on average.
    pub trouble_ms: u64,
    /// What may go wrong.
    pub faults: BTreeSet<FaultKind>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let mut random = Random::of_seed(seed ^ 0x706c_616e);
        // Mostly few: what two sites can disagree on shows among three, and each more costs as much again.
        let sites = if random.one_in(6) { 3 + random.below(6) } else { 3 } as usize;
        let late = random.below(sites as u64 - 1) as usize;
        let topology = [Topology::Mesh, Topology::Line, Topology::Star][random.below(3) as usize];
        let pace_ms = [10, 30, 250][random.below(3) as usize];
        // Twice: half of what users ask for is refused or changes nothing.
        let lasts_ms = 2 * 500 * pace_ms / sites as u64;
        let trouble_ms = 1 + lasts_ms / [8, 20, 50][random.below(3) as usize];
        // Two thirds of all kinds in each run, others in the next.
        let faults = FaultKind::ALL.iter().copied().filter(|_| !random.one_in(3)).collect();
        Self { seed, sites, late, transactions: 500, topology, pace_ms, trouble_ms, faults }
    }

    /// The pairs of sites that talk.
    pub fn pairs(&self) -> Vec<(usize, usize)> {
        match self.topology {
            Topology::Mesh => {
                (0..self.sites).flat_map(|one| (one + 1..self.sites).map(move |other| (one, other))).collect()
            }
            Topology::Line => (1..self.sites).map(|at| (at - 1, at)).collect(),
            Topology::Star => (1..self.sites).map(|at| (0, at)).collect(),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, sites, late, transactions, topology, pace_ms, trouble_ms, faults } = self;
        let faults: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
        write!(
            f,
            "seed {seed}: {sites} sites ({late} late), {topology:?}, {transactions} transactions every \
             {pace_ms} ms, trouble every {trouble_ms} ms: {}",
            faults.join(" ")
        )
    }
}
