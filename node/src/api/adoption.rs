//! Joining by bundle: the space a bundle brings is set up here once the bundle has proved, block by
//! block, that it is this space and that this site was admitted to it.

use std::fs::File;
use std::io::{BufReader, BufWriter, IntoInnerError, Read, Seek};
use std::sync::PoisonError;

use tandem_protocol::block::Block;
use tandem_protocol::bundle::{BundleReader, BundleWriter};
use tandem_protocol::cause::Cause;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{Author, SpaceId};
use tandem_protocol::membership::Membership;
use tandem_protocol::op::Op;
use tandem_protocol::verify::{self, ChainHead, Chains, Receiver};
use tandem_store::{Space, Store};

use super::bundle::BundleRequests;
use super::bundle::{BlockResult, Stop, blocks, unreadable};
use super::error::{ApiError, Result};
use super::error_kind;
use super::import::{Imported, early};

/// Folder in the data folder for a dry run on a site without a space.
const PASSING: &str = "dry-run";

impl BundleRequests<'_> {
    /// Takes in a bundle of whichever space this site holds. A site that holds none joins that of
    /// the bundle, if the bundle shows that it was admitted; else nothing of it stays here.
    pub fn take(&self, input: impl Read, dry_run: bool) -> Result<Imported> {
        let reader = BundleReader::new(input).map_err(unreadable)?;
        // Two at once must not both set the space up.
        let setting_up = self.0.inner.setting_up.lock().unwrap_or_else(PoisonError::into_inner);
        let id = reader.header().space;
        if let Some(space) = self.0.store().spaces().into_iter().find(|space| space.id() == id) {
            drop(setting_up);
            return self.import_into(&space, reader, dry_run);
        }
        let me = self.0.store().author();
        if reader.header().to != Some(me) && !self.0.store().spaces().is_empty() {
            return Err(self.foreign(reader.header()));
        }
        self.0.holds_no_space()?;
        let Proof { membership, kept, fault } = Proof::of(reader, me, self.scratch()?)?;
        let member = membership.member(&me).map(|member| member.name.clone());
        assert!(member.is_some(), "a proof shows that this site was admitted");
        let member = member.unwrap_or_default();
        if dry_run {
            let tried = self.in_passing(|store| {
                let space = store.adopt_space(id, &membership.space_name, &member)?;
                self.take_kept(&space, kept)
            })?;
            return Ok(Imported { complete: fault.is_none(), fault, dry_run, ..tried });
        }
        let space = self.0.store().adopt_space(id, &membership.space_name, &member)?;
        drop(setting_up);
        let taken = self.take_kept(&space, kept);
        if let Some(peers) = self.0.peers() {
            peers.spaces_changed();
        }
        Ok(Imported { complete: fault.is_none(), fault, ..taken? })
    }

    /// Does something in a data folder that is there only as long, and then, or the next time,
    /// removed. One at a time: whoever sets up a space holds the lock.
    fn in_passing<T>(&self, run: impl FnOnce(&Store) -> Result<T>) -> Result<T> {
        let folder = self.0.store().folder().join(PASSING);
        let clear = || match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unkept(error)),
            _ => Ok(()),
        };
        clear()?;
        let store = Store::open(&folder, "a dry run")?;
        let done = run(&store);
        store.close();
        drop(store);
        clear()?;
        done
    }

    fn take_kept(&self, space: &Space, mut kept: File) -> Result<Imported> {
        kept.rewind().map_err(unkept)?;
        let reader = BundleReader::new(BufReader::new(kept)).map_err(unreadable)?;
        let imported = self.import_into(space, reader, false)?;
        Ok(Imported { joined: Some(space.name().to_owned()), ..imported })
    }

    /// A file without a name, on the disk that will hold the space.
    pub(super) fn scratch(&self) -> Result<File> {
        tempfile::tempfile_in(self.0.store().folder()).map_err(unkept)
    }
}

/// A bundle read to its end, or to its fault, and verified against nothing but its space's id.
struct Proof {
    membership: Membership,
    /// Its good blocks, as a bundle.
    kept: File,
    /// What is wrong with the rest, if anything.
    fault: Option<Cause>,
}

impl Proof {
    /// Refuses a bundle that does not admit `me`.
    fn of<R: Read>(mut reader: BundleReader<R>, me: Author, scratch: File) -> Result<Self> {
        let header = reader.header().clone();
        if !header.since.is_empty() {
            return Err(early(&header.since, &Default::default(), &Membership::default()));
        }
        let mut out = BundleWriter::new(BufWriter::new(scratch), &header).map_err(unkept)?;
        let (mut chains, mut membership) = (Chains::default(), Membership::default());
        let fault = blocks(&mut reader, |block| {
            follow(&block, header.space, &mut chains, &mut membership)?;
            out.block(&block).map_err(|error| Stop::Failed(unkept(error)))
        })?;
        if membership.member(&me).is_none() {
            return Err(match fault {
                Some(fault) => error_kind::bundle_unreadable.with("detail", fault),
                None => error_kind::bundle_not_admitting.with("space", &header.space_name),
            });
        }
        let kept = out.finish().and_then(|out| out.into_inner().map_err(IntoInnerError::into_error));
        Ok(Self { membership, kept: kept.map_err(unkept)?, fault })
    }
}

/// Verifies one more block, and follows what it says of the members.
fn follow(block: &[u8], space: SpaceId, chains: &mut Chains, membership: &mut Membership) -> BlockResult {
    let block = Block::decode(block).map_err(|error| Stop::Fault(Cause::from(&error)))?;
    // Whether it tells one history only is seen when it is taken in.
    let withheld = Withheld::default();
    let receiver = Receiver { space, chains, branches: None, held: &(), membership, withheld: &withheld };
    let verified = verify::verify(&block, receiver).map_err(|fault| Stop::Fault(Cause::from(&fault)))?;
    for incoming in verified.incoming {
        let (dot, write) = (incoming.transaction.header.dot, incoming.transaction.header.write_id());
        for op in &incoming.transaction.ops {
            if let Op::Member(op) = op {
                // A void op is no fault: it stays in the log without effect, everywhere alike.
                let _void = membership.apply(write, op);
            }
        }
        chains.insert(dot.chain(), ChainHead { seq: dot.seq, hash: incoming.hash });
    }
    Ok(())
}

/// The bundle could not be kept while it was read.
pub(super) fn unkept(error: std::io::Error) -> ApiError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => error_kind::disk_full.error(),
        _ => error_kind::folder_unusable.with("detail", Cause::from(error)),
    }
}
