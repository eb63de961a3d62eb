//! The rules of a table: defaults, checks, uniques and indices, as far as tandem has a form for them.

use sqlparser::ast::{Expr, Value as Literal};
use tandem_protocol::bounds;
use tandem_protocol::cause::Cause;
use tandem_protocol::name;
use tandem_protocol::schema::expression::{self, Expression, Style, spelled};
use tandem_protocol::schema::{ColumnId, ColumnType, Judge};
use tandem_protocol::value::Value;

use super::cell::{NO_DATE, cell};
use super::draft::{Draft, DraftIndex, DraftTable};
use super::plain::plain;
use crate::dialect::Dialect;
use crate::dump::rows::{Written, literal};
use crate::model::{Column, Table};
use crate::note::Notes;

/// The rules of one table, and where to tell what becomes of them.
pub struct Rules<'a> {
    /// The table.
    pub table: &'a Table,
    /// Whose SQL they are in.
    pub dialect: Dialect,
    /// Where it is told.
    pub notes: &'a mut Notes,
}

impl Rules<'_> {
    /// Gives each column its default.
    pub fn defaults(&mut self, drafted: &mut DraftTable) {
        for column in &self.table.columns {
            let Some(written) = column.default.clone() else { continue };
            let Some(target) = drafted.columns.iter_mut().find(|target| target.source == column.name) else {
                continue;
            };
            // Ids are tandem's; a time of last change fills itself; no date is none.
            if is_next_value(column) || target.kind == ColumnType::Stamp || is_no_date(column) {
                continue;
            }
            let text = written.to_string();
            // SQLite takes a name that is none for a text.
            let written = match written {
                Expr::Identifier(name) if name.quote_style == Some('"') => {
                    Expr::value(Literal::SingleQuotedString(name.value))
                }
                other => other,
            };
            match default(target.kind, plain(written)) {
                Ok(default) => target.default = default,
                Err(()) => {
                    let place = format!("{}.{} ({text})", self.table.name, column.name);
                    self.notes.add(Cause::new("dump_default"), column.line, place);
                }
            }
        }
    }

    /// Gives the table its checks: those declared, and those that its types say.
    pub fn checks(&mut self, drafted: &mut DraftTable) {
        let of_columns = |name: &str| {
            let at = drafted.columns.iter().position(|column| name::same(&column.source, name))?;
            Some(id_of(at))
        };
        let name_of = |id: ColumnId| {
            let place = (0..drafted.columns.len()).find(|place| id_of(*place) == id)?;
            Some(spelled(&drafted.columns[place].name))
        };
        let mut checks: Vec<(u64, String)> = Vec::new();
        for check in &self.table.checks {
            let text = check.expression.to_string();
            let is_like_elsewhere = self.dialect == Dialect::PostgreSql && has_like(&text);
            let tree = expression::read(&plain(check.expression.clone()), &of_columns).ok();
            let tree = tree.filter(|tree| !is_like_elsewhere && is_known(tree, expression::Use::Check));
            match tree.and_then(|tree| tree.render(Style::People, &name_of)) {
                Some(sql) => checks.push((check.line, sql)),
                None => self.notes.add(
                    Cause::new("dump_check"),
                    check.line,
                    format!("{} ({text})", self.table.name),
                ),
            }
        }
        for column in &self.table.columns {
            let Some(target) = drafted.of_source(&column.name) else { continue };
            let name = spelled(&target.name);
            let is_key = drafted.key.contains(&target.name);
            if column.declared.words == "ENUM" && target.kind == ColumnType::Text && !column.values.is_empty()
            {
                let values: Vec<String> = column
                    .values
                    .iter()
                    .map(|value| expression::literal_sql(&Value::Text(value.clone())))
                    .collect();
                checks.push((column.line, format!("{name} IN ({})", values.join(", "))));
            }
            if column.declared.is_unsigned && !is_key && target.kind != ColumnType::Boolean {
                checks.push((column.line, format!("{name} >= 0")));
            }
        }
        checks.dedup_by(|one, other| one.1 == other.1);
        let line = checks.get(bounds::RULES).map(|(line, _)| *line);
        if let Some(line) = line {
            self.notes.add(Cause::new("dump_many_rules"), line, self.table.name.clone());
        }
        drafted.checks = checks.into_iter().take(bounds::RULES).map(|(_, sql)| sql).collect();
    }

    /// Gives the table its uniques.
    pub fn uniques(&mut self, drafted: &mut DraftTable) {
        for rule in &self.table.uniques {
            let place = format!("{} ({})", self.table.name, rule.columns.join(", "));
            let Some(columns) = drafted.named(&rule.columns) else {
                self.notes.add(Cause::new("dump_unique_expression"), rule.line, place);
                continue;
            };
            let sorted = |columns: &[String]| {
                let mut columns: Vec<String> = columns.iter().map(|column| name::fold(column)).collect();
                columns.sort();
                columns
            };
            // What the key says already is said once.
            let is_known = |known: &[String]| sorted(known) == sorted(&columns);
            if is_known(&drafted.key) || drafted.uniques.iter().any(|known| is_known(known)) {
                continue;
            }
            if drafted.uniques.len() == bounds::RULES || columns.len() > bounds::RULE_COLUMNS {
                self.notes.add(Cause::new("dump_many_rules"), rule.line, place);
                continue;
            }
            drafted.uniques.push(columns);
        }
    }
}

/// All indices of a schema. What is called the same in two tables is told apart by their names.
pub fn indices(tables: &[Table], draft: &Draft, notes: &mut Notes) -> Vec<DraftIndex> {
    let mut found: Vec<DraftIndex> = Vec::new();
    for (table, drafted) in tables.iter().zip(&draft.tables) {
        let mut known: Vec<Vec<String>> = Vec::new();
        for index in &table.indices {
            let Some(columns) = drafted.named(&index.columns) else { continue };
            // The key and each UNIQUE have one.
            let is_there =
                columns == drafted.key || drafted.uniques.contains(&columns) || known.contains(&columns);
            let is_document = |name: &String| {
                drafted
                    .column(name)
                    .is_some_and(|column| matches!(column.kind, ColumnType::Json | ColumnType::RichText))
            };
            if is_there {
                continue;
            }
            let place = format!("{} ({})", table.name, index.columns.join(", "));
            if columns.iter().any(is_document) {
                notes.add(Cause::new("dump_index_kind"), index.line, place);
                continue;
            }
            if known.len() == bounds::RULES || columns.len() > bounds::RULE_COLUMNS {
                notes.add(Cause::new("dump_many_rules"), index.line, place);
                continue;
            }
            known.push(columns.clone());
            let own = index.name.clone().unwrap_or_else(|| format!("{}_{}", drafted.name, columns.join("_")));
            let is_free = |name: &str| {
                name::check_sql(name).is_ok()
                    && !found.iter().any(|other| name::fold(&other.name) == name::fold(name))
                    && !draft.tables.iter().any(|table| name::fold(&table.name) == name::fold(name))
            };
            let names = [name::composed(&own), format!("{}_{own}", drafted.name)];
            let more = (2..).map(|number| format!("index_{}_{number}", found.len()));
            let name = names.into_iter().chain(more).find(|name| is_free(name)).unwrap_or_default();
            found.push(DraftIndex { name, table: drafted.name.clone(), columns });
        }
    }
    found
}

/// Whether a default takes the next number of a sequence.
pub fn is_next_value(column: &Column) -> bool {
    let text = column.default.as_ref().map(ToString::to_string).unwrap_or_default();
    text.to_ascii_lowercase().contains("nextval(")
}

/// Whether a column is a date which MySQL shows as `0000-00-00` where there is none.
pub fn is_no_date(column: &Column) -> bool {
    let text = column.default.as_ref().map(ToString::to_string).unwrap_or_default();
    text.trim_start_matches('\'').starts_with(NO_DATE)
}

/// What stands behind DEFAULT for a column of that type; none, where it is NULL.
fn default(kind: ColumnType, written: Expr) -> Result<Option<String>, ()> {
    if let Some(written) = literal(&written) {
        // The word of PostgreSQL for the moment of the insertion.
        let is_now = matches!(&written, Written::Text(text) if text.eq_ignore_ascii_case("now"));
        match kind {
            ColumnType::Date if is_now => return Ok(Some("(current_date)".to_owned())),
            ColumnType::Time if is_now => return Ok(Some("(current_time)".to_owned())),
            ColumnType::Timestamp if is_now => return Ok(Some("(current_timestamp)".to_owned())),
            _ => {}
        }
        let is_null = written == Written::Null;
        let value = cell(kind, written).ok_or(())?;
        // A default that the column cannot hold is none; NULL is none either.
        return match value.is_null() {
            true if is_null => Ok(None),
            true => Err(()),
            false => Ok(Some(expression::literal_sql(&value))),
        };
    }
    let tree = expression::read(&written, &|_| None).map_err(drop)?;
    if !is_known(&tree, expression::Use::Default) {
        return Err(());
    }
    let sql = tree.render(Style::People, &|_| None).ok_or(())?;
    // The moment of the insertion, in the form of the column.
    let sql = match (sql.trim_matches(['(', ')']).to_ascii_lowercase().as_str(), kind) {
        ("current_timestamp", ColumnType::Date) => "current_date".to_owned(),
        ("current_timestamp", ColumnType::Time) => "current_time".to_owned(),
        ("uuid7", kind) if !matches!(kind, ColumnType::Uuid | ColumnType::Text) => return Err(()),
        _ => sql,
    };
    Ok(Some(format!("({sql})")))
}

/// Whether all of an expression can be evaluated, and said the same everywhere.
fn is_known(tree: &Expression, purpose: expression::Use) -> bool {
    let judge = Judge::default();
    tree.unknown_function(judge).is_none() && tree.judge(judge, purpose).is_ok()
}

/// Whether a pattern is looked for: PostgreSQL tells upper from lower case there, SQLite does not.
fn has_like(text: &str) -> bool {
    text.to_ascii_uppercase().contains(" LIKE ")
}

/// Stands for a column while an expression is read and written again.
fn id_of(place: usize) -> ColumnId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(place as u64).to_le_bytes());
    ColumnId(id)
}
