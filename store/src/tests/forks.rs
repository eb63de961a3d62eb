//! Two transactions of one name: a copied folder, and a member who signs two chains on purpose.

use std::path::Path;

use proptest::prelude::*;
use tandem_protocol::block::{Block, BlockBuilder};
use tandem_protocol::fork::{Fork, Withheld};
use tandem_protocol::identity::{Author, TxHash};
use tandem_protocol::op::Op;
use tandem_protocol::transaction::{self, Header, Previous, Transaction};
use tandem_protocol::version::{Dot, Head, VersionVector};

use super::{Site, pull, sync};
use crate::{ReceiveError, Received};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, n COUNTER)";

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The site again, and a copy of its folder, both open.
fn copied(site: Site) -> (Site, Site) {
    let Site { store, space, folder } = site;
    drop(space);
    store.close();
    drop(store);
    let copy = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), copy.path());
    (Site::open(folder), Site::open(copy))
}

fn receive(to: &Site, block: Vec<u8>, withheld: &Withheld) -> Result<Received, ReceiveError> {
    to.space.wait(|reply| to.space.receive_without(block, withheld.clone(), reply))
}

/// Gives `to` what `from` has and it lacks, as a session does: both know what does not pass.
fn carry(from: &Site, to: &Site, withheld: &mut Withheld) {
    let mut cursor = 0;
    for round in 0.. {
        assert!(round < 100, "it goes round and round");
        let chunk =
            from.space.chunks().read_without(cursor, &to.space.vector(), withheld.clone(), 1 << 20).unwrap();
        withheld.join(&chunk.withheld);
        for fork in &chunk.forks {
            from.space.forks().compare(fork.author, fork.other_head());
            to.space.forks().compare(fork.author, fork.held_head());
        }
        cursor = chunk.next;
        if let Some(block) = chunk.block {
            let received = receive(to, block, withheld).unwrap();
            withheld.join(&received.withheld);
            for fork in &received.forks {
                from.space.forks().compare(fork.chain(), fork.held_head());
            }
            if received.left_out {
                cursor = 0;
                continue;
            }
        }
        if cursor >= from.space.end() {
            return;
        }
    }
}

/// Two sites meet: first they look at what the other says to hold.
fn meet(a: &Site, b: &Site) {
    let (of_a, of_b) = (a.space.vector(), b.space.vector());
    let mut withheld = Withheld::default();
    for (here, there, theirs) in [(a, b, of_b), (b, a, of_a)] {
        for fork in here.space.forks().compare_all(&theirs) {
            withheld.add(fork.chain(), fork.seq);
            there.space.forks().compare(fork.chain(), fork.held_head());
        }
    }
    carry(a, b, &mut withheld);
    carry(b, a, &mut withheld);
}

fn named(site: &Site) -> Vec<(Author, u64)> {
    site.space.forks().all().iter().map(|fork| (fork.author, fork.seq)).collect()
}

/// What both hold of all but one author.
fn others_equal(a: &Site, b: &Site, author: &Author) {
    let others = |site: &Site| site.space.vector().without(author);
    assert_eq!(others(a), others(b));
}

#[test]
fn a_copied_folder_is_named_by_both_and_all_others_stay_equal() {
    let a = Site::founder(SCHEMA);
    let (b, c) = (Site::member(&a, "till"), Site::member(&a, "hall"));
    sync(&a, &b);
    sync(&a, &c);
    let author = b.store.author();
    let (b, copy) = copied(b);
    b.write("INSERT INTO notes (text) VALUES ('of the till')");
    copy.write("INSERT INTO notes (text) VALUES ('of the copy')");
    copy.write("INSERT INTO notes (text) VALUES ('of the copy, too')");
    // Written before either branch was heard of.
    a.write("INSERT INTO notes (text) VALUES ('of the office')");
    c.write("INSERT INTO notes (text) VALUES ('of the hall')");
    pull(&a, &b);
    pull(&c, &copy);
    meet(&a, &c);
    let seq = b.space.vector().seq(author);
    assert_eq!(named(&a), [(author, seq)]);
    assert_eq!(named(&c), [(author, seq)]);
    let (of_a, of_c) = (a.space.forks().all()[0], c.space.forks().all()[0]);
    assert_eq!((of_a.held, of_a.other), (of_c.other, of_c.held));
    others_equal(&a, &c, &author);
    assert_eq!(a.rows("SELECT count(*) FROM notes"), ["3"]);
    // What is written from now on knows a branch and stays; nothing ends, nothing is lost here.
    a.write("INSERT INTO notes (text) VALUES ('knows the till')");
    c.write("INSERT INTO notes (text) VALUES ('knows the copy')");
    meet(&a, &c);
    meet(&c, &a);
    assert_eq!((a.space.forks().all().len(), c.space.forks().all().len()), (1, 1));
    assert_eq!(c.rows("SELECT count(*) FROM notes WHERE text = 'knows the till'"), ["0"]);
    // Noted for good, and the log and the view are as they should be.
    let (a, c) = (a.reopen(), c.reopen());
    assert_eq!((named(&a), named(&c)), (vec![(author, seq)], vec![(author, seq)]));
    a.verify();
    c.verify();
    // Who holds neither takes one of them, whole.
    let d = Site::member(&a, "new");
    pull(&d, &a);
    meet(&d, &c);
    assert_eq!(named(&d), [(author, seq)]);
}

/// A member who signs what it likes.
struct Forger {
    site: Site,
    space: tandem_protocol::identity::SpaceId,
}

/// A transaction of the forger's, with its hash.
#[derive(Clone)]
struct Signed {
    author: Author,
    bytes: Vec<u8>,
    hash: TxHash,
    signature: tandem_protocol::identity::Signature,
}

impl Forger {
    fn sign(&self, seq: u64, before: Option<&Signed>, context: VersionVector, text: &str) -> Signed {
        let author = self.site.store.author();
        let header = Header {
            dot: Dot::new(author, seq),
            time_ms: 1_700_000_000_000,
            context,
            basis: None,
            key: None,
            by: None,
            message: Some(text.to_owned()),
        };
        let ops = vec![Op::Unknown { kind: 999, body: vec![1] }];
        let bytes = Transaction { header, ops }.encode();
        let hash = transaction::hash(Previous(before.map_or(self.space.0, |before| before.hash.0)), &bytes);
        let signature = self.site.store.key().sign(&hash);
        Signed { author, bytes, hash, signature }
    }

    /// A chain of so many, named by `text`.
    fn chain(&self, context: &VersionVector, text: &str, count: u64) -> Vec<Signed> {
        let mut chain: Vec<Signed> = Vec::new();
        for seq in 1..=count {
            let context = if seq == 1 { context.clone() } else { VersionVector::default() };
            chain.push(self.sign(seq, chain.last(), context, text));
        }
        chain
    }
}

fn block(transactions: &[Signed]) -> Vec<u8> {
    let mut builder = BlockBuilder::default();
    for one in transactions {
        builder.push(one.author, &one.bytes, Some(one.signature));
    }
    builder.finish()
}

fn forger(a: &Site) -> Forger {
    let site = Site::member(a, "forger");
    pull(&site, a);
    Forger { space: site.space.id(), site }
}

/// Two sites that hold the same, a member who forges, and what all of them know.
fn two_and_a_forger() -> (Site, Site, Forger, VersionVector) {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "till");
    let forger = forger(&a);
    sync(&a, &b);
    let known = (*a.space.vector()).clone();
    (a, b, forger, known)
}

#[test]
fn a_member_who_signs_two_chains_is_named_and_stops_nobody() {
    let (a, b, forger, known) = two_and_a_forger();
    let (one, two) = (forger.chain(&known, "one", 5), forger.chain(&known, "two", 3));
    let nothing = Withheld::default();
    receive(&a, block(&one), &nothing).unwrap();
    receive(&b, block(&two), &nothing).unwrap();
    let author = forger.site.store.author();
    // The other branch, in pieces, whole, again: named under the first that differs, nothing taken.
    for blocks in [vec![block(&two)], vec![block(&two[..1]), block(&two[1..])], vec![block(&two[1..])]] {
        let mut withheld = Withheld::default();
        for block in blocks {
            let received = receive(&a, block, &withheld).unwrap();
            assert_eq!((received.transactions, received.left_out), (0, true));
            withheld.join(&received.withheld);
        }
    }
    let expected = Fork::new(Dot::new(author, 1), one[0].hash.prefix(), two[0].hash.prefix());
    assert_eq!(a.space.forks().all(), [expected]);
    // A longer branch goes on where the other one ends: left out, not taken for a forgery.
    let received = receive(&b, block(&one), &nothing).unwrap();
    assert_eq!((received.transactions, received.left_out), (0, true));
    assert_eq!(b.space.forks().all().len(), 1);
    a.write("INSERT INTO notes (text) VALUES ('a')");
    b.write("INSERT INTO notes (text) VALUES ('b')");
    meet(&a, &b);
    assert_eq!((a.space.vector().seq(author), b.space.vector().seq(author)), (5, 3));
    a.verify();
    b.verify();
}

#[test]
fn the_same_transaction_again_is_the_same_and_an_unsigned_other_is_no_fork() {
    let a = Site::founder(SCHEMA);
    let forger = forger(&a);
    let known = (*a.space.vector()).clone();
    let (one, two) = (forger.chain(&known, "one", 3), forger.chain(&known, "two", 3));
    let nothing = Withheld::default();
    receive(&a, block(&one), &nothing).unwrap();
    for part in [&one[..], &one[1..], &one[2..], &one[..2]] {
        let received = receive(&a, block(part), &nothing).unwrap();
        assert_eq!((received.transactions, received.left_out), (0, false));
    }
    // Somebody else made this up: it is not used, and nobody is blamed for it.
    let mut forged = two[0].clone();
    forged.signature = one[0].signature;
    let received = receive(&a, block(&[forged]), &nothing).unwrap();
    assert!(received.left_out && received.forks.is_empty());
    assert_eq!(a.space.forks().all(), []);
}

#[test]
fn a_context_that_names_another_branch_is_seen_however_much_more_is_held() {
    let (a, b, forger, known) = two_and_a_forger();
    let (one, two) = (forger.chain(&known, "one", 9), forger.chain(&known, "two", 4));
    let nothing = Withheld::default();
    receive(&a, block(&one), &nothing).unwrap();
    receive(&b, block(&two), &nothing).unwrap();
    // The till wrote two things before it heard of the branch, one after.
    b.space_write("INSERT INTO notes (text) VALUES ('knows two')");
    let till = b.store.author();
    let have = b.space.vector().without(&till);
    let last = b.space.chunks().read(0, &have, 1 << 20).unwrap().block.unwrap();
    let received = receive(&a, last, &nothing).unwrap();
    assert_eq!((received.transactions, received.left_out), (0, true));
    assert_eq!(received.withheld, Withheld([(till.into(), 1)].into()));
    assert_eq!(
        a.space.forks().all().iter().map(|fork| (fork.author, fork.seq)).collect::<Vec<_>>(),
        [(forger.site.store.author(), 4)]
    );
    // A basis with another hash than what is held is none of this site's.
    let author = forger.site.store.author();
    let basis = VersionVector::from([(author, Head::new(4, &two[3].hash))]);
    let write = crate::Write {
        edits: crate::Edits::Sql(vec![crate::Statement {
            sql: "INSERT INTO notes (text) VALUES ('x')".into(),
            params: crate::Params::One(vec![]),
        }]),
        basis: Some(basis),
        ..crate::Write::default()
    };
    let refused: Result<crate::Written, _> = a.space.wait(|reply| a.space.write(write, reply));
    assert!(matches!(refused, Err(crate::WriteError::Refused(refusal)) if refusal.code == "unknown_basis"));
}

/// Unsigned where only a later, withheld transaction has the signature.
#[test]
fn what_precedes_a_withheld_transaction_comes_with_a_signature_of_its_own() {
    let (a, b, forger, known) = two_and_a_forger();
    let (one, two) = (forger.chain(&known, "one", 2), forger.chain(&known, "two", 2));
    let nothing = Withheld::default();
    receive(&a, block(&one), &nothing).unwrap();
    for text in ["first", "second"] {
        b.space_write(&format!("INSERT INTO notes (text) VALUES ('{text}')"));
    }
    receive(&b, block(&two), &nothing).unwrap();
    b.space_write("INSERT INTO notes (text) VALUES ('knows two')");
    // All of it in one block, as who knows of no fork would send it.
    let all = b.space.chunks().read(0, &a.space.vector(), 1 << 20).unwrap();
    let author = forger.site.store.author();
    assert!(all.withheld.is_about(author), "already seen by the reader");
    let mut have = a.space.vector().without(&author);
    have.join(&VersionVector::from([(author, b.space.vector().get(author).unwrap())]));
    let all = b.space.chunks().read(0, &have, 1 << 20).unwrap().block.unwrap();
    assert_eq!(Block::decode(&all).unwrap().iter().filter(|(_, signature)| signature.is_some()).count(), 1);
    let received = receive(&a, all, &nothing).unwrap();
    assert_eq!((received.transactions, received.left_out), (0, true));
    assert_eq!(
        received.withheld,
        Withheld([(b.store.author().into(), 3)].into()),
        "only that one does not pass"
    );
    meet(&a, &b);
    assert_eq!(a.rows("SELECT text FROM notes ORDER BY text"), ["first", "second"]);
    a.verify();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// Whatever is written, by whom, and who meets whom: everybody but the copied site ends equal
    /// with whom they share a branch with, and no block, in whatever pieces, ends anything.
    #[test]
    fn a_copied_folder_in_any_order_ends_nothing(events in prop::collection::vec((0usize..4, 0usize..4, 0usize..3), 4..24)) {
        let a = Site::founder(SCHEMA);
        let (b, c) = (Site::member(&a, "till"), Site::member(&a, "hall"));
        sync(&a, &b);
        sync(&a, &c);
        let author = b.store.author();
        let (b, copy) = copied(b);
        let sites = [a, c, b, copy];
        for (at, with, what) in events {
            match what {
                0 => sites[at].space_write("INSERT INTO notes (text) VALUES ('x')"),
                _ if at != with => meet(&sites[at], &sites[with]),
                _ => {}
            }
        }
        for (at, with) in [(0, 1), (1, 0)] {
            meet(&sites[at], &sites[with]);
        }
        if sites[0].space.forks().all().is_empty() && sites[1].space.forks().all().is_empty() {
            others_equal(&sites[0], &sites[1], &author);
        }
        for site in &sites {
            site.verify();
            prop_assert!(site.space.forks().all().iter().all(|fork| fork.author == author));
        }
    }
}
