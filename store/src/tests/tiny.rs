//! Transactions without ops, by the thousand: a block is bounded by their number, too, wherever one is
//! made.

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::bounds;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::AuthorKey;
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::verify::{ChainHead, Chains};
use tandem_protocol::version::{Dot, VersionVector};

use super::{Site, pull};
use crate::log::{Offsets, Record, SpaceLog, Storage};
use crate::{ReceiveError, Received};

/// A member that writes nothing, again and again.
struct Idler {
    key: AuthorKey,
    last: ChainHead,
    known: VersionVector,
}

impl Idler {
    /// A block of so many transactions without ops, and the chain before it.
    fn block(&mut self, count: usize) -> (Vec<u8>, ChainHead) {
        let before = self.last;
        let mut builder = BlockBuilder::default();
        for at in 0..count {
            let header = Header {
                dot: Dot::new(self.key.author(), self.last.seq + 1),
                time_ms: 1,
                context: std::mem::take(&mut self.known),
                basis: None,
                key: None,
                by: None,
                message: None,
            };
            let bytes = Transaction { header, ops: Vec::new() }.encode();
            let hash = transaction::hash(Previous(self.last.hash.0), &bytes);
            self.last = ChainHead { seq: self.last.seq + 1, hash };
            builder.push(self.key.author(), &bytes, (at + 1 == count).then(|| self.key.sign(&hash)));
        }
        (builder.finish(), before)
    }
}

#[test]
fn what_one_member_wrote_by_the_thousand_still_passes_from_site_to_site() {
    let a = Site::founder("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)");
    let (b, c) = (Site::member(&a, "b"), Site::member(&a, "c"));
    let member = Site::member(&a, "idler");
    pull(&b, &a);
    let last = ChainHead { seq: 0, hash: tandem_protocol::identity::TxHash(a.space.id().0) };
    let mut idler = Idler { key: member.store.key(), last, known: (*a.space.vector()).clone() };
    for _ in 0..3 {
        let block = idler.block(7_000).0;
        let _received: Received = a.space.wait(|reply| a.space.receive(block, reply)).unwrap();
    }
    a.write("INSERT INTO notes (text) VALUES ('after it')");
    for from in [0, 3, 7_003] {
        let chunk = a.space.chunks().read(from, &b.space.vector(), 1 << 20).unwrap();
        let block = Block::decode(&chunk.block.unwrap()).unwrap();
        assert!(block.len() <= bounds::BLOCK_TRANSACTIONS && chunk.next > from, "{from}");
    }
    pull(&b, &a);
    assert_eq!(b.rows("SELECT text FROM notes"), ["after it"]);
    // Nothing of it is at hand any more, and something does not pass.
    let a = a.reopen();
    let (mut cursor, mut withheld) = (0, Withheld::default());
    withheld.add(b.space.me(), 1);
    while cursor < a.space.end() {
        let chunk = a.space.chunks().read_without(cursor, &c.space.vector(), withheld, 1 << 20).unwrap();
        assert!(chunk.next > cursor);
        (cursor, withheld) = (chunk.next, chunk.withheld);
        let Some(block) = chunk.block else { continue };
        let received: Result<Received, ReceiveError> = c.space.wait(|reply| c.space.receive(block, reply));
        received.unwrap();
    }
    assert_eq!(c.space.vector(), a.space.vector());
}

#[test]
fn records_joined_into_one_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let storage = std::sync::Arc::new(Storage::on_disk(folder.path()).unwrap());
    let space = tandem_protocol::identity::SpaceId([7; 32]);
    let log = SpaceLog::open(storage, space).unwrap();
    let last = ChainHead { seq: 0, hash: tandem_protocol::identity::TxHash(space.0) };
    let key = AuthorKey::from_secret(&[1; 32]);
    let mut idler = Idler { key, last, known: VersionVector::default() };
    let mut end = 0;
    while end < 20_000 {
        let count = 23;
        let (block, before) = idler.block(count);
        let chain = (idler.key.author().into(), before);
        let record = Record {
            arrival: end,
            block,
            count: count as u32,
            before: Chains::from([chain]),
            offsets: Offsets::new(),
        };
        assert!(record.is_small());
        log.append(&record).unwrap();
        end += count as u64;
    }
    let mut sealed = 0;
    loop {
        let next = log.seal(sealed, end).unwrap();
        if next == sealed {
            break;
        }
        sealed = next;
    }
    let records: Vec<Record> = log.records(0, end).collect::<Result<_, _>>().unwrap();
    assert!(records.len() < 300, "{} records were joined to none", records.len());
    let read: usize = records.iter().map(|record| record.open().unwrap().entries.len()).sum();
    assert_eq!((read as u64, sealed > 0), (end, true));
}
