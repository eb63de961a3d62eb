//! One site: the real `tandem` program with a data folder of its own.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::answer::Answer;
use crate::faketime;
use crate::http::Http;
use crate::lan::Host;
use crate::wait;

/// Bytes of its log that are shown when a test fails.
const TAIL: usize = 6_000;

/// A data folder, and the node on it while one runs. The node ends with the value.
pub struct Site {
    name: String,
    host: Option<Arc<Host>>,
    base: TempDir,
    data: PathBuf,
    clock: Mutex<Option<String>>,
    node: Mutex<Option<Child>>,
}

impl Site {
    /// A site on a host of a network, with nothing in its folder yet.
    pub fn on(host: &Arc<Host>, name: &str) -> Self {
        Self::at(Some(host.clone()), name)
    }

    /// A site on this machine's own loopback.
    pub fn alone(name: &str) -> Self {
        Self::at(None, name)
    }

    fn at(host: Option<Arc<Host>>, name: &str) -> Self {
        let base = tempfile::Builder::new().prefix("tandem-test-").tempdir().unwrap();
        let data = base.path().join("data");
        Self { name: name.to_owned(), host, base, data, clock: Mutex::default(), node: Mutex::default() }
    }

    /// Uses another data folder from now on; its content becomes this site's.
    pub fn use_folder(&mut self, data: &Path) {
        data.clone_into(&mut self.data);
    }

    /// Sets this PC's clock (see [`faketime::env`]), or sets it right again. What runs already
    /// keeps the one it has.
    pub fn set_clock(&self, clock: Option<&str>) {
        *self.clock.lock().unwrap() = clock.map(str::to_owned);
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A file beside the data folder with that content.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.base.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A path beside the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// The host it is on.
    pub fn host(&self) -> &Arc<Host> {
        self.host.as_ref().expect("this site is on no network")
    }

    /// The program with its data folder, on its host; English whatever the machine speaks.
    pub fn command(&self) -> Command {
        let (program, clock) = (program(), self.clock.lock().unwrap());
        // Told to `env`, for nothing else on the way is to see that clock.
        let first = if clock.is_some() { Path::new("env") } else { &program };
        let mut command = match &self.host {
            Some(host) => host.command(first),
            None => Command::new(first),
        };
        if let Some(clock) = &*clock {
            command.args(faketime::env(clock)).arg(&program);
        }
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TANDEM_")) {
            command.env_remove(name);
        }
        command
            .env("TANDEM_LANG", "en")
            .env("RUST_BACKTRACE", "1")
            .arg("--json")
            .arg("--data")
            .arg(&self.data);
        command
    }

    /// Runs the program with these arguments to its end.
    pub fn tandem(&self, args: &[&str]) -> Answer {
        let output = self.command().args(args).stdin(Stdio::null()).output().unwrap();
        Answer::new(format!("{}: tandem {}", self.name, args.join(" ")), output)
    }

    /// Stops the node and starts it again.
    pub fn restart(&self) {
        self.stop();
        self.start();
    }

    /// Starts the node, and waits until it answers.
    pub fn start(&self) {
        self.start_with(&[]);
    }

    /// Starts the node with further arguments, and waits until it answers.
    pub fn start_with(&self, args: &[&str]) {
        self.spawn(args);
        self.wait_ready();
    }

    /// Starts the node and does not wait.
    pub fn spawn(&self, args: &[&str]) {
        let mut node = self.node();
        assert!(node.is_none(), "{} runs already", self.name);
        let log = || OpenOptions::new().create(true).append(true).open(self.path("node.log")).unwrap();
        let mut command = self.command();
        command.arg("start");
        if self.host.is_none() {
            // The machine's own loopback is shared with other tests.
            command.args(["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0", "--no-mdns"]);
        }
        *node = Some(command.args(args).stdin(Stdio::null()).stdout(log()).stderr(log()).spawn().unwrap());
    }

    /// Waits until the node answers.
    pub fn wait_ready(&self) {
        wait::until(&format!("ready: {}", self.name), &[self], || {
            let mut node = self.node();
            let child = node.as_mut().expect("a node was started");
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{} ended instead of running: {status}\n{}", self.name, self.log_tail());
            }
            let pid = child.id();
            drop(node);
            let running = fs::read(self.data.join("node.json")).map_err(|error| error.to_string())?;
            let running: Value = serde_json::from_slice(&running).map_err(|error| error.to_string())?;
            // A node that was killed leaves its note behind.
            if running["pid"] != pid {
                return Err(format!("node.json of another process: {running}"));
            }
            if self.http(|http| http.healthy()) { Ok(()) } else { Err("no answer to /healthz".into()) }
        });
    }

    /// Kills the node as the system does when memory is short: without a word.
    pub fn kill(&self) {
        let mut child = self.node().take().expect("a node was started");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks the node to end, and checks that it does so in order.
    pub fn stop(&self) {
        let mut child = self.node().take().expect("a node was started");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let ended = wait::until(&format!("stopped: {}", self.name), &[self], || ended(&mut child));
        assert!(ended.success(), "{} did not end well: {ended}\n{}", self.name, self.log_tail());
    }

    /// Waits for a node that ends by itself; gives how it ended.
    pub fn wait_end(&self) -> ExitStatus {
        let mut child = self.node().take().expect("a node was started");
        wait::until(&format!("ended: {}", self.name), &[self], || ended(&mut child))
    }

    /// Talks to the node over HTTP, on its own host.
    pub fn http<R: Send>(&self, talk: impl FnOnce(&Http) -> R + Send) -> R {
        let http = Http::of_folder(&self.data).unwrap();
        self.inside(|| talk(&http))
    }

    /// Runs `work` where this site's addresses can be reached.
    pub fn inside<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.host {
            Some(host) => host.inside(work),
            None => work(),
        }
    }

    /// Its whole status.
    pub fn status(&self) -> Value {
        self.tandem(&["status"]).json()
    }

    /// The status of its only space.
    pub fn space(&self) -> Value {
        let status = self.status();
        assert_eq!(status["spaces"].as_array().unwrap().len(), 1, "{status}");
        status["spaces"][0].clone()
    }

    /// The process of its node.
    pub fn pid(&self) -> u32 {
        self.node().as_ref().expect("a node was started").id()
    }

    /// Its id.
    pub fn id(&self) -> String {
        self.status()["site"]["id"].as_str().unwrap().to_owned()
    }

    /// Runs one statement that writes.
    #[track_caller]
    pub fn write(&self, sql: &str) -> Value {
        self.tandem(&["sql", sql]).json()
    }

    /// The rows a query gives.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<Vec<Value>> {
        let answer = self.tandem(&["sql", sql]).json();
        serde_json::from_value(answer["rows"].clone()).unwrap()
    }

    /// The only cell a query gives.
    #[track_caller]
    pub fn cell(&self, sql: &str) -> Value {
        let rows = self.rows(sql);
        assert_eq!((rows.len(), rows.first().map(Vec::len)), (1, Some(1)), "{sql}: {rows:?}");
        rows[0][0].clone()
    }

    /// A token with which another site joins.
    #[track_caller]
    pub fn invite(&self) -> String {
        self.tandem(&["invite"]).json()["token"].as_str().unwrap().to_owned()
    }

    /// All open conflicts, and what is told of each.
    #[track_caller]
    pub fn conflicts(&self) -> Vec<Value> {
        let listed = self.tandem(&["conflicts"]).json();
        serde_json::from_value(listed["conflicts"].clone()).unwrap()
    }

    /// Joins, alone, until everything has arrived.
    #[track_caller]
    pub fn join(&self, token: &str) {
        self.tandem(&["join", token, "--name", &self.name]).succeeded();
    }

    /// Checks hashes, signatures, and that the view shows what the log says.
    #[track_caller]
    pub fn verify(&self) {
        let report = self.tandem(&["log", "verify"]).json();
        assert_eq!(report["ok"], true, "{}: {report}", self.name);
        assert_eq!(report["transactions"], self.space()["transactions"], "{}", self.name);
    }

    /// The end of what its node logged.
    pub fn log_tail(&self) -> String {
        let log = fs::read(self.path("node.log")).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(TAIL)..]).into_owned();
        format!("--- log of {} ({}) ---\n{tail}\n", self.name, self.data.display())
    }

    fn node(&self) -> MutexGuard<'_, Option<Child>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut child) = self.node().take() {
            let _ended_meanwhile = child.kill();
            let _reaped = child.wait();
        }
    }
}

fn ended(child: &mut Child) -> Result<ExitStatus, String> {
    child.try_wait().unwrap().ok_or_else(|| "still running".to_owned())
}

/// The `tandem` program: `TANDEM_BIN`, or what was built beside this test.
pub fn program() -> PathBuf {
    if let Some(given) = std::env::var_os("TANDEM_BIN") {
        return given.into();
    }
    built("tandem")
}

/// A file that cargo put into its folder of this profile (`target/debug`).
pub fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| File::open(path).is_ok());
    found.unwrap_or_else(|| {
        panic!("{name} is not built: run `./test`, or `cargo build -p tandem-cli -p tandem-powercut`")
    })
}
