//! Schema changes as ops carry them: structure, never SQL; and what makes one void.

use bincode::{Decode, Encode};

use super::column_type::ColumnType;
use super::definition::{ColumnDef, DefaultValue, IndexDef, TableDeclaration};
use super::expression::{Expression, ExpressionFault, Judge, Use};
use super::id::{ColumnId, TableId};
use super::named_query::NamedQuery;
use super::reference::{ReferenceDeclaration, ReferringColumn};
use crate::name::{self, NameFault};
use crate::op::Mode;
use crate::{bounds, codec};

/// One schema change, as an op carries it. All of them add; none takes away, but for a query's name,
/// behind which there are no rows.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum SchemaOp {
    /// A table that was not there.
    CreateTable(TableDeclaration),
    /// A column that was not there.
    AddColumn {
        /// The table's name, for people.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The new column.
        column: ColumnDef,
    },
    /// An index that was not there.
    CreateIndex(IndexDef),
    /// Which definition of a column's name is shown, where several were declared.
    ChooseColumn {
        /// The table's name, for people.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The column's name.
        name: String,
        /// The definition to show.
        column: ColumnId,
        /// All definitions that were looked at.
        looked_at: Vec<ColumnId>,
    },
    /// Which of several tables declared under one name is called by it.
    ChooseTable {
        /// The tables' name.
        name: String,
        /// The table to call so.
        table_id: TableId,
        /// All tables that were looked at.
        looked_at: Vec<TableId>,
    },
    /// A list of columns that no two rows may share.
    AddUnique {
        /// The table's name, for people.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The columns.
        columns: Vec<String>,
    },
    /// What every row must satisfy.
    AddCheck {
        /// The table's name, for people.
        table: String,
        /// The table's id.
        table_id: TableId,
        /// The expression.
        check: Expression,
    },
    /// What a query's name stands for from now on.
    SetQuery(NamedQuery),
    /// What a table's rows refer to.
    AddReference {
        /// The table's name, for people.
        of: String,
        /// The table's id.
        of_id: TableId,
        /// The reference.
        reference: ReferenceDeclaration,
    },
}

/// Why a schema op has no effect, on any site at any time. It stays in the log. What is typed is
/// refused for the same reasons, before it becomes an op.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VoidReason {
    /// A name that cannot be one.
    #[error("the name {name:?} cannot be used: {fault}")]
    Name {
        /// Its beginning.
        name: String,
        /// Why not.
        fault: NameFault,
    },
    /// Nothing, or more than a bound allows.
    #[error("{what} has no {of}, or more than {most}")]
    Count {
        /// Of what.
        what: String,
        /// Of what it has too many or none.
        of: &'static str,
        /// How many it may have.
        most: usize,
    },
    /// A column named twice.
    #[error("{what} names the column {column} twice")]
    Twice {
        /// What does.
        what: String,
        /// The column.
        column: String,
    },
    /// A key or rule that names a column which is not declared.
    #[error("{what} has no column {column}")]
    NoColumn {
        /// What has none.
        what: String,
        /// The column.
        column: String,
    },
    /// A key column of a type whose values do not stay as they are.
    #[error("column {0} cannot be in a primary key: its type is not one whose values stay as they are")]
    KeyType(String),
    /// A type with digits out of range.
    #[error("column {0} has a type with too many digits")]
    Digits(String),
    /// A default that its column cannot hold.
    #[error("the default of {0} is not a value of its type")]
    Default(String),
    /// A new column that may not be NULL, without a default for the rows that are there.
    #[error("new column {0} is NOT NULL and needs a DEFAULT for the rows that are there")]
    NoDefault(String),
    /// An expression that is none.
    #[error("the {what}: {fault}")]
    Expression {
        /// Where it stands.
        what: String,
        /// Why not.
        fault: ExpressionFault,
    },
    /// It stands too far behind in its transaction.
    #[error("one transaction may change the schema at its first {most} places", most = bounds::SCHEMA_OPS)]
    TooMany,
    /// An expression of too many bytes.
    #[error("the {0} is longer than {most} bytes", most = bounds::EXPRESSION_BYTES)]
    Long(String),
}

impl SchemaOp {
    /// Whether the op is void by itself: the one gate through which what is typed goes before it is
    /// signed, and what arrives before it counts.
    pub fn check(&self, judge: Judge) -> Result<(), VoidReason> {
        match self {
            Self::CreateTable(table) => check_table(table, judge),
            Self::AddColumn { table, column, .. } => {
                check_name(table)?;
                check_column(table, column, judge)?;
                let place = format!("{table}.{}", column.name);
                if column.is_to_be_given() {
                    return Err(VoidReason::NoDefault(place));
                }
                Ok(())
            }
            Self::CreateIndex(index) => {
                check_name(&index.name)?;
                check_name(&index.table)?;
                check_columns(&format!("index {}", index.name), &index.columns)
            }
            Self::ChooseColumn { table, name, looked_at, .. } => {
                check_name(table)?;
                check_name(name)?;
                check_most(name, "definitions", looked_at.len(), bounds::COLUMNS)
            }
            Self::ChooseTable { name, looked_at, .. } => {
                check_name(name)?;
                check_most(name, "definitions", looked_at.len(), bounds::TABLES)
            }
            Self::AddUnique { table, columns, .. } => {
                check_name(table)?;
                check_columns(&format!("a UNIQUE of {table}"), columns)
            }
            Self::AddCheck { table, check, .. } => {
                check_name(table)?;
                check_expression(&format!("CHECK of {table}"), check, judge, Use::Check)
            }
            Self::SetQuery(query) => {
                check_name(&query.name)?;
                query.columns.iter().try_for_each(|column| check_name(column))?;
                query.check()
            }
            Self::AddReference { of, reference, .. } => {
                check_name(of)?;
                check_reference(of, reference)
            }
        }
    }
}

fn check_table(table: &TableDeclaration, judge: Judge) -> Result<(), VoidReason> {
    check_name(&table.name)?;
    let what = || format!("table {}", table.name);
    check_count(&what(), "columns", table.columns.len(), bounds::COLUMNS)?;
    let mut names = std::collections::BTreeSet::new();
    for column in &table.columns {
        check_column(&table.name, column, judge)?;
        if !names.insert(name::fold(&column.name)) {
            return Err(VoidReason::Twice { what: what(), column: column.name.clone() });
        }
    }
    check_columns(&what(), &table.key)?;
    for key in &table.key {
        let column = table.column(key);
        let column = column.ok_or_else(|| VoidReason::NoColumn { what: what(), column: key.clone() })?;
        if !column.kind.may_be_key() {
            return Err(VoidReason::KeyType(format!("{}.{key}", table.name)));
        }
    }
    check_most(&what(), "CHECKs", table.checks.len(), bounds::RULES)?;
    check_most(&what(), "UNIQUEs", table.uniques.len(), bounds::RULES)?;
    for check in &table.checks {
        check_expression(&format!("CHECK of {}", table.name), check, judge, Use::Check)?;
    }
    table
        .uniques
        .iter()
        .try_for_each(|columns| check_columns(&format!("a UNIQUE of {}", table.name), columns))?;
    check_most(&what(), "REFERENCES", table.references.len(), bounds::RULES)?;
    table.references.iter().try_for_each(|reference| check_reference(&table.name, reference))
}

fn check_reference(table: &str, reference: &ReferenceDeclaration) -> Result<(), VoidReason> {
    check_name(&reference.table)?;
    let what = format!("a REFERENCES of {table}");
    let names = |name: fn(&ReferringColumn) -> &String| -> Vec<String> {
        reference.columns.iter().map(|column| name(column).clone()).collect()
    };
    check_columns(&what, &names(|column| &column.name))?;
    check_columns(&what, &names(|column| &column.target))?;
    let kinds = reference.columns.iter().flat_map(|column| [column.kind, column.target_kind]);
    match kinds.into_iter().all(ColumnType::has_sound_digits) {
        true => Ok(()),
        false => Err(VoidReason::Digits(what)),
    }
}

fn check_column(table: &str, column: &ColumnDef, judge: Judge) -> Result<(), VoidReason> {
    check_name(&column.name)?;
    let place = || format!("{table}.{}", column.name);
    if !column.kind.has_sound_digits() {
        return Err(VoidReason::Digits(place()));
    }
    match &column.default {
        DefaultValue::None => Ok(()),
        DefaultValue::Constant(constant) => {
            let holds = |value: &crate::value::Value| {
                !value.is_null() && column.kind.holds(Mode::Set, value) && is_plain(column.kind, value)
            };
            match constant.value() {
                Ok(value) if holds(&value) => Ok(()),
                _ => Err(VoidReason::Default(place())),
            }
        }
        DefaultValue::Expression(expression) => {
            check_expression(&format!("DEFAULT of {}", place()), expression, judge, Use::Default)
        }
    }
}

/// Whether the value is in the form in which its column's values are written.
fn is_plain(kind: ColumnType, value: &crate::value::Value) -> bool {
    kind.canonical(value.clone()).is_ok_and(|canonical| canonical == *value)
}

fn check_expression(
    what: &str,
    expression: &Expression,
    judge: Judge,
    purpose: Use,
) -> Result<(), VoidReason> {
    if codec::encode(expression).len() > bounds::EXPRESSION_BYTES {
        return Err(VoidReason::Long(what.to_owned()));
    }
    expression.judge(judge, purpose).map_err(|fault| VoidReason::Expression { what: what.to_owned(), fault })
}

fn check_name(name: &str) -> Result<(), VoidReason> {
    const QUOTED: usize = 40;
    name::check_sql(name)
        .map_err(|fault| VoidReason::Name { name: name.chars().take(QUOTED).collect(), fault })
}

fn check_columns(what: &str, columns: &[String]) -> Result<(), VoidReason> {
    check_count(what, "columns", columns.len(), bounds::RULE_COLUMNS)?;
    let mut names = std::collections::BTreeSet::new();
    for column in columns {
        check_name(column)?;
        if !names.insert(name::fold(column)) {
            return Err(VoidReason::Twice { what: what.to_owned(), column: column.clone() });
        }
    }
    Ok(())
}

fn check_count(what: &str, of: &'static str, count: usize, most: usize) -> Result<(), VoidReason> {
    if count == 0 {
        return Err(VoidReason::Count { what: what.to_owned(), of, most });
    }
    check_most(what, of, count, most)
}

fn check_most(what: &str, of: &'static str, count: usize, most: usize) -> Result<(), VoidReason> {
    if count > most { Err(VoidReason::Count { what: what.to_owned(), of, most }) } else { Ok(()) }
}
