//! A workbook of a spreadsheet (XLSX): its sheets, row by row, as texts. Of a formula its value is taken,
//! as the spreadsheet had it; macros are never looked at. However large a sheet says to be, what is in
//! memory is one row, and the texts that the sheets share.

use std::fs::File;
use std::io::{self, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use calamine::{Cell, DataRef, ExcelDateTime, Reader, SheetType, Xlsx, XlsxError};
use csv::StringRecord;
use tandem_protocol::cause::Cause;

use super::archive::Archive;
use super::csv_file::check_head;
use super::error::SheetError;
use super::row::Row;

/// Bytes that a part of a workbook may have that is read into memory as a whole.
const PART_BYTES: u64 = 128 << 20;

/// Bytes between two marks of a part: no cell is longer.
const MARK_BYTES: u64 = 1 << 20;

/// A workbook whose parts are within bounds.
pub struct Workbook {
    path: PathBuf,
    shown: String,
    hash: String,
}

/// One sheet of a workbook that has a head.
pub struct WorkbookSheet {
    path: PathBuf,
    shown: String,
    hash: String,
    /// Its name.
    pub name: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// The row in which they stand.
    head_row: u32,
}

type Book = Xlsx<BufReader<File>>;

impl Workbook {
    /// Opens one, if none of its parts is more than it may be.
    pub fn open(path: &Path, shown: &str) -> Result<Self, SheetError> {
        let mut archive = Archive::open(path, shown)?;
        let mut hasher = blake3::Hasher::new();
        for entry in archive.entries()? {
            let is_streamed = entry.name.starts_with("xl/worksheets/");
            let is_text = entry.name.ends_with(".xml") || entry.name.ends_with(".rels");
            let (mut bytes, mut since_mark, mut last) = (0, 0, 0);
            archive
                .read(&entry, &mut |piece| {
                    hasher.update(piece);
                    bytes += piece.len() as u64;
                    let from_mark = piece.iter().rev().position(|byte| *byte == b'<');
                    since_mark = from_mark.map_or(since_mark + piece.len() as u64, |after| after as u64);
                    let is_cut = is_text && (since_mark > MARK_BYTES || has_comment(last, piece));
                    last = piece.last().copied().unwrap_or(last);
                    if is_cut || is_text && !is_streamed && bytes > PART_BYTES {
                        return Err(io::ErrorKind::QuotaExceeded.into());
                    }
                    Ok(())
                })
                .map_err(|error| match error {
                    SheetError::Io { error, .. } if error.kind() == io::ErrorKind::QuotaExceeded => {
                        SheetError::of_file(shown, Cause::new("xlsx_part").with("part", entry.name.as_str()))
                    }
                    error => error,
                })?;
        }
        let hash = hasher.finalize().to_hex()[..32].to_owned();
        Ok(Self { path: path.to_owned(), shown: shown.to_owned(), hash })
    }

    /// Its sheets, but for empty ones.
    pub fn sheets(&self) -> Result<Vec<WorkbookSheet>, SheetError> {
        let mut book = opened(&self.path, &self.shown)?;
        let listed = book.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let names: Vec<String> = listed.map(|sheet| sheet.name.clone()).collect();
        let mut sheets = Vec::new();
        for name in names {
            let shown = format!("{}: {name}", self.shown);
            let first = Rows::of(&mut book, &name, &shown)?.next(usize::MAX)?;
            let Some((line, head)) = first else { continue };
            let head: Vec<String> = head.iter().map(|name| name.trim().to_owned()).collect();
            check_head(&head).map_err(|cause| SheetError::at(&shown, u64::from(line) + 1, cause))?;
            let (path, hash) = (self.path.clone(), self.hash.clone());
            sheets.push(WorkbookSheet { path, shown, hash, name, head, head_row: line });
        }
        Ok(sheets)
    }
}

impl WorkbookSheet {
    /// Stands for the content of the workbook, and for this sheet of it.
    pub fn hash(&self) -> String {
        let hash = blake3::hash(format!("{} {}", self.hash, self.name).as_bytes());
        hash.to_hex()[..32].to_owned()
    }

    /// What it is called where people see it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Gives its rows, each as wide as the head.
    pub fn each<E: From<SheetError>>(&self, take: &mut dyn FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
        let mut book = opened(&self.path, &self.shown)?;
        let mut rows = Rows::of(&mut book, &self.name, &self.shown)?;
        while let Some((line, values)) = rows.next(self.head.len())? {
            if line > self.head_row {
                take(&Row { line: u64::from(line) + 1, values })?;
            }
        }
        Ok(())
    }
}

fn opened(path: &Path, shown: &str) -> Result<Book, SheetError> {
    let failed = |error: io::Error| SheetError::Io { path: shown.into(), error };
    let file = File::open(path).map_err(failed)?;
    guarded((shown, None), || Xlsx::new(BufReader::new(file)))
}

/// Reads something of a workbook. Its reader does not promise to end well on every damaged one: where it
/// gives up in the middle, that one is damaged, and no more than that.
fn guarded<T>(
    (shown, row): (&str, Option<u32>),
    read: impl FnOnce() -> Result<T, XlsxError>,
) -> Result<T, SheetError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(read) => read.map_err(|error| unread(shown, row, &error)),
        Err(_) => Err(unread(shown, row, &XlsxError::Unexpected("it makes no sense"))),
    }
}

/// Comments and what else is not cells, in which the marks that are counted mean nothing. No spreadsheet
/// writes any.
fn has_comment(last: u8, piece: &[u8]) -> bool {
    last == b'<' && piece.first() == Some(&b'!') || piece.windows(2).any(|two| two == b"<!")
}

fn unread(shown: &str, row: Option<u32>, error: &XlsxError) -> SheetError {
    let cause = match error {
        XlsxError::Password => Cause::new("zip_encrypted").with("entry", ""),
        _ => Cause::new("xlsx_damaged"),
    };
    SheetError::Wrong { file: shown.to_owned(), line: row.map(|row| u64::from(row) + 1), cause }
}

/// The rows of a sheet, cell by cell as they stand in the file.
struct Rows<'a> {
    cells: calamine::XlsxCellReader<'a, BufReader<File>>,
    shown: &'a str,
    /// The first cell of the next row.
    next: Option<Cell<DataRef<'a>>>,
    row: u32,
}

impl<'a> Rows<'a> {
    fn of(book: &'a mut Book, name: &str, shown: &'a str) -> Result<Self, SheetError> {
        let cells = guarded((shown, None), || book.worksheet_cells_reader(name))?;
        let mut rows = Self { cells, shown, next: None, row: 0 };
        rows.next = rows.cell()?;
        Ok(rows)
    }

    /// The next cell with something in it.
    fn cell(&mut self) -> Result<Option<Cell<DataRef<'a>>>, SheetError> {
        loop {
            let (cells, shown, row) = (&mut self.cells, self.shown, Some(self.row));
            match guarded((shown, row), || cells.next_cell())? {
                Some(cell) if matches!(cell.get_value(), DataRef::Empty) => {}
                other => return Ok(other),
            }
        }
    }

    /// The next row with something in it, its number, and as many values as are asked for; a head has as
    /// many as it has.
    fn next(&mut self, width: usize) -> Result<Option<(u32, StringRecord)>, SheetError> {
        let Some(first) = self.next.take() else { return Ok(None) };
        let row = first.get_position().0;
        let wrong = |cause: Cause| SheetError::at(self.shown, u64::from(row) + 1, cause);
        if row < self.row {
            return Err(wrong(Cause::new("xlsx_damaged")));
        }
        self.row = row;
        let (mut values, mut cell) = (StringRecord::new(), Some(first));
        loop {
            match cell.take() {
                Some(one) if one.get_position().0 == row => {
                    let column = one.get_position().1 as usize;
                    if column >= width {
                        let cause = Cause::new("csv_width").with("found", column + 1);
                        return Err(wrong(cause.with("expected", width)));
                    }
                    if column < values.len() {
                        return Err(wrong(Cause::new("xlsx_damaged")));
                    }
                    while values.len() < column {
                        values.push_field("");
                    }
                    values.push_field(&text(one.get_value()).map_err(wrong)?);
                    cell = self.cell()?;
                }
                next => {
                    self.next = next;
                    break;
                }
            }
        }
        while width < usize::MAX && values.len() < width {
            values.push_field("");
        }
        Ok(Some((row, values)))
    }
}

/// What a cell shows, as programs write it.
fn text(value: &DataRef<'_>) -> Result<String, Cause> {
    Ok(match value {
        DataRef::Empty => String::new(),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => u8::from(*truth).to_string(),
        DataRef::DateTime(moment) => moment_text(*moment),
        DataRef::Error(error) => return Err(Cause::new("xlsx_error").with("value", error.to_string())),
    })
}

fn moment_text(moment: ExcelDateTime) -> String {
    let days = moment.as_f64();
    if !(0.0..2_958_466.0).contains(&days) {
        return days.to_string();
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let fraction = if milli == 0 { String::new() } else { format!(".{milli:03}000") };
    let time = format!("{hour:02}:{minute:02}:{second:02}{fraction}");
    match (days < 1.0, days.fract() == 0.0) {
        (true, _) => time,
        (_, true) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {time}"),
    }
}
