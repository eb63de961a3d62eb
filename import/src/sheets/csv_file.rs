//! A CSV file as spreadsheets and other programs write it: its characters, its separator, its head, its
//! rows. What is wrong with it is told with its line.

use std::io::{self, BufRead, Read};
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, Terminator};
use tandem_protocol::cause::Cause;

use super::empty_text::{EMPTY, EmptyTexts};
use super::error::SheetError;
use super::row::Row;
use crate::text_file::{Decoded, TextFile};

/// Bytes of the first line that are looked at for the separator.
const HEAD_BYTES: u64 = 64 << 10;

/// Bytes of a row, at most: what is longer is one whose quotation mark never ends, and is not waited for.
const ROW_BYTES: u64 = 16 << 20;

/// See the module.
pub struct CsvFile {
    file: TextFile,
    /// What it is called where people see it.
    shown: String,
    separator: u8,
    /// Whether the first line only says what stands between values.
    has_preface: bool,
    /// Names of the columns.
    pub head: Vec<String>,
}

impl CsvFile {
    /// Finds out how the file is written, and reads its head.
    pub fn open(path: &Path, shown: String) -> Result<Self, SheetError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::InvalidData => SheetError::of_file(&shown, Cause::from(error)),
            _ => SheetError::Io { path: shown.clone().into(), error },
        };
        let file = TextFile::open(path).map_err(failed)?;
        let first_line = first_line(&file).map_err(failed)?;
        let told = preface(&first_line);
        let (separator, has_preface) = (told.unwrap_or_else(|| separator(&first_line)), told.is_some());
        let mut csv = Self { file, shown, separator, has_preface, head: Vec::new() };
        if let Some(line) = csv.file.mixed {
            return Err(csv.wrong(line, Cause::new("csv_mixed")));
        }
        let mut reader = csv.reader()?;
        let head = csv.record(&mut reader)?.unwrap_or_default();
        let (line, head) = (head.line.max(1), head.values);
        csv.head = head.iter().map(|name| name.trim().replace(EMPTY, "")).collect();
        check_head(&csv.head).map_err(|cause| csv.wrong(line, cause))?;
        Ok(csv)
    }

    /// Stands for its content: of two files of one content it is the same.
    pub fn hash(&self) -> &str {
        &self.file.hash
    }

    /// What it is called where people see it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it is written in the French manner: not with commas between values, because one stands
    /// in numbers.
    pub fn is_french(&self) -> bool {
        self.separator != b','
    }

    /// Gives its rows, each as wide as the head.
    pub fn each<E: From<SheetError>>(&self, take: &mut dyn FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
        let mut reader = self.reader()?;
        self.record(&mut reader)?;
        while let Some(row) = self.record(&mut reader)? {
            let (found, expected) = (row.values.len(), self.head.len());
            if found != expected {
                let cause = Cause::new("csv_width").with("found", found).with("expected", expected);
                return Err(self.wrong(row.line, cause).into());
            }
            take(&row)?;
        }
        Ok(())
    }

    /// The next row, however wide; those with nothing in them are passed over.
    fn record(&self, reader: &mut Records) -> Result<Option<Row>, SheetError> {
        let mut values = StringRecord::new();
        loop {
            reader.get_mut().inner.left = ROW_BYTES;
            let line = reader.position().line();
            if !reader.read_record(&mut values).map_err(|error| self.unread(error, line))? {
                return Ok(None);
            }
            // Spreadsheets leave rows behind in which nothing stands any more.
            if !values.iter().all(str::is_empty) {
                break;
            }
        }
        let text = values.as_slice();
        let read = &reader.get_ref().inner;
        let is_open = read.is_at_end && !read.quotes.is_multiple_of(2);
        let is_ended = !is_open && (!read.is_at_end || read.last == Some(b'\n'));
        let inside = text.bytes().filter(|byte| *byte == b'\n').count();
        let line = (reader.position().line()).saturating_sub(inside as u64 + u64::from(is_ended));
        if is_open {
            return Err(self.wrong(line, Cause::new("csv_quote")));
        }
        Ok(Some(Row { line, values }))
    }

    fn wrong(&self, line: u64, cause: Cause) -> SheetError {
        SheetError::at(&self.shown, line, cause)
    }

    fn unread(&self, error: csv::Error, line: u64) -> SheetError {
        match error.into_kind() {
            csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::QuotaExceeded => {
                self.wrong(line, Cause::new("csv_long").with("most", ROW_BYTES >> 20))
            }
            csv::ErrorKind::Io(error) => SheetError::Io { path: self.shown.clone().into(), error },
            other => {
                let error = io::Error::other(format!("{other:?}"));
                SheetError::Io { path: self.shown.clone().into(), error }
            }
        }
    }

    /// A reader that stands before the head.
    fn reader(&self) -> Result<Records, SheetError> {
        let failed = |error: io::Error| SheetError::Io { path: self.shown.clone().into(), error };
        let inner = self.file.text().map_err(failed)?;
        let mut builder = ReaderBuilder::new();
        builder
            .delimiter(self.separator)
            .terminator(Terminator::Any(b'\n'))
            .flexible(true)
            .has_headers(false);
        let watched = Watched { inner, quotes: 0, last: None, is_at_end: false, left: ROW_BYTES };
        let mut reader = builder.from_reader(EmptyTexts::new(watched, self.separator));
        if self.has_preface {
            self.record(&mut reader)?;
        }
        Ok(reader)
    }
}

fn first_line(file: &TextFile) -> io::Result<String> {
    let mut line = Vec::new();
    file.text()?.take(HEAD_BYTES).read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// Whether the names of the columns are such: there are some, and none twice.
pub(super) fn check_head(head: &[String]) -> Result<(), Cause> {
    if head.iter().all(String::is_empty) {
        return Err(Cause::new("csv_no_head"));
    }
    let mut seen = std::collections::HashSet::new();
    match head.iter().filter(|name| !name.is_empty()).find(|name| !seen.insert(name.to_lowercase())) {
        Some(name) => Err(Cause::new("csv_column_twice").with("column", name)),
        None => Ok(()),
    }
}

type Records = Reader<EmptyTexts<Watched<Decoded>>>;

/// Text as it is read, and what of it tells whether it is whole: an odd number of quotation marks leaves
/// one open. Of one row it gives only so much.
struct Watched<R> {
    inner: R,
    quotes: usize,
    last: Option<u8>,
    is_at_end: bool,
    left: u64,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or(io::ErrorKind::QuotaExceeded)?;
        self.quotes += buffer[..read].iter().filter(|byte| **byte == b'"').count();
        self.is_at_end |= read == 0;
        self.last = buffer[..read].last().copied().or(self.last);
        Ok(read)
    }
}

/// What the first line says to stand between values, if it says no more than that (`sep=;`).
fn preface(line: &str) -> Option<u8> {
    match line.trim_end_matches(['\r', '\n']).as_bytes() {
        [b'S' | b's', b'E' | b'e', b'P' | b'p', b'=', separator] => Some(*separator),
        _ => None,
    }
}

/// What stands between the values: what the first line has most of, outside of quotation marks.
fn separator(line: &str) -> u8 {
    let mut is_quoted = false;
    let mut counts = [(b';', 0), (b',', 0), (b'\t', 0)];
    for byte in line.bytes() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            _ => counts.iter_mut().filter(|(mark, _)| *mark == byte).for_each(|(_, count)| *count += 1),
        }
    }
    // Of several, the first listed.
    let most = counts.iter().rev().max_by_key(|(_, count)| *count);
    most.filter(|(_, count)| *count > 0).map_or(b',', |(mark, _)| *mark)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.csv");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// Rows, each with its line.
    type Rows = Vec<(u64, Vec<String>)>;

    fn read(bytes: &[u8]) -> Result<(Vec<String>, Rows), (String, String)> {
        let (_folder, path) = written(bytes);
        let told = |error: SheetError| match error {
            SheetError::Wrong { cause, line, .. } => {
                (cause.code.to_string(), line.map_or(String::new(), |line| line.to_string()))
            }
            other => panic!("{other:?}"),
        };
        let file = CsvFile::open(&path, "list.csv".into()).map_err(told)?;
        let mut rows = Rows::new();
        let mut take = |row: &Row| -> Result<(), SheetError> {
            rows.push((row.line, row.values.iter().map(str::to_owned).collect()));
            Ok(())
        };
        file.each(&mut take).map_err(told)?;
        Ok((file.head, rows))
    }

    fn rows(lines: &[(u64, &[&str])]) -> Rows {
        lines
            .iter()
            .map(|(line, row)| (*line, row.iter().map(|value| (*value).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn it_is_read_however_it_is_written() {
        let expected =
            (vec!["code".to_owned(), "été".to_owned()], rows(&[(2, &["a", "é; \"x\""]), (3, &["b", ""])]));
        let text = "code;été\r\na;\"é; \"\"x\"\"\"\r\nb;\r\n";
        let windows = b"code;\xe9t\xe9\r\na;\"\xe9; \"\"x\"\"\"\r\nb;\r\n";
        for bytes in [text.as_bytes(), windows] {
            assert_eq!(read(bytes).unwrap(), expected);
        }
        for separated in ["a,b\n\"1\n2\",x\n", "a\tb\n\"1\n2\"\tx\n"] {
            let (head, found) = read(separated.as_bytes()).unwrap();
            assert_eq!((head, found), (vec!["a".into(), "b".into()], rows(&[(2, &["1\n2", "x"])])));
        }
    }

    #[test]
    fn what_spreadsheets_leave_around_a_list_is_passed_over() {
        let (head, found) = read(b"sep=;\r\na;b;;\r\n1;2;;\r\n;;;\r\n3;;;\r\n\r\n").unwrap();
        assert_eq!(head, ["a", "b", "", ""]);
        assert_eq!(found, rows(&[(3, &["1", "2", "", ""]), (5, &["3", "", "", ""])]));
        assert_eq!(read(b"sep=;\na;A\n1;2\n").unwrap_err(), ("csv_column_twice".to_owned(), "2".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, cause, line) in [
            ("", "csv_no_head", "1"),
            ("a,b,A\n1,2,3\n", "csv_column_twice", "1"),
            ("a,b\n1,2\n3\n", "csv_width", "3"),
            ("a,b\n1,2\n\n\n3,4,5\n", "csv_width", "5"),
            ("a,b\n1,\"2\n3,4\n5,6\n", "csv_quote", "2"),
            ("a,b\n1,\0\n", "file_not_text", ""),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap_err(), (cause.to_owned(), line.to_owned()), "{text:?}");
        }
        let mixed = read(b"a\n\xc3\xa9\n\xe9\n").unwrap_err();
        assert_eq!(mixed, ("csv_mixed".to_owned(), "3".to_owned()));
        assert_eq!(read(b"a,b\n\"x \"\"y\"\"\",2").unwrap().1, rows(&[(2, &["x \"y\"", "2"])]));
    }

    #[test]
    fn one_content_has_one_hash() {
        let folders = [written(b"a\n1\n"), written(b"a\n1\n"), written(b"a\n2\n")];
        let [one, same, other] =
            folders.each_ref().map(|(_, path)| CsvFile::open(path, String::new()).unwrap().hash().to_owned());
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
