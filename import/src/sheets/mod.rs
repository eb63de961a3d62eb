//! Rows as people bring them: a CSV file, a folder or a ZIP of such, a workbook of a spreadsheet.
//! Whatever it is, it is a list of [`Sheet`]s, each with a head and rows of texts; what is wrong with one
//! is told with its file and line. How much of it is in memory does not depend on its size.

mod archive;
mod brought;
mod csv_file;
mod empty_text;
mod error;
mod folded;
pub mod formula;
mod meaning;
mod row;
mod sheet;
mod workbook;

#[cfg(test)]
mod tests;

pub use brought::Brought;
pub use error::SheetError;
pub use folded::folded;
pub use meaning::meant;
pub use row::Row;
pub use sheet::Sheet;
