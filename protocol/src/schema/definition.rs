//! Tables, columns and indices: as an op declares them, and as they are shown.

use bincode::{Decode, Encode};

use super::column_type::ColumnType;
use super::constant::Constant;
use super::expression::{self, Expression, Style};
use super::id::{ColumnId, RuleId, TableId, id_of};
use super::reference::{Reference, ReferenceDeclaration};
use crate::name;
use crate::value::Value;
use crate::wide::Wide;

/// What a cell holds when the writer gives no value.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum DefaultValue {
    /// NULL.
    None,
    /// A constant: also what a cell never written shows.
    Constant(Constant),
    /// An expression, evaluated once, by the inserting site.
    Expression(Expression),
}

/// One column.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct ColumnDef {
    /// Its name, as declared.
    pub name: String,
    /// Its declared type.
    pub kind: ColumnType,
    /// What a cell holds when the writer gives no value.
    pub default: DefaultValue,
    /// Whether local writes of NULL are refused.
    pub not_null: bool,
}

impl ColumnDef {
    /// The id by which ops name this column.
    pub fn id(&self) -> ColumnId {
        ColumnId(id_of("column", &(name::fold(&self.name), self.kind, &self.default)))
    }

    /// What tells it from other definitions of its name, in SQL.
    pub fn definition(&self) -> String {
        match self.default_sql(Style::People) {
            Some(default) => format!("{} DEFAULT {default}", self.kind),
            None => self.kind.to_string(),
        }
    }

    /// Its default in SQL, as it stands after DEFAULT; none where it has none.
    pub fn default_sql(&self, style: Style) -> Option<String> {
        match &self.default {
            DefaultValue::None => None,
            DefaultValue::Constant(_) => Some(expression::literal_sql(&self.unwritten())),
            DefaultValue::Expression(expression) => {
                Some(format!("({})", expression.render(style, &|_| None).unwrap_or_default()))
            }
        }
    }

    /// What stands before the numbers by which its rows are numbered, if they are.
    pub fn site_number(&self) -> Option<String> {
        match &self.default {
            DefaultValue::Expression(expression) => expression.site_number(),
            DefaultValue::None | DefaultValue::Constant(_) => None,
        }
    }

    /// Whether its NOT NULL is broken by every row of who does not know the column.
    pub fn is_to_be_given(&self) -> bool {
        self.not_null && self.default == DefaultValue::None && self.unwritten().is_null()
    }

    /// What a cell never written shows: the constant default, else NULL; of a counter that may not
    /// be NULL, 0.
    pub fn unwritten(&self) -> Value {
        match &self.default {
            DefaultValue::Constant(constant) => constant.value().unwrap_or(Value::Null),
            DefaultValue::None if self.not_null && matches!(self.kind, ColumnType::Counter { .. }) => {
                self.kind.shown(Some(Wide::ZERO))
            }
            _ => Value::Null,
        }
    }
}

/// A new table, as an op declares it.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct TableDeclaration {
    /// Its name.
    pub name: String,
    /// Its columns in declared order.
    pub columns: Vec<ColumnDef>,
    /// Names of the primary key's columns, in key order.
    pub key: Vec<String>,
    /// What every row must satisfy.
    pub checks: Vec<Expression>,
    /// Lists of columns that no two rows may share.
    pub uniques: Vec<Vec<String>>,
    /// What its rows refer to.
    pub references: Vec<ReferenceDeclaration>,
}

impl TableDeclaration {
    /// The id by which ops name this table.
    pub fn id(&self) -> TableId {
        let key: Vec<_> = self.key_types();
        TableId(id_of("table", &(name::fold(&self.name), key)))
    }

    /// Name, folded, and type of the key's columns.
    pub(super) fn key_types(&self) -> Vec<(String, ColumnType)> {
        let typed = |column: &String| Some((name::fold(column), self.column(column)?.kind));
        self.key.iter().filter_map(typed).collect()
    }

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| name::same(&column.name, name))
    }
}

/// A secondary index, as an op declares it; it changes no meaning, only speed.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct IndexDef {
    /// Its name.
    pub name: String,
    /// The name of the table it is on, for people.
    pub table: String,
    /// The table's id.
    pub table_id: TableId,
    /// The columns it covers, in order.
    pub columns: Vec<String>,
}

impl IndexDef {
    /// Its identity, whatever it is called.
    pub fn id(&self) -> RuleId {
        let columns: Vec<String> = self.columns.iter().map(|column| name::fold(column)).collect();
        RuleId(id_of("index", &(self.table_id, columns)))
    }
}

/// A table as it is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct TableDef {
    /// Its id.
    pub id: TableId,
    /// The name under which it is shown.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<ColumnDef>,
    /// Names of the primary key's columns, in key order.
    pub key: Vec<String>,
    /// What every row must satisfy.
    pub checks: Vec<Check>,
    /// What no two rows may share.
    pub uniques: Vec<Unique>,
    /// What its rows refer to.
    pub references: Vec<Reference>,
}

/// A CHECK of a shown table.
#[derive(Clone, PartialEq, Debug)]
pub struct Check {
    /// What it asks.
    pub expression: Expression,
    /// The same for people: also its name in a conflict.
    pub name: String,
    /// The same for SQLite.
    pub sql: String,
}

/// A UNIQUE rule of a shown table.
#[derive(Clone, PartialEq, Debug)]
pub struct Unique {
    /// Its identity.
    pub id: RuleId,
    /// The columns, as they are spelled there.
    pub columns: Vec<String>,
}

impl Unique {
    /// The identity of a rule over these columns, in whatever order they are named.
    pub fn id_of(table: TableId, columns: &[String]) -> RuleId {
        let mut columns: Vec<String> = columns.iter().map(|column| name::fold(column)).collect();
        columns.sort();
        RuleId(id_of("unique", &(table, columns)))
    }
}

impl TableDef {
    /// The id by which ops name this table.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// What tells it from other tables of its name, in SQL.
    pub fn definition(&self) -> String {
        let kind = |name: &String| self.column(name).map(|column| format!("{name} {}", column.kind));
        format!("PRIMARY KEY ({})", self.key.iter().filter_map(kind).collect::<Vec<_>>().join(", "))
    }

    /// The column of that name (names compare without case, as in SQL).
    pub fn column(&self, name: &str) -> Option<&ColumnDef> {
        self.columns.iter().find(|column| name::same(&column.name, name))
    }

    /// Whether the column is one of the primary key's.
    pub fn is_key(&self, column: &str) -> bool {
        self.key.iter().any(|name| name::same(name, column))
    }
}
