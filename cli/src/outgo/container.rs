//! What CSV files are written into: one file, a folder, or a ZIP. Whatever it is, it bears its name only
//! once it is whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::failure::{Failure, Outcome};
use crate::file::Draft;

/// See the module.
pub enum Container {
    /// One file for one table.
    File(Draft),
    /// A folder, with files that all get their names at the end.
    Folder(PathBuf, Vec<Draft>),
    /// A ZIP.
    Zip(Box<ZipDraft>),
}

/// A ZIP that is being written.
pub struct ZipDraft {
    draft: Draft,
    writer: ZipWriter<BufWriter<File>>,
}

/// Writes the lines of one file.
pub type WriteLines<'w> = dyn FnMut(&mut dyn Write) -> Outcome + 'w;

impl Container {
    /// A file of that name, which must not be there yet.
    pub fn file(path: &Path) -> Result<Self, Failure> {
        Ok(Self::File(Draft::begin(path, |_| Ok(false))?))
    }

    /// A folder of that name, there or not.
    pub fn folder(path: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(path).map_err(|error| crate::file::failed(path, &error))?;
        Ok(Self::Folder(path.to_owned(), Vec::new()))
    }

    /// A ZIP of that name, which must not be there yet.
    pub fn zip(path: &Path) -> Result<Self, Failure> {
        let draft = Draft::begin(path, |_| Ok(false))?;
        let file = draft.file().try_clone().map_err(|error| draft.failed(&error))?;
        Ok(Self::Zip(Box::new(ZipDraft { draft, writer: ZipWriter::new(BufWriter::new(file)) })))
    }

    /// Writes a file of that name into it; one file alone has its own name.
    pub fn add(&mut self, name: &str, lines: &mut WriteLines<'_>) -> Outcome {
        match self {
            Self::File(draft) => write(draft, lines),
            Self::Folder(folder, drafts) => {
                let draft = Draft::begin(&folder.join(name), |_| Ok(false))?;
                write(&draft, lines)?;
                drafts.push(draft);
                Ok(())
            }
            Self::Zip(zip) => {
                let begun = zip.writer.start_file(name, SimpleFileOptions::default().large_file(true));
                begun.map_err(|error| zip.draft.failed(&io::Error::from(error)))?;
                lines(&mut zip.writer)
            }
        }
    }

    /// Gives it its name.
    pub fn finish(self) -> Outcome {
        match self {
            Self::File(draft) => draft.finish(),
            Self::Folder(_, drafts) => drafts.into_iter().try_for_each(Draft::finish),
            Self::Zip(zip) => {
                let ZipDraft { draft, writer } = *zip;
                let written = writer.finish().map_err(io::Error::from);
                written.and_then(|mut file| file.flush()).map_err(|error| draft.failed(&error))?;
                draft.finish()
            }
        }
    }
}

fn write(draft: &Draft, lines: &mut WriteLines<'_>) -> Outcome {
    let mut out = BufWriter::new(draft.file());
    lines(&mut out)?;
    out.flush().map_err(|error| draft.failed(&error))
}
