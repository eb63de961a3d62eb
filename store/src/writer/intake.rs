//! A block of others as it is taken in: verified whole, merged, recorded as it came.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::identity::{Author, Signature};
use tandem_protocol::verify::{self, ChainHead, Chains, Incoming, Receiver, Verified};

use super::commands::RemoteJob;
use super::failure::JobError;
use super::held::HeldHere;
use super::record::chain_before;
use super::records::Recorded;
use super::run::JobRun;
use crate::commit::CommittedTransaction;
use crate::effect::SharedEffect;
use crate::log::{Offsets, Record};
use crate::published::Published;
use crate::receive::{ReceiveError, Received};
use crate::recent::Recent;
use crate::table_change::add_changes;
use crate::view::Merged;

/// How long blocks of others are taken in while users' writes wait.
const SLICE: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(50) };

/// Whether those who wrote something here have waited long enough for what others wrote elsewhere.
pub(super) fn is_pressed(published: &Published, since: Instant) -> bool {
    published.users_wait() && since.elapsed() >= SLICE
}

/// The part of a block that was merged so far.
#[derive(Default)]
struct Part {
    recent: Vec<Recent>,
    committed: Vec<CommittedTransaction>,
    /// The chains before it.
    before: Chains,
    /// Authors whose last transaction so far has no signature: up to there, nobody could verify it.
    unsigned: BTreeSet<Author>,
}

impl JobRun<'_> {
    pub fn run_remote(&mut self, job: &mut RemoteJob) -> Result<Received, JobError> {
        job.goes_on = false;
        self.view.effect = job.effect.as_ref().map(SharedEffect::take);
        let received = self.take_block(job);
        if let (Some(told), Some(effect)) = (&job.effect, self.view.effect.take()) {
            told.put(effect);
        }
        received
    }

    /// Takes in a block; of a long one, for which users' writes would have to wait, a part: `job` is then
    /// what is left of it.
    fn take_block(&mut self, job: &mut RemoteJob) -> Result<Received, JobError> {
        let since = Instant::now();
        let block =
            Block::decode(&job.block).map_err(verify::BlockFault::from).map_err(ReceiveError::from)?;
        let mut received = std::mem::take(&mut job.before);
        let incoming = self.verified(&block, job, &mut received)?;
        debug_assert!(
            incoming.windows(2).all(|pair| pair[0].at < pair[1].at),
            "a block is taken in in its order"
        );
        let is_whole = incoming.len() == block.len();
        let first = self.view.fold.position.next;
        let mut part = Part::default();
        let mut incoming = incoming.into_iter();
        let mut rest = None;
        while let Some(one) = incoming.next() {
            self.merge_one(&block, &one, &mut part, &mut received)?;
            if part.unsigned.is_empty()
                && incoming.len() > 0
                && !job.at_once
                && is_pressed(self.published, since)
            {
                rest = Some(joined(&block, incoming.by_ref()));
            }
        }
        let merged = self.view.fold.position.next - first;
        assert_eq!(merged, part.recent.len() as u64, "each transaction that was merged is recorded");
        received.transactions += merged;
        let block = match (&rest, is_whole) {
            (None, true) => job.block.clone(),
            _ => part.bytes(),
        };
        if let Some(rest) = rest {
            (job.block, job.goes_on) = (rest, true);
        }
        self.recorded = part.record(first, block);
        if self.view.effect.is_some() {
            // Rows that waited for a table are there with it; conflicts of crowded rows are listed.
            self.view.lay_out()?;
            self.view.write_crowded()?;
        }
        received.vector = self.view.fold.position.vector();
        if job.goes_on {
            job.withheld.join(&received.withheld);
            job.before = received.clone();
        }
        Ok(received)
    }

    /// The block's transactions that are new here, all of which can be used.
    fn verified(
        &self,
        block: &Block,
        job: &RemoteJob,
        received: &mut Received,
    ) -> Result<Vec<Incoming>, JobError> {
        let fold = &self.view.fold;
        let held = HeldHere { view: &self.view, log: &self.log.log, recent: self.before.recent() };
        let receiver = Receiver {
            space: self.log.space,
            chains: &fold.position.chains,
            branches: None,
            held: &held,
            membership: &fold.membership,
            withheld: &job.withheld,
        };
        let Verified { incoming, forks, withheld, left_out, .. } =
            verify::verify(block, receiver).map_err(ReceiveError::from)?;
        for fork in &forks {
            self.published.forks.note(&self.log.log, &self.log.forks, *fork);
        }
        received.forks.extend(forks);
        received.withheld.join(&withheld);
        received.left_out |= left_out;
        Ok(incoming)
    }

    fn merge_one(
        &mut self,
        block: &Block,
        one: &Incoming,
        part: &mut Part,
        received: &mut Received,
    ) -> Result<(), JobError> {
        let header = &one.transaction.header;
        let author = header.dot.author;
        let arrival = self.view.fold.position.next;
        let before = || chain_before(&self.view.fold.position, self.log.space.0, author);
        part.before.entry(author.into()).or_insert_with(before);
        self.clock.observe(header.time_ms, self.now_ms);
        let chain = ChainHead { seq: header.dot.seq, hash: one.hash };
        let known = self.view.fold.position.chains.get(&header.dot.chain()).map_or(0, |last| last.seq);
        assert_eq!(chain.seq, known + 1, "what was verified follows the last of its chain");
        let merged = self.view.merge(&one.transaction, chain)?;
        let (bytes, signature) = block.get(one.at).unwrap_or_default();
        add_changes(&mut received.changes, &merged.changes);
        part.add(arrival, one, (bytes, signature), merged);
        Ok(())
    }
}

impl Part {
    /// Takes in a transaction that was merged, with its bytes and its signature.
    fn add(
        &mut self,
        arrival: u64,
        one: &Incoming,
        (bytes, signature): (&[u8], Option<Signature>),
        merged: Merged,
    ) {
        let header = &one.transaction.header;
        self.recent.push(Recent {
            arrival,
            header: header.clone(),
            bytes: bytes.to_vec(),
            signature,
            hash: one.hash,
            ends_record: false,
        });
        self.committed.push(CommittedTransaction {
            arrival,
            dot: header.dot,
            time_ms: header.time_ms,
            local: false,
            changes: merged.changes,
            rows: merged.rows,
        });
        match signature {
            Some(_) => self.unsigned.remove(&header.dot.author),
            None => self.unsigned.insert(header.dot.author),
        };
    }

    /// It as a block.
    fn bytes(&self) -> Vec<u8> {
        let mut block = BlockBuilder::default();
        for one in &self.recent {
            block.push(one.header.dot.author, &one.bytes, one.signature);
        }
        block.finish()
    }

    /// What is to be recorded of it, if there is anything.
    fn record(mut self, arrival: u64, block: Vec<u8>) -> Option<Recorded> {
        assert!(self.unsigned.is_empty(), "every run of an author ends in a signature");
        self.recent.last_mut()?.ends_record = true;
        let count = self.recent.len() as u32;
        let record = Record { arrival, block, count, before: self.before, offsets: Offsets::new() };
        Some(Recorded::Block { record, recent: self.recent, committed: self.committed })
    }
}

/// Transactions of a block as a block of their own.
fn joined(block: &Block, those: impl Iterator<Item = Incoming>) -> Vec<u8> {
    let mut rest = BlockBuilder::default();
    for one in those {
        let (bytes, signature) = block.get(one.at).unwrap_or_default();
        debug_assert!(!bytes.is_empty(), "what was verified is in its block");
        rest.push(one.transaction.header.dot.author, bytes, signature);
    }
    rest.finish()
}
