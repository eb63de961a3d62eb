//! A row of a sheet.

use csv::StringRecord;

/// A row, and where it begins.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its line, or its number in a workbook.
    pub line: u64,
    /// What it says, column by column; as many as the head has.
    pub values: StringRecord,
}
