//! CSV of rows: RFC 4180, with line feeds; NULL is nothing, empty text is `""`.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::ops::ControlFlow;

use tandem_import::sheets::formula;
use tandem_node::api::cell::Cell;
use tandem_protocol::value::Value;

use crate::client::Rows;
use crate::csv_text;
use crate::failure::Outcome;
use crate::terminal;
use crate::visible::visible;

/// Writes rows as CSV on stdout.
pub struct Csv {
    out: BufWriter<Stdout>,
    failed: Option<io::Error>,
    /// It goes to a terminal.
    shown: bool,
    /// Texts that a spreadsheet would run are written so that it does not.
    spreadsheet: bool,
    /// Texts that a spreadsheet would run.
    formulas: u64,
}

impl Csv {
    pub fn new(spreadsheet: bool) -> Self {
        let (out, shown) = (BufWriter::new(io::stdout()), io::stdout().is_terminal());
        Self { out, failed: None, shown, spreadsheet, formulas: 0 }
    }

    /// All of it.
    pub fn text(&mut self, columns: &[String], rows: &[Vec<Cell>]) -> String {
        let head = self.head(columns);
        std::iter::once(head).chain(rows.iter().map(|row| self.line(row))).collect()
    }

    /// Says what else there is to say, on stderr.
    pub fn warn(&self) {
        if self.formulas > 0 && !self.spreadsheet {
            terminal::say(&t!("sql.formulas", count = self.formulas));
        }
    }

    /// What was written is out.
    pub fn finish(mut self) -> Outcome {
        let flushed = match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        };
        match flushed {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(terminal::failed(error)),
            _ => {
                self.warn();
                Ok(())
            }
        }
    }

    fn head(&mut self, columns: &[String]) -> String {
        columns.iter().map(|name| self.field(name)).collect::<Vec<_>>().join(",") + "\n"
    }

    fn line(&mut self, row: &[Cell]) -> String {
        row.iter().map(|cell| self.cell(cell)).collect::<Vec<_>>().join(",") + "\n"
    }

    fn cell(&mut self, cell: &Cell) -> String {
        match &cell.0 {
            Value::Text(text) => self.field(text),
            Value::Blob(bytes) => csv_text::hexadecimal(bytes),
            _ => cell.to_string(),
        }
    }

    fn field(&mut self, text: &str) -> String {
        self.formulas += u64::from(formula::is_formula(text));
        csv_text::field(text, self.spreadsheet)
    }

    fn put(&mut self, text: &str) -> ControlFlow<()> {
        let text = if self.shown { visible(text) } else { text.into() };
        match self.out.write_all(text.as_bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl Rows for Csv {
    fn columns(&mut self, names: &[String]) -> ControlFlow<()> {
        let head = self.head(names);
        self.put(&head)
    }

    fn row(&mut self, row: &[Cell]) -> ControlFlow<()> {
        let line = self.line(row);
        self.put(&line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<Cell> {
        texts.iter().map(|text| Cell(Value::Text((*text).into()))).collect()
    }

    #[test]
    fn it_can_be_read_back() {
        let mut row = texts(&["a,\"b\"\nc"]);
        row.extend([Cell(Value::Null), Cell(Value::Text(String::new())), Cell(Value::Real(1.5))]);
        let columns: Vec<String> = ["t", "n", "e", "r"].map(String::from).to_vec();
        let mut csv = Csv::new(false);
        assert_eq!(csv.text(&columns, &[row]), "t,n,e,r\n\"a,\"\"b\"\"\nc\",,\"\",1.5\n");
        assert_eq!(csv.formulas, 0);
    }

    #[test]
    fn no_spreadsheet_runs_what_somebody_typed() {
        let columns = vec!["=name".to_owned()];
        let mut row = texts(&["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1,2)", "a=b"]);
        row.push(Cell(Value::Integer(-1)));
        let mut plain = Csv::new(false);
        assert_eq!(
            plain.text(&columns, &[row.clone()]),
            "=name\n=cmd|' /C calc'!A0,+1,-1,\"@SUM(1,2)\",a=b,-1\n"
        );
        assert_eq!(plain.formulas, 5);
        let safe = Csv::new(true).text(&columns, &[row]);
        assert_eq!(safe, "'=name\n'=cmd|' /C calc'!A0,'+1,'-1,\"'@SUM(1,2)\",a=b,-1\n");
    }
}
