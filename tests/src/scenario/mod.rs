//! Short stories of users, told once and played twice: on simulated sites in milliseconds, and on
//! real processes that share a network.
//!
//! ```text
//! scenarios/*.scn ──► Script ──► play ──► Stage ─┬─► Simulated: the store's sites, virtual time
//!                                                └─► Real: `tandem` processes, cables, faketime
//! ```
//!
//! The language is described in `docs/simulation.md`.

pub mod play;
pub mod real;
pub mod script;
pub mod simulated;
pub mod stage;

use std::path::{Path, PathBuf};

use script::Script;
use stage::Stage;

/// The stories there are, by name. An empty folder is a mistake, not a success.
pub fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = std::fs::read_dir(&folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|name| name == "scn")).collect();
    assert!(!files.is_empty(), "no scenarios in {}", folder.display());
    files.sort();
    files
}

/// Plays a file. The error tells where, what was expected and what was seen.
pub fn play_file(file: &Path, stage: &mut dyn Stage) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let script = Script::parse(&file.display().to_string(), &text).map_err(|error| error.to_string())?;
    play::play(&script, stage).map_err(|failure| failure.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::simulated::Simulated;

    #[test]
    fn every_story_is_true_of_simulated_sites() {
        let told = files().into_iter().filter_map(|file| play_file(&file, &mut Simulated::new()).err());
        let failures: Vec<String> = told.collect();
        assert!(failures.is_empty(), "\n{}", failures.join("\n\n"));
    }

    #[test]
    fn a_story_that_is_not_true_tells_where() {
        for (step, told) in [
            ("expect caisse: SELECT stock FROM articles = 39", "expected: 39\n  seen:     40"),
            ("everywhere: SELECT stock FROM article = 40", "sqlite_no_table"),
            ("conflicts 1", "expected: 1\n  seen:     0 at bureau"),
            ("conflict register articles.stock", "seen:     none at bureau"),
            ("refused caisse: DELETE FROM articles -> constraint_check", "it was accepted"),
            ("caisse: INSERT INTO articles (id) VALUES (1)", "constraint_primary_key"),
            ("resolve caisse: KEEP ALL", "expected: one open conflict"),
        ] {
            let story = format!(
                "schema CREATE TABLE articles (\n  id INTEGER PRIMARY KEY, stock COUNTER DEFAULT 0)\n\
                 site bureau\nsite caisse\n# A delivery.\nbureau: INSERT INTO articles VALUES (1, 40)\nsync\n{step}\n"
            );
            let script = Script::parse("story.scn", &story).unwrap();
            let failure = play::play(&script, &mut Simulated::new()).unwrap_err().to_string();
            assert!(failure.starts_with(&format!("story.scn:8: {step}\n")), "{failure}");
            assert!(failure.contains(told), "{failure}");
        }
    }
}
