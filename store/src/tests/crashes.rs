use std::fs;

use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;

use super::{Site, assert_equal, pull};
use crate::{Edits, RowEdit, SourceOffset, Write, Written};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT, n COUNTER DEFAULT 0)";

fn filled() -> Site {
    let site = Site::founder(SCHEMA);
    for row in 1..30 {
        site.write(&format!("INSERT INTO notes (id, text) VALUES ({row}, 'note {row}')"));
        site.write(&format!("UPDATE notes SET n = n + {row}"));
    }
    site
}

fn view_files(site: &Site) -> [std::path::PathBuf; 3] {
    ["view.sqlite", "view.sqlite-wal", "view.sqlite-shm"].map(|name| site.space.folder().join(name))
}

/// Closes a site, lets `change` at its folder, and opens it again.
fn tampered(site: Site, change: impl FnOnce(&[std::path::PathBuf; 3])) -> Site {
    let files = view_files(&site);
    let Site { store, space, folder } = site;
    drop(space);
    store.close();
    drop(store);
    change(&files);
    Site::open(folder)
}

#[test]
fn a_deleted_view_loses_nothing() {
    let site = filled();
    let before = (site.space.status().tables, site.rows("SELECT * FROM notes"));
    let site = tampered(site, |files| {
        files.iter().for_each(|file| {
            let _absent_is_fine = fs::remove_file(file);
        })
    });
    assert_eq!((site.space.status().tables, site.rows("SELECT * FROM notes")), before);
    site.write("INSERT INTO notes (id) VALUES (99)");
    site.verify();
}

#[test]
fn a_view_of_garbage_is_built_anew() {
    let site = filled();
    let before = site.space.status().tables;
    let site = tampered(site, |files| fs::write(&files[0], b"garbage".repeat(5000)).unwrap());
    assert_eq!(site.space.status().tables, before);
    site.verify();
}

#[test]
fn a_view_behind_the_log_catches_up_and_one_of_another_log_is_replaced() {
    let site = filled();
    let old = tempfile::tempdir().unwrap();
    let site = tampered(site, |files| {
        fs::copy(&files[0], old.path().join("view")).unwrap();
    });
    site.write("INSERT INTO notes (id, text) VALUES (50, 'later')");
    let tables = site.space.status().tables;
    let site = tampered(site, |files| {
        files.iter().for_each(|file| {
            let _absent_is_fine = fs::remove_file(file);
        });
        fs::copy(old.path().join("view"), &files[0]).unwrap();
    });
    assert_eq!(site.space.status().tables, tables);
    let stranger = filled();
    let other = view_files(&stranger);
    let stranger_folder = stranger.folder.path().to_owned();
    let Site { store, space, folder } = stranger;
    drop(space);
    store.close();
    drop(store);
    assert_eq!(folder.path(), stranger_folder);
    let site = tampered(site, |files| {
        fs::copy(&other[0], &files[0]).unwrap();
    });
    assert_eq!(site.space.status().tables, tables);
    site.verify();
}

#[test]
fn joined_records_hold_the_same_transactions() {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    let text = "a long line of text that makes a block fill up ".repeat(200);
    let edits = Edits::Rows(vec![RowEdit::Put {
        table: "notes".into(),
        columns: vec!["id".into()],
        rows: vec![vec![Value::Integer(1_000)]],
    }]);
    let offsets = vec![SourceOffset { source: "file".into(), offset: b"line 7".to_vec() }];
    let write = Write { edits, offsets, ..Write::default() };
    let _written: Written = a.space.wait(|reply| a.space.write(write, reply)).unwrap();
    for row in 0..400 {
        a.write(&format!("INSERT INTO notes (id, text) VALUES ({row}, '{row} {text}')"));
        if row % 150 == 0 {
            pull(&b, &a);
        }
    }
    let hashes: Vec<_> = a.space.log().entries_from(0).map(|entry| entry.unwrap().hash).collect();
    assert_eq!(hashes.len() as u64, a.space.end());
    a.verify();
    pull(&b, &a);
    assert_equal(&a, &b);
    let a = a.reopen();
    let again: Vec<_> = a.space.log().entries_from(0).map(|entry| entry.unwrap().hash).collect();
    assert_eq!(hashes, again);
    a.space.rebuild_view().unwrap();
    assert_eq!(a.space.offset_of("file").unwrap(), Some(b"line 7".to_vec()));
    for entry in a.space.log().entries_from(0).step_by(37) {
        let entry = entry.unwrap();
        let found = a.space.log().transaction(&entry.transaction.header.dot).unwrap().unwrap();
        assert_eq!(found.hash, entry.hash);
    }
    let admission = a.space.log().admission_of(&b.space.me()).unwrap().unwrap();
    assert!(admission.admits(&b.space.me(), a.space.id(), &a.space.membership()));
    assert!(!admission.admits(&a.space.me(), a.space.id(), &a.space.membership()));
}

#[test]
fn a_space_whose_view_cannot_be_opened_is_read_verified_and_exported_from_its_log() {
    let a = Site::founder("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)");
    let other =
        a.store.create_space("other", "office", Some("CREATE TABLE o (id INTEGER PRIMARY KEY)")).unwrap();
    a.write("INSERT INTO t (id, v) VALUES (1, 'kept')");
    let view = a.space.folder().join("view.sqlite");
    drop(other);
    let Site { store, space, folder } = a;
    drop(space);
    store.close();
    drop(store);
    // Something that is no file, and that nobody may remove on the quiet.
    std::fs::remove_file(&view).unwrap();
    std::fs::create_dir(&view).unwrap();
    std::fs::write(view.join("something"), "of somebody").unwrap();
    let a = Site::open(folder);
    assert!(a.space.without_view().is_some());
    // Its log is whole.
    assert_eq!(a.space.membership().members().count(), 1);
    assert!(a.space.schema().table("t").is_some());
    let scratch = tempfile::tempdir().unwrap();
    let report = a.space.verify(scratch.path());
    assert_eq!(report.transactions, 2);
    assert!(report.problems.len() == 1 && report.problems[0].code == "log_without_tables", "{report:?}");
    let chunk = a.space.chunks().read(0, &VersionVector::default(), 1 << 20).unwrap();
    assert_eq!((chunk.block.is_some(), chunk.next), (true, 2));
    // What needs the tables is refused, and says why.
    assert_eq!(a.space.query("SELECT * FROM t", &[]).unwrap_err().code, "view_unavailable");
    assert!(a.try_write(&[("INSERT INTO t (id, v) VALUES (2, 'x')", vec![])]).is_err());
    // The other space does not care.
    let other = a.store.space("other").unwrap();
    assert!(other.without_view().is_none() && other.query("SELECT * FROM o", &[]).is_ok());
    drop(other);
    std::fs::remove_dir_all(&view).unwrap();
    let a = a.reopen();
    assert_eq!(a.rows("SELECT v FROM t"), ["kept"]);
}
