//! What each site wrote while they were apart, transaction by transaction, to be carried to others in
//! any order.

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::identity::{Author, Signature};
use tandem_protocol::transaction::Transaction;
use tandem_protocol::version::VersionVector;

use crate::hostile::honest::Honest;
use crate::random::Random;

/// A signed transaction.
pub struct Carried {
    author: Author,
    bytes: Vec<u8>,
    signature: Option<Signature>,
}

/// What `site` wrote itself beyond `have`: there each transaction stands with its signature.
pub fn own(site: &Honest, have: &VersionVector) -> Result<Vec<Carried>, String> {
    let (mut all, mut next) = (Vec::new(), 0);
    while next < site.space()?.end() {
        let chunk = site.space()?.chunks().read(next, have, 1).map_err(|error| error.to_string())?;
        next = chunk.next;
        let Some(block) = chunk.block else { continue };
        let block = Block::decode(&block).map_err(|error| error.to_string())?;
        for (bytes, signature) in block.iter() {
            let transaction = Transaction::decode(bytes).map_err(|error| error.to_string())?;
            let author = transaction.header.dot.author;
            if author == site.site.me() {
                all.push(Carried { author, bytes: bytes.to_vec(), signature });
            }
        }
    }
    Ok(all)
}

/// All transactions of a site's log.
pub fn transactions(site: &Honest) -> Result<Vec<Transaction>, String> {
    let entries = site.space()?.log().entries_from(0).map(|entry| entry.map(|entry| entry.transaction));
    entries.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Brings all to a site, each author's in one block, the authors in this order; what comes before that
/// on which it builds is refused, and brought again.
pub fn by_author(site: &mut Honest, all: &[Carried], order: &[Author], now_ms: i64) -> Result<(), String> {
    let mut queues: Vec<Vec<&Carried>> =
        order.iter().map(|author| all.iter().filter(|one| one.author == *author).collect()).collect();
    while queues.iter().any(|queue| !queue.is_empty()) {
        let mut moved = false;
        for queue in &mut queues {
            // All of it, or as much as can be.
            while let Some(most) = (1..=queue.len()).rev().find_map(|many| {
                let taken = site.receive(block(&queue[..many]), now_ms).transpose()?;
                Some(taken.map(|_| many))
            }) {
                queue.drain(..most?);
                moved = true;
            }
        }
        if !moved {
            return Err(format!("{} takes nothing of what is left", site.name));
        }
    }
    Ok(())
}

/// Brings all to a site op by op, the authors' turns drawn by chance.
pub fn mixed(
    site: &mut Honest,
    all: &[Carried],
    order: &[Author],
    random: &mut Random,
    now_ms: i64,
) -> Result<(), String> {
    let mut queues: Vec<Vec<&Carried>> =
        order.iter().map(|author| all.iter().filter(|one| one.author == *author).collect()).collect();
    let mut refused = 0;
    while queues.iter().any(|queue| !queue.is_empty()) {
        let at = random.below(queues.len() as u64) as usize;
        let Some(first) = queues[at].first() else { continue };
        if site.receive(block(&[first]), now_ms)?.is_some() {
            queues[at].remove(0);
            refused = 0;
        } else if refused > 1_000 {
            return Err(format!("{} takes nothing of what is left", site.name));
        } else {
            refused += 1;
        }
    }
    Ok(())
}

fn block(all: &[&Carried]) -> Vec<u8> {
    let mut builder = BlockBuilder::default();
    all.iter().for_each(|one| builder.push(one.author, &one.bytes, one.signature));
    builder.finish()
}
