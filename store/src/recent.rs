//! A transaction as the log holds it, kept at hand.

use tandem_protocol::identity::{Signature, TxHash};
use tandem_protocol::transaction::Header;

/// A transaction as the log holds it.
pub(crate) struct Recent {
    pub arrival: u64,
    pub header: Header,
    pub bytes: Vec<u8>,
    pub signature: Option<Signature>,
    pub hash: TxHash,
    /// Whether it is the last of its record.
    pub ends_record: bool,
}
