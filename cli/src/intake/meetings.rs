//! When both sides of an exchange by files last had the same. What was taken in, its writer had. What was
//! written here, the other side has only if it took it in, and that is seen from what comes back: a row as
//! only that export had it, not the one before. Of several exports, the newest that is proved so counts.

use std::fs;
use std::io;
use std::path::Path;

use super::known::{Known, Name};

/// Exports that are kept in mind.
const KEPT: usize = 4;

/// What may be known of both sides, before the files that come are looked at.
#[derive(Default)]
pub struct Meetings {
    taken: Known,
    /// By number.
    exports: Vec<(u64, Known)>,
    /// Which of them the other side has taken in.
    proved: Option<usize>,
}

/// States that both sides had: one that was taken in, one that was written.
#[derive(Debug, Default)]
pub struct Bases {
    /// The newest first.
    states: Vec<Known>,
    made: String,
}

impl Meetings {
    /// What is known of a space; files may say which export they follow, by its version token.
    pub fn load(data: &Path, space: &str, said: Option<&str>) -> Self {
        let taken = Known::load(data, space, Name::Taken);
        let numbers = Known::exports(data, space);
        let exports: Vec<(u64, Known)> = numbers
            .into_iter()
            .map(|number| (number, Known::load(data, space, Name::Given(number))))
            .collect();
        let proved = exports.iter().position(|(_, export)| said == Some(export.version.as_str()));
        Self { taken, exports, proved }
    }

    /// Looks at a row that comes: does it prove that an export was taken in?
    pub fn look(&mut self, table: &str, columns: &[String], key: &[u8], cells: &[u64]) {
        let is = |known: &Known| known.cells(table, columns, key) == Some(cells);
        if is(&self.taken) {
            return;
        }
        for at in self.proved.map_or(0, |at| at + 1)..self.exports.len() {
            let (number, export) = &self.exports[at];
            // Of the oldest one that is kept, nothing tells what it had before all others.
            let is_new = match at.checked_sub(1) {
                Some(before) => !is(&self.exports[before].1),
                None => *number == 1,
            };
            if is_new && is(export) {
                self.proved = Some(at);
            }
        }
    }

    /// What both sides had, once all rows are looked at.
    pub fn settle(self) -> Bases {
        let proved = self.proved;
        let export = self.exports.into_iter().enumerate().find(|(at, _)| Some(*at) == proved);
        let made = self.taken.made.clone();
        let mut states = vec![self.taken];
        states.extend(export.map(|(_, (_, export))| export));
        states.retain(|state| !state.version.is_empty());
        states.sort_by_key(|state| std::cmp::Reverse(state.saved));
        Bases { states, made }
    }

    /// Keeps an export in mind.
    pub fn export(known: &Known, data: &Path, space: &str) -> io::Result<()> {
        let numbers = Known::exports(data, space);
        known.save(data, space, Name::Given(numbers.last().map_or(1, |number| number + 1)))?;
        for old in numbers.iter().rev().skip(KEPT - 1) {
            fs::remove_file(Known::path(data, space, Name::Given(*old)))?;
        }
        Ok(())
    }
}

impl Bases {
    /// What this site held when both had the newest of these, as a version token.
    pub fn version(&self) -> Option<String> {
        self.states.first().map(|state| state.version.clone())
    }

    /// When the files were written that were taken in, by the clock of the other side.
    pub fn made(&self) -> &str {
        &self.made
    }

    /// What both had of a row.
    pub fn cells(&self, table: &str, columns: &[String], key: &[u8]) -> Vec<&[u64]> {
        self.states.iter().filter_map(|state| state.cells(table, columns, key)).collect()
    }

    /// Whether both had a row of that key.
    pub fn has(&self, table: &str, key: &[u8]) -> bool {
        self.states.iter().any(|state| state.has(table, key))
    }

    /// Whether both have, or once had, a row of that key.
    pub fn had(&self, table: &str, key: &[u8]) -> bool {
        self.states.iter().any(|state| state.had(table, key))
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = &Known> {
        self.states.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: a key, and the number of their only cell.
    type Rows<'r> = &'r [(u8, u64)];

    fn known(version: &str, rows: Rows<'_>) -> Known {
        let mut known = Known::at(version.into(), String::new());
        known.begin("t", &["id".into()]);
        rows.iter().for_each(|(key, cell)| known.add("t", &[*key], [*cell].into()));
        known
    }

    /// Which export is proved by rows that come.
    fn proved(exports: &[Rows<'_>], rows: Rows<'_>) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        for (at, rows) in exports.iter().enumerate() {
            Meetings::export(&known(&format!("v{at}"), rows), folder.path(), "s").unwrap();
        }
        let mut meetings = Meetings::load(folder.path(), "s", None);
        rows.iter().for_each(|(key, cell)| meetings.look("t", &["id".into()], &[*key], &[*cell]));
        meetings.settle().version()
    }

    #[test]
    fn an_export_is_known_there_once_something_comes_back_that_only_it_had() {
        let (first, second): (Rows<'_>, Rows<'_>) = (&[(1, 1)], &[(1, 1), (2, 2)]);
        assert_eq!(
            proved(&[first, second], &[(1, 1)]).as_deref(),
            Some("v0"),
            "the second may be on its way"
        );
        assert_eq!(proved(&[first, second], &[(2, 2)]).as_deref(), Some("v1"));
        assert_eq!(proved(&[first, second], &[(1, 9)]), None);
        // Of many, the first ones are forgotten, and with them what tells the oldest that is left.
        let many: Vec<Vec<(u8, u64)>> = (1..8).map(|n| (1..=n).map(|key| (key, 1)).collect()).collect();
        let many: Vec<Rows<'_>> = many.iter().map(Vec::as_slice).collect();
        assert_eq!(proved(&many, &[(4, 1)]), None);
        assert_eq!(proved(&many, &[(4, 1), (5, 1)]).as_deref(), Some("v4"));
    }
}
