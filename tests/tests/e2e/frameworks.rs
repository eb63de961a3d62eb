//! The SQL that Django, Laravel and SQLAlchemy write for SQLite, on tandem's view and by tandem's own SQL: what it
//! gives on a plain SQLite file that the same program filled.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tandem_tests::random::Random;
use tandem_tests::school::full;
use tandem_tests::site::Site;

const SQL: &str = include_str!("../../../docs/sql.md");

/// Runs a program of `tests/programs` with Debian's Python, which has the frameworks; gives what it prints.
fn run(program: &str, args: &[&str]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs").join(program);
    let mut command = Command::new("/usr/bin/python3");
    command.arg(file).args(args).env("PYTHONDONTWRITEBYTECODE", "1");
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; `./test` installs it"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?} (`./test` installs what it needs): {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// A running site with these tables, as a program declares them for SQLite.
fn site_with(tables: &str) -> Site {
    let site = Site::alone("office");
    let file = site.file("tables.sql", tables);
    let init = ["init", "--space", "school", "--import", file.to_str().unwrap()];
    site.tandem(&init).succeeded();
    site.start();
    site
}

fn view(site: &Site) -> PathBuf {
    let mut spaces = std::fs::read_dir(site.data().join("spaces")).unwrap();
    spaces.next().unwrap().unwrap().path().join("view.sqlite")
}

fn token(site: &Site) -> String {
    let token = site.tandem(&["token", "add", "program", "--right", "write"]).json();
    token["token"].as_str().unwrap().to_owned()
}

#[test]
fn djangos_and_laravels_filters_on_times_give_on_the_view_what_they_give_on_sqlite() {
    let seed = Random::new("django").below(1 << 31).to_string();
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.sqlite");
    let plain = plain.to_str().unwrap();
    let site = site_with(&run("django_filters.py", &["make", plain]));
    let url = site.http(|http| http.url().to_owned());
    run("django_filters.py", &["fill", plain, &url, &token(&site), "school", &seed]);
    let count = if full() { 20_000 } else { 1_000 };
    let view = view(&site);
    let told =
        run("django_filters.py", &["compare", plain, view.to_str().unwrap(), &seed, &count.to_string()]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["django"], &told["laravel"]), (&json!(count / 2), &json!(count / 2)));
    assert!(told["empty"].as_u64().unwrap() < count / 4, "most comparisons find something: {told}");
    site.stop();
}

#[test]
fn sqlalchemys_forms_come_by_tandems_sql_to_what_they_come_to_in_sqlite() {
    let seed = Random::new("sqlalchemy").below(1 << 31).to_string();
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.sqlite");
    let site = site_with(&run("sqlalchemy_forms.py", &["make"]));
    let url = site.http(|http| http.url().to_owned());
    let count = if full() { 5_000 } else { 300 };
    let args = ["compare", plain.to_str().unwrap(), &url, &token(&site), "school", &seed, &count.to_string()];
    let told: Value = serde_json::from_str(&run("sqlalchemy_forms.py", &args)).unwrap();
    assert_eq!(told["queries"], count);
    assert!(told["empty"].as_u64().unwrap() < count / 2, "most comparisons find something: {told}");
    // What is compared as it is stored is said in the docs, and nothing else.
    let (_, listed) = SQL.split_once("Not covered, compared as typed:").unwrap();
    let listed = listed.split_once("\n\n").unwrap().0.replace('\n', " ");
    let said = [
        ("LIKE", "`LIKE`"),
        ("length", "`length(column)`"),
        ("||", "`column || '…'`"),
        ("substr", "`substr(column, …)`"),
        ("nullif", "`nullif(column, ?)`"),
        ("case", "`CASE WHEN … THEN column`"),
        ("hexadecimal", "another column that holds the value as text"),
    ];
    assert_eq!(told["differs"], json!(said.map(|(name, _)| name)));
    said.iter().for_each(|(_, words)| assert!(listed.contains(words), "{words}: {listed}"));
    site.verify();
    site.stop();
}
