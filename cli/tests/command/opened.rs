//! Opening a data folder: beside other commands and nodes, damaged, and out of reach of others.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::program::{Program, Run};
use crate::running::{Running, token};

fn code(run: &Run) -> String {
    assert_eq!(run.code, 1, "{run:?}");
    let error: Value = serde_json::from_str(&run.err).unwrap();
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn commands_at_once_wait_for_each_other() {
    let program = Program::new();
    let schema = program.file("schema.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)");
    program.json(&["init", "--name", "office", "--schema", schema.to_str().unwrap()]);
    program.json(&["sql", "INSERT INTO t VALUES (1, 0)"]);
    for _ in 0..4 {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| program.json(&["sql", "UPDATE t SET n = n + 1"]));
            }
        });
    }
    assert_eq!(program.json(&["sql", "SELECT n FROM t"])["rows"], json!([[32]]));
}

#[test]
fn a_node_starts_beside_commands_that_come_again_and_again() {
    let program = Program::with_school();
    for _ in 0..4 {
        let stop = AtomicBool::new(false);
        let node = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let _seen = program.json(&["status"]);
                    }
                });
            }
            let node = Running::start(&program, &[]);
            assert_eq!(program.json(&["status"])["node"]["pid"], node.pid());
            stop.store(true, Ordering::Relaxed);
            node
        });
        // It ends when nobody asks: one that stops between its proof and a question is not there.
        drop(node);
    }
}

/// Another program at an address, that keeps what it is told and answers everything.
struct Stranger {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Stranger {
    fn at(address: &str) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let stranger = Self { address: listener.local_addr().unwrap().to_string(), heard: Arc::default() };
        let heard = Arc::clone(&stranger.heard);
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let mut bytes = [0; 4096];
                let read = connection.read(&mut bytes).unwrap_or(0);
                heard.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 64\r\nconnection: close\r\n\r\n";
                let _left = connection.write_all(format!("{answer}{}", "0".repeat(64)).as_bytes());
            }
        });
        stranger
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

#[test]
fn who_took_the_address_of_a_killed_node_is_told_nothing() {
    let program = Program::with_school();
    let mut node = Running::start(&program, &[]);
    node.kill();
    let running: Value =
        serde_json::from_slice(&fs::read(program.data().join("node.json")).unwrap()).unwrap();
    let stranger = Stranger::at(running["http"].as_str().unwrap());
    assert_eq!(program.json(&["sql", "SELECT count(*) FROM pupils"])["rows"], json!([[0]]));
    assert_eq!(stranger.heard(), Vec::<String>::new());

    // Someone else holds the folder, so that it cannot be told from the lock.
    let secret = fs::read_to_string(program.data().join("http.token")).unwrap();
    let lock = File::options().write(true).open(program.data().join("lock")).unwrap();
    lock.lock().unwrap();
    let run = program.run(&["--json", "sql", "SELECT count(*) FROM pupils"]);
    assert_eq!(code(&run), "node_replaced");
    assert!(run.err.contains(&stranger.address), "{run:?}");
    let heard = stranger.heard();
    assert!(!heard.is_empty());
    for request in heard {
        let request = request.to_lowercase();
        assert!(!request.contains(secret.trim()) && !request.contains("authorization"), "{request}");
    }
    lock.unlock().unwrap();
    assert_eq!(program.run(&["status"]).code, 0);
}

#[test]
fn a_lost_token_is_made_anew_by_the_next_node() {
    let program = Program::with_school();
    let node = Running::start(&program, &[]);
    for damage in ["", "short", "twenty letters and more\u{e9} "] {
        fs::write(program.data().join("http.token"), damage).unwrap();
        assert_eq!(code(&program.run(&["--json", "status"])), "token_unusable");
    }
    drop(node);
    let node = Running::start(&program, &[]);
    assert_eq!(program.json(&["status"])["node"]["pid"], node.pid());
}

#[test]
fn a_damaged_folder_says_what_is_damaged_and_the_way_back() {
    let damages: [(&str, &str); 3] =
        [("site.key", "site_key_missing"), ("log/db", "log_missing"), ("log", "log_missing")];
    for (gone, expected) in damages {
        let program = Program::with_school();
        let (path, aside) = (program.data().join(gone), program.data().with_file_name("aside"));
        fs::rename(&path, &aside).unwrap();
        for words in [
            &["sql", "SELECT 1"][..],
            &["status"],
            &["init", "--space", "new"],
            &["start", "--http", "127.0.0.1:0", "--no-mdns"],
            &["bundle", "export", "x"],
        ] {
            let run = program.run(&[&["--json"], words].concat());
            assert_eq!(code(&run), expected, "{gone}: {words:?}");
        }
        let file = if gone == "site.key" { "site.key" } else { "log/db" };
        for (lang, told) in [
            ("en", ["damaged", "is not lost", "tandem join", "rename the folder"]),
            ("fr", ["endommagé", "n'est pas perdu", "tandem join", "renommez le dossier"]),
        ] {
            let run = program.run(&["--lang", lang, "status"]);
            for part in told.iter().copied().chain([file]) {
                assert!(run.err.contains(part), "{part}: {run:?}");
            }
            let doctor = program.run(&["--lang", lang, "doctor"]);
            assert!(doctor.code == 1 && doctor.out.contains(told[0]), "{doctor:?}");
        }
        // The way back that is named first: the file.
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        fs::rename(&aside, &path).unwrap();
        program.json(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]);
    }
}

#[test]
fn an_invitation_can_be_handed_over_unseen() {
    let (office, class) = (Program::with_school(), Program::new());
    let node = Running::start(&office, &[]);
    let file = class.file("invitation.txt", "");
    let kept = office.json(&["invite", "--out", file.to_str().unwrap()]);
    assert!(kept.get("token").is_none() && kept["expires"].is_string(), "{kept}");
    let network = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
    let by_file = ["--json", "join", "--name", "class", "--invitation-file", file.to_str().unwrap()];
    let run = class.run(&[&by_file[..], &network].concat());
    assert_eq!(run.code, 0, "{run:?}");

    let third = Program::new();
    let typed = format!("\n  tandem join {} \nand more\n", token(&office));
    let run = third.run_on(&typed, &[&["--json", "join", "-", "--name", "third"][..], &network].concat());
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(office.json(&["sites"])["sites"].as_array().unwrap().len(), 3);
    drop(node);

    let fourth = Program::new();
    for words in
        [&["--json", "join", "-"][..], &["--json", "join", "--invitation-file", file.to_str().unwrap()]]
    {
        fs::write(&file, "nonsense\n").unwrap();
        assert_eq!(code(&fourth.run_on("nonsense\n", &[words, &network].concat())), "invitation_malformed");
    }
    assert_eq!(code(&fourth.run(&["--json", "join", "--invitation-file", "nothing"])), "file_failed");
    assert_eq!(fourth.run_on("", &["join"]).code, 2);
}

#[test]
fn the_demo_uses_no_folder_that_holds_anything() {
    let program = Program::with_school();
    let before = fs::read_dir(program.data()).unwrap().count();
    let data = program.data().to_str().unwrap().to_owned();
    let run = program.run(&["--json", "--data", &data, "demo", "--once", "--rows", "60"]);
    assert_eq!(code(&run), "demo_folder_taken");
    // What the environment names is real data.
    let shown = program.json(&["demo", "--once", "--rows", "60"]);
    for site in shown["sites"].as_array().unwrap() {
        let used = site["data"].as_str().unwrap();
        assert!(!used.starts_with(&data) && !std::path::Path::new(used).exists(), "{used}");
    }
    assert_eq!(fs::read_dir(program.data()).unwrap().count(), before);
    program.json(&["sql", "SELECT * FROM pupils"]);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::*;

    fn signal(pid: u32, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    #[test]
    fn a_node_that_is_halted_is_waited_for_no_longer_than_said() {
        let program = Program::with_school();
        let node = Running::start(&program, &[]);
        signal(node.pid(), "STOP");
        let pid = node.pid().to_string();
        for (lang, told) in [("en", "has not answered"), ("fr", "n'a pas répondu")] {
            let run = program.run(&["--lang", lang, "sql", "SELECT 1"]);
            assert!(run.code == 1 && run.err.contains(told) && run.err.contains(&pid), "{run:?}");
        }
        let second = program.run(&["--json", "start", "--no-mdns", "--http", "127.0.0.1:0"]);
        assert_eq!(code(&second), "folder_locked");
        signal(node.pid(), "CONT");
        assert_eq!(program.json(&["status"])["node"]["pid"], node.pid());
    }

    #[test]
    fn every_signal_that_asks_a_node_to_end_ends_it_in_order() {
        let program = Program::with_school();
        for name in ["INT", "TERM", "HUP"] {
            let mut node = Running::start(&program, &[]);
            signal(node.pid(), name);
            assert!(node.wait().success(), "{name}");
            assert!(!program.data().join("node.json").exists(), "{name}");
        }
    }

    #[test]
    fn a_node_that_is_to_outlive_its_terminal_does() {
        let program = Program::with_school();
        let mut command = Command::new("nohup");
        command.arg(env!("CARGO_BIN_EXE_tandem")).arg("--data").arg(program.data());
        command.args([
            "--json",
            "start",
            "--no-mdns",
            "--http",
            "127.0.0.1:0",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ]);
        let mut node =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        let mut out = std::io::BufReader::new(node.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut line).unwrap();
        signal(node.id(), "HUP");
        assert_eq!(program.json(&["status"])["node"]["pid"], node.id());
        signal(node.id(), "TERM");
        assert!(node.wait().unwrap().success());
    }

    fn open_to_others(place: &Path, into: &mut Vec<String>) -> usize {
        let found = fs::symlink_metadata(place).unwrap();
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            into.push(format!("{mode:o} {}", place.display()));
        }
        let below = if found.is_dir() {
            fs::read_dir(place).unwrap().map(|entry| open_to_others(&entry.unwrap().path(), into)).sum()
        } else {
            0
        };
        below + 1
    }

    #[track_caller]
    fn private(place: &Path, at_least: usize) {
        let mut open = Vec::new();
        let all = open_to_others(place, &mut open);
        assert!(open.is_empty() && all >= at_least, "{all}: {open:?}");
    }

    #[test]
    fn what_tandem_writes_is_for_its_own_account() {
        let program = Program::with_school();
        private(&program.data(), 10);
        let node = Running::start(&program, &[]);
        program.json(&["sql", "INSERT INTO pupils VALUES (1, 'Ada')"]);
        program.json(&["invite"]);
        // While it runs: its files that come and go are there too.
        private(&program.data(), 14);
        let bundle = program.data().with_file_name("all.tandem");
        program.json(&["bundle", "export", bundle.to_str().unwrap()]);
        private(&bundle, 1);
        fs::set_permissions(&bundle, fs::Permissions::from_mode(0o666)).unwrap();
        program.json(&["bundle", "export", bundle.to_str().unwrap()]);
        private(&bundle, 1);
        drop(node);
        program.json(&["bundle", "export", bundle.to_str().unwrap()]);
        private(&bundle, 1);
        let kept = program.data().with_file_name("invitation");
        program.json(&["invite", "--out", kept.to_str().unwrap()]);
        private(&kept, 1);

        let class = Program::new();
        let request = class.data().with_file_name("class.request");
        class.json(&["join", "--request", request.to_str().unwrap(), "--name", "class"]);
        private(&request, 1);
        let admitted = class.data().with_file_name("class.tandem");
        program.json(&["invite", "--admit", request.to_str().unwrap(), "--out", admitted.to_str().unwrap()]);
        private(&admitted, 1);
        class.json(&["bundle", "import", admitted.to_str().unwrap()]);
        private(&class.data(), 10);
    }
}
