//! One site of the demo: a node as a process of its own, made of this very program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tandem_node::Running;
use tandem_node::api::error_kind;
use tandem_protocol::cause::Cause;

use crate::client::{Answered, Remote};
use crate::failure::Failure;

/// How long a node may take to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

/// A running node. Ends when dropped, and also if this process is killed: it reads its stdin,
/// which then ends.
pub struct Site {
    pub name: &'static str,
    pub data: PathBuf,
    /// Where the other site reaches it.
    pub listening: Vec<String>,
    pub node: Remote,
    process: Child,
}

/// What `start --json` prints once it runs.
#[derive(Deserialize)]
struct Ready {
    listening: Vec<String>,
}

impl Site {
    /// Starts a node on a folder, on loopback only.
    pub fn start(name: &'static str, data: &Path, peers: &[String]) -> Result<Self, Failure> {
        let log_path = data.with_extension("log");
        let failed = |fault: Cause| -> Failure {
            let cause = Cause::new("demo_ended").with("site", name).with("log", log_path.display());
            error_kind::failed.with("detail", cause.with("fault", fault)).into()
        };
        let program = std::env::current_exe().map_err(|error| failed(Cause::from(error)))?;
        let mut command = Command::new(program);
        command.arg("--data").arg(data).args(["--json", "start", "--no-mdns", "--until-stdin-ends"]).args([
            "--http",
            "127.0.0.1:0",
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ]);
        for peer in peers {
            command.arg("--peer").arg(peer);
        }
        // What this process was told by its environment was not meant for its children.
        for name in
            ["TANDEM_DATA", "TANDEM_SPACE", "TANDEM_HTTP", "TANDEM_LISTEN", "TANDEM_PEERS", "TANDEM_MDNS"]
        {
            command.env_remove(name);
        }
        let log = std::fs::File::create(&log_path).map_err(|error| failed(Cause::from(error)))?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        let mut process = command.spawn().map_err(|error| failed(Cause::from(error)))?;
        let ready = read_ready(&mut process);
        let found = ready.and_then(|ready| {
            let silent = || Cause::new("timed_out");
            let running = Running::read(data).ok_or_else(silent)?;
            let node = Remote::of(data, &running).ok().and_then(Answered::node).ok_or_else(silent)?;
            Ok((ready, node))
        });
        match found {
            Ok((ready, node)) => {
                Ok(Self { name, data: data.to_owned(), listening: ready.listening, node, process })
            }
            Err(fault) => {
                end(&mut process);
                Err(failed(fault))
            }
        }
    }
}

fn read_ready(process: &mut Child) -> Result<Ready, Cause> {
    let not_started = || Cause::new("demo_not_started");
    let stdout = process.stdout.take().ok_or_else(not_started)?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).map_err(Cause::from)?;
    serde_json::from_str(&line).map_err(|_| not_started())
}

impl Drop for Site {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Asks the process to end, and waits; makes it end when it does not.
fn end(process: &mut Child) {
    drop(process.stdin.take());
    let deadline = Instant::now() + LAST_WORDS;
    while Instant::now() < deadline {
        match process.try_wait() {
            Ok(None) => std::thread::sleep(PAUSE),
            Ok(Some(_)) => return,
            Err(_) => break,
        }
    }
    let _ended_meanwhile = process.kill();
    let _reaped = process.wait();
}
