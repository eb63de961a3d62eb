//! Expressions without what only one product writes: casts that change nothing, its names for usual
//! functions, its spelling of lists and texts.

use sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value,
};

/// Stack for one level of an expression, and those who look at it.
const STACK_BYTES: usize = 128 << 10;

/// The same expression in plain SQL, as far as it can be said so.
pub fn plain(expression: Expr) -> Expr {
    plain_part(inside(expression, &plain))
}

/// The same of an expression whose parts are plain.
pub(super) fn plain_part(expression: Expr) -> Expr {
    match expression {
        Expr::Nested(inner) if matches!(*inner, Expr::Value(_) | Expr::Function(_) | Expr::Nested(_)) => {
            *inner
        }
        Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, format: None }
            if matches!(*expr, Expr::Value(_)) || !narrows(&data_type) =>
        {
            *expr
        }
        Expr::Cast { expr, data_type, .. } if is_text(&data_type) && matches!(*expr, Expr::Value(_)) => *expr,
        Expr::AtTimeZone { timestamp, .. } => *timestamp,
        Expr::Collate { expr, .. } => *expr,
        // `_utf8mb4'x'`
        Expr::Prefixed { value, prefix } if prefix.value.starts_with('_') => *value,
        Expr::TypedString(typed) => Expr::Value(typed.value),
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some } => match listed(&right) {
            Some(list) => Expr::InList { expr: left, list, negated: false },
            None => Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some },
        },
        Expr::Value(mut value) => {
            value.value = plain_value(value.value);
            Expr::Value(value)
        }
        Expr::Function(function) => plain_function(function),
        Expr::Identifier(name) if name.quote_style.is_none() => {
            named_function(&name).unwrap_or(Expr::Identifier(name))
        }
        other => other,
    }
}

/// The same expression, with one name in place of another.
pub fn renamed(expression: Expr, from: &str, to: &str) -> Expr {
    match inside(expression, &|part| renamed(part, from, to)) {
        Expr::Identifier(name) if name.value.eq_ignore_ascii_case(from) => {
            Expr::Identifier(Ident::with_quote('"', to))
        }
        other => other,
    }
}

/// Puts something in place of each part of an expression, however deep it is.
fn inside(expression: Expr, put: &dyn Fn(Expr) -> Expr) -> Expr {
    stacker::maybe_grow(STACK_BYTES, 16 * STACK_BYTES, || inside_here(expression, put))
}

fn inside_here(expression: Expr, put: &dyn Fn(Expr) -> Expr) -> Expr {
    let one = |part: Box<Expr>| Box::new(put(*part));
    let all = |parts: Vec<Expr>| parts.into_iter().map(put).collect();
    match expression {
        Expr::Nested(inner) => Expr::Nested(one(inner)),
        Expr::UnaryOp { op, expr } => Expr::UnaryOp { op, expr: one(expr) },
        Expr::BinaryOp { left, op, right } => Expr::BinaryOp { left: one(left), op, right: one(right) },
        Expr::IsNull(inner) => Expr::IsNull(one(inner)),
        Expr::IsNotNull(inner) => Expr::IsNotNull(one(inner)),
        Expr::IsTrue(inner) => Expr::IsTrue(one(inner)),
        Expr::IsFalse(inner) => Expr::IsFalse(one(inner)),
        Expr::Between { expr, negated, low, high } => {
            Expr::Between { expr: one(expr), negated, low: one(low), high: one(high) }
        }
        Expr::InList { expr, list, negated } => Expr::InList { expr: one(expr), list: all(list), negated },
        Expr::Like { negated, any, expr, pattern, escape_char } => {
            Expr::Like { negated, any, expr: one(expr), pattern: one(pattern), escape_char }
        }
        Expr::Cast { kind, expr, data_type, format } => {
            Expr::Cast { kind, expr: one(expr), data_type, format }
        }
        Expr::AtTimeZone { timestamp, time_zone } => {
            Expr::AtTimeZone { timestamp: one(timestamp), time_zone }
        }
        Expr::Collate { expr, collation } => Expr::Collate { expr: one(expr), collation },
        Expr::Prefixed { prefix, value } => Expr::Prefixed { prefix, value: one(value) },
        Expr::AnyOp { left, compare_op, right, is_some } => {
            Expr::AnyOp { left: one(left), compare_op, right: one(right), is_some }
        }
        Expr::Array(mut array) => {
            array.elem = all(array.elem);
            Expr::Array(array)
        }
        Expr::Case { case_token, end_token, operand, conditions, else_result } => {
            let case = |case: CaseWhen| CaseWhen { condition: put(case.condition), result: put(case.result) };
            Expr::Case {
                case_token,
                end_token,
                operand: operand.map(one),
                conditions: conditions.into_iter().map(case).collect(),
                else_result: else_result.map(one),
            }
        }
        Expr::Function(mut function) => {
            if let FunctionArguments::List(list) = &mut function.args {
                let argument = |argument: FunctionArg| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(part)) => {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(put(part)))
                    }
                    other => other,
                };
                list.args = std::mem::take(&mut list.args).into_iter().map(argument).collect();
            }
            Expr::Function(function)
        }
        other => other,
    }
}

/// Whether a cast to that type may change what is written.
fn narrows(data_type: &DataType) -> bool {
    let text = data_type.to_string().to_ascii_uppercase();
    ["INT", "DATE", "TIME", "SMALLINT"].iter().any(|word| text == *word)
}

fn is_text(data_type: &DataType) -> bool {
    let text = data_type.to_string().to_ascii_uppercase();
    text.contains("CHAR") || text.contains("TEXT")
}

/// The values of `ARRAY['a', 'b']`.
fn listed(expression: &Expr) -> Option<Vec<Expr>> {
    match expression {
        Expr::Nested(inner) => listed(inner),
        Expr::Cast { expr, .. } => listed(expr),
        Expr::Array(array) => Some(array.elem.clone()),
        _ => None,
    }
}

fn plain_value(value: Value) -> Value {
    match value {
        Value::DoubleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::NationalStringLiteral(text)
        | Value::UnicodeStringLiteral(text) => Value::SingleQuotedString(text),
        Value::DollarQuotedString(text) => Value::SingleQuotedString(text.value),
        // `b'1'`: bits are a number.
        Value::SingleQuotedByteStringLiteral(bits) => match u64::from_str_radix(&bits, 2) {
            Ok(number) => Value::Number(number.to_string(), false),
            Err(_) => Value::SingleQuotedByteStringLiteral(bits),
        },
        other => other,
    }
}

/// The names of usual functions, and what each of the products calls them.
const FUNCTIONS: &[(&str, &[&str])] = &[
    (
        "current_timestamp",
        &[
            "now",
            "localtimestamp",
            "transaction_timestamp",
            "statement_timestamp",
            "clock_timestamp",
            "sysdate",
            "getdate",
            "utc_timestamp",
            "systimestamp",
            "current_timestamp",
        ],
    ),
    ("current_date", &["curdate", "current_date", "utc_date"]),
    ("current_time", &["curtime", "localtime", "current_time", "utc_time"]),
    (
        "uuid7",
        &[
            "gen_random_uuid",
            "uuid_generate_v4",
            "uuid_generate_v1",
            "uuid_generate_v1mc",
            "uuid",
            "newid",
            "uuidv4",
            "uuidv7",
            "uuid7",
        ],
    ),
    ("length", &["char_length", "character_length", "length"]),
    ("lower", &["lcase", "lower"]),
    ("upper", &["ucase", "upper"]),
];

fn usual(name: &str) -> Option<&'static str> {
    let is_it = |names: &&[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    FUNCTIONS.iter().find(|(_, names)| is_it(names)).map(|(usual, _)| *usual)
}

fn plain_function(mut function: Function) -> Expr {
    let name = match function.name.0.last().and_then(|part| part.as_ident()) {
        Some(name) => name.value.clone(),
        None => return Expr::Function(function),
    };
    let Some(usual) = usual(&name) else {
        // A schema before it: `pg_catalog.lower(…)`.
        function.name = ObjectName::from(vec![Ident::new(name)]);
        return Expr::Function(function);
    };
    function.name = ObjectName::from(vec![Ident::new(usual)]);
    if !["length", "lower", "upper"].contains(&usual) {
        // Digits after the second, for which tandem always has room.
        function.args = FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: Vec::new(),
            clauses: Vec::new(),
        });
    }
    Expr::Function(function)
}

/// A function that is called without parentheses.
fn named_function(name: &Ident) -> Option<Expr> {
    let usual = usual(&name.value).filter(|usual| usual.starts_with("current_"))?;
    Some(function(usual, FunctionArguments::None))
}

/// A function that is called with these.
pub(super) fn function(name: &str, args: FunctionArguments) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args,
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
