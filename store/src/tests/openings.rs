//! Every opening: over what other programs and interrupted steps left, of damaged folders, beside
//! others.

use std::fs;
use std::path::Path;

use super::Site;
use crate::{Damage, OpenError, Store};

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)";

fn filled() -> Site {
    let site = Site::founder(SCHEMA);
    for row in 1..20 {
        site.write(&format!("INSERT INTO notes (id, text) VALUES ({row}, 'note {row}')"));
    }
    site
}

/// Closes the site, lets `change` at its folder, and opens it again.
fn changed(site: Site, change: impl FnOnce(&Path)) -> Result<Site, OpenError> {
    let Site { store, space, folder } = site;
    drop(space);
    store.close();
    drop(store);
    change(folder.path());
    let store = Store::open(folder.path(), "a test")?;
    let space = store.space("school").unwrap();
    Ok(Site { store, space, folder })
}

#[track_caller]
fn whole(site: &Site) {
    assert_eq!(site.rows("SELECT count(*) FROM notes"), ["19"]);
    site.verify();
}

/// The names of the snapshots in a folder's log.
fn snapshots(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder.join("log")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("snap.")).collect();
    names.sort();
    names
}

#[test]
fn what_an_interrupted_opening_left_is_not_taken_for_something_whole() {
    let mut site = filled().reopen();
    for content in [&b""[..], b"half of a snapsh", &[0xff; 4096]] {
        site = changed(site, |folder| {
            let newest = snapshots(folder).pop().unwrap();
            fs::write(folder.join(format!("log/{newest}.generating")), content).unwrap();
            fs::write(folder.join("log/snap.FFFFFFFFFFFFFFFF.generating"), content).unwrap();
        })
        .unwrap();
        assert!(snapshots(site.path()).iter().all(|name| !name.ends_with(".generating")));
    }
    whole(&site);
}

#[test]
fn snapshots_are_only_a_cache() {
    let mut site = filled();
    for content in [&b""[..], b"short", &[0x55; 300]] {
        site = changed(site, |folder| {
            for name in snapshots(folder) {
                fs::write(folder.join("log").join(name), content).unwrap();
            }
            fs::write(folder.join("log/snap.00000000FFFFFFFF"), content).unwrap();
        })
        .unwrap();
    }
    site = changed(site, |folder| {
        // Of another log, and further on than this one.
        let other = filled();
        for row in 100..160 {
            other.write(&format!("INSERT INTO notes VALUES ({row}, 'elsewhere')"));
        }
        let other = other.reopen();
        let newest = snapshots(other.path()).pop().unwrap();
        fs::copy(other.path().join("log").join(&newest), folder.join("log").join(&newest)).unwrap();
    })
    .unwrap();
    site = changed(site, |folder| {
        snapshots(folder).iter().for_each(|name| fs::remove_file(folder.join("log").join(name)).unwrap());
    })
    .unwrap();
    whole(&site);
}

/// What other programs leave in folders, and what they make of names that they do not understand.
const LITTER: &[&str] = &[
    "Thumbs.db",
    "desktop.ini",
    ".DS_Store",
    "._db",
    "db.bak",
    "db (1)",
    "db~",
    "~$conf",
    "conf (1)",
    "conf.sync-conflict-20261128-101500-ABCDEFG",
    "snap.0000000000000400 (1)",
    "snap.0000000000000400.sync-conflict-20261128-101500-ABCDEFG",
    "snap.",
    "snap.zzz",
    "snap.00000000000004DE.generating.bak",
    "db.part",
    ".db.swp",
    ".~lock.db#",
    "desktop - copie.ini",
    "9223372036854775807",
    "12",
    "$RECYCLE.BIN",
];

/// Puts all of it into a folder: files, empty and not, and folders.
fn litter(place: &Path) {
    for (number, name) in LITTER.iter().enumerate() {
        match number % 3 {
            0 => fs::write(place.join(name), "").unwrap(),
            1 => fs::write(place.join(name), [0xa5; 700]).unwrap(),
            _ => fs::create_dir(place.join(name)).unwrap(),
        }
    }
    // What a program for folders in step makes of a name it does not understand.
    fs::create_dir(place.join("snap.0000000000000000")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        for name in [&b"snap.\xff\xfe"[..], b"\xff\xfe"] {
            fs::write(place.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
        }
    }
}

#[test]
fn what_other_programs_leave_in_a_folder_keeps_nobody_from_opening_it() {
    let site = changed(filled(), |folder| {
        let space = fs::read_dir(folder.join("spaces")).unwrap().next().unwrap().unwrap().path();
        let inner = ["log", "log/blobs", "spaces"].map(|name| folder.join(name));
        [folder, &space].into_iter().chain(inner.iter().map(AsRef::as_ref)).for_each(litter);
    });
    let site = site.unwrap();
    whole(&site);
    let site = site.reopen();
    whole(&site);
    // It is not ours, and none of it is gone.
    let kept = fs::read_dir(site.path().join("log")).unwrap().map(|entry| entry.unwrap().file_name());
    let kept: Vec<_> = kept.map(|name| name.to_string_lossy().into_owned()).collect();
    for name in LITTER.iter().filter(|name| name.starts_with("snap.")) {
        assert!(
            kept.iter().any(|kept| kept.starts_with("aside.") && kept.ends_with(name)),
            "{name}: {kept:?}"
        );
    }
}

#[test]
fn settings_of_the_engine_that_are_damaged_or_gone_are_made_anew() {
    let mut site = filled();
    for content in [None, Some(&b""[..]), Some(&[0; 63]), Some(b"not settings at all, but long enough")] {
        site = changed(site, |folder| match content {
            None => fs::remove_file(folder.join("log/conf")).unwrap(),
            Some(content) => fs::write(folder.join("log/conf"), content).unwrap(),
        })
        .unwrap();
    }
    site = changed(site, |folder| {
        fs::remove_file(folder.join("log/conf")).unwrap();
        fs::create_dir(folder.join("log/conf")).unwrap();
    })
    .unwrap();
    whole(&site);
}

#[test]
fn the_list_of_spaces_is_made_anew_from_the_log() {
    let mut site = filled();
    for content in [None, Some(&b""[..]), Some(b"{\"name\": \"off"), Some(&[0; 106])] {
        site = changed(site, |folder| match content {
            None => fs::remove_file(folder.join("site.json")).unwrap(),
            Some(content) => fs::write(folder.join("site.json"), content).unwrap(),
        })
        .unwrap();
        assert_eq!(site.store.site_name(), "office");
        let spaces: Vec<_> = site.store.spaces().iter().map(|space| space.name().to_owned()).collect();
        assert_eq!(spaces, ["school"]);
    }
    whole(&site.reopen());
}

/// Whether a folder is refused for what is damaged, and left as it is.
fn damaged(change: impl FnOnce(&Path)) -> Damage {
    let site = filled();
    let folder = site.folder.path().to_owned();
    let Site { store, space, folder: kept } = site;
    drop(space);
    store.close();
    drop(store);
    change(&folder);
    let files = |place: &Path| -> Vec<String> {
        let names = fs::read_dir(place).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.to_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let before = (files(&folder), files(&folder.join("spaces")));
    // Asked twice, it says the same: the first answer has not made anything.
    let mut told = None;
    for _ in 0..2 {
        assert!(Store::is_site(&folder));
        match Store::open(&folder, "a test") {
            Err(OpenError::Damaged { folder: named, damage }) => {
                assert_eq!(named, folder);
                assert!(told.is_none_or(|told| told == damage));
                told = Some(damage);
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("a damaged folder was taken for a whole one"),
        }
        assert_eq!((files(&folder), files(&folder.join("spaces"))), before);
    }
    drop(kept);
    told.unwrap()
}

#[test]
fn a_damaged_folder_is_called_so_and_never_taken_for_new() {
    let log = |folder: &Path| folder.join("log/db");
    assert_eq!(damaged(|folder| fs::remove_file(folder.join("site.key")).unwrap()), Damage::KeyMissing);
    for wrong in [&b""[..], b"not a key", &[0; 64], &[b'f'; 63], &[0xff; 64]] {
        let change = |folder: &Path| fs::write(folder.join("site.key"), wrong).unwrap();
        assert_eq!(damaged(change), Damage::KeyUnreadable);
    }
    assert_eq!(damaged(|folder| fs::remove_file(log(folder)).unwrap()), Damage::LogMissing);
    assert_eq!(damaged(|folder| fs::write(log(folder), "").unwrap()), Damage::LogMissing);
    assert_eq!(damaged(|folder| fs::remove_dir_all(folder.join("log")).unwrap()), Damage::LogMissing);
    // Nothing but its views is left of it.
    let change = |folder: &Path| {
        fs::remove_dir_all(folder.join("log")).unwrap();
        fs::remove_file(folder.join("site.json")).unwrap();
    };
    assert_eq!(damaged(change), Damage::LogMissing);
    let change = |folder: &Path| {
        fs::remove_dir_all(folder.join("log")).unwrap();
        fs::remove_dir_all(folder.join("spaces")).unwrap();
    };
    assert_eq!(damaged(change), Damage::LogMissing);
    // Another log, of nothing: what a program that "repairs" files leaves.
    let change = |folder: &Path| {
        let empty = tempfile::tempdir().unwrap();
        Store::open(empty.path(), "a test").unwrap().close();
        fs::copy(log(empty.path()), log(folder)).unwrap();
    };
    assert_eq!(damaged(change), Damage::LogEmptied);
}

#[test]
fn what_only_repeats_the_log_may_be_gone() {
    let site = changed(filled(), |folder| fs::remove_dir_all(folder.join("spaces")).unwrap()).unwrap();
    whole(&site);
    let site = changed(site, |folder| {
        fs::remove_file(folder.join("lock")).unwrap();
        fs::remove_file(folder.join("lock.holder")).unwrap();
    });
    whole(&site.unwrap());
}

#[test]
fn a_folder_without_a_site_is_new_whatever_else_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tandem.toml", "Thumbs.db", "lock", "notes.txt"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert!(!Store::is_site(folder.path()));
    let store = Store::open(folder.path(), "a test").unwrap();
    store.create_space("school", "office", Some(SCHEMA)).unwrap();
    assert!(Store::is_site(folder.path()));
}

#[test]
fn names_that_files_cannot_have_and_names_that_differ_in_case_are_spaces_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["School", "school", "con", "nul", "aux", "prn", "com1", "lpt1"];
    let open = || Store::open(folder.path(), "a test").unwrap();
    let store = open();
    for name in names {
        store
            .create_space(
                name,
                "office",
                Some(&format!("CREATE TABLE \"of {name}\" (id INTEGER PRIMARY KEY)")),
            )
            .unwrap();
    }
    store.close();
    drop(store);
    let store = open();
    for name in names {
        let tables = store.space(name).unwrap().status().tables;
        assert_eq!(tables.iter().map(|table| table.name.clone()).collect::<Vec<_>>(), [format!("of {name}")]);
    }
    let folders = fs::read_dir(folder.path().join("spaces")).unwrap();
    let mut folders: Vec<_> =
        folders.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_lowercase()).collect();
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), names.len());
    assert!(folders.iter().all(|folder| !names.contains(&folder.as_str())), "{folders:?}");
}

#[cfg(unix)]
mod rights {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Every file and folder in a place, with its mode.
    fn modes(place: &Path, into: &mut Vec<(String, u32)>) {
        let found = fs::symlink_metadata(place).unwrap();
        into.push((place.display().to_string(), found.permissions().mode() & 0o777));
        if found.is_dir() {
            fs::read_dir(place).unwrap().for_each(|entry| modes(&entry.unwrap().path(), into));
        }
    }

    #[track_caller]
    fn private(place: &Path) {
        let mut found = Vec::new();
        modes(place, &mut found);
        assert!(found.len() > 10, "{found:?}");
        let open: Vec<_> = found.iter().filter(|(_, mode)| mode & 0o077 != 0).collect();
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn nobody_else_reads_what_is_in_a_folder() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("data");
        let store = Store::open(&folder, "a test").unwrap();
        let space = store.create_space("school", "office", Some(SCHEMA)).unwrap();
        private(&folder);
        drop(space);
        store.close();
        drop(store);
        // What the command line keeps beside, made by whatever made it.
        for name in crate::private::FOLDERS {
            fs::create_dir_all(folder.join(name)).unwrap();
        }
        fs::write(folder.join("backups").join("before-import.tandem"), "").unwrap();
        fs::write(folder.join("exchanges").join("taken.csv"), "").unwrap();
        // A copy, or a folder of an older program.
        let mut all = Vec::new();
        modes(&folder, &mut all);
        for (path, mode) in &all {
            let open = if *mode & 0o100 == 0 { 0o644 } else { 0o755 };
            fs::set_permissions(path, fs::Permissions::from_mode(open)).unwrap();
        }
        fs::write(folder.join("of somebody else"), "").unwrap();
        fs::set_permissions(folder.join("of somebody else"), fs::Permissions::from_mode(0o644)).unwrap();
        let store = Store::open(&folder, "a test").unwrap();
        let mode = fs::metadata(folder.join("of somebody else")).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "what is not ours was changed");
        fs::remove_file(folder.join("of somebody else")).unwrap();
        private(&folder);
        drop(store);
    }

    #[test]
    fn what_a_link_leads_to_is_left_alone() {
        let elsewhere = tempfile::tempdir().unwrap();
        let target = elsewhere.path().join("theirs");
        fs::write(&target, "").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        let site = changed(filled(), |folder| {
            std::os::unix::fs::symlink(&target, folder.join("spaces/link")).unwrap();
            std::os::unix::fs::symlink(&target, folder.join("tandem.toml")).unwrap();
        });
        whole(&site.unwrap());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o644);
    }
}
