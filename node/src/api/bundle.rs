//! Bundles: files that carry transactions where no network goes. What one holds can be told from
//! the file alone.

use std::collections::BTreeMap;
use std::io::Read;

use serde::{Deserialize, Serialize};
use tandem_protocol::block::Block;
use tandem_protocol::bundle::{BundleError, BundleReader};
use tandem_protocol::cause::Cause;
use tandem_protocol::codec::DecodeError;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::version::VersionVector;

use super::error::{ApiError, Result};
use super::transaction::TableChange;
use super::{Api, error_kind, to_iso};

/// What a bundle holds. What it says of itself is not signed; its transactions are, and are
/// checked on import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Name of the space it belongs to.
    pub space: String,
    /// Id of that space.
    pub space_id: String,
    /// Id of the site that wrote it.
    pub from: String,
    /// That site's name.
    pub from_name: String,
    /// Id of the site it was made for; none: for any.
    pub to: Option<String>,
    /// When it was written, ISO 8601.
    pub created: String,
    /// What the receiver must hold already: for each author, the number of its last transaction.
    pub since: BTreeMap<String, u64>,
    /// What it will hold afterwards.
    pub until: BTreeMap<String, u64>,
    /// Transactions in it.
    pub transactions: u64,
    /// Changes of rows in it, per table.
    pub changes: Vec<TableChange>,
    /// Whether it is whole.
    pub complete: bool,
    /// If not: what is wrong.
    pub fault: Option<Cause>,
}

/// What can be asked of a site about bundles.
pub struct BundleRequests<'a>(pub(super) &'a Api);

impl Api {
    /// Requests about bundles.
    pub fn bundles(&self) -> BundleRequests<'_> {
        BundleRequests(self)
    }
}

/// Tells what a bundle holds. Fails only if it is none, or cannot be read at all.
pub fn inspect(input: impl Read) -> Result<Inspection> {
    let mut reader = BundleReader::new(input).map_err(unreadable)?;
    let mut counted = ContentCounts::default();
    let fault = blocks(&mut reader, |block| counted.add(&block))?;
    let header = reader.header();
    let seqs =
        |vector: &VersionVector| vector.heads().map(|(chain, head)| (chain.to_string(), head.seq)).collect();
    Ok(Inspection {
        space: header.space_name.clone(),
        space_id: header.space.to_string(),
        from: header.from.to_string(),
        from_name: header.from_name.clone(),
        to: header.to.map(|site| site.to_string()),
        created: to_iso(header.created_ms),
        since: seqs(&header.since),
        until: seqs(&header.until),
        transactions: counted.transactions,
        changes: counted.changes,
        complete: fault.is_none(),
        fault,
    })
}

/// Transactions counted, and the rows they change.
#[derive(Default)]
struct ContentCounts {
    transactions: u64,
    changes: Vec<TableChange>,
}

impl ContentCounts {
    /// Counts the transactions of a block.
    fn add(&mut self, block: &[u8]) -> BlockResult {
        let block = Block::decode(block).map_err(damaged)?;
        for (bytes, _) in block.iter() {
            let transaction = Transaction::decode(bytes).map_err(damaged)?;
            self.transactions += 1;
            TableChange::add_all(&mut self.changes, &TableChange::of_ops(&transaction.ops));
        }
        Ok(())
    }
}

/// What may end the reading of a bundle before its end.
pub(super) enum Stop {
    /// The bundle is at fault: what precedes this counts.
    Fault(Cause),
    /// This site is.
    Failed(ApiError),
}

fn damaged(error: DecodeError) -> Stop {
    Stop::Fault(Cause::from(&error))
}

/// The outcome of one block.
pub(super) type BlockResult = std::result::Result<(), Stop>;

/// Goes through a bundle block by block. Says what is wrong with the bundle, if anything.
pub(super) fn blocks<R: Read>(
    reader: &mut BundleReader<R>,
    mut each: impl FnMut(Vec<u8>) -> BlockResult,
) -> Result<Option<Cause>> {
    loop {
        let result = match reader.next_block() {
            Ok(None) => return Ok(None),
            Ok(Some(block)) => each(block),
            Err(BundleError::Io(error)) => return Err(unreadable(error.into())),
            Err(error) => Err(Stop::Fault(Cause::from(&error))),
        };
        match result {
            Ok(()) => {}
            Err(Stop::Fault(fault)) => return Ok(Some(fault)),
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}

pub(super) fn unreadable(error: BundleError) -> ApiError {
    match error {
        BundleError::Newer(_) => error_kind::format_newer.with("detail", Cause::from(&error)),
        _ => error_kind::bundle_unreadable.with("detail", Cause::from(&error)),
    }
}
