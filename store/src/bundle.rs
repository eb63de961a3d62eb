//! Bundles as files: written whole or not at all, read as far as they are intact.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use tandem_protocol::block::Block;
use tandem_protocol::bounds;
use tandem_protocol::bundle::{BundleError, BundleHeader, BundleReader, BundleWriter};
use tandem_protocol::identity::Author;
use tandem_protocol::op::Op;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::verify::Fault;
use tandem_protocol::version::VersionVector;

use crate::log::{LogError, sync_folder};
use crate::receive::{ReceiveError, Received};
use crate::space::{Space, now_ms};
use crate::view::TableChange;

/// What a bundle holds.
#[derive(Clone, Debug)]
pub struct BundleSummary {
    /// What it says of itself.
    pub header: BundleHeader,
    /// Blocks in it.
    pub blocks: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Row ops per table.
    pub tables: BTreeMap<String, u64>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What an import did.
#[derive(Clone, Debug, Default)]
pub struct Imported {
    /// Transactions in the bundle that were new here.
    pub transactions: u64,
    /// Transactions in the bundle that were here already.
    pub known: u64,
    /// Rows changed, per table.
    pub changes: Vec<TableChange>,
    /// Whether the file ended early; everything before the cut was taken in.
    pub truncated: bool,
}

/// Why a bundle could not be written or read. What was taken in before stays.
#[derive(Debug, thiserror::Error)]
pub enum BundleFailure {
    /// The file is not a bundle, or damaged.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It belongs to another space.
    #[error("the bundle belongs to the space {0}, not to this one")]
    OtherSpace(String),
    /// It needs transactions that are not here yet.
    #[error("the bundle comes too early: {0}")]
    TooEarly(Fault),
    /// A block was refused or could not be stored.
    #[error(transparent)]
    Receive(ReceiveError),
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The operating system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Space {
    /// Writes what `since` lacks into a file: to a temporary name, synced, then renamed.
    pub fn export_bundle(&self, path: &Path, to: Option<Author>, since: VersionVector) -> Result<BundleSummary, BundleFailure> {
        let membership = self.membership();
        let name = |author: &Author| membership.member(author).map_or_else(String::new, |member| member.name.clone());
        let end = self.end();
        let header = BundleHeader {
            space: self.id(),
            space_name: self.name().to_owned(),
            from: self.me(),
            from_name: name(&self.me()),
            to,
            until: (*self.vector()).clone(),
            since,
            created_ms: now_ms(),
        };
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".part");
        let temporary = Path::new(&temporary);
        let written = self.write_bundle(temporary, &header, end);
        let summary = match written {
            Ok(summary) => summary,
            Err(error) => {
                // The half-written file is of no use; the error that made it so is what counts.
                let _best_effort = fs::remove_file(temporary);
                return Err(error);
            }
        };
        fs::rename(temporary, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))?;
        Ok(summary)
    }

    fn write_bundle(&self, path: &Path, header: &BundleHeader, end: u64) -> Result<BundleSummary, BundleFailure> {
        let mut writer = BundleWriter::new(BufWriter::new(File::create(path)?), header)?;
        let mut summary = BundleSummary::new(header.clone());
        let mut from = 0;
        while from < end {
            let chunk = self.read(from, &header.since, bounds::BLOCK_TARGET_BYTES)?;
            if let Some(block) = chunk.block {
                summary.add(&block)?;
                writer.block(&block)?;
            }
            from = chunk.next;
        }
        let file = writer.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        summary.bytes = file.metadata()?.len();
        Ok(summary)
    }

    /// Takes a bundle in. May be repeated, and may overlap with anything.
    pub fn import_bundle(&self, path: &Path) -> Result<Imported, BundleFailure> {
        let mut reader = BundleReader::new(BufReader::new(File::open(path)?))?;
        if reader.header().space != self.id() {
            return Err(BundleFailure::OtherSpace(reader.header().space_name.clone()));
        }
        let mut imported = Imported::default();
        loop {
            let block = match reader.next_block() {
                Ok(Some(block)) => block,
                Ok(None) => break,
                Err(BundleError::Truncated { blocks }) if blocks > 0 => {
                    imported.truncated = true;
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            let count = Block::decode(&block).map_or(0, |block| block.len() as u64);
            let received = self.wait(|reply| self.receive(block, reply)).map_err(|error| match error {
                ReceiveError::Fault(fault @ (Fault::Gap { .. } | Fault::MissingContext { .. })) => {
                    BundleFailure::TooEarly(fault)
                }
                other => BundleFailure::Receive(other),
            })?;
            imported.add(count, received);
        }
        Ok(imported)
    }
}

impl Imported {
    fn add(&mut self, count: u64, received: Received) {
        self.transactions += received.transactions;
        self.known += count - received.transactions;
        crate::receive::add_changes(&mut self.changes, &received.changes);
    }
}

impl BundleSummary {
    fn new(header: BundleHeader) -> Self {
        Self { header, blocks: 0, transactions: 0, tables: BTreeMap::new(), bytes: 0 }
    }

    fn add(&mut self, block: &[u8]) -> Result<(), BundleFailure> {
        let blocks = self.blocks as usize;
        let damaged = |_| BundleError::Damaged { blocks };
        let block = Block::decode(block).map_err(damaged)?;
        self.blocks += 1;
        for (bytes, _) in block.iter() {
            self.transactions += 1;
            let transaction = Transaction::decode(bytes).map_err(damaged)?;
            for op in &transaction.ops {
                if let Op::Rows(group) = op {
                    *self.tables.entry(group.table.clone()).or_default() += group.rows() as u64;
                }
            }
        }
        Ok(())
    }

    /// Reads a whole bundle without taking anything in.
    pub fn inspect(path: &Path) -> Result<Self, BundleFailure> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut reader = BundleReader::new(BufReader::new(file))?;
        let mut summary = Self::new(reader.header().clone());
        while let Some(block) = reader.next_block()? {
            summary.add(&block)?;
        }
        summary.bytes = bytes;
        Ok(summary)
    }
}
