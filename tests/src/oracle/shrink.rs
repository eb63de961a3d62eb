//! A shorter story that differs in the same way.

use super::play::{Mismatch, play};
use super::story::{Step, Story};

/// Stories that a search may play.
const TRIES: usize = 250;

/// Leaves out what the mismatch does not need: first halves, then single steps, then statements.
pub fn shrink(story: &Story, mismatch: Mismatch) -> (Story, Mismatch) {
    let (mut best, mut found, mut tries) = (story.clone(), mismatch, 0);
    let mut length = best.steps.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < best.steps.len() && tries < TRIES {
            let mut shorter = best.clone();
            shorter.steps.drain(at..(at + length).min(shorter.steps.len()));
            tries += 1;
            match fails(&shorter, &found) {
                Some(again) => (best, found) = (shorter, again),
                None => at += length,
            }
        }
        length /= 2;
    }
    for step in 0..best.steps.len() {
        let mut at = 0;
        while let Step::Transaction(statements) = &best.steps[step]
            && at < statements.len()
            && statements.len() > 1
            && tries < TRIES
        {
            let mut shorter = best.clone();
            if let Step::Transaction(statements) = &mut shorter.steps[step] {
                statements.remove(at);
            }
            tries += 1;
            match fails(&shorter, &found) {
                Some(again) => (best, found) = (shorter, again),
                None => at += 1,
            }
        }
    }
    (best, found)
}

/// The shorter story's mismatch, if it is of the same kind, whatever the statements are called.
fn fails(story: &Story, as_before: &Mismatch) -> Option<Mismatch> {
    let kind = |mismatch: &Mismatch| mismatch.kind.split(" [").next().map(str::to_owned);
    play(story).mismatch.filter(|found| kind(found) == kind(as_before))
}
