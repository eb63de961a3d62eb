//! `tandem sql`: reads or writes.

use std::borrow::Cow;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tandem_node::api::cell::Cell;
use tandem_node::api::query::{Answer, Query};
use tandem_node::api::transaction::{Statement, TableChange, Transact, Transacted};
use tandem_protocol::value::Value;

use crate::Outcome;
use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::parameter;
use crate::table::Table;
use crate::terminal::{print, print_data};
use crate::verb::schema::read_file;

#[derive(Args)]
pub struct Sql {
    #[arg(required_unless_present = "file")]
    statement: Option<String>,
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    #[arg(long, value_name = "FILE", conflicts_with = "statement")]
    file: Option<PathBuf>,
    #[arg(long)]
    csv: bool,
    #[arg(long, conflicts_with = "csv")]
    csv_safe: bool,
    #[arg(long, value_name = "TOKEN")]
    basis: Option<String>,
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl Sql {
    pub fn run(&self, context: &Context) -> Outcome {
        let text = match (&self.statement, &self.file) {
            (_, Some(file)) => read_file(file)?,
            (statement, None) => statement.clone().unwrap_or_default(),
        };
        let statements = statements(&text);
        if statements.is_empty() {
            return Err(Failure::usage(t!("sql.empty")));
        }
        if statements.len() > 1 && !self.params.is_empty() {
            return Err(Failure::usage(t!("sql.params_of_many")));
        }
        let client = context.client()?;
        let space = context.space(&client)?;
        match statements.as_slice() {
            [one] if reads(one) && self.basis.is_none() && self.key.is_none() => {
                self.read(context, &client, &space, one)
            }
            _ => self.write(context, &client, &space, &statements),
        }
    }

    /// Which CSV is asked for, if any.
    fn csv(&self) -> Option<Csv> {
        match (self.csv, self.csv_safe) {
            (_, true) => Some(Csv::ForSpreadsheets),
            (true, _) => Some(Csv::Exact),
            _ => None,
        }
    }

    fn params(&self) -> Vec<Cell> {
        self.params.iter().map(|param| parameter::parse(param)).collect()
    }

    fn read(&self, context: &Context, client: &Client, space: &str, sql: &str) -> Outcome {
        let answer = client.query(space, Query { sql: sql.to_owned(), params: self.params() })?;
        if context.json {
            context.print_json(&answer)
        } else if let Some(form) = self.csv() {
            print_data(&csv(&answer.columns, &answer.rows, form))
        } else {
            print(&rows(&answer))
        }
    }

    fn write(&self, context: &Context, client: &Client, space: &str, statements: &[&str]) -> Outcome {
        let statement =
            |sql: &&str| Statement { sql: (*sql).to_owned(), params: Some(self.params()), params_list: None };
        let written = client.transact(
            space,
            Transact {
                statements: statements.iter().map(statement).collect(),
                message: self.message.clone(),
                by: self.by.clone(),
                basis: self.basis.clone(),
                idempotency_key: self.key.clone(),
            },
        )?;
        if context.json {
            return context.print_json(&with_rows(&written));
        }
        let mut text = String::new();
        for result in written.results.iter().filter(|result| !result.columns.is_empty()) {
            text += &match self.csv() {
                Some(form) => csv(&result.columns, &result.rows, form),
                None => table(&result.columns, &result.rows),
            };
        }
        text += &told(&written);
        if self.csv().is_some() { print_data(&text) } else { print(&text) }
    }
}

/// As documented, and the rows that `RETURNING` gave, if any.
fn with_rows(written: &Transacted) -> serde_json::Value {
    let mut value = json!({ "dot": written.dot, "changes": written.changes, "repeated": written.repeated });
    if let Some(result) = written.results.iter().rev().find(|result| !result.columns.is_empty()) {
        value["columns"] = json!(result.columns);
        value["rows"] = json!(result.rows);
    }
    if changed_meanwhile(written) {
        value["changed_meanwhile"] = json!(true);
    }
    value
}

fn rows(answer: &Answer) -> String {
    let count = answer.rows.len();
    format!("{}{}", table(&answer.columns, &answer.rows), t!("sql.rows", count = count))
}

fn table(columns: &[String], rows: &[Vec<Cell>]) -> String {
    let mut table = Table::new(columns.iter().cloned()).narrow();
    for row in rows {
        table.row(row.iter().map(Cell::to_string));
    }
    table.render()
}

fn told(written: &Transacted) -> String {
    let mut text = match &written.dot {
        None => t!("sql.nothing_changed").into_owned(),
        Some(dot) if written.repeated => changes(&written.changes) + &t!("sql.repeated", dot = dot),
        Some(dot) => changes(&written.changes) + &t!("sql.written", dot = dot),
    };
    if changed_meanwhile(written) {
        text += &format!("\n{}", t!("sql.changed_meanwhile"));
    }
    text
}

/// Whether a statement came too late for the rows it was about.
fn changed_meanwhile(written: &Transacted) -> bool {
    written.results.iter().any(|result| result.changed_meanwhile)
}

/// One line for each table: how many rows were added, changed, deleted.
pub fn changes(changes: &[TableChange]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let heads = ["table", "inserted", "updated", "deleted"];
    let mut table = Table::new(heads.map(|key| t!(format!("changes.{key}")).into_owned()));
    for change in changes {
        table.row([
            change.table.clone(),
            change.inserted.to_string(),
            change.updated.to_string(),
            change.deleted.to_string(),
        ]);
    }
    table.render()
}

/// Who is to read the CSV.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Csv {
    /// Programs, which want the values as they are.
    Exact,
    /// Spreadsheets, which calculate what begins like a formula, whoever typed it: a text that does
    /// gets an apostrophe before it.
    ForSpreadsheets,
}

/// RFC 4180, with line feeds: NULL is nothing, empty text is `""`.
fn csv(columns: &[String], rows: &[Vec<Cell>], form: Csv) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    // Full-width forms are taken for the plain ones by some.
    let begins = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let runs = |text: &str| form == Csv::ForSpreadsheets && text.starts_with(begins);
    let field = |text: &str| {
        let text = if runs(text) { Cow::from(format!("'{text}")) } else { Cow::from(text) };
        if text.contains([',', '"', '\n', '\r']) || text.is_empty() {
            quoted(&text)
        } else {
            text.into_owned()
        }
    };
    let cell = |cell: &Cell| match &cell.0 {
        Value::Text(text) => field(text),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => cell.to_string(),
    };
    let head = columns.iter().map(|name| field(name)).collect::<Vec<_>>().join(",");
    let lines = rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(","));
    std::iter::once(head).chain(lines).map(|line| line + "\n").collect()
}

/// Whether a statement only reads.
fn reads(sql: &str) -> bool {
    let word = first_word(sql).to_ascii_lowercase();
    match word.as_str() {
        "select" | "values" | "explain" => true,
        // WITH can introduce a write.
        "with" => !words(sql).any(|word| {
            ["insert", "update", "delete", "replace"].contains(&word.to_ascii_lowercase().as_str())
        }),
        _ => false,
    }
}

fn first_word(sql: &str) -> &str {
    words(sql).next().unwrap_or_default()
}

/// The words of a statement outside of quotes and comments.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    pieces(sql)
        .filter_map(|piece| match piece {
            Piece::Code(code) => Some(code),
            _ => None,
        })
        .flat_map(|code| {
            code.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
        })
}

enum Piece<'a> {
    Code(&'a str),
    Other(&'a str),
}

/// Cuts SQL into code, and quotes and comments.
fn pieces(sql: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end_of = |closing: &str, from: usize| {
            rest[from..].find(closing).map_or(rest.len(), |at| from + at + closing.len())
        };
        let (other, length) = match rest.as_bytes() {
            [b'\'', ..] => (true, end_of("'", 1)),
            [b'"', ..] => (true, end_of("\"", 1)),
            [b'`', ..] => (true, end_of("`", 1)),
            [b'[', ..] => (true, end_of("]", 1)),
            [b'-', b'-', ..] => (true, end_of("\n", 2)),
            [b'/', b'*', ..] => (true, end_of("*/", 2)),
            _ => {
                // One pass over the text: whoever looks for each mark in turn reads all of it for each.
                let stops = |(at, byte): (usize, u8)| match byte {
                    b'\'' | b'"' | b'`' | b'[' => true,
                    b'-' | b'/' => rest[at..].starts_with("--") || rest[at..].starts_with("/*"),
                    _ => false,
                };
                (false, rest.bytes().enumerate().position(stops).unwrap_or(rest.len()))
            }
        };
        let (piece, behind) = rest.split_at(length);
        rest = behind;
        Some(if other { Piece::Other(piece) } else { Piece::Code(piece) })
    })
}

/// The statements of a text, split at semicolons outside of quotes and comments.
fn statements(text: &str) -> Vec<&str> {
    let mut cuts = vec![0];
    let mut at = 0;
    for piece in pieces(text) {
        let (Piece::Code(part) | Piece::Other(part)) = piece;
        if matches!(piece, Piece::Code(_)) {
            cuts.extend(part.match_indices(';').map(|(place, _)| at + place + 1));
        }
        at += part.len();
    }
    cuts.push(text.len());
    let between = cuts.windows(2).map(|cut| text[cut[0]..cut[1]].trim().trim_end_matches(';').trim());
    between.filter(|statement| !first_word(statement).is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_cut_at_semicolons_that_are_not_text() {
        let text = "INSERT INTO a VALUES ('x;''y'); -- not; here\n/* nor; */ SELECT \"a;b\" FROM [c;d];\n;\n";
        let cut = statements(text);
        assert_eq!(cut.len(), 2, "{cut:?}");
        assert_eq!(cut[0], "INSERT INTO a VALUES ('x;''y')");
        assert!(cut[1].ends_with("SELECT \"a;b\" FROM [c;d]"));
        assert_eq!(statements("SELECT 'unclosed; text").len(), 1);
        assert!(statements(" ; -- nothing").is_empty());
    }

    #[test]
    fn reading_is_told_from_writing() {
        for sql in [
            "select 1",
            " -- first\nSELECT 1",
            "(SELECT 1)",
            "VALUES (1)",
            "with a as (select 'insert') select * from a",
        ] {
            assert!(reads(sql), "{sql}");
        }
        for sql in [
            "insert into a values (1)",
            "WITH b AS (SELECT 1) DELETE FROM a",
            "pragma x",
            "update a set b = 'select'",
        ] {
            assert!(!reads(sql), "{sql}");
        }
    }

    #[test]
    fn no_text_is_a_formula_in_a_safe_csv() {
        for text in ["=cmd|' /C calc'!A1", "+33 6", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let rows = [vec![Cell(Value::Text(text.into())), Cell(Value::Integer(-5))]];
            let columns = ["=head".to_owned(), "n".to_owned()];
            let safe = csv(&columns, &rows, Csv::ForSpreadsheets);
            let quotes = safe.replace('"', "");
            assert_eq!(quotes, format!("'=head,n\n'{text},-5\n"), "numbers stay numbers");
            let exact = csv(&columns, &rows, Csv::Exact);
            assert_eq!(exact.replace('"', ""), format!("=head,n\n{text},-5\n"));
        }
    }

    #[test]
    fn csv_can_be_read_back() {
        let row = vec![
            Cell(Value::Text("a,\"b\"\nc".into())),
            Cell(Value::Null),
            Cell(Value::Text(String::new())),
            Cell(Value::Real(1.5)),
        ];
        let columns: Vec<String> = ["t", "n", "e", "r"].map(String::from).to_vec();
        assert_eq!(csv(&columns, &[row], Csv::Exact), "t,n,e,r\n\"a,\"\"b\"\"\nc\",,\"\",1.5\n");
    }
}
