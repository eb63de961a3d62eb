//! A view of another database.

use sqlparser::ast::{Query, Statement};

use super::cursor::Cursor;

/// A view, as its own words declare it.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Its name, without that of its schema.
    pub name: String,
    /// Where it is declared.
    pub line: u64,
    /// What its columns are called; if nothing is said, as the query says.
    pub columns: Vec<String>,
    /// What it shows.
    pub query: Box<Query>,
}

/// What may stand between CREATE and VIEW.
const BEFORE_VIEW: usize = 24;

impl View {
    /// The view that a statement creates, if it creates one that can be read.
    pub fn read(statement: &Cursor<'_>, line: u64) -> Option<Self> {
        let is_view = |ahead: &Cursor<'_>| ahead.is(&["VIEW"]) || ahead.is(&["MATERIALIZED", "VIEW"]);
        let mut ahead = statement.clone();
        let mut before = 0;
        while !is_view(&ahead) {
            before += 1;
            if before > BEFORE_VIEW || ahead.is(&["AS"]) || ahead.take().is_none() {
                return None;
            }
        }
        // What stands behind, WITH DATA or WITH CHECK OPTION, is for who writes to it or keeps it.
        let parsed = statement.parsed(|parser| parser.parse_statement().ok())?;
        let Statement::CreateView(view) = parsed else { return None };
        let name = view.name.0.last()?.as_ident()?.value.clone();
        let columns = view.columns.into_iter().map(|column| column.name.value).collect();
        Some(Self { name, line, columns, query: view.query })
    }
}
