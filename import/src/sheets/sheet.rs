//! One list of rows with the names of its columns.

use super::csv_file::CsvFile;
use super::error::SheetError;
use super::row::Row;
use super::workbook::WorkbookSheet;

/// See the module.
pub struct Sheet {
    /// What it is a list of, as its file or its tab in a workbook is called.
    pub name: String,
    /// How the file is called that it stands in.
    pub file: String,
    kind: Kind,
}

enum Kind {
    Csv(CsvFile),
    Workbook(WorkbookSheet),
}

impl Sheet {
    pub(super) fn csv(name: String, file: CsvFile) -> Self {
        Self { file: name.clone(), name, kind: Kind::Csv(file) }
    }

    pub(super) fn of_workbook(file: String, sheet: WorkbookSheet) -> Self {
        Self { name: sheet.name.clone(), file, kind: Kind::Workbook(sheet) }
    }

    /// Where people find it: its file, and where in an archive or workbook.
    pub fn shown(&self) -> &str {
        match &self.kind {
            Kind::Csv(file) => file.shown(),
            Kind::Workbook(sheet) => sheet.shown(),
        }
    }

    /// Names of its columns.
    pub fn head(&self) -> &[String] {
        match &self.kind {
            Kind::Csv(file) => &file.head,
            Kind::Workbook(sheet) => &sheet.head,
        }
    }

    /// Stands for its content: of two of one content it is the same.
    pub fn hash(&self) -> String {
        match &self.kind {
            Kind::Csv(file) => file.hash().to_owned(),
            Kind::Workbook(sheet) => sheet.hash(),
        }
    }

    /// Whether a comma may stand in its numbers, and the day before the month.
    pub fn is_french(&self) -> bool {
        match &self.kind {
            Kind::Csv(file) => file.is_french(),
            Kind::Workbook(_) => true,
        }
    }

    /// Gives its rows, each as wide as the head.
    pub fn each<E: From<SheetError>>(&self, take: &mut dyn FnMut(&Row) -> Result<(), E>) -> Result<(), E> {
        match &self.kind {
            Kind::Csv(file) => file.each(take),
            Kind::Workbook(sheet) => sheet.each(take),
        }
    }

    /// Something is wrong in a line of it.
    pub fn wrong(&self, line: u64, cause: tandem_protocol::cause::Cause) -> SheetError {
        SheetError::at(self.shown(), line, cause)
    }
}
