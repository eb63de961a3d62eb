//! What is going to happen, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events by time; those of one time in an order drawn when they were put there.
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    count: u64,
}

struct Entry<E> {
    at_ms: u64,
    tie: u64,
    /// No two entries are equal.
    number: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<E> Queue<E> {
    /// Puts an event there. Of those with one time the lowest `tie` comes first.
    pub fn put(&mut self, at_ms: u64, tie: u64, event: E) {
        self.count += 1;
        self.heap.push(Reverse(Entry { at_ms, tie, number: self.count, event }));
    }

    /// The next one, and its time.
    pub fn take(&mut self) -> Option<(u64, E)> {
        self.heap.pop().map(|Reverse(entry)| (entry.at_ms, entry.event))
    }
}

impl<E> Entry<E> {
    fn order(&self) -> (u64, u64, u64) {
        (self.at_ms, self.tie, self.number)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}
