//! The schema as SQL: as people and other programs declare it.

use std::fmt::Write as _;

use tandem_protocol::schema::expression::{Style, spelled as name};
use tandem_protocol::schema::{ColumnDef, IndexDef, NamedQuery, Reference, Schema, TableDef};

/// SQL that declares the same schema: tables by name, but none before those it refers to. Of the views
/// those that `is_read`: the text of another may be anything.
pub fn schema_sql(schema: &Schema, is_read: impl Fn(&NamedQuery) -> bool) -> String {
    let mut sql = String::new();
    for table in schema.parents_first() {
        sql.push_str(&create_table(table));
        for index in indices_of(schema, table) {
            sql.push_str(&create_index(index));
        }
        sql.push('\n');
    }
    let views = schema.queries().filter(|query| is_read(query));
    views.for_each(|query| sql.push_str(&create_view(query)));
    sql.truncate(sql.trim_end().len());
    sql.push('\n');
    sql
}

/// The statements of [`schema_sql`] that make tables, and those that make indices.
pub(crate) fn declarations(schema: &Schema) -> (Vec<String>, Vec<String>) {
    let tables = schema.parents_first();
    let indices = tables.iter().flat_map(|table| indices_of(schema, table)).map(create_index);
    (tables.iter().copied().map(create_table).collect(), indices.collect())
}

fn indices_of<'s>(schema: &'s Schema, table: &TableDef) -> impl Iterator<Item = &'s IndexDef> {
    let table = table.id;
    schema.indices().filter(move |index| index.table_id == table)
}

fn create_table(table: &TableDef) -> String {
    let width = table.columns.iter().map(|column| column.name.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let mut line = format!("  {:width$} {}", name(&column.name), column.kind);
            if table.key.len() == 1 && table.key[0].eq_ignore_ascii_case(&column.name) {
                line.push_str(" PRIMARY KEY");
            }
            constraints(&mut line, column);
            let alone = |columns: &[String]| columns.len() == 1 && columns[0] == column.name;
            if table.uniques.iter().any(|unique| alone(&unique.columns)) {
                line.push_str(" UNIQUE");
            }
            let alone = |reference: &&Reference| reference.columns == [column.name.as_str()];
            table.references.iter().filter(alone).for_each(|one| line += &one.sql_at_column(name));
            line
        })
        .collect();
    if table.key.len() > 1 {
        lines.push(format!("  PRIMARY KEY ({})", names(&table.key)));
    }
    let several = table.uniques.iter().filter(|unique| unique.columns.len() > 1);
    lines.extend(several.map(|unique| format!("  UNIQUE ({})", names(&unique.columns))));
    let several = table.references.iter().filter(|reference| reference.columns.len() > 1);
    lines.extend(several.map(|reference| format!("  {}", reference.sql(name))));
    lines.extend(table.checks.iter().map(|check| format!("  CHECK ({})", check.name)));
    format!("CREATE TABLE {} (\n{}\n);\n", name(&table.name), lines.join(",\n"))
}

// Writing to a String cannot fail.
fn constraints(line: &mut String, column: &ColumnDef) {
    if column.not_null && !line.ends_with("PRIMARY KEY") {
        line.push_str(" NOT NULL");
    }
    if let Some(default) = column.default_sql(Style::People) {
        let _infallible = write!(line, " DEFAULT {default}");
    }
}

fn create_index(index: &IndexDef) -> String {
    let (what, table) = (name(&index.name), name(&index.table));
    format!("CREATE INDEX {what} ON {table} ({});\n", names(&index.columns))
}

fn create_view(query: &NamedQuery) -> String {
    let columns = match query.columns.as_slice() {
        [] => String::new(),
        columns => format!(" ({})", names(columns)),
    };
    let text = query.sql.as_deref().unwrap_or_default();
    format!("CREATE VIEW {}{columns} AS\n  {text};\n\n", name(&query.name))
}

fn names(list: &[String]) -> String {
    list.iter().map(|one| name(one)).collect::<Vec<_>>().join(", ")
}
