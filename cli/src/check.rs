//! What `doctor` looks at: each check tells what it found, and what mends it. Only what this PC can
//! know is said.

pub mod exchange;
pub mod site;

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Worth knowing; everything works.
    Warning,
    /// Something does not work as it should.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: a stable name.
    pub check: &'static str,
    /// The space, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    pub level: Level,
    /// For people.
    pub message: String,
    /// What to do next, if anything.
    pub next: Option<String>,
}

impl Check {
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, space: None, level: Level::Ok, message: message.into(), next: None }
    }

    pub fn warning(check: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Warning, next: Some(next.into()), ..Self::ok(check, message) }
    }

    pub fn problem(check: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::warning(check, message, next) }
    }
}
