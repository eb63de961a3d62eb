//! Transactions without ops, by the thousand: a block is bounded by their number, too, wherever one is
//! made.

use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::bounds;
use tandem_protocol::fork::Withheld;
use tandem_protocol::identity::{AuthorKey, TxHash};
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::verify::{ChainHead, Chains};
use tandem_protocol::version::{Dot, VersionVector};

use super::{Site, pull};
use crate::log::{Offsets, Record, SpaceLog, Storage, Tree};
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
    let last = ChainHead { seq: 0, hash: TxHash(a.space.id().0) };
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

/// A log of small records.
struct SmallRecords {
    log: SpaceLog,
    /// Where it lies.
    tree: Tree,
    end: u64,
    _folder: tempfile::TempDir,
}

impl SmallRecords {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let storage = std::sync::Arc::new(Storage::on_disk(folder.path()).unwrap());
        let space = tandem_protocol::identity::SpaceId([7; 32]);
        let tree = storage.tree(&format!("log/{space}")).unwrap();
        let log = SpaceLog::open(storage, space).unwrap();
        let last = ChainHead { seq: 0, hash: TxHash(space.0) };
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
        Self { log, tree, end, _folder: folder }
    }

    /// Joins all that can be joined. Up to where that is.
    fn join(&self) -> u64 {
        let mut sealed = 0;
        loop {
            let next = self.log.seal(sealed, self.end).unwrap();
            if next == sealed {
                return sealed;
            }
            sealed = next;
        }
    }

    fn records(&self) -> Vec<Record> {
        self.log.records(0, self.end).collect::<Result<_, _>>().unwrap()
    }
}

/// The hashes of the transactions of some records, by their arrival numbers.
fn hashes(records: &[Record]) -> Vec<(u64, TxHash)> {
    let of_record = |record: &Record| {
        let opened = record.open().unwrap();
        let hashes = opened.entries.iter().map(|(_, _, hash)| *hash);
        (record.arrival..).zip(hashes).collect::<Vec<_>>()
    };
    records.iter().flat_map(of_record).collect()
}

#[test]
fn records_joined_into_one_can_be_read_again() {
    let small = SmallRecords::new();
    let before = hashes(&small.records());
    assert!(small.join() > 0);
    let records = small.records();
    assert!(records.len() < 300, "{} records were joined to none", records.len());
    assert!(hashes(&records) == before, "other transactions than before");
}

/// A long write reads the log aside, `log verify` beside the writer.
#[test]
fn whoever_reads_while_records_are_joined_reads_each_transaction_once() {
    let small = SmallRecords::new();
    let before = hashes(&small.records());
    let mut reader = small.log.records(0, small.end);
    let mut read: Vec<Record> = reader.by_ref().take(2).map(Result::unwrap).collect();
    assert!(small.join() > 0);
    read.extend(reader.map(Result::unwrap));
    let read = hashes(&read);
    assert_eq!(read.len(), before.len());
    assert!(read == before, "other transactions than before");
}

/// The first piece of a record that was joined goes first.
#[test]
fn what_is_being_removed_is_found_in_what_it_was_joined_into() {
    let small = SmallRecords::new();
    let joined = small.records()[1].arrival;
    assert!(small.join() > 0);
    let second_piece = [&joined.to_be_bytes()[..], &1u16.to_be_bytes()].concat();
    small.tree.put(&second_piece, b"not removed yet").unwrap();
    let record = small.log.holding(joined).unwrap().unwrap();
    assert!((record.arrival..record.end()).contains(&joined));
    assert_eq!(small.log.holding(small.end).unwrap().map(|record| record.arrival), None);
}
