//! Every opening succeeds: after one that was killed, cut off with the power, or met a full disk at
//! any of its steps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tandem_tests::mount::Mount;
use tandem_tests::powercut::{Disk, Entry, Survival, read};
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::{built, program};
use tempfile::TempDir;

use crate::powercut::{check, written};

/// What a program that wrote may leave, and what it had acknowledged.
struct Left {
    folder: PathBuf,
    promised: BTreeSet<String>,
}

/// Folders as they are left at moments of a program that writes, on a disk in memory.
struct Stage {
    memory: Mount,
    _recorded: TempDir,
    folder: PathBuf,
    entries: Vec<Entry>,
}

impl Stage {
    fn new(random: &mut Random) -> Self {
        let base = tempfile::Builder::new().prefix("tandem-test-").tempdir().unwrap();
        let folder = base.path().canonicalize().unwrap().join("data");
        let entries = written(&folder, random);
        Self { memory: Mount::new(1024), _recorded: base, folder, entries }
    }

    /// What is left at some moment after the first acknowledgement: by a kill, or by a power cut.
    fn left(&self, name: &str, random: &mut Random) -> Left {
        let survival = [Survival::Nothing, Survival::Some, Survival::All][random.below(3) as usize];
        self.left_of(survival, name, random)
    }

    fn left_of(&self, survival: Survival, name: &str, random: &mut Random) -> Left {
        let first = self.entries.iter().position(|entry| matches!(entry, Entry::Mark(_))).unwrap();
        let place = first + 1 + random.below((self.entries.len() - first) as u64) as usize;
        let mut disk = Disk::new(&self.folder);
        let mut promised = BTreeSet::new();
        for entry in &self.entries[..place.min(self.entries.len())] {
            disk.apply(entry);
            if let Entry::Mark(text) = entry {
                promised.insert(text.clone());
            }
        }
        let folder = self.memory.path(name).canonicalize().unwrap_or_else(|_| self.memory.path(name));
        disk.cut(&folder, survival, random);
        Left { folder, promised }
    }
}

impl Left {
    /// The same in another folder, until it is dropped.
    fn copied(&self) -> (TempDir, PathBuf) {
        let place = tempfile::tempdir_in(self.folder.parent().unwrap()).unwrap();
        let copy = place.path().join("data");
        copy_folder(&self.folder, &copy);
        (place, copy)
    }

    /// Opens a copy for good, and looks for everything that was acknowledged.
    fn check(&self, copy: &Path, told: &str) {
        let scratch = tempfile::tempdir_in(self.folder.parent().unwrap()).unwrap();
        check(copy, &self.promised, scratch.path(), told);
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &target)
        } else {
            fs::copy(source, target).map(drop).unwrap()
        }
    }
}

/// What a command does that opens the folder, reads, and ends.
fn open(folder: &Path, fate: &[(&str, String)]) -> (Output, Vec<Entry>) {
    let trace = folder.with_extension("trace");
    let _none_yet = fs::remove_file(&trace);
    let mut command = Command::new(program());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TANDEM_")) {
        command.env_remove(name);
    }
    let output = command
        .args(["--json", "--lang", "en", "--data"])
        .arg(folder)
        .args(["sql", "SELECT count(*) FROM notes"])
        .env("LD_PRELOAD", built("libtandem_powercut.so"))
        .env("TANDEM_POWERCUT_FOLDER", folder)
        .env("TANDEM_POWERCUT_TRACE", &trace)
        .envs(fate.iter().map(|(name, value)| (*name, value)))
        .output()
        .unwrap();
    let entries = if trace.exists() { read(&trace) } else { Vec::new() };
    (output, entries)
}

/// Operations that can be made to fail; see `tandem-powercut`'s `fate`.
fn operations(entries: &[Entry]) -> u64 {
    const O_CREAT: u64 = 0o100;
    let counted = |entry: &&Entry| match entry {
        Entry::Open { flags, .. } => flags & O_CREAT != 0,
        Entry::SyncEnds { .. } | Entry::Mark(_) => false,
        _ => true,
    };
    entries.iter().filter(counted).count() as u64
}

fn whole_opening(left: &Left) -> (u64, Vec<Entry>) {
    let (_place, copy) = left.copied();
    let (output, entries) = open(&copy, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (operations(&entries), entries)
}

#[test]
fn an_opening_killed_at_any_of_its_steps_leaves_a_folder_that_opens() {
    let (bases, kills) = if full() { (50, 10) } else { (10, 5) };
    let mut random = Random::new("killed openings");
    let stage = Stage::new(&mut random);
    let mut died = 0;
    for base in 0..bases {
        let left = stage.left(&format!("base {base}"), &mut random);
        let (steps, _) = whole_opening(&left);
        for kill in 0..kills {
            let (_place, copy) = left.copied();
            // Now and then one after the other.
            for _ in 0..=random.below(3) {
                let step = 1 + random.below(steps);
                let (output, _) = open(&copy, &[("TANDEM_POWERCUT_DIE", step.to_string())]);
                died += u64::from(output.status.code().is_none());
            }
            left.check(&copy, &format!("base {base}, kill {kill}"));
        }
        fs::remove_dir_all(&left.folder).unwrap();
    }
    println!("{died} openings killed");
    assert!(died >= bases * kills, "{died} died");
}

#[test]
fn whatever_moment_of_an_opening_the_power_goes_the_folder_opens_again() {
    let (bases, cuts) = if full() { (50, 10) } else { (10, 5) };
    let mut random = Random::new("openings cut off");
    let stage = Stage::new(&mut random);
    for base in 0..bases {
        let left = stage.left(&format!("base {base}"), &mut random);
        let (_place, copy) = left.copied();
        let mut disk = Disk::of(&copy);
        let (output, entries) = open(&copy, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut places: Vec<_> = (0..cuts).map(|_| random.below(entries.len() as u64 + 1) as usize).collect();
        places.sort_unstable();
        let mut applied = 0;
        for place in places {
            entries[applied..place].iter().for_each(|entry| disk.apply(entry));
            applied = place;
            let survival = [Survival::Nothing, Survival::Some, Survival::All][random.below(3) as usize];
            let after = tempfile::tempdir_in(stage.memory.path("")).unwrap();
            let folder = after.path().join("data");
            disk.cut(&folder, survival, &mut random);
            let told =
                format!("base {base}, cut at entry {place} of {}, {survival:?} survives", entries.len());
            left.check(&folder, &told);
        }
        fs::remove_dir_all(&left.folder).unwrap();
    }
}

#[test]
fn a_disk_that_is_full_at_any_step_of_an_opening_is_told_and_harms_nothing() {
    let bases = if full() { 5 } else { 1 };
    let mut random = Random::new("full at an opening");
    let stage = Stage::new(&mut random);
    for base in 0..bases {
        // Killed, so that the view has not to be made anew, and of several the one with the fewest steps:
        // most of the others' are pages of the view, one like the other.
        let drawn = (0..8).map(|draw| {
            let left = stage.left_of(Survival::All, &format!("base {base} {draw}"), &mut random);
            (whole_opening(&left).0, left)
        });
        let (steps, left) = drawn.min_by_key(|(steps, _)| *steps).unwrap();
        assert!(steps > 20, "{steps} steps: hardly an opening");
        println!("{steps} steps");
        for step in 1..=steps {
            // Full once, as where others write and delete, and full for good.
            let kinds = ["", "+"];
            for for_good in if full() { &kinds[..] } else { &kinds[step as usize % 2..][..1] } {
                let told = format!("base {base}, full at step {step}{for_good} of {steps}");
                let (_place, copy) = left.copied();
                let (output, _) = open(&copy, &[("TANDEM_POWERCUT_FULL", format!("{step}{for_good}"))]);
                let said = String::from_utf8_lossy(&output.stderr);
                match output.status.code() {
                    Some(0) => {}
                    Some(1) => {
                        let error: Value = serde_json::from_str(said.lines().last().unwrap_or_default())
                            .unwrap_or_else(|error| panic!("{told}: {error}: {said}"));
                        let code = error["error"]["code"].as_str().unwrap();
                        assert!(matches!(code, "disk_full" | "view_unavailable"), "{told}: {said}");
                    }
                    _ => panic!("{told}: {:?}: {said}", output.status),
                }
                left.check(&copy, &told);
            }
        }
        fs::remove_dir_all(&left.folder).unwrap();
    }
}
