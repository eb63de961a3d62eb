//! The operators an expression may use: those of SQL whose answer depends on their operands alone.

use bincode::{Decode, Encode};

/// An operator. Its place here is its number in ops: new ones are added at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub enum Operator {
    /// `NOT x`
    Not,
    /// `-x`
    Negate,
    /// `x IS NULL`
    IsNull,
    /// `x IS NOT NULL`
    IsNotNull,
    /// `x IS TRUE`
    IsTrue,
    /// `x IS NOT TRUE`
    IsNotTrue,
    /// `x IS FALSE`
    IsFalse,
    /// `x IS NOT FALSE`
    IsNotFalse,
    /// `x + y`
    Add,
    /// `x - y`
    Subtract,
    /// `x * y`
    Multiply,
    /// `x / y`
    Divide,
    /// `x % y`
    Modulo,
    /// `x = y`
    Equal,
    /// `x <> y`
    NotEqual,
    /// `x < y`
    Less,
    /// `x <= y`
    LessEqual,
    /// `x > y`
    Greater,
    /// `x >= y`
    GreaterEqual,
    /// `x IS y`
    Is,
    /// `x IS NOT y`
    IsNot,
    /// `x LIKE pattern`, or `x LIKE pattern ESCAPE character`
    Like,
    /// `x GLOB pattern`
    Glob,
    /// `x AND y AND …`
    And,
    /// `x OR y OR …`
    Or,
    /// `x || y || …`
    Concat,
    /// `x BETWEEN low AND high`
    Between,
    /// `x IN (y, …)`
    In,
    /// `CASE WHEN x THEN y … [ELSE z] END`
    Case,
    /// `CASE v WHEN x THEN y … [ELSE z] END`
    CaseOf,
    /// `CAST(x AS INTEGER)`
    ToInteger,
    /// `CAST(x AS REAL)`
    ToReal,
    /// `CAST(x AS TEXT)`
    ToText,
}

impl Operator {
    /// Whether it takes so many operands.
    pub(super) fn takes(self, operands: u16) -> bool {
        match self {
            Self::Not
            | Self::Negate
            | Self::IsNull
            | Self::IsNotNull
            | Self::IsTrue
            | Self::IsNotTrue
            | Self::IsFalse
            | Self::IsNotFalse
            | Self::ToInteger
            | Self::ToReal
            | Self::ToText => operands == 1,
            Self::And | Self::Or | Self::Concat | Self::In | Self::Case => operands >= 2,
            Self::CaseOf | Self::Between => operands >= 3 && (self != Self::Between || operands == 3),
            Self::Like => operands == 2 || operands == 3,
            _ => operands == 2,
        }
    }

    /// How SQL spells it.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Not => "NOT",
            Self::Negate | Self::Subtract => "-",
            Self::IsNull => "IS NULL",
            Self::IsNotNull => "IS NOT NULL",
            Self::IsTrue => "IS TRUE",
            Self::IsNotTrue => "IS NOT TRUE",
            Self::IsFalse => "IS FALSE",
            Self::IsNotFalse => "IS NOT FALSE",
            Self::Add => "+",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Is => "IS",
            Self::IsNot => "IS NOT",
            Self::Like => "LIKE",
            Self::Glob => "GLOB",
            Self::And => "AND",
            Self::Or => "OR",
            Self::Concat => "||",
            Self::Between => "BETWEEN",
            Self::In => "IN",
            Self::Case | Self::CaseOf => "CASE",
            Self::ToInteger => "INTEGER",
            Self::ToReal => "REAL",
            Self::ToText => "TEXT",
        }
    }
}
