//! What an import did, or would do, table by table; and how it is told.

use serde::Serialize;
use tandem_protocol::cause::Cause;

use super::reading::Heading;
use crate::speech;
use crate::visible::value;

/// Refused rows that are told one by one; the others are counted.
pub const TOLD: usize = 20;

/// A row that is not taken in, and why.
#[derive(Debug, Serialize)]
pub struct RefusedRow {
    /// Its file.
    pub file: String,
    /// Its line.
    pub line: u64,
    /// Why.
    pub reason: Cause,
}

/// Where the rows of a file go.
#[derive(Debug, Serialize)]
pub struct FileTally {
    /// The file, or the sheet of it.
    pub file: String,
    /// The table.
    pub table: String,
    /// Its head, and the columns that it names.
    pub headings: Vec<Heading>,
    /// Its rows.
    pub rows: u64,
}

/// What became of the rows for one table.
#[derive(Debug, Default, Serialize)]
pub struct TableTally {
    /// The table.
    pub table: String,
    /// Rows of its files.
    pub rows: u64,
    /// Rows that were not here.
    pub inserted: u64,
    /// Rows of which something was new.
    pub updated: u64,
    /// Rows that were here and say the same.
    pub same: u64,
    /// Rows of which what is here is newer.
    pub older: u64,
    /// Rows that were changed here and there.
    pub to_decide: u64,
    /// Rows that are not taken in.
    pub refused: u64,
    /// Rows that are in no list of ids any more.
    pub deleted: u64,
    /// Rows that such a list does not name and that stay, for it would be too many.
    pub held: u64,
    /// Rows that such a list does not name and that stay, for others refer to them.
    pub referred: u64,
}

/// What an import did, or would do.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    /// The table, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Rows of all files.
    pub rows: u64,
    /// Rows that were not here.
    pub inserted: u64,
    /// Rows of which something was new.
    pub updated: u64,
    /// Rows that were deleted.
    pub deleted: u64,
    /// Rows that an import of the same files had taken in before.
    pub before: u64,
    /// Those of them in files of which an import had not taken in all.
    pub resumed: u64,
    /// When files were written that are older than those of this kind that were taken in last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// Conflicts that it opened.
    pub to_decide: u64,
    /// Nothing was written.
    pub dry_run: bool,
    /// Table by table.
    pub tables: Vec<TableTally>,
    /// File by file.
    pub files: Vec<FileTally>,
    /// Files that go nowhere.
    pub passed: Vec<String>,
    /// The first of the rows that are refused.
    pub refused: Vec<RefusedRow>,
    /// Where everything was saved before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
}

impl Tally {
    /// The figures of a table.
    pub fn of(&mut self, table: &str) -> &mut TableTally {
        let at = self.tables.iter().position(|tally| tally.table == table).unwrap_or_else(|| {
            self.tables.push(TableTally { table: table.to_owned(), ..TableTally::default() });
            self.tables.len() - 1
        });
        &mut self.tables[at]
    }

    /// Adds all tables up.
    pub fn sum(&mut self) {
        let sum = |of: fn(&TableTally) -> u64| self.tables.iter().map(of).sum::<u64>();
        let (inserted, updated, deleted) =
            (sum(|one| one.inserted), sum(|one| one.updated), sum(|one| one.deleted));
        (self.inserted, self.updated, self.deleted) = (inserted, updated, deleted);
        if let [only] = self.tables.as_slice() {
            self.table = Some(only.table.clone());
        }
    }

    /// For people.
    pub fn told(&self) -> String {
        let mut lines = Vec::new();
        if self.dry_run || self.files.len() > 1 {
            self.files.iter().for_each(|file| self.tell_file(file, &mut lines));
            lines.extend(self.passed.iter().map(|file| t!("import.passed", file = file).into_owned()));
        }
        if let Some(made) = &self.old {
            lines.push(t!("import.old", made = made).into_owned());
        }
        if let Some(backup) = &self.backup {
            lines.push(t!("import.saved", path = backup).into_owned());
        }
        match self.tables.as_slice() {
            [only] if self.before >= self.rows && self.rows > 0 && only.deleted == 0 && !self.dry_run => {
                lines.push(t!("import.before", table = value(&only.table), rows = self.rows).into_owned());
                return lines.join("\n");
            }
            _ if self.resumed > 0 => lines.push(t!("import.goes_on", count = self.resumed).into_owned()),
            _ => {}
        }
        let is_touched = |table: &&TableTally| table.rows + table.deleted + table.held + table.referred > 0;
        let touched = self.tables.iter().filter(|table| self.tables.len() == 1 || is_touched(table));
        touched.for_each(|table| self.tell_table(table, &mut lines));
        for row in &self.refused {
            let (file, reason) = (value(&row.file), speech::told(&row.reason));
            lines.push(t!("import.refused_row", file = file, line = row.line, reason = reason).into_owned());
        }
        if self.to_decide > 0 {
            lines.push(t!("import.to_decide", count = self.to_decide).into_owned());
        }
        if self.dry_run {
            lines.push(t!("import.dry").into_owned());
        }
        lines.join("\n")
    }

    fn tell_file(&self, file: &FileTally, lines: &mut Vec<String>) {
        let (name, table) = (value(&file.file), value(&file.table));
        lines.push(t!("import.file", file = name, table = table, rows = file.rows).into_owned());
        if !self.dry_run {
            return;
        }
        let (known, unknown): (Vec<&Heading>, Vec<&Heading>) =
            file.headings.iter().partition(|heading| heading.column.is_some());
        let pair = |heading: &&Heading| {
            let column = heading.column.clone().unwrap_or_default();
            match heading.header == column {
                true => value(column),
                false => format!("{} → {}", value(&heading.header), value(column)),
            }
        };
        let known: Vec<String> = known.iter().map(pair).collect();
        lines.push(format!("  {}", t!("import.columns", columns = known.join(", "))));
        if !unknown.is_empty() {
            let unknown: Vec<String> = unknown.iter().map(|heading| value(&heading.header)).collect();
            lines.push(format!("  {}", t!("import.nowhere", columns = unknown.join(", "))));
        }
    }

    fn tell_table(&self, table: &TableTally, lines: &mut Vec<String>) {
        let key = if self.dry_run { "import.would_be" } else { "import.done" };
        let mut line = t!(
            key,
            table = value(&table.table),
            inserted = table.inserted,
            updated = table.updated,
            same = table.same
        )
        .into_owned();
        let more = [
            ("import.deleted", table.deleted),
            ("import.older", table.older),
            ("import.both", table.to_decide),
            ("import.refused", table.refused),
        ];
        for (key, count) in more.into_iter().filter(|(_, count)| *count > 0) {
            line += &format!(", {}", t!(key, count = count));
        }
        lines.push(line);
        if table.held > 0 {
            lines.push(format!("  {}", t!("import.held", count = table.held)));
        }
        if table.referred > 0 {
            lines.push(format!("  {}", t!("import.referred", count = table.referred)));
        }
    }
}
