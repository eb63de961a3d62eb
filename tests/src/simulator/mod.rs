//! A whole organisation in one process: many sites, their disks, their clocks and the lines
//! between them, on a time that passes only when something happens. Told from zero.
//!
//! A [`Plan`] is drawn from a seed: how many sites, how they are connected, what goes wrong. A
//! [`world`] carries it out. Everything in it that decides anything is the real thing: the session
//! of `tandem-protocol`, and writer, log and view of `tandem-store`; only the stream, the disk and
//! the clock are simulated. Events wait in one queue, ordered by time, and what happens at one time
//! by a number drawn when it was put there. So the same plan always tells the same story, and a
//! story that ends badly can be told again with every step written down ([`trace`]), and shorter
//! ([`shrink`]).
//!
//! ```text
//! users    ──requests──► Site: waiting ─► disk ─► answers ─► ledger
//!                          ▲                 │
//!   stick ──blocks────────►│                 └─ LOG GREW ─► its links
//!                          │
//!                        Link: Session ══bytes══ Line ══bytes══ Session
//!                                              latency, cuts, one way
//! ```
//!
//! When all has been written, everything that was broken is mended, and the sites may talk until
//! they hold the same. Then [`check`] looks at all that must be true.

mod check;
mod clock;
mod copy;
mod counts;
mod course;
mod end;
mod fault;
mod form;
mod ledger;
mod line;
mod lines;
mod link;
mod outcome;
mod plan;
mod queue;
mod sessions;
pub mod shrink;
mod site;
pub(crate) mod statement;
mod stick;
mod story;
mod trace;
mod users;
mod world;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use fault::{FaultKind, Stop};
pub use outcome::{Broken, Outcome};
pub use plan::{Plan, Topology};
pub use trace::STEPS;

use std::path::PathBuf;

/// Runs a plan from beginning to end, and keeps so many of the last steps.
pub fn run(plan: &Plan, steps: usize) -> Outcome {
    let folder = scratch();
    let mut world = world::World::new(plan.clone(), folder.path(), steps);
    course::run(&mut world);
    let outcome = world.outcome();
    drop(world);
    outcome
}

/// A folder for the views, in memory where the system has such a place.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("tandem-simulator-").tempdir_in(place).unwrap()
}
