//! The demo: two sites on this machine, in sync, and something to try.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tandem_tests::site::Site;
use tandem_tests::wait;

#[test]
fn the_demo_ends_in_two_sites_in_sync() {
    let here = Site::alone("demo");
    let answer = here.tandem(&["demo", "--once", "--rows", "600"]).json();
    assert_eq!(answer["in_sync"].as_str().map(str::is_empty), Some(false), "{answer}");
    assert!(answer["rows"].as_u64().unwrap() > 600, "{answer}");
    assert_eq!(answer["sites"].as_array().unwrap().len(), 2, "{answer}");
}

#[test]
fn a_row_written_on_one_site_of_the_demo_is_read_on_the_other() {
    let here = Site::alone("demo");
    // On a terminal it stays; `script` is one.
    let program = tandem_tests::site::program();
    let line = format!("{} --data '{}' --json demo --rows 300", program.display(), here.data().display());
    let mut demo = Demo::on_a_terminal(&line);
    let lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let said = lines.map_while(Result::ok).find(|line| line.contains("in_sync"));
    let start = said.as_ref().and_then(|line| line.find('{'));
    let said: serde_json::Value = serde_json::from_str(said.unwrap()[start.unwrap()..].trim()).unwrap();
    let at = |number: usize| {
        let mut site = Site::alone("one of the demo");
        site.use_folder(Path::new(said["sites"][number]["data"].as_str().unwrap()));
        site
    };
    let (office, classroom) = (at(0), at(1));
    office.write("INSERT INTO students (first_name, last_name) VALUES ('Amélie', 'Testard')");
    let read = wait::until("readable on the other site", &[], || {
        match &classroom.rows("SELECT first_name FROM students WHERE last_name = 'Testard'")[..] {
            [row] => Ok(row[0].clone()),
            rows => Err(format!("{rows:?}")),
        }
    });
    assert_eq!(read, "Amélie");
    drop(demo);
    // The nodes end with the demo, also if it is killed.
    wait::until("the nodes gone", &[], || {
        let answer = office.tandem(&["status"]);
        // One that ends while it is asked does not answer.
        if answer.exit == Some(1) && answer.error()["code"] == "node_unreachable" {
            return Err(answer.stderr);
        }
        if answer.json()["node"].is_null() { Ok(()) } else { Err("still running".into()) }
    });
}

/// A running demo, killed when dropped.
struct Demo(Child);

impl Demo {
    fn on_a_terminal(line: &str) -> Self {
        // Whoever runs the tests under `nohup` has them ignore the end of a terminal; the demo must not.
        let mut script = Command::new("env");
        script
            .args(["--default-signal=HUP", "script", "--quiet", "--flush", "--command", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self(script.spawn().expect("`script` is needed (Debian: apt-get install bsdutils)"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended_meanwhile = self.0.kill();
        let _reaped = self.0.wait();
    }
}
