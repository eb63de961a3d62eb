//! Aligned tables on a terminal.

use crate::visible::value;

/// Rows under a head, as wide as their widest cell.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Whether each column so far holds only numbers: those are aligned to the right.
    numeric: Vec<bool>,
    /// Whether long cells are cut.
    narrow: bool,
}

/// Between two columns.
const GAP: &str = "  ";

/// Characters of one cell of a narrow table; what is longer is cut, and marked with an ellipsis.
const WIDEST: usize = 60;

impl Table {
    /// A table with these column names.
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        let head: Vec<String> = head.into_iter().map(|name| value(name.into())).collect();
        Self { numeric: vec![true; head.len()], head, rows: Vec::new(), narrow: false }
    }

    /// The same, for cells of any length: long ones are cut.
    pub fn narrow(mut self) -> Self {
        self.narrow = true;
        self
    }

    /// Adds a row.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| self.shown(&cell.into())).collect();
        debug_assert_eq!(cells.len(), self.head.len(), "a row has a cell under each name");
        for (numeric, cell) in self.numeric.iter_mut().zip(&cells) {
            *numeric &= cell.is_empty() || cell.parse::<f64>().is_ok();
        }
        self.rows.push(cells);
    }

    /// On one line, and not too long.
    fn shown(&self, cell: &str) -> String {
        let flat = value(cell);
        match flat.char_indices().nth(WIDEST) {
            Some((cut, _)) if self.narrow => format!("{}…", flat[..cut].trim_end()),
            _ => flat,
        }
    }

    /// The text, one line for the head and one for each row.
    pub fn render(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).chain(&self.head[column..=column]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.head.len()).map(width).collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().enumerate().map(|(column, cell)| {
                let width = widths.get(column).copied().unwrap_or(0);
                match self.numeric.get(column) {
                    Some(true) if !self.rows.is_empty() => format!("{cell:>width$}"),
                    _ => format!("{cell:<width$}"),
                }
            });
            cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned() + "\n"
        };
        std::iter::once(&self.head).chain(&self.rows).map(|cells| line(cells)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_numbers_to_the_right() {
        let mut table = Table::new(["id", "élève", "note"]);
        table.row(["1", "Amélie", "12.5"]);
        table.row(["1025", "Bo", ""]);
        assert_eq!(table.render(), "  id  élève   note\n   1  Amélie  12.5\n1025  Bo\n");
    }

    #[test]
    fn long_and_broken_cells_stay_on_their_line() {
        let mut table = Table::new(["text"]).narrow();
        table.row(["a\nb".to_owned()]);
        table.row(["x".repeat(100)]);
        assert_eq!(table.render(), format!("text\na\\nb\n{}…\n", "x".repeat(60)));
    }
}
