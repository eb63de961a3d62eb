//! Another account on the same PC.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tandem_tests::school::found_with;
use tandem_tests::site::{Site, program};

use crate::SHOP;

/// Runs a program as an account that owns nothing here.
fn as_other(words: &[&str]) -> Output {
    Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
        .args(words)
        .env("HOME", "/nonexistent")
        .output()
        .expect("`setpriv` is needed (Debian: util-linux)")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A site with a bundle beside it, in a folder that everybody may enter: only its own folder keeps others
/// out.
fn site_in_an_open_folder() -> (Site, PathBuf) {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.start();
    site.write("INSERT INTO items (name) VALUES ('secret chalk')");
    let bundle = site.path("all.tandem");
    site.tandem(&["bundle", "export", bundle.to_str().unwrap()]).succeeded();
    let base = site.data().parent().unwrap().to_owned();
    allow(&base, 0o755);
    let reachable = as_other(&["ls", base.to_str().unwrap()]);
    assert!(reachable.status.success() && text(&reachable).contains("data"), "{}", text(&reachable));
    (site, bundle)
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// All files in a folder, and below it.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

fn cannot_be_read(file: &Path) {
    let read = as_other(&["cat", file.to_str().unwrap()]);
    assert!(!read.status.success() && read.stdout.is_empty(), "{}", file.display());
}

fn cannot_be_held(file: &Path) {
    let held = as_other(&["flock", "--nonblock", file.to_str().unwrap(), "true"]);
    assert!(!held.status.success(), "{} can be held", file.display());
}

/// The program itself, run by the other account with this data folder, says whose it is and no more.
fn program_is_refused(site: &Site, token: &str) {
    // A copy, for the program itself may lie where others do not reach.
    let tandem = site.data().with_file_name("tandem");
    fs::copy(program(), &tandem).unwrap();
    allow(&tandem, 0o755);
    let data = site.data().to_str().unwrap();
    for words in [
        &["sql", "SELECT * FROM items"][..],
        &["status"],
        &["log"],
        &["invite"],
        &["bundle", "export", "/tmp/never.tandem"],
        &["start", "--http", "127.0.0.1:0", "--no-mdns"],
    ] {
        let all = [&[tandem.to_str().unwrap(), "--lang", "en", "--data", data], words].concat();
        let run = as_other(&all);
        let said = text(&run);
        assert_eq!(run.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains("belongs to another account"), "{words:?}: {said}");
        assert!(!said.contains("chalk") && !said.contains(token.trim()), "{words:?}: {said}");
    }
}

#[test]
fn another_account_reads_nothing_takes_no_lock_and_stops_nothing() {
    let (site, bundle) = site_in_an_open_folder();
    let token = fs::read_to_string(site.data().join("http.token")).unwrap();
    let files = files_in(site.data());
    assert!(files.len() > 11, "{files:?}");
    cannot_be_read(&bundle);
    files.iter().for_each(|file| cannot_be_read(file));
    // Nor would an open folder around them give them away.
    allow(site.data(), 0o755);
    for file in files.iter().filter(|file| file.parent() == Some(site.data())) {
        cannot_be_read(file);
        cannot_be_held(file);
    }
    allow(site.data(), 0o700);

    program_is_refused(&site, &token);
    let pid = site.status()["node"]["pid"].to_string();
    assert!(!as_other(&["kill", &pid]).status.success());
    assert_eq!(site.cell("SELECT name FROM items"), "secret chalk");

    // Closed, it is as closed as before; and what was open in it is mended when it is opened.
    site.stop();
    let lock = site.data().join("lock");
    allow(site.data(), 0o755);
    allow(&lock, 0o644);
    assert_eq!(site.cell("SELECT name FROM items"), "secret chalk");
    cannot_be_held(&lock);
    drop(File::open(lock).unwrap());
}
