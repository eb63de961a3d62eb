//! The heart of it: of all writes of one thing, those that no other writer knew.

use std::cmp::Reverse;

use super::write::Write;
use tandem_protocol::merge::WriteId;

/// A write that no other write of the same thing knew.
#[derive(Clone)]
pub struct Sibling<T> {
    pub by: WriteId,
    pub what: T,
}

/// The siblings among the writes, greatest first. Of what one transaction wrote twice under one
/// time, the first counts.
pub fn siblings<T: Clone>(writes: &[(&Write<'_>, T)]) -> Vec<Sibling<T>> {
    let mut left: Vec<Sibling<T>> = Vec::new();
    for (write, what) in writes {
        // From the end, where those stand who know most.
        let superseded = writes.iter().rev().any(|(other, _)| other.entry.knows(write.entry));
        let repeated = left.iter().any(|sibling| sibling.by == write.by());
        if !superseded && !repeated {
            left.push(Sibling { by: write.by(), what: what.clone() });
        }
    }
    left.sort_by_key(|sibling| Reverse(sibling.by));
    left
}
