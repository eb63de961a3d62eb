//! Another account on the same PC.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
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

#[test]
fn another_account_reads_nothing_takes_no_lock_and_stops_nothing() {
    let site = Site::alone("office");
    found_with(&site, SHOP);
    site.start();
    site.write("INSERT INTO items (name) VALUES ('secret chalk')");
    let bundle = site.path("all.tandem");
    site.tandem(&["bundle", "export", bundle.to_str().unwrap()]).succeeded();
    // The way to the folder is open: only the folder itself keeps others out.
    let base = site.data().parent().unwrap().to_owned();
    fs::set_permissions(&base, Permissions::from_mode(0o755)).unwrap();
    let reachable = as_other(&["ls", base.to_str().unwrap()]);
    assert!(reachable.status.success() && text(&reachable).contains("data"), "{}", text(&reachable));

    let token = fs::read_to_string(site.data().join("http.token")).unwrap();
    let mut files = vec![bundle.clone()];
    let mut folders = vec![site.data().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert!(files.len() > 12, "{files:?}");
    for file in &files {
        let read = as_other(&["cat", file.to_str().unwrap()]);
        assert!(!read.status.success() && read.stdout.is_empty(), "{}", file.display());
    }
    // Nor would an open folder around them give them away.
    fs::set_permissions(site.data(), Permissions::from_mode(0o755)).unwrap();
    for file in files.iter().filter(|file| file.parent() == Some(site.data())) {
        let read = as_other(&["cat", file.to_str().unwrap()]);
        assert!(!read.status.success() && read.stdout.is_empty(), "{}", file.display());
        let held = as_other(&["flock", "--nonblock", file.to_str().unwrap(), "true"]);
        assert!(!held.status.success(), "{} can be held", file.display());
    }
    fs::set_permissions(site.data(), Permissions::from_mode(0o700)).unwrap();

    // A copy, for the program itself may lie where others do not reach.
    let tandem = base.join("tandem");
    fs::copy(program(), &tandem).unwrap();
    fs::set_permissions(&tandem, Permissions::from_mode(0o755)).unwrap();
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
    let pid = site.status()["node"]["pid"].to_string();
    assert!(!as_other(&["kill", &pid]).status.success());
    assert_eq!(site.cell("SELECT name FROM items"), "secret chalk");

    // Closed, it is as closed as before; and what was open in it is mended when it is opened.
    site.stop();
    fs::set_permissions(site.data(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(site.data().join("lock"), Permissions::from_mode(0o644)).unwrap();
    assert_eq!(site.cell("SELECT name FROM items"), "secret chalk");
    let held = as_other(&["flock", "--nonblock", site.data().join("lock").to_str().unwrap(), "true"]);
    assert!(!held.status.success());
    drop(File::open(site.data().join("lock")).unwrap());
}
