//! A CSV file as spreadsheets and other programs write it: its characters, its separator, its head, its
//! rows. What is wrong with it is told with its line.

use std::io::{self, BufRead, Read};
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, Terminator};
use tandem_import::text_file::{Decoded, TextFile};
use tandem_node::api::error_kind;
use tandem_protocol::cause::Cause;

use crate::failure::Failure;
use crate::file;

/// Bytes of the first line that are looked at for the separator.
const HEAD_BYTES: u64 = 64 << 10;

/// See the module.
pub struct CsvFile {
    file: TextFile,
    separator: u8,
    /// Names of the columns.
    pub head: Vec<String>,
}

/// A row, and where it begins.
pub struct Row {
    pub line: u64,
    pub values: StringRecord,
}

impl CsvFile {
    /// Finds out how the file is written, and reads its head.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| file::failed(path, &error);
        let file = TextFile::open(path).map_err(failed)?;
        let mut csv = Self { file, separator: b',', head: Vec::new() };
        if let Some(line) = csv.file.mixed {
            return Err(csv.wrong(line, "csv_mixed", &[]));
        }
        csv.separator = separator(&csv.first_line().map_err(failed)?);
        let mut reader = csv.reader()?;
        let head = csv.record(&mut reader)?.map(|row| row.values).unwrap_or_default();
        csv.head = head.iter().map(|name| name.trim().to_owned()).collect();
        if csv.head.iter().all(String::is_empty) {
            return Err(csv.wrong(1, "csv_no_head", &[]));
        }
        for (at, name) in csv.head.iter().enumerate() {
            if csv.head[..at].iter().any(|other| other.eq_ignore_ascii_case(name)) {
                return Err(csv.wrong(1, "csv_column_twice", &[("column", name.clone())]));
            }
        }
        Ok(csv)
    }

    /// Stands for its content: of two files of one content it is the same.
    pub fn hash(&self) -> &str {
        &self.file.hash
    }

    /// Whether it is written in the French manner: with semicolons between values, because a comma stands
    /// in numbers.
    pub fn is_french(&self) -> bool {
        self.separator == b';'
    }

    /// Its rows, each as wide as the head.
    pub fn rows(&self) -> Result<impl Iterator<Item = Result<Row, Failure>>, Failure> {
        let mut reader = self.reader()?;
        self.record(&mut reader)?;
        Ok(std::iter::from_fn(move || {
            let row = self.record(&mut reader).transpose()?;
            Some(row.and_then(|row| match (row.values.len(), self.head.len()) {
                (found, expected) if found == expected => Ok(row),
                (found, expected) => {
                    let counts = [("found", found.to_string()), ("expected", expected.to_string())];
                    Err(self.wrong(row.line, "csv_width", &counts))
                }
            }))
        }))
    }

    /// The next row, however wide. Lines end with a line feed, and with a carriage return before it where
    /// the file comes from Windows; blank ones are passed over.
    fn record(&self, reader: &mut Records) -> Result<Option<Row>, Failure> {
        let mut values = StringRecord::new();
        loop {
            if !reader.read_record(&mut values).map_err(|error| self.unread(error))? {
                return Ok(None);
            }
            if values.as_slice() != "\r" {
                break;
            }
        }
        let text = values.as_slice();
        let read = reader.get_ref();
        let is_open = read.is_at_end && !read.quotes.is_multiple_of(2);
        let is_ended = !is_open && (!read.is_at_end || read.last == Some(b'\n'));
        let inside = text.bytes().filter(|byte| *byte == b'\n').count();
        let line = (reader.position().line()).saturating_sub(inside as u64 + u64::from(is_ended));
        if is_open {
            return Err(self.wrong(line, "csv_quote", &[]));
        }
        if text.ends_with('\r') {
            let last = values.len() - 1;
            let plain = |(at, value): (usize, &str)| match at == last {
                true => value.trim_end_matches('\r').to_owned(),
                false => value.to_owned(),
            };
            values = values.iter().enumerate().map(plain).collect();
        }
        Ok(Some(Row { line, values }))
    }

    /// What is wrong in a line.
    pub fn wrong(&self, line: u64, cause: &'static str, params: &[(&'static str, String)]) -> Failure {
        let named = params.iter().cloned();
        let cause = named.fold(Cause::new(cause), |cause, (name, value)| cause.with(name, value));
        let error = error_kind::csv_refused.with("path", self.file.path().display()).with("line", line);
        error.with("detail", cause).into()
    }

    fn unread(&self, error: csv::Error) -> Failure {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => file::failed(self.file.path(), &error),
            other => file::failed(self.file.path(), &io::Error::other(format!("{other:?}"))),
        }
    }

    fn first_line(&self) -> io::Result<String> {
        let mut line = String::new();
        self.file.text()?.take(HEAD_BYTES).read_line(&mut line)?;
        Ok(line)
    }

    fn reader(&self) -> Result<Records, Failure> {
        let inner = self.file.text().map_err(|error| file::failed(self.file.path(), &error))?;
        let mut builder = ReaderBuilder::new();
        builder
            .delimiter(self.separator)
            .terminator(Terminator::Any(b'\n'))
            .flexible(true)
            .has_headers(false);
        Ok(builder.from_reader(Watched { inner, quotes: 0, last: None, is_at_end: false }))
    }
}

type Records = Reader<Watched<Decoded>>;

/// Text as it is read, and what of it tells whether it is whole: an odd number of quotation marks leaves
/// one open.
struct Watched<R> {
    inner: R,
    quotes: usize,
    last: Option<u8>,
    is_at_end: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.quotes += buffer[..read].iter().filter(|byte| **byte == b'"').count();
        self.is_at_end |= read == 0;
        self.last = buffer[..read].last().copied().or(self.last);
        Ok(read)
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

    use tandem_protocol::cause::Param;

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
        let told = |failure: Failure| match failure {
            Failure::Refused(error) => {
                let cause = match &error.params["detail"] {
                    Param::Cause(cause) => cause.code.to_string(),
                    other => panic!("{other:?}"),
                };
                let line = match error.params.get("line") {
                    Some(Param::Text(line)) => line.clone(),
                    _ => String::new(),
                };
                (cause, line)
            }
            other => panic!("{other:?}"),
        };
        let file = CsvFile::open(&path).map_err(told)?;
        let rows = file.rows().map_err(told)?;
        let rows = rows.map(|row| row.map(|row| (row.line, row.values.iter().map(str::to_owned).collect())));
        let rows = rows.collect::<Result<_, _>>().map_err(told)?;
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
            folders.each_ref().map(|(_, path)| CsvFile::open(path).unwrap().hash().to_owned());
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
