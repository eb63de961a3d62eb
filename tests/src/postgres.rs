//! A PostgreSQL server of a test's own: in a temporary folder, on a port and a socket of its own, with the
//! settings it comes with. What runs on the machine already is left alone.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// The user that owns everything.
const USER: &str = "bench";

/// A server; it ends, and its folder with it, when this is dropped.
pub struct Server {
    child: Mutex<Option<Child>>,
    port: u16,
    programs: PathBuf,
    folder: TempDir,
}

impl Server {
    /// Starts one. None, with a word on the error stream, if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("PostgreSQL is not installed (apt-get install postgresql): its figures are left out");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if let Some((user, group)) = owner() {
            for path in [folder.path(), &data] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { child: Mutex::new(None), port, programs, folder };
        let user = format!("--username={USER}");
        let made = server
            .as_owner("initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", &user, "-D"])
            .arg(&data)
            .status();
        assert!(made.is_ok_and(|status| status.success()), "initdb failed");
        server.go_on();
        Some(server)
    }

    /// Runs it, again if it was stopped, and waits until it answers.
    pub fn go_on(&self) {
        let mut server = self.as_owner("postgres");
        server.arg("-D").arg(self.folder.path().join("data"));
        server.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k"]);
        *self.child.lock().unwrap() = Some(server.arg(self.folder.path()).spawn().unwrap());
        drop(self.connect());
    }

    /// Ends it: what was committed stays. `Signal::QUIT` is a crash, `Signal::INT` a fast way down.
    pub fn stop(&self, how: Signal) {
        let Some(mut child) = self.child.lock().unwrap().take() else { return };
        let _gone_already = kill_process(Pid::from_child(&child), how);
        let _gone_already = child.wait();
    }

    /// A program of PostgreSQL that talks to it.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.arg("-h").arg(self.folder.path()).args(["-p", &self.port.to_string(), "-U", USER]);
        command
    }

    /// A new database.
    pub fn database(&self, name: &str) -> Database<'_> {
        self.connect().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        Database { server: self, name: name.to_owned() }
    }

    /// A connection over TCP, as tandem's client has one.
    pub fn connect(&self) -> Client {
        self.connect_to("postgres")
    }

    fn connect_to(&self, database: &str) -> Client {
        let address = format!("host=127.0.0.1 port={} user={USER} dbname={database}", self.port);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match Client::connect(&address, NoTls) {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "PostgreSQL does not answer: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn as_owner(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        if let Some((user, group)) = owner() {
            command.uid(user).gid(group);
        }
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The fast way down: sessions are ended, what was committed stays.
        self.stop(Signal::INT);
    }
}

/// A database of a server.
pub struct Database<'s> {
    server: &'s Server,
    name: String,
}

impl Database<'_> {
    /// Its address, by the socket: it is reached from every network of a test.
    pub fn url(&self) -> String {
        let folder = self.server.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{folder}:{}/{}", self.server.port, self.name)
    }

    /// Where it is, as programs that use PostgreSQL's own library are told.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        let folder = self.server.folder.path().display().to_string();
        let (port, name) = (self.server.port.to_string(), self.name.clone());
        [("PGHOST", folder), ("PGPORT", port), ("PGUSER", USER.to_owned()), ("PGDATABASE", name)]
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection to it.
    pub fn connect(&self) -> Client {
        self.server.connect_to(&self.name)
    }

    /// Runs statements.
    #[track_caller]
    pub fn run(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    /// The rows that a query gives, each as a text.
    #[track_caller]
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let rows =
            self.connect().query(&format!("SELECT row_here::text FROM ({sql}) AS row_here"), &[]).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// The folder of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").exists()).max_by_key(|folder| version(folder))
}

fn version(programs: &Path) -> u32 {
    let name = programs.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).unwrap_or(0)
}

/// Root may not run PostgreSQL: its own user does. None for whoever is not root.
fn owner() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("postgres:")).expect("a user postgres");
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
