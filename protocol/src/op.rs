//! Ops: what one transaction does to rows, to the schema, to the membership.

mod mode;
mod row_group;
mod unfolded;

#[cfg(test)]
mod tests;

pub use mode::Mode;
pub use row_group::{Action, CellColumn, RowGroup};
pub use unfolded::TooManyRows;
pub(crate) use unfolded::Unfolded;

use bincode::{Decode, Encode};

use crate::codec::{self, DecodeError};
use crate::conflict::ConflictId;
use crate::membership::MemberOp;
use crate::schema::SchemaOp;
use crate::version::Reference;

/// One op, or a group of row ops that share table, action and columns.
#[derive(Clone, PartialEq, Debug)]
pub enum Op {
    /// Changes of rows.
    Rows(RowGroup),
    /// A schema change.
    Schema(SchemaOp),
    /// A membership change.
    Member(MemberOp),
    /// A conflict that no row write can end is settled.
    Settle(Settlement),
    /// An op of a kind this program does not know. Kept, counted, relayed, and parked.
    Unknown {
        /// The kind's number.
        kind: u16,
        /// Its content.
        body: Vec<u8>,
    },
    /// All that a transaction does whose rows are beyond what one may unfold to: nothing, on any
    /// site.
    Void,
}

/// Ends a conflict of the kind `duplicate`: it is open while a transaction of it was looked at by none.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Settlement {
    /// The conflict.
    pub conflict: ConflictId,
    /// The transactions that were looked at.
    pub looked_at: Vec<Reference>,
}

const ROWS: u16 = 1;
const SCHEMA: u16 = 2;
/// Kind number of membership ops.
pub(crate) const MEMBER: u16 = 3;
const SETTLE: u16 = 4;
/// No op that is written has this kind.
const VOID: u16 = u16::MAX;

impl Op {
    /// How many rows, schema or membership items it changes.
    pub fn count(&self) -> usize {
        match self {
            Self::Rows(group) => group.rows(),
            _ => 1,
        }
    }

    /// What the rows of all ops unfold to, if these take so many bytes when encoded.
    pub(crate) fn unfolded(ops: &[Self], encoded: usize) -> Unfolded {
        let mut unfolded = Unfolded::default();
        unfolded.add(0, 0, encoded);
        for op in ops {
            if let Self::Rows(group) = op {
                unfolded.add(group.rows(), group.keys.len() + group.columns.len(), 0);
            }
        }
        unfolded
    }

    /// The op on its own, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, body) = self.encode();
        [&kind.to_le_bytes()[..], &body].concat()
    }

    /// Reads back [`Op::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, body) = bytes.split_first_chunk::<2>().ok_or(DecodeError::Malformed("op"))?;
        let op = Self::decode(u16::from_le_bytes(*kind), body, &mut Unfolded::default());
        Ok(op.unwrap_or(Self::Void))
    }

    /// Kind number and content.
    pub(crate) fn encode(&self) -> (u16, Vec<u8>) {
        match self {
            Self::Rows(group) => (ROWS, group.to_bytes()),
            Self::Schema(op) => (SCHEMA, codec::encode(op)),
            Self::Member(op) => (MEMBER, codec::encode(op)),
            Self::Settle(settlement) => (SETTLE, codec::encode(settlement)),
            Self::Unknown { kind, body } => (*kind, body.clone()),
            Self::Void => (VOID, Vec::new()),
        }
    }

    /// An op that cannot be read may come from a newer program: it is kept as unknown, so that it
    /// stops nothing behind it. `unfolded`: what the rows before it came to.
    pub(crate) fn decode(kind: u16, body: &[u8], unfolded: &mut Unfolded) -> Result<Self, TooManyRows> {
        let known = match kind {
            ROWS => match RowGroup::from_bytes(body, unfolded) {
                Ok(group) => Ok(Self::Rows(group)),
                Err(_) if unfolded.is_too_much() => return Err(TooManyRows),
                Err(error) => Err(error),
            },
            SCHEMA => codec::decode(body, "schema op").map(Self::Schema),
            MEMBER => codec::decode(body, "membership op").map(Self::Member),
            SETTLE => codec::decode(body, "settlement").map(Self::Settle),
            _ => Err(DecodeError::Malformed("op")),
        };
        Ok(known.unwrap_or_else(|_| Self::Unknown { kind, body: body.to_vec() }))
    }
}
