//! Expressions as SQL, every parenthesis of it ours.

use super::{Expression, Node, Operator};
use crate::schema::id::ColumnId;
use crate::value::Value;

/// Bytes of a text that is searched, and of what is searched for: to look for a pattern costs the
/// product of both. A longer one counts as NULL, on every site alike.
const SEARCHED_BYTES: usize = 64 << 10;
const PATTERN_BYTES: usize = 256;
/// Bytes of a set of characters to be trimmed, and of what replaces another.
const SHORT_BYTES: usize = 64;

/// What a column is called.
pub type Names<'a> = dyn Fn(ColumnId) -> Option<String> + 'a;

/// For whom an expression is written out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// For SQLite: every name quoted, every cost bounded by `tandem_short(value, bytes)`.
    Sql,
    /// For people, and to be typed again.
    People,
}

/// A name in SQL, quoted.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name for people, also to be typed again: as it is where that is safe, quoted where not.
pub fn spelled(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !KEYWORDS.contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { quoted(name) }
}

/// Words that SQLite does not take as a name, or takes for a value.
const KEYWORDS: [&str; 72] = [
    "add",
    "all",
    "alter",
    "and",
    "as",
    "between",
    "case",
    "check",
    "collate",
    "commit",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "default",
    "deferrable",
    "delete",
    "distinct",
    "drop",
    "else",
    "escape",
    "except",
    "exists",
    "false",
    "foreign",
    "from",
    "full",
    "group",
    "having",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "left",
    "limit",
    "natural",
    "not",
    "nothing",
    "notnull",
    "null",
    "on",
    "or",
    "order",
    "outer",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "set",
    "table",
    "then",
    "to",
    "transaction",
    "trigger",
    "true",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "view",
    "when",
    "where",
    "with",
];

impl Expression {
    /// The expression as SQL; `None` if a column has no name (or the tree is none).
    pub fn render(&self, style: Style, names: &Names<'_>) -> Option<String> {
        let mut writer = Writer { nodes: self.nodes().iter(), style, names };
        let sql = writer.operand(0)?;
        writer.nodes.next().is_none().then_some(sql)
    }
}

/// Writes an expression, depth first.
struct Writer<'a> {
    nodes: std::slice::Iter<'a, Node>,
    style: Style,
    names: &'a Names<'a>,
}

impl Writer<'_> {
    /// The next node and all below it, under an operator that binds so strongly (0: it stands alone).
    /// In parentheses, unless it stands alone; for people, where it would otherwise mean another thing.
    fn operand(&mut self, outer: u8) -> Option<String> {
        match self.nodes.next()? {
            Node::Literal(constant) => Some(literal(&constant.value().ok()?)),
            Node::Column(id) => (self.names)(*id),
            Node::Call(name, arguments) => {
                let arguments = self.operands(*arguments, 0)?;
                Some(self.call(name, arguments))
            }
            Node::Apply(operator, operands) => {
                let strength = strength(*operator);
                // What stands between its words is bracketed there, or cannot be mistaken.
                let inside = if strength == u8::MAX { 0 } else { strength };
                let operands = self.operands(*operands, inside)?;
                let sql = self.apply(*operator, operands)?;
                let alone = outer == 0 || self.style == Style::People && strength > outer;
                Some(if alone { sql } else { format!("({sql})") })
            }
        }
    }

    fn operands(&mut self, count: u16, outer: u8) -> Option<Vec<String>> {
        (0..count).map(|_| self.operand(outer)).collect()
    }

    fn short(&self, value: &str, bytes: usize) -> String {
        match self.style {
            Style::Sql => format!("tandem_short({value}, {bytes})"),
            Style::People => value.to_owned(),
        }
    }

    fn call(&self, name: &str, mut arguments: Vec<String>) -> String {
        let most: &[usize] = match name {
            "instr" => &[SEARCHED_BYTES, PATTERN_BYTES],
            "replace" => &[SEARCHED_BYTES, PATTERN_BYTES, SHORT_BYTES],
            "trim" | "ltrim" | "rtrim" if arguments.len() > 1 => &[SEARCHED_BYTES, SHORT_BYTES],
            _ => &[],
        };
        for (argument, most) in arguments.iter_mut().zip(most) {
            *argument = self.short(argument, *most);
        }
        match name {
            "current_timestamp" | "current_date" | "current_time" => name.to_ascii_uppercase(),
            _ => format!("{name}({})", arguments.join(", ")),
        }
    }

    fn apply(&self, operator: Operator, operands: Vec<String>) -> Option<String> {
        let symbol = operator.symbol();
        let pair = |operands: &[String]| match operands {
            [value, pattern] => {
                let (value, pattern) =
                    (self.short(value, SEARCHED_BYTES), self.short(pattern, PATTERN_BYTES));
                Some(format!("{value} {symbol} {pattern}"))
            }
            _ => None,
        };
        Some(match (operator, operands.as_slice()) {
            (Operator::Not, [value]) => format!("{symbol} {value}"),
            // A space: two signs side by side would begin a comment.
            (Operator::Negate, [value]) => format!("- {value}"),
            (Operator::ToInteger | Operator::ToReal | Operator::ToText, [value]) => {
                format!("CAST({value} AS {symbol})")
            }
            (
                Operator::IsNull
                | Operator::IsNotNull
                | Operator::IsTrue
                | Operator::IsNotTrue
                | Operator::IsFalse
                | Operator::IsNotFalse,
                [value],
            ) => format!("{value} {symbol}"),
            (Operator::Like, [_, _, escape]) => format!("{} ESCAPE {escape}", pair(&operands[..2])?),
            (Operator::Like | Operator::Glob, _) => pair(&operands)?,
            (Operator::Between, [value, low, high]) => format!("{value} BETWEEN {low} AND {high}"),
            (Operator::In, [value, list @ ..]) => format!("{value} IN ({})", list.join(", ")),
            (Operator::Case, branches) => format!("CASE{} END", cases(branches)),
            (Operator::CaseOf, [value, branches @ ..]) => format!("CASE ({value}){} END", cases(branches)),
            (_, operands) => operands.join(&format!(" {symbol} ")),
        })
    }
}

/// How strongly SQLite's operators bind their operands.
fn strength(operator: Operator) -> u8 {
    match operator {
        Operator::Or => 1,
        Operator::And => 2,
        Operator::Not => 3,
        Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => 5,
        Operator::Add | Operator::Subtract => 6,
        Operator::Multiply | Operator::Divide | Operator::Modulo => 7,
        Operator::Concat => 8,
        Operator::Negate => 9,
        Operator::Case | Operator::CaseOf | Operator::ToInteger | Operator::ToReal | Operator::ToText => {
            u8::MAX
        }
        _ => 4,
    }
}

/// Pairs of when and then, and what else.
fn cases(branches: &[String]) -> String {
    let mut sql = String::new();
    for branch in branches.chunks(2) {
        match branch {
            [when, then] => sql.push_str(&format!(" WHEN ({when}) THEN ({then})")),
            [other] => sql.push_str(&format!(" ELSE ({other})")),
            _ => {}
        }
    }
    sql
}

/// A value in SQL. Text with a NUL in it is written as its bytes: SQL's own text would end there.
pub fn literal(value: &Value) -> String {
    match value {
        Value::Text(text) if text.contains('\0') => {
            // In parentheses, as whatever is no plain literal: DEFAULT takes nothing else.
            format!("(CAST(x'{}' AS TEXT))", data_encoding::HEXLOWER.encode(text.as_bytes()))
        }
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Real(number) if *number == f64::INFINITY => "9e999".into(),
        Value::Real(number) if *number == f64::NEG_INFINITY => "-9e999".into(),
        Value::Real(number) if number.is_nan() => "NULL".into(),
        Value::Real(number) => format!("{number:?}"),
        Value::Integer(i64::MIN) => "(-9223372036854775807 - 1)".into(),
        Value::Null | Value::Integer(_) | Value::Decimal(_) | Value::Blob(_) => value.to_string(),
    }
}
