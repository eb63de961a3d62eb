use tandem_protocol::version::VersionVector;

use super::{Site, assert_equal, pull};
use crate::{BundleFailure, BundleSummary};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)";

fn filled(rows: usize) -> Site {
    let site = Site::founder(SCHEMA);
    for row in 0..rows {
        site.write(&format!("INSERT INTO notes (text) VALUES ('note {row}')"));
    }
    site
}

#[test]
fn two_sites_that_never_meet_converge_by_bundles_alone() {
    let a = filled(5);
    let b = Site::member(&a, "b");
    let stick = tempfile::tempdir().unwrap();
    let file = stick.path().join("a.tandem");
    a.space.export_bundle(&file, Some(b.space.me()), VersionVector::default()).unwrap();
    let imported = b.space.import_bundle(&file).unwrap();
    assert_eq!((imported.transactions, imported.known, imported.truncated), (7, 0, false));
    assert_eq!(b.space.import_bundle(&file).unwrap().transactions, 0, "a second import changes nothing");
    b.write("INSERT INTO notes (text) VALUES ('from b')");
    a.write("INSERT INTO notes (text) VALUES ('from a')");
    let back = stick.path().join("b.tandem");
    b.space.export_bundle(&back, None, (*a.space.vector()).clone()).unwrap();
    assert_eq!(BundleSummary::inspect(&back).unwrap().transactions, 1, "only what is lacking");
    a.space.import_bundle(&back).unwrap();
    a.space.export_bundle(&file, None, (*b.space.vector()).clone()).unwrap();
    b.space.import_bundle(&file).unwrap();
    assert_equal(&a, &b);
    assert_eq!(pull(&a, &b) + pull(&b, &a), 0, "on the network nothing is left to exchange");
}

#[test]
fn a_bundle_cut_anywhere_gives_its_complete_blocks_or_nothing() {
    let a = Site::founder(SCHEMA);
    let b = Site::member(&a, "b");
    let text = "words that fill a block ".repeat(30_000);
    for row in 0..4 {
        a.write(&format!("INSERT INTO notes (text) VALUES ('{row} {text}')"));
    }
    let stick = tempfile::tempdir().unwrap();
    let file = stick.path().join("a.tandem");
    let summary = a.space.export_bundle(&file, None, VersionVector::default()).unwrap();
    assert!(summary.blocks >= 2, "{summary:?}");
    let bytes = std::fs::read(&file).unwrap();
    let cut = stick.path().join("cut.tandem");
    let mut held = 0;
    for len in (0..bytes.len()).step_by(7) {
        std::fs::write(&cut, &bytes[..len]).unwrap();
        match b.space.import_bundle(&cut) {
            Ok(imported) => assert!(imported.truncated, "cut at {len} unnoticed"),
            Err(error) => assert!(matches!(error, BundleFailure::Bundle(_)), "{error}"),
        }
        assert!(b.space.end() >= held);
        held = b.space.end();
        b.verify();
    }
    b.space.import_bundle(&file).unwrap();
    assert_equal(&a, &b);
}

#[test]
fn a_bundle_of_another_space_or_too_early_is_refused_by_name() {
    let a = filled(2);
    let b = Site::member(&a, "b");
    let other = filled(1);
    let stick = tempfile::tempdir().unwrap();
    let file = stick.path().join("x.tandem");
    other.space.export_bundle(&file, None, VersionVector::default()).unwrap();
    assert!(matches!(b.space.import_bundle(&file), Err(BundleFailure::OtherSpace(_))));
    let seen = (*a.space.vector()).clone();
    a.write("INSERT INTO notes (text) VALUES ('later')");
    a.space.export_bundle(&file, None, seen).unwrap();
    let error = b.space.import_bundle(&file).unwrap_err();
    assert!(b.space.end() == 0, "{error}");
    std::fs::write(&file, b"not a bundle at all, but some other file").unwrap();
    assert!(b.space.import_bundle(&file).unwrap_err().to_string().contains("not a tandem bundle"));
}
