//! Runs `tandem` on a data folder of its own.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub struct Program {
    folder: TempDir,
}

/// How a run ended, and what it printed.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    fn of(output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Program {
    /// On a folder that is no site yet.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// On a site `office` with the space `school` and a table of pupils.
    pub fn with_school() -> Self {
        Self::with_schema("CREATE TABLE pupils (id INTEGER PRIMARY KEY, name TEXT NOT NULL);")
    }

    /// The same with other tables.
    pub fn with_schema(schema: &str) -> Self {
        let program = Self::new();
        let schema = program.file("schema.sql", schema);
        let schema = schema.to_str().unwrap();
        let made = program.run(&["--space", "school", "init", "--name", "office", "--schema", schema]);
        assert_eq!(made.code, 0, "{made:?}");
        program
    }

    /// A file beside the data folder.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn run(&self, words: &[&str]) -> Run {
        self.run_with(words, &[])
    }

    pub fn run_with(&self, words: &[&str], environment: &[(&str, &str)]) -> Run {
        let mut command = self.command(words);
        command.envs(environment.iter().copied()).stdin(Stdio::null());
        Run::of(&command.output().unwrap())
    }

    /// The same, with this on its standard input.
    pub fn run_on(&self, input: &str, words: &[&str]) -> Run {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        // It may end without having read it.
        let _read_or_not = std::io::Write::write_all(&mut process.stdin.take().unwrap(), input.as_bytes());
        Run::of(&process.wait_with_output().unwrap())
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        for name in [
            "TANDEM_LANG",
            "TANDEM_SPACE",
            "TANDEM_HTTP",
            "TANDEM_LISTEN",
            "TANDEM_PEERS",
            "TANDEM_MDNS",
            "LC_MESSAGES",
            "LANG",
        ] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").env("COLUMNS", "100").env("TANDEM_DATA", self.data()).env("TZ", "UTC");
        command.args(words);
        command
    }

    /// The JSON that a successful run printed.
    pub fn json(&self, words: &[&str]) -> Value {
        let run = self.run(&[&["--json"], words].concat());
        assert_eq!(run.code, 0, "{run:?}");
        serde_json::from_str(&run.out).unwrap()
    }
}

/// Compares with `snapshots/NAME.txt`; with UPDATE_SNAPSHOTS set, writes it.
pub fn assert_snapshot(name: &str, text: &str) {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/command/snapshots").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(text, expected, "{} differs; UPDATE_SNAPSHOTS=1 takes the new text", path.display());
}
