//! How a run went.

use super::counts::Counts;

/// What must not be, and was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

/// How a run went.
#[derive(Debug)]
pub struct Outcome {
    /// What happened how often.
    pub counts: Counts,
    /// What went wrong, if anything.
    pub broken: Option<Broken>,
    /// The last steps, where they were written down.
    pub steps: Vec<String>,
}
