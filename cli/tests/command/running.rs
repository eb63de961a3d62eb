//! With running nodes, on loopback.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::program::Program;

/// `tandem start` on a program's data folder. Stops when dropped.
pub struct Running {
    process: Child,
    ready: Value,
}

impl Running {
    pub fn start(program: &Program, words: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .arg("--data")
            .arg(program.data())
            .args(["--json", "start", "--no-mdns", "--until-stdin-ends", "--http", "127.0.0.1:0"])
            .args(["--listen", "/ip4/127.0.0.1/tcp/0"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap();
        Self { process, ready }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    fn address(&self) -> &str {
        self.ready["listening"][0].as_str().unwrap()
    }

    /// As a power cut would.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.process.wait().unwrap()
    }

    fn stop(mut self) -> bool {
        drop(self.process.stdin.take());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _stopped = self.process.wait();
    }
}

pub fn token(program: &Program) -> String {
    program.json(&["invite"])["token"].as_str().unwrap().to_owned()
}

#[test]
fn verbs_work_the_same_with_and_without_a_running_node() {
    let program = Program::with_school();
    let node = Running::start(&program, &[]);
    let status = program.json(&["status"]);
    assert_eq!(
        (&status["node"]["listening"], &status["site"]["name"]),
        (&node.ready["listening"], &json!("office"))
    );
    let written = program.json(&["sql", "INSERT INTO pupils VALUES (1, ?)", "Zoë"]);
    let dot = written["dot"].as_str().unwrap();
    let file = program.data().join("../all.tandem");
    let asked: Vec<Vec<&str>> = vec![
        vec!["sql", "SELECT * FROM pupils"],
        vec!["log", "show", dot],
        vec!["log", "--table", "pupils", "--key", "1"],
        vec!["log", "verify"],
        vec!["schema", "show"],
        vec!["sites"],
        vec!["conflicts"],
        vec!["bundle", "import", "--dry-run", file.to_str().unwrap()],
    ];
    assert_eq!(program.json(&["bundle", "export", file.to_str().unwrap()])["bundle"]["transactions"], 2);
    let running: Vec<Value> = asked.iter().map(|words| program.json(words)).collect();
    let refused = program.run(&["--json", "sql", "INSERT INTO pupils VALUES (1, 'Bo')"]);
    assert!(node.stop());
    assert!(program.json(&["status"])["node"].is_null());
    let alone: Vec<Value> = asked.iter().map(|words| program.json(words)).collect();
    assert_eq!(running, alone);
    assert_eq!(program.run(&["--json", "sql", "INSERT INTO pupils VALUES (1, 'Bo')"]).err, refused.err);
}

#[test]
fn a_folder_and_a_port_belong_to_one_node() {
    let program = Program::with_school();
    let node = Running::start(&program, &[]);
    let pid = node.process.id().to_string();
    let second = program.run(&["--json", "start", "--no-mdns", "--http", "127.0.0.1:0"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(second.err.contains("folder_locked") && second.err.contains(&pid), "{second:?}");

    let other = Program::with_school();
    let taken = node.ready["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let run = other.run(&["--json", "start", "--no-mdns", "--http", &taken]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("port_taken") && run.err.contains(&taken), "{run:?}");
    let listening = ["start", "--no-mdns", "--http", "127.0.0.1:0", "--listen", node.address()];
    let run = other.run(&[&["--json"], &listening[..]].concat());
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.err.contains("network_failed") && run.err.contains(node.address()), "{run:?}");
    let wrong = other.run(&["--json", "start", "--http", "127.0.0.1:0", "--listen", "here or there"]);
    assert!(wrong.code == 1 && wrong.err.contains("address_refused"), "{wrong:?}");
}

#[test]
fn a_node_that_was_killed_is_not_waited_for() {
    let program = Program::with_school();
    let mut node = Running::start(&program, &[]);
    node.kill();
    assert!(program.data().join("node.json").exists());
    assert_eq!(program.json(&["sql", "SELECT count(*) FROM pupils"])["rows"], json!([[0]]));
}

#[test]
fn a_site_joins_alone_and_holds_everything() {
    let (office, class) = (Program::with_school(), Program::new());
    let node = Running::start(&office, &[]);
    assert_eq!(office.run(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]).code, 0);
    let token = token(&office);
    let joined =
        class.json(&["join", &token, "--name", "class", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"]);
    assert_eq!(joined["space"], "school");
    assert_eq!(class.json(&["sql", "SELECT name FROM pupils"])["rows"], json!([["Ada"]]));
    let fingerprint = |program: &Program| program.json(&["status"])["spaces"][0]["fingerprint"].clone();
    assert_eq!(fingerprint(&class), fingerprint(&office));
    // A token is good once, and only for a site without a space of its own.
    let third = Program::new();
    let again = third.run(&["--json", "join", &token, "--no-mdns", "--name", "third"]);
    assert!(again.code == 1 && again.err.contains("invitation_refused"), "{again:?}");
    // Who is in it already is told so, with and without a node, and the invitation stays good.
    for (program, lang, told) in [
        (&class, "en", "This PC is a site of school already, together with office"),
        (&class, "fr", "Ce PC est déjà un site de school, avec office"),
        (&office, "fr", "Ce PC est déjà un site de school, avec office"),
    ] {
        let again = program.run(&["--lang", lang, "join", &token, "--no-mdns"]);
        assert!(again.code == 1 && again.err.contains(told), "{again:?}");
        assert!(!again.err.contains("--data") && again.err.contains("tandem sites"), "{again:?}");
    }
    let own = Program::with_school();
    let refused = own.run(&["--json", "join", &token, "--no-mdns"]);
    assert!(refused.code == 1 && refused.err.contains("two_spaces"), "{refused:?}");
    assert!(node.stop());
}

#[test]
fn running_nodes_that_do_not_see_each_other_join_by_files_alone() {
    let (office, class) = (Program::with_school(), Program::new());
    let (office_node, class_node) = (Running::start(&office, &[]), Running::start(&class, &[]));
    let request = class.file("class.request", "");
    let request = request.to_str().unwrap();
    class.json(&["join", "--request", request, "--name", "class"]);
    let admitted = office.json(&["invite", "--admit", request]);
    assert_eq!(admitted["admitted"]["site_name"], "class");
    let bundle = admitted["file"].as_str().unwrap();
    assert_eq!(class.json(&["bundle", "import", bundle])["joined"], "school");
    assert_eq!(class.run(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]).code, 0);
    class.json(&["bundle", "export", bundle, "--for", "office"]);
    assert_eq!(office.json(&["bundle", "import", bundle])["transactions"], 1);
    let fingerprint = |program: &Program| program.json(&["status"])["spaces"][0]["fingerprint"].clone();
    assert_eq!(fingerprint(&class), fingerprint(&office));
    // What is said to be missing there is what a file for it holds.
    office.json(&["sql", "INSERT INTO pupils VALUES (2, 'Bo')"]);
    office.json(&["sql", "INSERT INTO pupils VALUES (3, 'Cy')"]);
    let missing = office.json(&["status"])["spaces"][0]["peers"][0]["missing_there"].clone();
    let exported =
        office.json(&["bundle", "export", bundle, "--for", "class"])["bundle"]["transactions"].clone();
    assert_eq!((missing, exported), (json!(2), json!(2)));
    assert!(class_node.stop() && office_node.stop());
}

#[test]
fn a_running_node_joins_and_stays_in_step() {
    let (office, class) = (Program::with_school(), Program::new());
    let (office_node, class_node) = (Running::start(&office, &[]), Running::start(&class, &[]));
    let joined = class.json(&["join", &token(&office), "--name", "class", "--peer", office_node.address()]);
    assert_eq!(joined["space"], "school");
    // What the one writes from here on, the other tells as it happens.
    let mut follow = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["--json", "log", "--follow", "--table", "pupils", "--data"])
        .arg(class.data())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    // The follower may begin to listen a moment after it started: write until it tells.
    let (told, heard) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || told.send(lines.next().unwrap().unwrap()).unwrap());
    let mut number = 0;
    let line = loop {
        number += 1;
        office.json(&["sql", "INSERT INTO pupils VALUES (?, 'Ada')", &number.to_string()]);
        match heard.recv_timeout(std::time::Duration::from_millis(50)) {
            Ok(line) => break line,
            Err(_) => assert!(number < 600, "nothing was told"),
        }
    };
    reader.join().unwrap();
    let entry: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&entry["site_name"], &entry["ops"][0]["kind"]), (&json!("office"), &json!("insert")));
    let sites = class.json(&["sites"]);
    assert_eq!(sites["sites"].as_array().unwrap().len(), 2);
    follow.kill().unwrap();
    follow.wait().unwrap();
    assert!(class_node.stop() && office_node.stop());
}

#[test]
fn the_demo_ends_in_two_sites_in_sync() {
    let program = Program::new();
    let folder = program.data().to_str().unwrap().to_owned();
    let demo = program.json(&["--data", &folder, "demo", "--once", "--rows", "300"]);
    assert!(demo["rows"].as_u64().unwrap() > 300, "{demo}");
    let sites = demo["sites"].as_array().unwrap();
    let folders: Vec<&str> = sites.iter().map(|site| site["data"].as_str().unwrap()).collect();
    for folder in folders {
        let status = program.json(&["--data", folder, "status"]);
        assert_eq!(status["spaces"][0]["fingerprint"], demo["in_sync"], "{status}");
        assert!(status["node"].is_null(), "the demo left a node behind");
    }
}
