//! Names and arguments in a statement that the SQL reader has parsed.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName};

/// The plain arguments of a function.
pub(super) fn arguments(arguments: &FunctionArguments) -> impl Iterator<Item = &Expr> {
    let list = match arguments {
        FunctionArguments::List(list) => list.args.as_slice(),
        _ => &[],
    };
    list.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    })
}

/// What a column of an answer is called that is given no name; nothing, where it is no column.
pub(super) fn name_of(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(name) => lower(name),
        Expr::CompoundIdentifier(names) => names.last().map(lower).unwrap_or_default(),
        _ => String::new(),
    }
}

/// A name, in lower case.
pub(super) fn lower(name: &Ident) -> String {
    name.value.to_ascii_lowercase()
}

/// The last part of a name, in lower case.
pub(super) fn last(name: &ObjectName) -> String {
    name.0.last().and_then(|part| part.as_ident()).map(lower).unwrap_or_default()
}
