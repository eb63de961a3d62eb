//! Expressions: what a CHECK asks of a row, and what a DEFAULT computes for a new one.
//!
//! An op never carries SQL. It carries a tree of literals, columns by id, listed operators and
//! listed functions, written down as its nodes in prefix order. The tree is bounded, judged by its
//! own shape, the same on every site and on every receipt, and turned into SQL by [`render`] alone.
//! What is typed is turned into a tree by [`read`], once, on the site where it is typed.

mod function;
mod operator;
mod read;
mod render;

use bincode::{Decode, Encode};

pub use function::{Judge, Use};
pub use operator::Operator;
pub use read::{Unreadable, digits as digits_of, literal as literal_of, read};
pub use render::{Names, Style, literal as literal_sql, quoted, spelled};

use super::definition::{ColumnId, Constant};
use crate::bounds;
use crate::value::Value;

/// An expression tree, as its nodes in prefix order: each before its operands.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Expression(Vec<Node>);

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
    fn operands(&self) -> u16 {
        match self {
            Self::Literal(_) | Self::Column(_) => 0,
            Self::Apply(_, operands) | Self::Call(_, operands) => *operands,
        }
    }
}

/// Why a tree can be no expression, on any site at any time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionFault {
    /// It has more than [`bounds::EXPRESSION_NODES`] parts.
    #[error("it has more than {most} parts", most = bounds::EXPRESSION_NODES)]
    TooLarge,
    /// It is nested more than [`bounds::EXPRESSION_DEPTH`] deep.
    #[error("it is nested more than {most} deep", most = bounds::EXPRESSION_DEPTH)]
    TooDeep,
    /// Its nodes do not make one whole tree.
    #[error("its parts do not fit together")]
    Shape,
    /// A literal in it cannot be read.
    #[error("it holds a value that cannot be read")]
    Literal,
    /// An operator or function is given a number of operands that it does not take.
    #[error("{0} does not take that many operands")]
    Operands(String),
    /// A function that gives another answer elsewhere or later, or a column, where none may stand.
    #[error("{0} may not stand here: it is not the same on every site and every day")]
    NotHere(String),
    /// A function's argument must be a constant within bounds, and is not.
    #[error("the argument of {0} must be a number written out, 1 to 1024")]
    Argument(String),
}

impl Expression {
    /// The tree of these nodes, whatever they are: [`Expression::judge`] tells if it is one.
    pub fn new(nodes: Vec<Node>) -> Self {
        Self(nodes)
    }

    /// Its nodes in prefix order.
    pub fn nodes(&self) -> &[Node] {
        &self.0
    }

    /// The columns it reads.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> {
        self.0.iter().filter_map(|node| match node {
            Node::Column(id) => Some(*id),
            _ => None,
        })
    }

    /// The first function that `judge` does not know: then what the expression means is not known
    /// here yet. Whether it is one at all is for [`Expression::judge`] to say.
    pub fn unknown_function(&self, judge: Judge) -> Option<&str> {
        self.0.iter().find_map(|node| match node {
            Node::Call(name, _) if !judge.knows(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether it can stand for that purpose: a verdict for ever, of its shape and of the functions
    /// that `judge` knows. (One that it does not know is not judged.)
    pub fn judge(&self, judge: Judge, purpose: Use) -> Result<(), ExpressionFault> {
        self.check_shape()?;
        for (at, node) in self.0.iter().enumerate() {
            match node {
                Node::Literal(constant) => {
                    constant.value().map_err(|_| ExpressionFault::Literal)?;
                }
                Node::Column(_) if purpose == Use::Default => {
                    return Err(ExpressionFault::NotHere("a column".into()));
                }
                Node::Column(_) => {}
                Node::Apply(operator, operands) if !operator.takes(*operands) => {
                    return Err(ExpressionFault::Operands(operator.symbol().to_owned()));
                }
                Node::Apply(..) => {}
                Node::Call(name, arguments) => {
                    let arguments = &self.0[at + 1..][..usize::from(*arguments).min(self.0.len() - at - 1)];
                    judge.check_call(name, arguments, purpose)?;
                }
            }
        }
        Ok(())
    }

    /// Whether the nodes make one tree within bounds.
    fn check_shape(&self) -> Result<(), ExpressionFault> {
        if self.0.len() > bounds::EXPRESSION_NODES {
            return Err(ExpressionFault::TooLarge);
        }
        // How many operands each open node still waits for; the first entry stands for the root.
        let mut open: Vec<u16> = vec![1];
        for node in &self.0 {
            match open.last_mut() {
                Some(waits) => *waits -= 1,
                None => return Err(ExpressionFault::Shape),
            }
            if node.operands() > 0 {
                open.push(node.operands());
                if open.len() > bounds::EXPRESSION_DEPTH {
                    return Err(ExpressionFault::TooDeep);
                }
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        if open.is_empty() { Ok(()) } else { Err(ExpressionFault::Shape) }
    }
}

/// The literal node of a value.
fn node_of(value: &Value) -> Node {
    Node::Literal(Constant::new(value))
}

#[cfg(test)]
mod tests;
