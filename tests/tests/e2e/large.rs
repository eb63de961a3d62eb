//! Files of any size that are not what they should be: refused in words, without more memory than for small ones,
//! and nothing is changed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tandem_tests::answer::Answer;
use tandem_tests::school::full;
use tandem_tests::site::Site;

/// KiB that a command may have in memory: some times the longest statement, and far less than any of the files.
const MEMORY_KIB: u64 = 300 << 10;

/// Runs a command; gives what it said, and the most memory it had, in KiB.
fn measured(site: &Site, args: &[&str]) -> (Answer, u64) {
    let mut command = site.command();
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let waiting = std::thread::spawn(move || child.wait_with_output().unwrap());
    let mut most = 0;
    while !waiting.is_finished() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kib.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    (Answer::new(args.join(" "), waiting.join().unwrap()), most)
}

/// A file of that many bytes, or a little more: a beginning, and then the same again and again.
fn written(path: &Path, begin: &str, again: &str, bytes: u64) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    file.write_all(begin.as_bytes()).unwrap();
    let block = again.repeat((1 << 20) / again.len() + 1);
    (0..=bytes >> 20).for_each(|_| file.write_all(block.as_bytes()).unwrap());
    file.flush().unwrap();
}

/// Commands that meet 2 GB of zeros, and what they say of it.
const ZEROS: &[(&[&str], &str)] = &[
    (&["import", "zeros.sql"], "not a text"),
    (&["schema", "import", "zeros.sql"], "not a text"),
    (&["schema", "apply", "zeros.sql"], "more than 4 MiB"),
    (&["sql", "--file", "zeros.sql"], "more than 64 MiB"),
    (&["import", "--table", "pupils", "zeros.csv"], "not a text"),
    (&["import", "zeros.zip"], "no ZIP archive"),
    (&["import", "zeros.xlsx"], "no ZIP archive"),
    (&["bundle", "import", "zeros.tandem"], "not a bundle"),
];

#[test]
fn a_file_of_any_size_that_is_none_is_refused_in_words_with_little_memory() {
    let site = Site::alone("office");
    let schema = site.file("t.sql", "CREATE TABLE pupils (id INTEGER PRIMARY KEY, name TEXT)");
    site.tandem(&["init", "--space", "school", "--schema", schema.to_str().unwrap()]).succeeded();
    site.write("INSERT INTO pupils VALUES (1, 'Ada')");
    let shown = |site: &Site| {
        let space = site.space();
        (space["fingerprint"].clone(), space["transactions"].clone())
    };
    let before = shown(&site);
    let path = |name: &str| site.path(name).to_str().unwrap().to_owned();
    // Nothing but zeros takes no room on the disk.
    for name in ["zeros.sql", "zeros.csv", "zeros.zip", "zeros.xlsx", "zeros.tandem"] {
        File::create(path(name)).unwrap().set_len(2 << 30).unwrap();
    }
    let size = if full() { 2 << 30 } else { 80 << 20 };
    let table = "CREATE TABLE pupils (id integer primary key, name text);\n";
    let files = [
        ("quote.sql", format!("{table}INSERT INTO pupils VALUES (2, 'Zoé"), "a name without an end\n"),
        ("line.sql", format!("{table}INSERT INTO pupils VALUES (2, 'Zoé"), "a name without an end "),
        ("rows.sql", format!("{table}INSERT INTO pupils VALUES (2, 'Zoé')"), ", (3, 'Ada')"),
        ("declares.sql", table.to_owned(), "CREATE TABLE t (id integer primary key, a int, b int, c int);\n"),
        ("quote.csv", "id,name\n2,\"Zoé".to_owned(), "a name without an end\n"),
        ("line.csv", "id,name\n2,\"Zoé".to_owned(), "a name without an end "),
    ];
    let mut told = Vec::new();
    let mut refused = |args: &[&str], words: &str| {
        let (answer, most) = measured(&site, args);
        assert!(matches!(answer.exit, Some(1 | 2)), "{answer:?}");
        let error: Value = answer.error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{args:?}: {message}");
        assert!(0 < most && most < MEMORY_KIB, "{args:?}: {most} KiB");
        told.push(format!("{} KiB: {message}", most));
        assert_eq!(shown(&site), before, "{args:?}");
    };
    for (command, words) in ZEROS {
        let (name, verbs) = command.split_last().unwrap();
        let file = path(name);
        refused(&[verbs, &[&file]].concat(), words);
    }
    for ((name, begin, again), words) in files.into_iter().zip([
        "the statement in line 2 is longer than 64 MiB; most likely a text in it is never closed",
        "the statement in line 2 is longer than 64 MiB; most likely a text in it is never closed",
        "the statement in line 2 is longer than 64 MiB",
        "it declares more than any database does",
        "line 2",
        "line 2",
    ]) {
        let file = path(name);
        written(Path::new(&file), &begin, again, size);
        let import = ["import", &file, "--table", "pupils"];
        refused(&import[..if name.ends_with(".csv") { 4 } else { 2 }], words);
        std::fs::remove_file(file).unwrap();
    }
    println!("{}", told.join("\n"));
    assert_eq!(site.cell("SELECT count(*) FROM pupils"), json!(1));
}
