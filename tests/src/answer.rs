//! What a command printed, and how it ended.

use std::process::Output;

use serde_json::Value;

/// The end of one run of `tandem --json`.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The exit code; none if it was killed.
    pub exit: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it printed for people, or as its error.
    pub stderr: String,
}

impl Answer {
    /// Of a command that has ended.
    pub fn new(asked: String, output: Output) -> Self {
        Self {
            asked,
            exit: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON it printed; it must have succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        self.succeeded();
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The JSON objects it printed, one a line; it must have succeeded.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<Value> {
        self.succeeded();
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that it succeeded.
    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        assert_eq!(self.exit, Some(0), "{self:?}");
        self
    }

    /// Checks that it was refused with that code, in words and with a next step; gives the
    /// error's text: message and hints.
    #[track_caller]
    pub fn refused(&self, code: &str) -> String {
        assert_eq!(self.exit, Some(1), "{self:?}");
        let error = self.error();
        assert_eq!(error["code"], code, "{self:?}");
        let message = error["message"].as_str().unwrap();
        assert!(message.len() > 20 && !message.contains("%{"), "no clear message: {self:?}");
        let hints: Vec<_> =
            error["hints"].as_array().unwrap().iter().map(|hint| hint.as_str().unwrap()).collect();
        format!("{message}\n{}", hints.join("\n"))
    }

    /// The error it printed on its last line.
    #[track_caller]
    pub fn error(&self) -> Value {
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        let last = self.stderr.lines().last().unwrap_or_else(|| panic!("no error was printed: {self:?}"));
        let error: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("not an error: {self:?}"));
        error["error"].clone()
    }
}
