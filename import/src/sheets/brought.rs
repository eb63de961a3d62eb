//! What somebody brings: one file, or many that belong together.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tandem_protocol::cause::Cause;
use tempfile::TempDir;

use super::archive::Archive;
use super::csv_file::CsvFile;
use super::error::SheetError;
use super::sheet::Sheet;
use super::workbook::Workbook;

/// Files of a folder that are read, at most.
const FILES: usize = 1000;

/// See the module.
pub struct Brought {
    /// What there is to read.
    pub sheets: Vec<Sheet>,
    /// Files beside them that are of no kind that is read here.
    pub passed: Vec<String>,
    /// Where an archive is unpacked, as long as its sheets are read.
    unpacked: Option<TempDir>,
}

/// What a file is, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    List,
    Workbook,
    Archive,
    Other,
}

impl Brought {
    /// Opens a file or a folder. Every archive and workbook in it is looked at whole, and of every list
    /// the head. An archive is unpacked into a folder of its own in `scratch`.
    pub fn open(path: &Path, scratch: &Path) -> Result<Self, SheetError> {
        let shown = path.display().to_string();
        let failed = |error: io::Error| SheetError::Io { path: path.to_owned(), error };
        let mut brought = Self { sheets: Vec::new(), passed: Vec::new(), unpacked: None };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let mut files: Vec<PathBuf> = Vec::new();
            for entry in fs::read_dir(path).map_err(failed)? {
                files.push(entry.map_err(failed)?.path());
                if files.len() > FILES {
                    return Err(SheetError::of_file(&shown, Cause::new("folder_many").with("most", FILES)));
                }
            }
            files.sort();
            for file in files.iter().filter(|file| file.is_file()) {
                brought.add(file, &file.display().to_string(), file)?;
            }
        } else if Form::of(path) == Form::Archive {
            let mut archive = Archive::open(path, &shown)?;
            let folder = tempfile::tempdir_in(scratch);
            let folder = folder.map_err(|error| SheetError::Io { path: scratch.to_owned(), error })?;
            for entry in archive.entries()? {
                let name = Path::new(&entry.name);
                let shown = format!("{shown}: {}", entry.name);
                match Form::of(name) {
                    Form::List | Form::Workbook => {
                        let file = archive.unpack(&entry, folder.path())?;
                        brought.add(&file, &shown, name)?;
                    }
                    Form::Archive | Form::Other => brought.passed.push(shown),
                }
            }
            brought.unpacked = Some(folder);
        } else if Form::of(path) == Form::Workbook {
            brought.add(path, &shown, path)?;
        } else {
            // Whatever else somebody names is taken for a list.
            brought.sheets.push(Sheet::csv(stem(path), CsvFile::open(path, shown.clone())?));
        }
        if brought.sheets.is_empty() {
            return Err(SheetError::of_file(&shown, Cause::new("sheets_none")));
        }
        Ok(brought)
    }

    /// The folder that an archive is unpacked into.
    pub fn unpacked(&self) -> Option<&Path> {
        self.unpacked.as_ref().map(TempDir::path)
    }

    /// One file more, called so.
    fn add(&mut self, file: &Path, shown: &str, name: &Path) -> Result<(), SheetError> {
        match Form::of(name) {
            Form::List => self.sheets.push(Sheet::csv(stem(name), CsvFile::open(file, shown.to_owned())?)),
            Form::Workbook => {
                let sheets = Workbook::open(file, shown)?.sheets()?;
                self.sheets.extend(sheets.into_iter().map(|sheet| Sheet::of_workbook(stem(name), sheet)));
            }
            Form::Archive | Form::Other => self.passed.push(shown.to_owned()),
        }
        Ok(())
    }
}

impl Form {
    fn of(path: &Path) -> Self {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("csv" | "tsv" | "txt") => Self::List,
            Some("xlsx" | "xlsm") => Self::Workbook,
            Some("zip") => Self::Archive,
            _ => Self::Other,
        }
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
