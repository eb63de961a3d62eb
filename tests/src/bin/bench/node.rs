//! The real program on a data folder.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tandem_tests::site::Site;

use crate::connection::Connection;

/// Name of the space.
pub const SPACE: &str = "school";

/// Builds the program in this benchmark's own profile.
pub fn build_program() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let built = Command::new(cargo).args(["build", "--quiet", "-p", "tandem-cli"]).args(profile).status();
    assert!(built.is_ok_and(|status| status.success()), "the program could not be built");
}

/// Asks until the answer is as wanted.
pub fn poll(
    connection: &mut Connection,
    path: &str,
    every: Duration,
    mut wanted: impl FnMut(&Value) -> bool,
) {
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        if wanted(&connection.get(path)) {
            return;
        }
        assert!(Instant::now() < deadline, "{path} never became as wanted");
        std::thread::sleep(every);
    }
}

/// Path of something of the space.
pub fn path(rest: &str) -> String {
    format!("/v1/spaces/{SPACE}/{rest}")
}

/// The space's part of a status.
pub fn space(status: &Value) -> &Value {
    status["spaces"].as_array().and_then(|spaces| spaces.first()).unwrap_or(&Value::Null)
}

/// What tells that two sites hold and show the same.
pub fn state(status: &Value) -> Value {
    let space = space(status);
    json!([space["version_vector"], space["fingerprint"]])
}

/// Bytes a node has put onto its sync streams and read from them, both ways.
pub fn sync_bytes(status: &Value) -> f64 {
    let peers = space(status)["peers"].as_array().cloned().unwrap_or_default();
    let bytes =
        |peer: &Value| peer["bytes_sent"].as_f64().unwrap() + peer["bytes_received"].as_f64().unwrap();
    peers.iter().map(bytes).sum()
}

/// Greatest memory a node has taken so far, MB: all of it, and without the pages of files. Of those
/// there is one copy for all who run the program, the system takes them back when it likes, and how
/// many it counts depends on how the file came into its memory: of one program a fifth more when
/// it was copied than when it was just linked.
pub fn peak_memory_mb(site: &Site) -> (f64, f64) {
    let running: Value =
        serde_json::from_slice(&std::fs::read(site.data().join("node.json")).unwrap()).unwrap();
    let status = std::fs::read_to_string(format!("/proc/{}/status", running["pid"])).unwrap();
    let mb = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap() / 1024.0
    };
    let peak = mb("VmHWM:");
    (peak, peak - mb("RssFile:"))
}

/// Bytes under a folder, MB.
pub fn disk_mb(folder: &std::path::Path) -> f64 {
    let mut bytes = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let file = entry.metadata().unwrap();
            if file.is_dir() { folders.push(entry.path()) } else { bytes += file.len() }
        }
    }
    bytes as f64 / 1e6
}
