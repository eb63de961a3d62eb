//! Expressions out of SQL as people type it.

use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Ident, UnaryOperator, Value as Literal,
};

use super::{Expression, Node, Operator};
use crate::bounds;
use crate::schema::id::ColumnId;
use crate::value::Value;

/// A part of an expression that tandem has no form for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not an operator, function or form of the list.
    #[error("{0} is not one of the forms that tandem can send to other sites")]
    Part(String),
    /// No column of that name.
    #[error("there is no column {0}")]
    NoColumn(String),
    /// Too many parts, or nested too deep.
    #[error("it has more than {parts} parts, or is nested more than {deep} deep",
        parts = bounds::EXPRESSION_NODES, deep = bounds::EXPRESSION_DEPTH)]
    TooLarge,
}

/// The tree of a typed expression; `column` knows the table's columns by name.
pub fn read(sql: &Expr, column: &dyn Fn(&str) -> Option<ColumnId>) -> Result<Expression, Unreadable> {
    let mut reader = Reader { nodes: Vec::new(), column };
    reader.expression(sql, 0)?;
    let tree = Expression::new(reader.nodes);
    debug_assert!(tree.is_whole(), "what is read is one tree");
    Ok(tree)
}

/// A plain value, if the expression is one.
pub fn literal(sql: &Expr) -> Option<Value> {
    match sql {
        Expr::Nested(inner) => literal(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match number(expr)? {
            // The one number that fits only with its sign.
            Value::Real(9_223_372_036_854_775_808.0) => Some(Value::Integer(i64::MIN)),
            Value::Integer(number) => Some(Value::Integer(-number)),
            Value::Real(number) => Some(Value::Real(-number)),
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => number(expr),
        Expr::Value(value) => match &value.value {
            Literal::Null => Some(Value::Null),
            Literal::Boolean(flag) => Some(Value::Integer(i64::from(*flag))),
            Literal::SingleQuotedString(text) => Some(Value::Text(text.clone())),
            Literal::HexStringLiteral(hex) => {
                data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok().map(Value::Blob)
            }
            _ => number(sql),
        },
        _ => None,
    }
}

/// A number with all its digits, as it is written: for columns that hold more than a literal does.
pub fn digits(sql: &Expr) -> Option<String> {
    match sql {
        Expr::Nested(inner) => digits(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            digits(expr).filter(|text| !text.starts_with('-')).map(|text| format!("-{text}"))
        }
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => digits(expr),
        Expr::Value(value) => match &value.value {
            Literal::Number(text, _) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn number(sql: &Expr) -> Option<Value> {
    match sql {
        Expr::Nested(inner) => number(inner),
        Expr::Value(value) => match &value.value {
            Literal::Number(text, _) => {
                let real = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Real);
                text.parse().map(Value::Integer).ok().or_else(real)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Reads an expression, depth first.
struct Reader<'a> {
    nodes: Vec<Node>,
    column: &'a dyn Fn(&str) -> Option<ColumnId>,
}

/// Whether a part was read.
type Done = Result<(), Unreadable>;

impl Reader<'_> {
    fn expression(&mut self, sql: &Expr, depth: usize) -> Done {
        if depth > bounds::EXPRESSION_DEPTH || self.nodes.len() > bounds::EXPRESSION_NODES {
            return Err(Unreadable::TooLarge);
        }
        if let Some(value) = literal(sql) {
            self.nodes.push(Node::of_value(&value));
            return Ok(());
        }
        match sql {
            // Parentheses are ours to set: they make nothing deeper.
            Expr::Nested(inner) => self.expression(inner, depth),
            Expr::Identifier(name) => self.column(name),
            Expr::CompoundIdentifier(names) => match names.last() {
                Some(name) => self.column(name),
                None => Err(unreadable(sql)),
            },
            Expr::Trim { trim_where: None, trim_what: None, expr, trim_characters } => {
                let more = trim_characters.iter().flatten();
                self.call("trim", std::iter::once(&**expr).chain(more).collect(), depth)
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let more = substring_for.as_deref();
                self.call("substr", [&**expr, &**from].into_iter().chain(more).collect(), depth)
            }
            Expr::Function(function) => self.function(sql, function, depth),
            _ => self.operation(sql, depth),
        }
    }

    /// What is written with an operator.
    fn operation(&mut self, sql: &Expr, depth: usize) -> Done {
        match sql {
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => self.apply(Operator::Not, [&**expr], depth),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                self.apply(Operator::Negate, [&**expr], depth)
            }
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.expression(expr, depth),
            Expr::IsNull(inner) => self.apply(Operator::IsNull, [&**inner], depth),
            Expr::IsNotNull(inner) => self.apply(Operator::IsNotNull, [&**inner], depth),
            Expr::IsTrue(inner) => self.apply(Operator::IsTrue, [&**inner], depth),
            Expr::IsNotTrue(inner) => self.apply(Operator::IsNotTrue, [&**inner], depth),
            Expr::IsFalse(inner) => self.apply(Operator::IsFalse, [&**inner], depth),
            Expr::IsNotFalse(inner) => self.apply(Operator::IsNotFalse, [&**inner], depth),
            Expr::IsDistinctFrom(left, right) => self.apply(Operator::IsNot, [&**left, &**right], depth),
            Expr::IsNotDistinctFrom(left, right) => self.apply(Operator::Is, [&**left, &**right], depth),
            Expr::BinaryOp { left, op, right } => self.binary(sql, left, op, right, depth),
            Expr::Between { expr, negated, low, high } => {
                self.negated(*negated, Operator::Between, &[expr, low, high], depth)
            }
            Expr::InList { expr, list, negated } if !list.is_empty() => {
                let operands: Vec<&Expr> = std::iter::once(&**expr).chain(list).collect();
                self.negated(*negated, Operator::In, &operands, depth)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                let mut operands: Vec<&Expr> = vec![expr, pattern];
                operands.extend(escape_char.as_deref());
                self.negated(*negated, Operator::Like, &operands, depth)
            }
            Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, data_type, format: None } => {
                self.apply(cast(data_type).ok_or_else(|| unreadable(sql))?, [&**expr], depth)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                let mut operands: Vec<&Expr> = operand.as_deref().into_iter().collect();
                conditions.iter().for_each(|case| operands.extend([&case.condition, &case.result]));
                operands.extend(else_result.as_deref());
                let operator = if operand.is_some() { Operator::CaseOf } else { Operator::Case };
                self.apply(operator, operands, depth)
            }
            _ => Err(unreadable(sql)),
        }
    }

    fn column(&mut self, name: &Ident) -> Done {
        let id = (self.column)(&name.value).ok_or_else(|| Unreadable::NoColumn(name.value.clone()))?;
        self.nodes.push(Node::Column(id));
        Ok(())
    }

    fn apply<'e>(
        &mut self,
        operator: Operator,
        operands: impl IntoIterator<Item = &'e Expr, IntoIter: ExactSizeIterator>,
        depth: usize,
    ) -> Done {
        let operands = operands.into_iter();
        let count = u16::try_from(operands.len()).map_err(|_| Unreadable::TooLarge)?;
        self.nodes.push(Node::Apply(operator, count));
        let mut operands = operands;
        operands.try_for_each(|operand| self.expression(operand, depth + 1))
    }

    fn negated(&mut self, negated: bool, operator: Operator, operands: &[&Expr], depth: usize) -> Done {
        if negated {
            self.nodes.push(Node::Apply(Operator::Not, 1));
        }
        self.apply(operator, operands.iter().copied(), depth + usize::from(negated))
    }

    fn binary(&mut self, sql: &Expr, left: &Expr, op: &BinaryOperator, right: &Expr, depth: usize) -> Done {
        let operator = match op {
            BinaryOperator::Plus => Operator::Add,
            BinaryOperator::Minus => Operator::Subtract,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            BinaryOperator::Modulo => Operator::Modulo,
            BinaryOperator::Eq => Operator::Equal,
            BinaryOperator::NotEq => Operator::NotEqual,
            BinaryOperator::Lt => Operator::Less,
            BinaryOperator::LtEq => Operator::LessEqual,
            BinaryOperator::Gt => Operator::Greater,
            BinaryOperator::GtEq => Operator::GreaterEqual,
            BinaryOperator::And => return self.apply(Operator::And, chain(sql, op), depth),
            BinaryOperator::Or => return self.apply(Operator::Or, chain(sql, op), depth),
            BinaryOperator::StringConcat => return self.apply(Operator::Concat, chain(sql, op), depth),
            BinaryOperator::Glob => Operator::Glob,
            _ => return Err(unreadable(sql)),
        };
        self.apply(operator, [left, right], depth)
    }

    fn function(&mut self, sql: &Expr, function: &Function, depth: usize) -> Done {
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, FunctionArguments::None);
        let (true, [name]) = (plain, function.name.0.as_slice()) else { return Err(unreadable(sql)) };
        let name = name.as_ident().map(|name| name.value.to_ascii_lowercase());
        let name = name.ok_or_else(|| unreadable(sql))?;
        let arguments = match &function.args {
            FunctionArguments::None => Vec::new(),
            FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                let argument = |argument: &FunctionArg| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                    _ => None,
                };
                list.args.iter().map(argument).collect::<Option<Vec<_>>>().ok_or_else(|| unreadable(sql))?
            }
            _ => return Err(unreadable(sql)),
        };
        let name = match name.as_str() {
            // The moment the row is inserted, under its other names.
            "now" | "localtimestamp" if arguments.is_empty() => "current_timestamp",
            "substring" => "substr",
            "char_length" => "length",
            "if" => "iif",
            other => other,
        };
        self.call(name, arguments.iter().collect(), depth)
    }

    fn call(&mut self, name: &str, arguments: Vec<&Expr>, depth: usize) -> Done {
        let count = u16::try_from(arguments.len()).map_err(|_| Unreadable::TooLarge)?;
        self.nodes.push(Node::Call(name.to_owned(), count));
        arguments.into_iter().try_for_each(|argument| self.expression(argument, depth + 1))
    }
}

/// The operands of one operator repeated: `a AND b AND c` is one node of three, not two nested.
fn chain<'a>(sql: &'a Expr, op: &BinaryOperator) -> Vec<&'a Expr> {
    let mut operands = Vec::new();
    let mut left = sql;
    while let Expr::BinaryOp { left: further, op: same, right } = left
        && same == op
    {
        operands.push(&**right);
        left = further;
    }
    operands.push(left);
    operands.reverse();
    operands
}

fn cast(kind: &DataType) -> Option<Operator> {
    match kind.to_string().to_ascii_uppercase().as_str() {
        "INTEGER" | "INT" | "BIGINT" => Some(Operator::ToInteger),
        "REAL" | "DOUBLE PRECISION" | "DOUBLE" | "FLOAT" => Some(Operator::ToReal),
        "TEXT" => Some(Operator::ToText),
        _ => None,
    }
}

fn unreadable(sql: &Expr) -> Unreadable {
    const QUOTED: usize = 60;
    Unreadable::Part(sql.to_string().chars().take(QUOTED).collect())
}
