//! A PostgreSQL server of the benchmark's own: in a temporary folder, on a port of its own, with the
//! settings it comes with. What runs on the machine already is left alone.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// A running server; it ends, and its folder with it, when this is dropped.
pub struct Server {
    child: Child,
    port: u16,
    /// Kept for its end.
    _folder: TempDir,
}

impl Server {
    /// Starts one. None, with a word on the error stream, if PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("PostgreSQL is not installed (apt-get install postgresql): its figures are left out");
            return None;
        };
        let owner = owner();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if let Some((user, group)) = owner {
            for path in [folder.path(), &data] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let as_owner = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        let made = as_owner("initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--username=bench", "-D"])
            .arg(&data)
            .status();
        assert!(made.is_ok_and(|status| status.success()), "initdb failed");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = as_owner("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-k"]);
        let child = server.arg(folder.path()).spawn().unwrap();
        let server = Self { child, port, _folder: folder };
        drop(server.connect());
        Some(server)
    }

    /// A connection over TCP, as tandem's client has one.
    pub fn connect(&self) -> Client {
        let address = format!("host=127.0.0.1 port={} user=bench dbname=postgres", self.port);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match Client::connect(&address, NoTls) {
                Ok(client) => return client,
                Err(error) => assert!(Instant::now() < deadline, "PostgreSQL does not answer: {error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The fast way down: sessions are ended, what was committed stays.
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _gone_already = self.child.wait();
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
