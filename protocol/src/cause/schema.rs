//! What is wrong with a schema.

use super::part::part;
use super::{Cause, Param, Pattern, told_by};
use crate::bounds;
use crate::schema::ddl::{DdlError, Problem, Problems};
use crate::schema::expression::{ExpressionFault, Unreadable};
use crate::schema::{VoidReason, WaitReason};
use crate::sql_text::SqlTextError;

/// What the SQL parser says, and what it expects where it says so.
const PARSER: &[Pattern] = &[
    (
        "sql parser error: Expected: {expected}, found: {found} at Line: {line}, Column: {column}",
        "parser_expected",
    ),
    ("sql parser error: Expected: {expected}, found: {found}", "parser_ends"),
    ("Unterminated string literal at Line: {line}, Column: {column}", "parser_unterminated"),
    ("Unterminated encoded string literal at Line: {line}, Column: {column}", "parser_unterminated"),
    ("Unterminated dollar-quoted, expected $ at Line: {line}, Column: {column}", "parser_unterminated"),
    ("Expected close delimiter '{sign}' before EOF. at Line: {line}, Column: {column}", "parser_unclosed"),
    ("Unexpected EOF while in a multi-line comment at Line: {line}, Column: {column}", "parser_comment"),
    ("sql parser error: recursion limit exceeded", "parser_deep"),
];

const EXPECTED: &[Pattern] = &[
    ("identifier", "parser_name"),
    ("a data type name", "parser_type"),
    ("end of statement", "parser_end"),
    ("an expression", "parser_expression"),
    ("an SQL statement", "parser_statement"),
    ("column name or constraint definition", "parser_definition"),
    ("',' or ')' after column definition", "parser_comma_or_end"),
    ("a list of columns in parentheses", "parser_columns"),
    ("literal string", "parser_text"),
    ("literal int", "parser_number"),
];

impl From<&SqlTextError> for Cause {
    fn from(error: &SqlTextError) -> Self {
        match error {
            SqlTextError::TooLarge(mib) => {
                Self::new("text_long").with("mib", *mib).with("words", bounds::STATEMENT_TOKENS)
            }
            SqlTextError::Syntax(said) => told_by(said, PARSER)
                .map(expected_in_words)
                .unwrap_or_else(|| Self::new("parser").with("said", said)),
        }
    }
}

fn expected_in_words(cause: Cause) -> Cause {
    let words = |name: &str, of: fn(&str) -> Cause| match cause.params.get(name) {
        Some(Param::Text(said)) => Some(of(said)),
        _ => None,
    };
    let expected = words("expected", |said| {
        told_by(said, EXPECTED).unwrap_or_else(|| Cause::new("parser_words").with("words", said))
    });
    let found = words("found", |said| match said {
        "EOF" => Cause::new("parser_end"),
        said => Cause::new("parser_words").with("words", said),
    });
    let named = [("expected", expected), ("found", found)];
    named.into_iter().fold(cause, |cause, (name, put)| match put {
        Some(put) => cause.with(name, put),
        None => cause,
    })
}

impl From<&DdlError> for Cause {
    fn from(error: &DdlError) -> Self {
        match error {
            DdlError::Text(error) => error.into(),
            DdlError::NotSupported(cause) | DdlError::NotAdditive(cause) => cause.clone(),
            DdlError::Void(reason) => reason.into(),
            DdlError::UnknownType { column, found } => {
                Self::new("schema_type").with("column", column).with("found", found)
            }
            DdlError::NoPrimaryKey(table) => Self::new("schema_no_key").with("table", table),
        }
    }
}

/// Problems of a schema that are told; the others are counted.
const PROBLEMS: usize = 50;

impl From<&Problems> for Cause {
    fn from(problems: &Problems) -> Self {
        match problems.all() {
            [one] => one.into(),
            all => {
                let told: Vec<Cause> = all
                    .iter()
                    .take(PROBLEMS)
                    .map(|one| Self::new("schema_problem").with("fault", Self::from(one)))
                    .collect();
                let more = all.len() - told.len();
                let told = Self::new("schema_problems").with("count", all.len()).with("list", told);
                if more == 0 {
                    told
                } else {
                    Self::new("schema_more_problems").with("told", told).with("more", more)
                }
            }
        }
    }
}

impl From<&Problem> for Cause {
    fn from(problem: &Problem) -> Self {
        match (problem.line, &problem.error) {
            // What the parser says names the line.
            (Some(line), error) if !matches!(error, DdlError::Text(_)) => {
                Self::new("schema_in_line").with("line", line).with("fault", Self::from(error))
            }
            (_, error) => error.into(),
        }
    }
}

impl From<&VoidReason> for Cause {
    fn from(reason: &VoidReason) -> Self {
        match reason {
            VoidReason::Name { name, fault } => {
                Self::new("schema_name").with("name", name).with("fault", Self::from(fault))
            }
            VoidReason::Count { what, of, most } => {
                Self::new("schema_count").with("what", part(what)).with("of", counted(of)).with("most", *most)
            }
            VoidReason::Twice { what, column } => {
                Self::new("schema_twice").with("what", part(what)).with("column", column)
            }
            VoidReason::NoColumn { what, column } => {
                Self::new("schema_lacks_column").with("what", part(what)).with("column", column)
            }
            VoidReason::KeyType(column) => Self::new("schema_key_type").with("column", column),
            VoidReason::Digits(column) => Self::new("schema_digits").with("column", column),
            VoidReason::Default(column) => Self::new("schema_default_value").with("column", column),
            VoidReason::NoDefault(column) => Self::new("schema_no_default").with("column", column),
            VoidReason::Expression { what, fault } => {
                Self::new("schema_expression").with("what", part(what)).with("fault", Self::from(fault))
            }
            VoidReason::TooMany => Self::new("schema_many").with("most", bounds::SCHEMA_OPS),
            VoidReason::Long(what) => {
                Self::new("schema_long").with("what", part(what)).with("most", bounds::EXPRESSION_BYTES)
            }
        }
    }
}

fn counted(of: &str) -> Param {
    match of {
        "columns" => Cause::new("count_columns").into(),
        "bytes" => Cause::new("count_bytes").into(),
        "definitions" => Cause::new("count_definitions").into(),
        other => other.into(),
    }
}

impl From<&ExpressionFault> for Cause {
    fn from(fault: &ExpressionFault) -> Self {
        match fault {
            ExpressionFault::TooLarge => Self::new("expression_large").with("most", bounds::EXPRESSION_NODES),
            ExpressionFault::TooDeep => Self::new("expression_deep").with("most", bounds::EXPRESSION_DEPTH),
            ExpressionFault::Shape => Self::new("expression_shape"),
            ExpressionFault::Literal => Self::new("expression_literal"),
            ExpressionFault::Operands(name) => Self::new("expression_operands").with("name", name),
            ExpressionFault::NotHere(name) => Self::new("expression_not_here").with("name", name),
            ExpressionFault::Argument(name) => Self::new("expression_argument").with("name", name),
            ExpressionFault::Number => Self::new("expression_number"),
        }
    }
}

impl From<&Unreadable> for Cause {
    fn from(part: &Unreadable) -> Self {
        match part {
            Unreadable::Part(words) => Self::new("expression_part").with("words", words),
            Unreadable::NoColumn(name) => Self::new("expression_no_column").with("name", name),
            Unreadable::TooLarge => Self::new("expression_bounds")
                .with("parts", bounds::EXPRESSION_NODES)
                .with("deep", bounds::EXPRESSION_DEPTH),
        }
    }
}

impl From<&WaitReason> for Cause {
    fn from(reason: &WaitReason) -> Self {
        match reason {
            WaitReason::NoTable => Self::new("waits_table"),
            WaitReason::NoColumn(name) => Self::new("waits_column").with("name", name),
            WaitReason::NoFunction(name) => Self::new("waits_function").with("name", name),
            WaitReason::NotInAll => Self::new("waits_all"),
            WaitReason::NotUnique(columns) => Self::new("waits_unique").with("columns", columns),
            WaitReason::OtherAction => Self::new("waits_other_action"),
            WaitReason::NameTaken => Self::new("waits_name"),
            WaitReason::TooMany(count) => Self::new("waits_room").with("count", *count),
        }
    }
}
