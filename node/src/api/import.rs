//! Taking in a bundle.

use std::cell::RefCell;
use std::io::{BufReader, BufWriter, IntoInnerError, Read, Seek};

use serde::{Deserialize, Serialize};
use tandem_protocol::bundle::{BundleHeader, BundleReader, BundleWriter};
use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::membership::Membership;
use tandem_protocol::version::VersionVector;
use tandem_store::{Blocks, Effect, ReceiveError, SharedEffect, Space, Trial};

use super::adoption::unkept;
use super::bundle::BundleRequests;
use super::bundle::{Stop, blocks, unreadable};
use super::error::{ApiError, Result};
use super::fork::{Fork, HeldBack};
use super::transaction::TableChange;
use super::{error_kind, wait_for};

/// What an import brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Transactions that were new here.
    pub transactions: u64,
    /// What became of the rows, per table: added, changed, removed by all of it together, however
    /// often each was written. For a dry run: what would.
    pub changes: Vec<TableChange>,
    /// Conflicts that are open for it and were not (for a dry run: would be).
    #[serde(default)]
    pub conflicts_opened: u64,
    /// Whether the bundle was whole. If not, what preceded the fault was imported.
    pub complete: bool,
    /// If not: what is wrong with it.
    pub fault: Option<Cause>,
    /// Whether it was only a dry run.
    pub dry_run: bool,
    /// Name of the space this site joined by it, if it did (for a dry run: would join).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined: Option<String>,
    /// Chains of which the bundle holds another branch than this site.
    #[serde(default)]
    pub forks: Vec<Fork>,
    /// What of the bundle cannot be taken in for that reason.
    #[serde(default)]
    pub held_back: Vec<HeldBack>,
}

impl BundleRequests<'_> {
    /// Takes in a bundle block by block. What is here already is passed over; never a part of a
    /// transaction.
    pub fn import(&self, space: &str, input: impl Read, dry_run: bool) -> Result<Imported> {
        let space = self.0.space(space)?;
        let reader = BundleReader::new(input).map_err(unreadable)?;
        let header = reader.header();
        if header.space != space.id() {
            return Err(self.foreign(header));
        }
        self.import_into(&space, reader, dry_run)
    }

    /// Names the space of a bundle and those held here so that equal names are told apart.
    pub(super) fn foreign(&self, header: &BundleHeader) -> ApiError {
        let held = self.0.store().spaces();
        let own = held.iter().map(|space| format!("{}, id {}", space.name(), space.id().short()));
        error_kind::bundle_foreign
            .with("space", &header.space_name)
            .with("id", header.space.short())
            .with("own", own.collect::<Vec<_>>().join("; "))
    }

    pub(super) fn import_into<R: Read>(
        &self,
        space: &Space,
        mut reader: BundleReader<R>,
        dry_run: bool,
    ) -> Result<Imported> {
        let held = space.vector();
        let missing = reader.header().since.growth_since(&held);
        if !missing.is_empty() {
            return Err(early(&missing, &held, &space.membership()));
        }
        let mut forks = Forks::of_header(space, reader.header());
        if dry_run {
            return self.try_into(space, reader, forks);
        }
        let (mut transactions, effect) = (0, SharedEffect::default());
        let fault = blocks(&mut reader, |block| {
            transactions += receive(space, block, &effect, &mut forks)?;
            Ok(())
        })?;
        Ok(Imported::of(space, transactions, &effect.take(), fault, &forks))
    }

    /// The same, taken back. The bundle may come slowly, and the writer is not to wait for it: it is
    /// laid down first.
    fn try_into<R: Read>(
        &self,
        space: &Space,
        mut reader: BundleReader<R>,
        mut forks: Forks,
    ) -> Result<Imported> {
        let mut kept = BundleWriter::new(BufWriter::new(self.scratch()?), &reader.header().clone());
        let cut = blocks(&mut reader, |block| match &mut kept {
            Ok(kept) => kept.block(&block).map_err(|error| Stop::Failed(unkept(error))),
            Err(_) => Ok(()),
        })?;
        let kept = kept.and_then(|kept| kept.finish()?.into_inner().map_err(IntoInnerError::into_error));
        let mut kept = kept.map_err(unkept)?;
        kept.rewind().map_err(unkept)?;
        let mut reader = BundleReader::new(BufReader::new(kept)).map_err(unreadable)?;
        let all: Blocks = Box::new(std::iter::from_fn(move || reader.next_block().ok().flatten()));
        let withheld = forks.withheld.borrow().clone();
        let tried = wait_for(|reply| space.try_blocks(all, withheld, reply));
        let Trial { transactions, effect, forks: found, withheld, fault } =
            tried.ok_or_else(|| error_kind::stopping.error())??;
        forks.withheld.borrow_mut().join(&withheld);
        forks.add(&found);
        let fault = fault.as_ref().map(Cause::from).or(cut);
        Ok(Imported { dry_run: true, ..Imported::of(space, transactions, &effect, fault, &forks) })
    }
}

impl Imported {
    fn of(space: &Space, transactions: u64, effect: &Effect, fault: Option<Cause>, forks: &Forks) -> Self {
        let mut changes: Vec<TableChange> = effect.changes().iter().map(Into::into).collect();
        changes.sort_by(|one, other| one.table.cmp(&other.table));
        Self {
            transactions,
            changes,
            conflicts_opened: effect.conflicts_opened(),
            complete: fault.is_none(),
            fault,
            dry_run: false,
            joined: None,
            forks: forks.found.iter().map(|fork| Fork::of(&space.membership(), fork)).collect(),
            held_back: HeldBack::of(&space.membership(), &forks.withheld.borrow()),
        }
    }
}

/// The forks that a bundle shows.
struct Forks {
    withheld: RefCell<Withheld>,
    found: Vec<tandem_protocol::fork::Fork>,
}

impl Forks {
    /// What its header says to be held elsewhere.
    fn of_header(space: &Space, header: &BundleHeader) -> Self {
        let mut withheld = Withheld::default();
        let since = space.forks().compare_all(&header.since);
        for fork in &since {
            withheld.add(fork.author, fork.seq);
        }
        let mut forks = Self { withheld: RefCell::new(withheld), found: Vec::new() };
        forks.add(&since);
        forks.add(&space.forks().compare_all(&header.until));
        forks
    }

    /// Each chain once, under its smallest number.
    fn add(&mut self, forks: &[tandem_protocol::fork::Fork]) {
        for fork in forks {
            match self.found.iter_mut().find(|known| known.author == fork.author) {
                Some(known) if known.seq <= fork.seq => {}
                Some(known) => *known = *fork,
                None => self.found.push(*fork),
            }
        }
    }
}

fn receive(
    space: &Space,
    block: Vec<u8>,
    effect: &SharedEffect,
    forks: &mut Forks,
) -> std::result::Result<u64, Stop> {
    let withheld = forks.withheld.borrow().clone();
    match wait_for(|reply| space.receive_counting(block, withheld, effect.clone(), reply)) {
        Some(Ok(received)) => {
            forks.withheld.borrow_mut().join(&received.withheld);
            forks.add(&received.forks);
            Ok(received.transactions)
        }
        Some(Err(ReceiveError::Fault(fault))) => Err(Stop::Fault(Cause::from(&fault))),
        Some(Err(error)) => Err(Stop::Failed(error.into())),
        None => Err(Stop::Failed(error_kind::stopping.error())),
    }
}

/// Names what is missing: so many of each site.
pub(super) fn early(missing: &VersionVector, held: &VersionVector, membership: &Membership) -> ApiError {
    let of_chain = missing.heads().map(|(chain, head)| {
        let count = head.seq - held.seq(chain);
        Cause::new("missing_of").with("count", count).with("site", membership.shown_name(&chain.author))
    });
    error_kind::bundle_early.with("detail", of_chain.collect::<Vec<_>>())
}
