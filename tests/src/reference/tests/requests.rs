//! Requests recorded by several sites.

use tandem_protocol::conflict::ConflictId;

use super::log::{TestLog, set};

const T: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT)";

#[test]
fn one_request_recorded_twice_is_told_until_both_were_looked_at() {
    let mut log = TestLog::new(T);
    let c = log.at(2001).requested("pay").insert('c', "t", 1, [set("x", "paid")]);
    assert!(log.conflicts().is_empty());
    let b = log.at(2000).requested("pay").insert('b', "t", 2, [set("x", "paid")]);
    log.requested("other").insert('d', "t", 3, []);
    let conflict = log.conflict();
    assert_eq!(conflict.versions.iter().map(|version| version.dot()).collect::<Vec<_>>(), [b, c]);
    assert_eq!((conflict.table.as_str(), conflict.columns.len()), ("", 0));
    log.settle('d', conflict.id(), &[b]);
    assert_eq!(log.conflict(), conflict, "one of them was not looked at");
    log.settle('d', ConflictId([7; 10]), &[c]);
    assert_eq!(log.conflict(), conflict, "another conflict was settled");
    log.settle('a', conflict.id(), &[c]);
    assert!(log.conflicts().is_empty());
    log.requested("pay").insert('a', "t", 4, []);
    assert_eq!(log.conflict().id(), conflict.id(), "a third one opens it again");
    assert_eq!(log.conflict().versions.len(), 3);
    assert_eq!(log.fold().parked, 0);
}

#[test]
fn the_fingerprint_of_conflicts_is_the_sum_of_their_hashes() {
    let mut log = TestLog::new(T);
    log.insert('b', "t", 1, [set("x", "of b")]);
    log.insert('c', "t", 1, [set("x", "of c")]);
    log.requested("pay").insert('b', "t", 2, []);
    log.requested("pay").insert('c', "t", 3, []);
    let expected = log.fold();
    let [one, two] = &expected.conflicts[..] else { panic!("{:?}", log.conflicts()) };
    assert!(one.id() < two.id());
    let mut sum = tandem_protocol::fingerprint::Fingerprint::default();
    sum.add(two.hash());
    sum.add(one.hash());
    assert_eq!(expected.conflict_fingerprint, sum);
}
