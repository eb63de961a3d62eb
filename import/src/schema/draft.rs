//! A schema as it is going to be declared, and its SQL.

use std::fmt::Write as _;

use tandem_protocol::name;
use tandem_protocol::schema::expression::spelled;
use tandem_protocol::schema::{ColumnType, Schema, ddl};

use crate::model::OnDelete;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftColumn {
    /// Its name.
    pub name: String,
    /// Its name in the other database; empty, where it had none.
    pub source: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it is never NULL.
    pub not_null: bool,
    /// What stands behind DEFAULT.
    pub default: Option<String>,
}

/// A reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftReference {
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The table they refer to.
    pub table: String,
    /// Its columns, in the same order.
    pub targets: Vec<String>,
    /// Whether these are its key.
    pub is_to_key: bool,
    /// What a deletion there does here.
    pub on_delete: OnDelete,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftTable {
    /// Its name.
    pub name: String,
    /// Its name in the other database.
    pub source: String,
    /// Its columns.
    pub columns: Vec<DraftColumn>,
    /// The names of the key's.
    pub key: Vec<String>,
    /// What no two rows share.
    pub uniques: Vec<Vec<String>>,
    /// What each row satisfies, in SQL.
    pub checks: Vec<String>,
    /// What its rows refer to.
    pub references: Vec<DraftReference>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftIndex {
    /// Its name.
    pub name: String,
    /// Its table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
}

/// A view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftView {
    /// Its name.
    pub name: String,
    /// Where it stood in the dump.
    pub line: u64,
    /// What its columns are called, if that is said.
    pub columns: Vec<String>,
    /// Its query.
    pub query: String,
}

/// A whole schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Its tables.
    pub tables: Vec<DraftTable>,
    /// Its indices.
    pub indices: Vec<DraftIndex>,
    /// Its views.
    pub views: Vec<DraftView>,
}

impl DraftColumn {
    /// The key of a table that had none.
    pub fn given_key(name: String) -> Self {
        let kind = ColumnType::Integer;
        Self { name, source: String::new(), kind, not_null: true, default: None }
    }
}

impl DraftReference {
    /// Whether another refers from the same to the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let pairs = |one: &Self| {
            let mut pairs: Vec<(String, String)> =
                one.columns.iter().cloned().zip(one.targets.iter().cloned()).collect();
            pairs.sort();
            pairs
        };
        self.table == other.table && pairs(self) == pairs(other)
    }

    /// Behind the columns that refer. A key of one column goes without saying.
    fn sql(&self) -> String {
        let targets = match self.targets.as_slice() {
            [_] if self.is_to_key => String::new(),
            targets => format!(" ({})", names(targets)),
        };
        let action = match self.on_delete {
            OnDelete::Cascade => " ON DELETE CASCADE",
            OnDelete::SetNull => " ON DELETE SET NULL",
            OnDelete::Restrict | OnDelete::SetDefault => "",
        };
        format!(" REFERENCES {}{targets}{action}", spelled(&self.table))
    }
}

impl DraftView {
    /// Its declaration.
    pub fn sql(&self) -> String {
        let columns = match self.columns.as_slice() {
            [] => String::new(),
            columns => format!(" ({})", names(columns)),
        };
        format!("CREATE VIEW {}{columns} AS\n  {};\n", spelled(&self.name), self.query)
    }
}

impl DraftTable {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&DraftColumn> {
        self.columns.iter().find(|column| name::same(&column.name, name))
    }

    /// The column that had that name.
    pub fn of_source(&self, name: &str) -> Option<&DraftColumn> {
        self.columns.iter().find(|column| !column.source.is_empty() && name::same(&column.source, name))
    }

    /// The names under which columns stand that had these; none, where one is not there.
    pub fn named(&self, sources: &[String]) -> Option<Vec<String>> {
        sources.iter().map(|source| Some(self.of_source(source)?.name.clone())).collect()
    }

    fn write(&self, sql: &mut String) {
        let _in_a_string = write!(sql, "CREATE TABLE {} (", spelled(&self.name));
        let mut lines = Vec::new();
        for column in &self.columns {
            let mut line = format!("{} {}", spelled(&column.name), column.kind);
            if self.key.len() == 1 && self.key[0] == column.name {
                line += " PRIMARY KEY";
            } else if column.not_null {
                line += " NOT NULL";
            }
            if let Some(default) = &column.default {
                line += &format!(" DEFAULT {default}");
            }
            let alone =
                self.references.iter().filter(|reference| reference.columns == [column.name.as_str()]);
            alone.for_each(|reference| line += &reference.sql());
            lines.push(line);
        }
        if self.key.len() > 1 {
            lines.push(format!("PRIMARY KEY ({})", names(&self.key)));
        }
        lines.extend(self.uniques.iter().map(|columns| format!("UNIQUE ({})", names(columns))));
        let several = self.references.iter().filter(|reference| reference.columns.len() > 1);
        lines.extend(several.map(|one| format!("FOREIGN KEY ({}){}", names(&one.columns), one.sql())));
        lines.extend(self.checks.iter().map(|check| format!("CHECK ({check})")));
        let _in_a_string = write!(sql, "\n  {}\n);\n", lines.join(",\n  "));
    }
}

impl Draft {
    /// The schema in SQL, for people to read and to apply.
    pub fn sql(&self) -> String {
        let mut sql = String::new();
        for table in &self.tables {
            if !sql.is_empty() {
                sql.push('\n');
            }
            table.write(&mut sql);
        }
        for (at, DraftIndex { name, table, columns }) in self.indices.iter().enumerate() {
            let space = if at == 0 { "\n" } else { "" };
            let (name, table) = (spelled(name), spelled(table));
            let _in_a_string = writeln!(sql, "{space}CREATE INDEX {name} ON {table} ({});", names(columns));
        }
        for view in &self.views {
            sql.push('\n');
            sql += &view.sql();
        }
        sql
    }

    /// The schema of an empty space that takes all of it.
    pub fn schema(&self) -> Result<Schema, ddl::Problems> {
        let mut schema = Schema::default();
        let ops = ddl::plan(&self.sql(), &schema)?;
        schema.add_next(&ops);
        schema.rejudge();
        Ok(schema)
    }
}

fn names(columns: &[String]) -> String {
    columns.iter().map(|column| spelled(column)).collect::<Vec<_>>().join(", ")
}
