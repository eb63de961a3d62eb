//! One column out of its declaration.

use sqlparser::ast::{CharacterLength, ColumnOption, DataType, Expr};
use sqlparser::tokenizer::Token;

use super::error::{DdlError, refuse};
use super::names::ident;
use super::reference::TypedReference;
use crate::cause::Cause;
use crate::schema::column_type::ColumnType;
use crate::schema::constant::Constant;
use crate::schema::definition::{ColumnDef, DefaultValue};
use crate::schema::expression::{self, Expression, Node, Operator};
use crate::schema::external::ExternalType;
use crate::value::Value;

/// What a column's declaration says about its table.
pub(super) struct TypedColumn<'a> {
    pub column: ColumnDef,
    pub is_key: bool,
    pub unique: bool,
    /// To be read once all columns are known.
    pub checks: Vec<&'a Expr>,
    /// How many characters its texts may have.
    pub longest: Option<u64>,
    /// Whether its values are made by counting: only tandem's own way, and of a key, can be had.
    pub counts_up: bool,
    pub references: Vec<TypedReference>,
}

/// A column out of its declaration.
pub(super) fn column<'a>(
    table: &str,
    declared: &'a sqlparser::ast::ColumnDef,
) -> Result<TypedColumn<'a>, DdlError> {
    let name = ident(&declared.name);
    let place = format!("{table}.{name}");
    let found = declared.data_type.to_string();
    let longest = longest(&declared.data_type);
    let kind = match longest {
        Some(_) => Some(ColumnType::Text),
        None => external(&declared.data_type).or_else(|| ColumnType::declared(&found)),
    };
    let kind = kind.ok_or_else(|| DdlError::UnknownType { column: place.clone(), found: found.clone() })?;
    let mut typed = TypedColumn {
        column: ColumnDef { name: name.clone(), kind, default: DefaultValue::None, not_null: false },
        is_key: false,
        unique: false,
        checks: Vec::new(),
        longest,
        counts_up: found.to_ascii_uppercase().ends_with("SERIAL"),
        references: Vec::new(),
    };
    for option in &declared.options {
        match &option.option {
            ColumnOption::Null => {}
            ColumnOption::NotNull => typed.column.not_null = true,
            ColumnOption::Default(expression) => typed.column.default = default(&place, kind, expression)?,
            ColumnOption::PrimaryKey(_) => typed.is_key = true,
            ColumnOption::Unique(_) => typed.unique = true,
            ColumnOption::Check(check) => typed.checks.push(&check.expr),
            ColumnOption::ForeignKey(foreign) => {
                typed.references.push(TypedReference::read(Some(&name), foreign)?);
            }
            ColumnOption::Generated { generation_expr: None, .. } => typed.counts_up = true,
            ColumnOption::Generated { .. } => {
                return Err(refuse("schema_generated"));
            }
            ColumnOption::DialectSpecific(words) if counts_up(words) => typed.counts_up = true,
            ColumnOption::Collation(name) if name.to_string().eq_ignore_ascii_case("BINARY") => {}
            ColumnOption::Collation(_) => {
                return Err(refuse("schema_collations"));
            }
            other => {
                let cause = Cause::new("schema_column_option").with("column", place);
                return Err(DdlError::NotSupported(cause.with("words", other.to_string())));
            }
        }
    }
    Ok(typed)
}

/// Whether these words say that values are made by counting.
fn counts_up(words: &[Token]) -> bool {
    let is_it = |token: &Token| {
        ["AUTOINCREMENT", "AUTO_INCREMENT"].contains(&token.to_string().to_ascii_uppercase().as_str())
    };
    matches!(words, [word] if is_it(word))
}

/// The type of another database, of a declaration that names one.
fn external(kind: &DataType) -> Option<ColumnType> {
    match kind {
        DataType::Custom(word, names) if word.to_string().eq_ignore_ascii_case("EXTERNAL") => {
            match &names[..] {
                [name] => ExternalType::named(name).map(ColumnType::External),
                _ => None,
            }
        }
        _ => None,
    }
}

/// How many characters a text may have, of a type that says so.
fn longest(kind: &DataType) -> Option<u64> {
    let length = match kind {
        DataType::Varchar(length) | DataType::CharacterVarying(length) | DataType::CharVarying(length) => {
            length
        }
        DataType::Nvarchar(length) | DataType::Char(length) | DataType::Character(length) => length,
        _ => return None,
    };
    match length {
        Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
        _ => None,
    }
}

/// That the texts of a column have so many characters at most.
pub(super) fn shorter(column: &ColumnDef, most: u64) -> Expression {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    Expression::new(vec![
        Node::Apply(Operator::LessEqual, 2),
        Node::Call("length".to_owned(), 1),
        Node::Column(column.id()),
        Node::Literal(Constant::new(&Value::Integer(most))),
    ])
}

fn default(place: &str, kind: ColumnType, sql: &Expr) -> Result<DefaultValue, DdlError> {
    let refused = |fault: Cause| {
        DdlError::NotSupported(Cause::new("schema_default").with("place", place).with("fault", fault))
    };
    let Some(value) = expression::literal_of(sql) else {
        let tree = expression::read(sql, &|_| None).map_err(|part| refused(Cause::from(&part)))?;
        return Ok(DefaultValue::Expression(tree));
    };
    if value.is_null() {
        return Ok(DefaultValue::None);
    }
    let exact = expression::digits_of(sql).filter(|_| kind.digits().is_some()).map(Value::Text);
    let value = kind.canonical(exact.unwrap_or(value)).map_err(|error| refused(Cause::from(&error)))?;
    Ok(DefaultValue::Constant(Constant::new(&value)))
}
