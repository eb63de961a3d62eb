//! `_metadata.csv`: what a program that writes many files together says of them. tandem's own says also
//! what its tables held ([`Manifest::version`]) and whether formulas were disarmed.

use std::collections::BTreeMap;

use tandem_import::sheets::{Row, Sheet, SheetError, folded};
use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::Value;

/// The line that says what the tables of the writer held, as a version token.
pub const VERSION: &str = "tandem_version";

/// The line that says that texts a spreadsheet would run have an apostrophe before them.
pub const DISARMED: &str = "formulas_disarmed";

/// Lines of it that are read, at most.
const LINES: usize = 1000;

/// What is said of files that come together.
#[derive(Debug, Default)]
pub struct Manifest {
    said: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads it: the names in the first line and what they are in the second, or one of each in every line.
    pub fn read(sheet: &Sheet) -> Result<Self, SheetError> {
        let mut rows: Vec<Vec<String>> = Vec::new();
        sheet.each(&mut |row: &Row| -> Result<(), SheetError> {
            if rows.len() < LINES {
                rows.push(row.values.iter().map(str::to_owned).collect());
            }
            Ok(())
        })?;
        let mut said = BTreeMap::new();
        let mut note = |name: &str, value: &str| said.insert(folded(name), value.trim().to_owned());
        if let [name, value] = sheet.head() {
            note(name, value);
            rows.iter().for_each(|row| drop(note(&row[0], &row[1])));
        }
        let first = rows.first().into_iter().flatten();
        sheet.head().iter().zip(first).for_each(|(name, value)| drop(note(name, value)));
        Ok(Self { said })
    }

    /// When the files were written: what is called a date in it, else the digits in the name of the file.
    pub fn made(&self, file: &str) -> Option<String> {
        let is_date = |name: &&String| name.contains("date") || name.contains("export");
        let named = self.said.keys().filter(is_date).find_map(|name| time(&self.said[name]));
        named.or_else(|| time_in_name(file))
    }

    /// What the writer's tables held, if tandem wrote it.
    pub fn version(&self) -> Option<&str> {
        self.said.get(&folded(VERSION)).map(String::as_str).filter(|version| !version.is_empty())
    }

    /// Whether texts that a spreadsheet would run have an apostrophe before them.
    pub fn is_disarmed(&self) -> bool {
        self.said.get(&folded(DISARMED)).is_some_and(|said| said == "1")
    }
}

/// A time in the form in which times compare as texts.
fn time(text: &str) -> Option<String> {
    let of = |text: &str| match ColumnType::Timestamp.canonical(Value::Text(text.to_owned())) {
        Ok(Value::Text(time)) => Some(time),
        _ => None,
    };
    let french = || -> Option<String> {
        let (day, rest) = (text.get(..10)?, text.get(10..)?);
        let [day, month, year] = day.split('/').collect::<Vec<_>>()[..] else { return None };
        of(&format!("{year}-{month}-{day}{rest}"))
    };
    of(text).or_else(french)
}

/// `20260131_180000`, or the same in one piece, at the end of a name.
fn time_in_name(name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let back: String =
        stem.chars().rev().take_while(|char| char.is_ascii_digit() || "_-T".contains(*char)).collect();
    let digits: Vec<char> = back.chars().filter(char::is_ascii_digit).take(14).collect();
    let digits: String = digits.into_iter().rev().collect();
    let part = |from: usize, to: usize| digits.get(from..to);
    time(&format!(
        "{}-{}-{} {}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_files_were_made_is_read_however_it_is_written() {
        let of = |name: &str, value: &str, file: &str| {
            Manifest { said: [(folded(name), value.to_owned())].into() }.made(file)
        };
        let expected = Some("2026-01-31 18:00:00".to_owned());
        assert_eq!(of("Date d'export", "2026-01-31 18:00:00", ""), expected);
        assert_eq!(of("export_date", "2026-01-31T18:00:00", ""), expected);
        assert_eq!(of("Exporté le", "31/01/2026 18:00:00", ""), expected);
        assert_eq!(of("version", "2", "sync_global_COMPLET_2025-2026_20260131_180000.zip"), expected);
        assert_eq!(of("version", "2", "sync_global_COMPLET_2025-2026_20260131180000.zip"), expected);
        assert_eq!(of("version", "2", "friday.zip"), None);
    }
}
