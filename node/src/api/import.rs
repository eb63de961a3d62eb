//! Taking in a bundle.

use std::cell::RefCell;
use std::io::Read;

use serde::{Deserialize, Serialize};
use tandem_protocol::block::Block;
use tandem_protocol::bundle::{BundleHeader, BundleReader};
use tandem_protocol::fork::Withheld;
use tandem_protocol::membership::Membership;
use tandem_protocol::version::VersionVector;
use tandem_store::{ReceiveError, Space};

use super::bundle::{Step, Stop, Tally, blocks, unreadable};
use super::error::{ApiError, Result};
use super::fork::{Fork, HeldBack};
use super::log_entry::site_name;
use super::transaction::TableChange;
use super::{Api, error_kind, wait_for};

/// What an import brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imported {
    /// Transactions that were new here.
    pub transactions: u64,
    /// Rows changed, per table (for a dry run: changes that would be taken in).
    pub changes: Vec<TableChange>,
    /// Whether the bundle was whole. If not, what preceded the fault was imported.
    pub complete: bool,
    /// If not: what is wrong with it.
    pub fault: Option<String>,
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

impl Api {
    /// Takes in a bundle block by block. What is here already is passed over; never a part of a
    /// transaction.
    pub fn import_bundle(&self, space: &str, input: impl Read, dry_run: bool) -> Result<Imported> {
        let space = self.space(space)?;
        let reader = BundleReader::new(input).map_err(unreadable)?;
        let header = reader.header();
        if header.space != space.id() {
            return Err(self.foreign(header));
        }
        self.import_into(&space, reader, dry_run)
    }

    /// Names the space of a bundle and those held here so that equal names are told apart.
    pub(super) fn foreign(&self, header: &BundleHeader) -> ApiError {
        let held = self.store().spaces();
        let own = held.iter().map(|space| format!("{}, id {}", space.name(), space.id().short()));
        let params = [
            ("space", header.space_name.clone()),
            ("id", header.space.short()),
            ("own", own.collect::<Vec<_>>().join("; ")),
        ];
        ApiError::new(&error_kind::bundle_foreign, &params)
    }

    pub(super) fn import_into<R: Read>(
        &self,
        space: &Space,
        mut reader: BundleReader<R>,
        dry_run: bool,
    ) -> Result<Imported> {
        let held = space.vector();
        let missing = reader.header().since.growth_since(&held);
        if !missing.0.is_empty() {
            return Err(early(&missing, &held, &space.membership()));
        }
        let mut tally = Tally::default();
        let mut forks = Forks::of_header(space, reader.header());
        let fault = blocks(&mut reader, |block| {
            if dry_run {
                forks.look(space, &block)?;
                tally.add(&block, |header| {
                    !held.covers(&header.dot) && !forks.withheld.borrow_mut().holds_back(header)
                })
            } else {
                receive(space, block, &mut tally, &mut forks)
            }
        })?;
        Ok(Imported {
            transactions: tally.transactions,
            changes: tally.changes,
            complete: fault.is_none(),
            fault,
            dry_run,
            joined: None,
            forks: forks.found.iter().map(|fork| Fork::of(&space.membership(), fork)).collect(),
            held_back: HeldBack::of(&space.membership(), &forks.withheld.borrow()),
        })
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
        let since = space.compare_all(&header.since);
        for fork in &since {
            withheld.add(fork.author, fork.seq);
        }
        let mut forks = Self { withheld: RefCell::new(withheld), found: Vec::new() };
        forks.add(&since);
        forks.add(&space.compare_all(&header.until));
        forks
    }

    /// What a block holds under numbers that are held here.
    fn look(&mut self, space: &Space, block: &[u8]) -> Step {
        let block = Block::decode(block).map_err(|error| Stop::Fault(error.to_string()))?;
        let differences = space.differences(&block);
        for fork in &differences {
            self.withheld.borrow_mut().add(fork.author, fork.seq);
        }
        self.add(&differences);
        Ok(())
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

fn receive(space: &Space, block: Vec<u8>, tally: &mut Tally, forks: &mut Forks) -> Step {
    let withheld = forks.withheld.borrow().clone();
    match wait_for(|reply| space.receive_without(block, withheld, reply)) {
        Some(Ok(received)) => {
            forks.withheld.borrow_mut().join(&received.withheld);
            forks.add(&received.forks);
            tally.transactions += received.transactions;
            TableChange::add_all(
                &mut tally.changes,
                &received.changes.iter().map(Into::into).collect::<Vec<_>>(),
            );
            Ok(())
        }
        Some(Err(ReceiveError::Fault(fault))) => Err(Stop::Fault(fault.to_string())),
        Some(Err(error)) => Err(Stop::Failed(error.into())),
        None => Err(Stop::Failed(error_kind::stopping.error())),
    }
}

/// Names what is missing: `12 of Bureau, 3 of Salle`.
pub(super) fn early(missing: &VersionVector, held: &VersionVector, membership: &Membership) -> ApiError {
    let of_author = missing.0.iter().map(|(author, head)| {
        format!("{} of {}", head.seq - held.seq(author), site_name(membership, author))
    });
    error_kind::bundle_early.with("detail", of_author.collect::<Vec<_>>().join(", "))
}
