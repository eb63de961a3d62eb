//! A sheet, batch by batch: rows that are looked at and written together.

use std::collections::{HashSet, VecDeque};

use tandem_node::api::rows::{EditRows, Source};
use tandem_protocol::value::Value;

use super::pipe::{Batched, Pipe};
use super::reading::Candidate;
use crate::batch;
use crate::failure::Outcome;

/// Batches that may not be written yet, the one that is read not counted: one is written, one waits for
/// that, one for whether there are more, and one is being compared.
const ON_THEIR_WAY: usize = 4;

/// See the module.
#[derive(Default)]
pub struct Batches {
    candidates: Vec<Candidate>,
    keys: HashSet<Vec<u8>>,
    bytes: usize,
    /// The keys of batches that may not be written yet.
    recent: VecDeque<HashSet<Vec<u8>>>,
    /// What is to be written of the last batch with anything new.
    pub pending: Vec<EditRows>,
    /// The row that is looked at.
    pub number: u64,
    /// The last row of this batch.
    added: u64,
    /// The last row of the last batch that was compared.
    pub compared: u64,
    /// What the sheet is known by.
    source: String,
    /// Stands for its content.
    hash: String,
}

impl Batches {
    /// Those of a sheet of which so many rows are here.
    pub fn of(source: String, hash: String, before: u64) -> Self {
        Self { source, hash, compared: before, ..Self::default() }
    }

    /// Whether a row of that key is in a batch that may not be written yet.
    pub fn has(&self, key: &[u8]) -> bool {
        self.keys.contains(key) || self.recent.iter().any(|keys| keys.contains(key))
    }

    /// One row more.
    pub fn add(&mut self, candidate: Candidate, key: Option<Vec<u8>>) {
        self.keys.extend(key);
        self.bytes += candidate.values.iter().map(|value| value.as_ref().map_or(1, size)).sum::<usize>();
        self.candidates.push(candidate);
        self.added = self.number;
    }

    /// Whether it is as many as are written together.
    pub fn is_full(&self) -> bool {
        batch::is_full(self.candidates.len(), self.bytes)
    }

    /// The rows of this batch; the next begins.
    pub fn take(&mut self) -> Vec<Candidate> {
        self.bytes = 0;
        self.recent.push_back(std::mem::take(&mut self.keys));
        if self.recent.len() > ON_THEIR_WAY {
            self.recent.pop_front();
        }
        std::mem::take(&mut self.candidates)
    }

    /// Sends what waits: with it, the sheet is here as far as it was compared. It waited because behind it
    /// there may be nothing to write, and then it brings the sheet to its end.
    pub fn send(&mut self, pipe: &mut Pipe<'_, '_>) -> Outcome {
        let (mut requests, until) = (std::mem::take(&mut self.pending), self.compared);
        if let Some(last) = requests.last_mut() {
            let offset = Some(format!("{} {until}", self.hash));
            last.sources = vec![Source { name: self.source.clone(), offset }];
            pipe.send(Batched { requests, until })?;
        }
        Ok(())
    }

    /// This batch has been compared.
    pub fn compare(&mut self) {
        assert!(self.candidates.is_empty(), "rows are compared once they are taken");
        debug_assert!(self.compared <= self.added, "batches are compared in the order of their rows");
        self.compared = self.added;
    }

    /// All that was read is written.
    pub fn settle(&mut self) {
        self.recent.clear();
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 8,
    }
}
