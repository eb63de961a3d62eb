//! `tandem sql`: reads or writes.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tandem_node::api::cell::Cell;
use tandem_node::api::parameters::Parameters;
use tandem_node::api::query::{Answer, Query};
use tandem_node::api::transaction::{Statement, TableChange, Transact, Transacted};

use crate::client::Client;
use crate::command::csv::Csv;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::file;
use crate::parameter;
use crate::settings;
use crate::table::Table;
use crate::terminal::{print, print_data};

/// MiB of a file of statements, at most: they are one transaction.
const FILE_MIB: usize = 64;

#[derive(Args)]
pub struct Sql {
    #[arg(required_unless_present = "file")]
    statement: Option<String>,
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    #[arg(long, value_name = "NAME=VALUE", value_parser = named, conflicts_with = "params")]
    param: Vec<(String, String)>,
    #[arg(long, value_name = "FILE", conflicts_with = "statement")]
    file: Option<PathBuf>,
    #[arg(long)]
    csv: bool,
    #[arg(long, conflicts_with = "csv")]
    csv_safe: bool,
    #[arg(long, value_name = "SECONDS", value_parser = deadline)]
    deadline: Option<f64>,
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
            (_, Some(file)) => file::read_text(file, FILE_MIB)?,
            (statement, None) => statement.clone().unwrap_or_default(),
        };
        let statements = statements(&text);
        if statements.is_empty() {
            return Err(Failure::usage(t!("sql.empty")));
        }
        if statements.len() > 1 && !(self.params.is_empty() && self.param.is_empty()) {
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

    /// The CSV asked for.
    fn csv(&self) -> Option<Csv> {
        (self.csv || self.csv_safe).then(|| Csv::new(self.csv_safe))
    }

    fn params(&self) -> Parameters {
        let named = |(name, value): &(String, String)| (name.clone(), parameter::parse(value));
        match self.param.is_empty() {
            true => Parameters::Listed(self.params.iter().map(|param| parameter::parse(param)).collect()),
            false => Parameters::Named(self.param.iter().map(named).collect()),
        }
    }

    fn read(&self, context: &Context, client: &Client, space: &str, sql: &str) -> Outcome {
        let query = Query { sql: sql.to_owned(), params: self.params(), deadline: self.deadline };
        if let Some(mut csv) = self.csv().filter(|_| !context.json) {
            client.query_rows(space, query, &mut csv)?;
            return csv.finish();
        }
        let answer = client.query(space, query)?;
        if context.json { context.print_json(&answer) } else { print(&rows(&answer)) }
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
                deadline: self.deadline,
                idempotency_key: self.key.clone(),
            },
        )?;
        if context.json {
            return context.print_json(&with_rows(&written));
        }
        let mut text = String::new();
        let mut csv = self.csv();
        for result in written.results.iter().filter(|result| !result.columns.is_empty()) {
            text += &match &mut csv {
                Some(csv) => csv.text(&result.columns, &result.rows),
                None => table(&result.columns, &result.rows),
            };
        }
        text += &told(&written);
        let Some(csv) = csv else { return print(&text) };
        csv.warn();
        print_data(&text)
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

/// A parameter's name, and its value.
fn named(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| t!("sql.param_form").into_owned())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A time in seconds.
fn deadline(text: &str) -> Result<f64, String> {
    settings::seconds(text).map(|time| time.as_secs_f64())
}

/// Whether a statement only reads.
fn reads(sql: &str) -> bool {
    match first_word(sql).to_ascii_lowercase().as_str() {
        "select" | "values" | "explain" => true,
        // What follows the tables it introduces, each in parentheses, says what it does.
        "with" => outside(sql)
            .map(str::to_ascii_lowercase)
            .find(|word| VERBS.contains(&word.as_str()))
            .is_some_and(|word| word == "select" || word == "values"),
        _ => false,
    }
}

/// Words with which a statement behind WITH can begin.
const VERBS: [&str; 6] = ["select", "values", "insert", "update", "delete", "replace"];

/// The words of a statement outside of quotes, comments and parentheses.
fn outside(sql: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0usize;
    let code = pieces(sql).filter_map(|piece| match piece {
        Piece::Code(code) => Some(code),
        Piece::Other(_) => None,
    });
    let parts = code.flat_map(|code| code.split_inclusive(['(', ')']));
    let shallow = parts.filter(move |part| {
        let is_outside = depth == 0;
        match part.as_bytes().last() {
            Some(b'(') => depth += 1,
            Some(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        is_outside
    });
    shallow
        .flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|word| !word.is_empty())
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
            "WITH a AS (SELECT 1 AS x) SELECT replace(x, 1, 2) FROM a",
            "WITH \"insert\" AS (SELECT 1), b(u) AS MATERIALIZED (VALUES (1)) SELECT * FROM b",
            "with recursive c(x) as (select 1 union all select x + 1 from c) values (1)",
        ] {
            assert!(reads(sql), "{sql}");
        }
        for sql in [
            "insert into a values (1)",
            "WITH b AS (SELECT 1) DELETE FROM a",
            "WITH b AS (SELECT replace('a', 'b', 'c')) REPLACE INTO a SELECT * FROM b",
            "WITH b AS (SELECT 1) INSERT INTO a SELECT * FROM b",
            "pragma x",
            "update a set b = 'select'",
        ] {
            assert!(!reads(sql), "{sql}");
        }
    }
}
