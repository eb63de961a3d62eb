//! The dump of another database: its statements read one by one into tables, with a note of everything
//! that is no table.

mod column;
mod copy_form;
mod cursor;
mod error;
mod index;
mod names;
mod passed;
mod reader;
mod reference;
pub mod rows;
mod rule_name;
mod statements;
mod table;
mod tables;
mod user_type;
mod view;
mod virtual_table;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

pub use error::DumpError;
pub use view::View;

use crate::dialect::Dialect;
use crate::model::{Column, Table};
use crate::note::Notes;
use crate::text_file::TextFile;
use reader::Reader;
use rows::{Written, each_row};
use statements::{Piece, Statements};

/// See the module.
pub struct Dump {
    /// Whose SQL it is.
    pub dialect: Dialect,
    /// The tables, in the order of the file.
    pub tables: Vec<Table>,
    /// The views, in the order of the file.
    pub views: Vec<View>,
    /// What is in it besides.
    pub notes: Notes,
}

impl Dump {
    /// Reads files, one after the other, as one dump: in that dialect, or in the one that they look like.
    pub fn read(paths: &[&Path], dialect: Option<Dialect>) -> Result<Self, (usize, DumpError)> {
        let mut reader: Option<Reader> = None;
        for (number, path) in paths.iter().enumerate() {
            let read = |reader: Option<Reader>| -> Result<Reader, DumpError> {
                let file = TextFile::open(path)?;
                if let Some(line) = file.mixed {
                    return Err(DumpError::Mixed { line });
                }
                let mut reader = match (reader, dialect) {
                    (Some(reader), _) => reader,
                    (None, Some(dialect)) => Reader::new(dialect),
                    (None, None) => Reader::new(Dialect::of(file.text()?)?.map_err(DumpError::OtherProduct)?),
                };
                let mut statements = Statements::new(file.text()?, reader.dialect());
                while let Some(piece) = statements.next()? {
                    match piece {
                        Piece::Statement { line, text } => reader.statement(&text, line)?,
                        Piece::CopiedRow { .. } => reader.copied_row(),
                        Piece::Command { line, text } => reader.command(&text, line),
                    }
                    reader.bounded()?;
                }
                Ok(reader)
            };
            reader = Some(read(reader.take()).map_err(|error| (number, error))?);
        }
        let dump = reader.map(Reader::finish).filter(|dump| !dump.tables.is_empty());
        let mut dump = dump.ok_or_else(|| (paths.len().saturating_sub(1), DumpError::NoTable))?;
        dump.look_at_flags(paths);
        Ok(dump)
    }

    /// Whether what MySQL calls a number of one digit is a flag, its rows tell.
    fn look_at_flags(&mut self, paths: &[&Path]) {
        let is_one = |column: &Column| {
            column.declared.words == "TINYINT"
                && column.declared.arguments.first().is_some_and(|one| one == "1")
        };
        let all = self.tables.iter().enumerate();
        let flags: Vec<(usize, String)> = all
            .flat_map(|(at, table)| {
                table
                    .columns
                    .iter()
                    .filter(|column| is_one(column))
                    .map(move |column| (at, column.name.clone()))
            })
            .collect();
        if flags.is_empty() {
            return;
        }
        let mut more: BTreeSet<(usize, String)> = BTreeSet::new();
        // A row that cannot be read is told where rows are taken in.
        let _told_later = each_row::<DumpError>(paths, self, &mut |row| {
            for (name, value) in row.columns.iter().zip(&row.values) {
                let is_flag = matches!(value, Written::Null)
                    || matches!(value, Written::Number(text) | Written::Text(text) if text == "0" || text == "1");
                if !is_flag
                    && flags.iter().any(|(at, flag)| *at == row.table && flag.eq_ignore_ascii_case(name))
                {
                    more.insert((row.table, name.clone()));
                }
            }
            Ok(())
        });
        for (table, name) in more {
            if let Some(column) = self.tables[table].column_mut(&name) {
                column.holds_more = true;
            }
        }
    }
}
