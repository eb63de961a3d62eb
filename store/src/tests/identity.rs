//! A site's key that changes while the site runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use tandem_protocol::identity::AuthorKey;
use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::value::Value;
use tandem_protocol::version::Dot;

use super::{Site, pull, sync};
use crate::{Params, Statement, Write, Written};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE others (id INTEGER PRIMARY KEY, n INTEGER)";

fn admit(admin: &Site, key: &AuthorKey) {
    let space = &admin.space;
    space
        .wait(|reply| space.admit(Candidate::new(key.author(), "classroom anew"), Role::Member, None, reply))
        .unwrap();
}

fn write(sql: &str) -> Write {
    let statement = Statement { sql: sql.to_owned(), params: Params::One(vec![]) };
    Write { edits: vec![statement].into(), ..Write::default() }
}

fn note(site: &Site) -> Written {
    let write = write("INSERT INTO notes (text) VALUES ('a note') RETURNING id");
    site.space.wait(|reply| site.space.write(write, reply)).unwrap()
}

/// Whether the id that was made, and the transaction, are of one author.
fn is_of_one_author(site: &Site, written: &Written) -> bool {
    let Value::Integer(id) = written.results[0].rows[0][0] else { panic!("{written:?}") };
    let author = written.dot.unwrap().author;
    id & 1023 == i64::from(site.space.membership().member(&author).unwrap().ordinal)
}

#[test]
fn a_new_key_writes_only_once_it_is_admitted_and_what_the_old_one_wrote_stays() {
    let founder = Site::founder(SCHEMA);
    let member = Site::member(&founder, "classroom");
    sync(&founder, &member);
    note(&member);
    let old = member.store.author();
    let key = AuthorKey::from_secret(&[9; 32]);
    let new = key.author();
    member.store.change_key(key.clone()).unwrap();
    assert_eq!((member.store.author(), member.space.me()), (new, new));
    assert_eq!(member.store.identity().authors(), [old, new]);
    assert_eq!(member.refused("INSERT INTO notes (text) VALUES ('too early')").code, "read_only_member");
    admit(&founder, &key);
    pull(&member, &founder);
    assert_eq!(note(&member).dot, Some(Dot::new(new, 1)));
    sync(&member, &founder);
    assert_eq!(founder.rows("SELECT count(*) FROM notes"), ["2"]);
    let member = member.reopen();
    assert_eq!(member.store.identity().authors(), [old, new]);
    assert_eq!(note(&member).dot, Some(Dot::new(new, 2)));
    sync(&member, &founder);
    member.verify();
    founder.verify();
}

#[test]
fn a_key_that_changes_amid_writes_leaves_every_transaction_whole() {
    let founder = Site::founder(SCHEMA);
    let member = Site::member(&founder, "classroom");
    let key = AuthorKey::from_secret(&[9; 32]);
    admit(&founder, &key);
    sync(&founder, &member);
    let (old, new) = (member.store.author(), key.author());
    let (changed, enough) = (AtomicBool::new(false), AtomicBool::new(false));
    let writer = || {
        let mut written = Vec::new();
        while !enough.load(Ordering::SeqCst) {
            let after = changed.load(Ordering::SeqCst);
            let note = note(&member);
            assert!(is_of_one_author(&member, &note), "{note:?}");
            written.push((after, note.dot.unwrap()));
        }
        written
    };
    let written: Vec<(bool, Dot)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3).map(|_| scope.spawn(writer)).collect();
        (0..20).for_each(|_| drop(note(&member)));
        member.store.change_key(key).unwrap();
        changed.store(true, Ordering::SeqCst);
        (0..20).for_each(|_| drop(note(&member)));
        enough.store(true, Ordering::SeqCst);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(written.iter().all(|(_, dot)| [old, new].contains(&dot.author)));
    assert!(
        written.iter().filter(|(after, _)| *after).all(|(_, dot)| dot.author == new),
        "signed by the old key"
    );
    sync(&member, &founder);
    let ids = "SELECT count(*) - count(DISTINCT id) FROM notes";
    assert_eq!((founder.rows(ids), founder.space.status().forks.len()), (vec!["0".to_owned()], 0));
    member.verify();
    founder.verify();
}

#[test]
fn a_long_write_is_of_who_the_site_is_when_it_is_recorded() {
    let founder = Site::founder(SCHEMA);
    let key = AuthorKey::from_secret(&[9; 32]);
    let new = key.author();
    admit(&founder, &key);
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000000) \
        SELECT count(*) FROM c";
    let (send, answer) = channel();
    let long = write(&format!("INSERT INTO notes (text) SELECT 'slow' WHERE ({slow}) > 1 RETURNING id"));
    founder.space.write(long, move |written| drop(send.send(written)));
    // It gives way to others, and runs aside as who the site is then.
    let aside = founder.space.folder().join("aside.sqlite");
    let other = "INSERT INTO others (n) VALUES (1)";
    while !aside.exists() {
        founder.space_write(other);
    }
    // Its copy is there; for some more writes of others it runs.
    (0..20).for_each(|_| founder.space_write(other));
    founder.store.change_key(key).unwrap();
    let written = answer.recv().unwrap().unwrap();
    assert_eq!(written.dot.map(|dot| dot.author), Some(new));
    assert!(is_of_one_author(&founder, &written), "{written:?}");
    founder.verify();
}

#[test]
fn an_admin_that_is_another_admits_nobody_as_who_it_was() {
    let founder = Site::founder(SCHEMA);
    let key = AuthorKey::from_secret(&[9; 32]);
    admit(&founder, &key);
    founder.store.change_key(key).unwrap();
    let space = &founder.space;
    let third = AuthorKey::from_secret(&[8; 32]).author();
    let end = space.end();
    space.wait(|reply| space.admit(Candidate::new(third, "library"), Role::Member, None, reply)).unwrap_err();
    assert_eq!((space.end(), space.membership().member(&third).is_some()), (end, false));
}
