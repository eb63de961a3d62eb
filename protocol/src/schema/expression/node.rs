//! The nodes of an expression tree.

use bincode::{Decode, Encode};

use super::operator::Operator;
use crate::schema::constant::Constant;
use crate::schema::id::ColumnId;
use crate::value::Value;

/// One node of an expression.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub enum Node {
    /// A value as it is written.
    Literal(Constant),
    /// The row's value in a column.
    Column(ColumnId),
    /// An operator over so many operands.
    Apply(Operator, u16),
    /// A function of so many arguments, by its name in lower case.
    Call(String, u16),
}

impl Node {
    /// The node of a value.
    pub(super) fn of_value(value: &Value) -> Self {
        Self::Literal(Constant::new(value))
    }

    /// How many operands it has.
    pub(super) fn operands(&self) -> u16 {
        match self {
            Self::Literal(_) | Self::Column(_) => 0,
            Self::Apply(_, operands) | Self::Call(_, operands) => *operands,
        }
    }
}
