//! A block received from another site or read from a bundle.

use tandem_protocol::fork::{Fork, Withheld};
use tandem_protocol::session::{self, StoreDone};
use tandem_protocol::verify::BlockFault;
use tandem_protocol::version::VersionVector;

use crate::effect::Effect;
use crate::log::LogError;
use crate::table_change::TableChange;
use crate::view::ViewError;

/// A block that was taken in: durable, and merged.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// How many of its transactions were new here.
    pub transactions: u64,
    /// Rows changed, per table.
    pub changes: Vec<TableChange>,
    /// Everything held now.
    pub vector: VersionVector,
    /// Chains found to have forked.
    pub forks: Vec<Fork>,
    /// What does not pass for that reason, besides what was known not to.
    pub withheld: Withheld,
    /// Whether something of the block was left out for that reason.
    pub left_out: bool,
}

/// Blocks, one after the other.
pub type Blocks = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// What taking in blocks would come to.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// How many transactions are new here.
    pub transactions: u64,
    /// What becomes of the rows and conflicts they touch.
    pub effect: Effect,
    /// Chains found to have forked.
    pub forks: Vec<Fork>,
    /// What does not pass for that reason, with what was known not to.
    pub withheld: Withheld,
    /// Why the blocks from some place on would not be taken in.
    pub fault: Option<BlockFault>,
}

impl From<Received> for StoreDone {
    fn from(received: Received) -> Self {
        let Received { vector, forks, withheld, left_out, .. } = received;
        Self { vector, forks, withheld, left_out }
    }
}

/// Why a block was not taken in. Nothing of it was, or a part that is whole in itself.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The block is not acceptable.
    #[error(transparent)]
    Fault(#[from] BlockFault),
    /// The log could not be written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The view could not be changed.
    #[error(transparent)]
    View(#[from] ViewError),
    /// The store is closing.
    #[error("the store is closing")]
    Closed,
}

impl From<ReceiveError> for session::NotStored {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::Fault(fault) => Self::Fault(fault),
            error => Self::Local(error.to_string()),
        }
    }
}
