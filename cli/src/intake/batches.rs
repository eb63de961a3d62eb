//! Sheets, batch by batch: rows that are looked at together, and how far what is new of them has come. Sheets
//! that refer to each other are looked at batch by batch as well, but what is new of them is written together,
//! as far as one write holds it.

use std::collections::{HashSet, VecDeque};

use tandem_node::api::rows::{EditRows, Source};

use super::pending::{News, Pending, RowKey, row_size};
use super::pipe::{Batched, Pipe};
use super::reading::{Candidate, Reading};
use crate::batch;
use crate::failure::Outcome;

/// Writes that were sent and may not be written yet: one is written, one waits for that.
const ON_THEIR_WAY: usize = 2;

/// See the module.
pub struct Batches {
    candidates: Vec<Candidate>,
    keys: HashSet<RowKey>,
    bytes: usize,
    /// What is to be written, as far as it was compared.
    pending: Pending,
    /// The keys of what may not be written yet.
    recent: VecDeque<HashSet<RowKey>>,
    /// How far each sheet is.
    sheets: Vec<Compared>,
    /// The row that is looked at.
    pub number: u64,
    /// The last row of this batch.
    added: u64,
    way: Way,
    /// Whether rows that may refer to each other were not written together.
    pub is_cut: bool,
}

/// How far a sheet was compared with what is here.
struct Compared {
    /// What it is known by.
    source: String,
    /// Stands for its content.
    hash: String,
    /// The last row.
    until: u64,
}

/// How batches are written.
pub struct Way {
    /// What each write says besides its edits.
    pub as_in: EditRows,
    /// What both sides had when they last met.
    pub basis: Option<String>,
    /// Whether the rows may refer to each other.
    pub is_circle: bool,
}

impl Batches {
    /// Of sheets that are yet to begin.
    pub fn of(way: Way) -> Self {
        Self {
            candidates: Vec::new(),
            keys: HashSet::new(),
            bytes: 0,
            pending: Pending::default(),
            recent: VecDeque::new(),
            sheets: Vec::new(),
            number: 0,
            added: 0,
            way,
            is_cut: false,
        }
    }

    /// A sheet begins, of which so many rows are here.
    pub fn begin(&mut self, source: String, hash: String, before: u64) {
        assert!(self.candidates.is_empty(), "a sheet begins when the one before it was compared");
        self.sheets.push(Compared { source, hash, until: before });
        (self.number, self.added) = (0, before);
    }

    /// The sheet ends: it is here to its last row, once what waits is written.
    pub fn end(&mut self) {
        self.added = self.number;
        self.compare();
    }

    /// Whether a row of that key is looked at with those of this batch.
    pub fn has(&self, key: &RowKey) -> bool {
        self.keys.contains(key)
    }

    /// Whether what is new of a row of that key may not be written yet.
    pub fn is_under_way(&self, key: &RowKey) -> bool {
        self.pending.has(key) || self.recent.iter().any(|keys| keys.contains(key))
    }

    /// One row more.
    pub fn add(&mut self, candidate: Candidate, key: Option<RowKey>) {
        self.keys.extend(key);
        self.bytes += row_size(&candidate);
        self.candidates.push(candidate);
        self.added = self.number;
    }

    /// Whether it is as many as are looked at together.
    pub fn is_full(&self) -> bool {
        batch::is_full(self.candidates.len(), self.bytes)
    }

    /// The rows of this batch; the next begins.
    pub fn take(&mut self) -> Vec<Candidate> {
        self.bytes = 0;
        self.keys.clear();
        std::mem::take(&mut self.candidates)
    }

    /// Takes what is new of this batch. What waits is sent before, unless both must be written together and can
    /// be.
    pub fn bring(
        &mut self,
        news: News,
        reading: &Reading<'_>,
        now: Option<String>,
        pipe: &mut Pipe<'_, '_>,
    ) -> Outcome {
        if !(self.way.is_circle && self.pending.has_room(&news)) {
            self.send_part(pipe)?;
        }
        self.pending.add(news, reading, now);
        Ok(())
    }

    /// Sends what waits: with it, the sheets are here as far as they were compared. It waited because behind
    /// it there may be nothing to write, and then it brings them to their end.
    pub fn send(&mut self, pipe: &mut Pipe<'_, '_>) -> Outcome {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Way { as_in, basis, .. } = &self.way;
        let (mut requests, keys) = self.pending.take(as_in, basis.as_deref());
        if let Some(last) = requests.last_mut() {
            let source = |Compared { source, hash, until }: &Compared| Source {
                name: source.clone(),
                offset: Some(format!("{hash} {until}")),
            };
            last.sources = self.sheets.iter().map(source).collect();
        }
        self.recent.push_back(keys);
        if self.recent.len() > ON_THEIR_WAY {
            self.recent.pop_front();
        }
        pipe.send(Batched { requests, until: self.sheets.iter().map(|sheet| sheet.until).collect() })
    }

    fn send_part(&mut self, pipe: &mut Pipe<'_, '_>) -> Outcome {
        self.is_cut |= self.way.is_circle && !self.pending.is_empty();
        self.send(pipe)
    }

    /// Sends what waits and waits until all is written, for the same row comes again.
    pub fn settle(&mut self, pipe: &mut Pipe<'_, '_>) -> Outcome {
        self.send_part(pipe)?;
        pipe.drain()?;
        self.recent.clear();
        Ok(())
    }

    /// This batch has been compared.
    pub fn compare(&mut self) {
        assert!(self.candidates.is_empty(), "rows are compared once they are taken");
        let Some(sheet) = self.sheets.last_mut() else { return };
        debug_assert!(sheet.until <= self.added, "batches are compared in the order of their rows");
        sheet.until = self.added;
    }
}
