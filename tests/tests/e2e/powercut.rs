//! The power goes at any moment: a store opened from what the disk may then hold has everything
//! that was acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tandem_protocol::version::Dot;
use tandem_store::{Params, Statement, Store, Write};
use tandem_tests::mount::Mount;
use tandem_tests::powercut::{Disk, Entry, Survival, read};
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::built;

#[test]
fn whatever_moment_the_power_goes_nothing_acknowledged_is_lost() {
    let cuts = if full() { 500 } else { 60 };
    let mut random = Random::new("power cut");
    let base = tempfile::Builder::new().prefix("tandem-test-").tempdir().unwrap();
    let folder = base.path().canonicalize().unwrap().join("data");
    let entries = written(&folder, &mut random);
    let marks = entries.iter().filter(|entry| matches!(entry, Entry::Mark(_))).count();
    let syncs = entries.iter().filter(|entry| matches!(entry, Entry::SyncEnds { .. })).count();
    println!("{} entries, {syncs} syncs, {marks} acknowledgements", entries.len());
    assert!(marks > 150, "the record is too thin");
    // What was recorded is what happened: with nothing lost, both are the same.
    same_log(&entries, &folder, &mut random);

    let mut places: Vec<_> = (0..cuts).map(|_| random.below(entries.len() as u64 + 1) as usize).collect();
    // Right behind an acknowledgement the promise is freshest.
    let acknowledged: Vec<_> =
        (1..=entries.len()).filter(|at| matches!(entries[at - 1], Entry::Mark(_))).collect();
    places.extend((0..cuts).map(|_| acknowledged[random.below(acknowledged.len() as u64) as usize]));
    places.sort_unstable();
    // In memory: what is left is looked at, not kept.
    let memory = Mount::new(512);
    let mut disk = Disk::new(&folder);
    let mut applied = 0;
    let mut promised = BTreeSet::new();
    for (number, place) in places.into_iter().enumerate() {
        for entry in &entries[applied..place] {
            disk.apply(entry);
            if let Entry::Mark(text) = entry {
                promised.insert(text.clone());
            }
        }
        applied = place;
        let survival = [Survival::Nothing, Survival::Some, Survival::Some, Survival::All][number % 4];
        let left = tempfile::tempdir_in(memory.path("")).unwrap();
        let copy = left.path().join("data");
        disk.cut(&copy, survival, &mut random);
        let told =
            format!("cut {number} at entry {place} of {}, {survival:?} of the rest survives", entries.len());
        check(&copy, &promised, left.path(), &told);
    }
}

/// Runs a program that writes to `folder`, and gives the record of what it did.
pub(crate) fn written(folder: &Path, random: &mut Random) -> Vec<Entry> {
    std::fs::create_dir(folder).unwrap();
    let trace = folder.with_extension("trace");
    let ran = Command::new(env!("CARGO_BIN_EXE_powercut-writer"))
        .arg(folder)
        .arg(random.any().to_string())
        .env("LD_PRELOAD", built("libtandem_powercut.so"))
        .env("TANDEM_POWERCUT_FOLDER", folder)
        .env("TANDEM_POWERCUT_TRACE", &trace)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    read(&trace)
}

/// Opens what is left, looks for everything that was promised, and goes on writing.
pub(crate) fn check(copy: &Path, promised: &BTreeSet<String>, scratch: &Path, told: &str) {
    let store = Store::open(copy, "the power-cut test").unwrap_or_else(|error| panic!("{told}: {error}"));
    let Some(space) = store.space("school") else {
        assert!(promised.is_empty(), "{told}: the space is gone");
        return;
    };
    for dot in promised.iter().filter(|text| *text != "made") {
        let dot: Dot = dot.parse().unwrap();
        let found = space.log().transaction(&dot).unwrap_or_else(|error| panic!("{told}: {dot}: {error}"));
        assert!(found.is_some(), "{told}: {dot} was acknowledged and is lost");
    }
    let clean = |when: &str| {
        let report = space.verify(scratch);
        assert_eq!((report.problems, report.transactions), (vec![], space.end()), "{told}, {when}");
    };
    clean("as found");
    let blobs = std::fs::read_dir(copy.join("log/blobs")).unwrap().count();
    assert_eq!(blobs, 0, "{told}: bytes in files that are never synced");
    if !promised.is_empty() {
        let statements = vec![Statement {
            sql: "INSERT INTO notes (text) VALUES ('after')".into(),
            params: Params::One(vec![]),
        }];
        space
            .wait(|reply| space.write(Write { edits: statements.into(), ..Write::default() }, reply))
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        clean("after a further write");
    }
    drop(space);
    store.close();
}

/// Checks that the record, played back whole, gives the very files that the program left.
fn same_log(entries: &[Entry], folder: &Path, random: &mut Random) {
    let mut disk = Disk::new(folder);
    entries.iter().for_each(|entry| disk.apply(entry));
    let played = tempfile::tempdir().unwrap();
    disk.cut(played.path(), Survival::All, random);
    for name in ["log/db", "log/conf", "site.key", "site.json"] {
        let [left, right] = [folder, played.path()].map(|place| std::fs::read(place.join(name)).unwrap());
        assert!(left == right, "{name} is not what was recorded: {} and {} bytes", left.len(), right.len());
    }
}
