//! What forged ops are made of: ops that honest sites wrote, and the names of what there is.

use tandem_protocol::block::Block;
use tandem_protocol::conflict::Conflict;
use tandem_protocol::identity::Author;
use tandem_protocol::op::Op;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::verify::HeldTransactions;
use tandem_protocol::version::{Dot, Reference};
use tandem_store::Space;

use super::bytes::broken;
use super::rows::{self, Named};
use super::{member, schema, text};
use crate::random::Random;

/// A table of which no forged op changes rows or adds what would refuse some: what it holds stays.
pub const KEPT: &str = "CREATE TABLE kept (id INTEGER PRIMARY KEY, name TEXT);";

/// Honest ops that are kept to be changed.
const SAMPLES: usize = 600;

/// Bytes of one block that is read, before compression.
const BLOCK_BYTES: usize = 1 << 20;

/// What there is to be changed.
#[derive(Default)]
pub struct Material {
    samples: Vec<Op>,
    named: Named,
}

impl Material {
    /// Looks at what a site holds: ops, tables, columns.
    pub fn collect(&mut self, space: &Space) -> Result<(), String> {
        let schema = space.schema();
        let kept = schema.table("kept").map(|table| table.id());
        let about_kept = |op: &Op| matches!(op, Op::Rows(group) if Some(group.table_id) == kept);
        let from = if self.samples.is_empty() { 0 } else { space.end().saturating_sub(200) };
        let fresh = ops(space, from)?;
        fresh.iter().try_for_each(rows::holds_bounds)?;
        let fresh = fresh.into_iter().filter(|op| !about_kept(op) && op.to_bytes().len() < 1 << 16);
        self.samples.extend(fresh);
        let spare = self.samples.len().saturating_sub(SAMPLES);
        self.samples.drain(..spare);
        self.named = Named::default();
        for table in schema.tables().filter(|table| Some(table.id()) != kept) {
            self.named.tables.push((table.shown.name.clone(), table.id()));
            let columns = table.shown.columns.iter().map(|column| (column.name.clone(), column.id()));
            self.named.columns.extend(columns);
        }
        Ok(())
    }

    /// An op that an honest site wrote.
    pub fn sample(&self, random: &mut Random) -> Op {
        random.pick(&self.samples).clone()
    }

    /// An op that no honest site writes; now and then one that any could.
    pub fn op(&self, space: &Space, authors: &[Author], random: &mut Random) -> Result<Op, String> {
        let made = match random.below(20) {
            0..4 => Op::Schema(schema::made(&self.named, random)),
            4 | 5 => Op::Member(member::made(space.id(), authors, random)),
            6 => {
                let open = space.conflicts().all().map_err(|error| error.to_string())?;
                let open = open.iter().filter(|open| !open.table.contains("kept"));
                let named = |dot: Dot| Some(Reference { dot, prefix: space.forks().prefix(&dot)? });
                let named = |open: &Conflict| {
                    open.versions.iter().filter_map(|version| named(version.dot())).collect()
                };
                let open: Vec<_> = open.take(50).map(|open| (open.id(), named(open))).collect();
                Op::Settle(member::settlement(&open, authors, random))
            }
            7 => {
                let kind = *random.pick(&[0, 5, 6, 255, u16::MAX]);
                Op::Unknown { kind, body: text::text(random).into_bytes() }
            }
            _ => match self.sample(random) {
                Op::Rows(group) => Op::Rows(rows::changed(group, &self.named, random)),
                other => other,
            },
        };
        if !random.one_in(4) {
            return Ok(made);
        }
        // An op of any kind whose bytes are broken.
        let bytes = made.to_bytes();
        let (kind, body) = bytes.split_first_chunk::<2>().ok_or("an op without a kind")?;
        Ok(Op::Unknown { kind: u16::from_le_bytes(*kind), body: broken(body, random) })
    }
}

/// The ops of all transactions that a site holds from there on.
fn ops(space: &Space, from: u64) -> Result<Vec<Op>, String> {
    let (mut ops, mut next) = (Vec::new(), from.max(1));
    while next < space.end() {
        let chunk =
            space.chunks().read(next, &Default::default(), BLOCK_BYTES).map_err(|error| error.to_string())?;
        next = chunk.next;
        let block = chunk.block.map(|block| Block::decode(&block));
        let block = block.transpose().map_err(|error| error.to_string())?;
        for (bytes, _) in block.iter().flat_map(Block::iter) {
            ops.extend(Transaction::decode(bytes).map_err(|error| error.to_string())?.ops);
        }
    }
    Ok(ops)
}
