//! Expressions: what a CHECK asks of a row, and what a DEFAULT computes for a new one.
//!
//! An op never carries SQL. It carries a tree of literals, columns by id, listed operators and
//! listed functions, written down as its nodes in prefix order. The tree is bounded, judged by its
//! own shape, the same on every site and on every receipt, and turned into SQL by [`render`] alone.
//! What is typed is turned into a tree by [`read`], once, on the site where it is typed.

mod operator;
mod node;
mod fault;
mod function;
mod read;
mod render;

#[cfg(test)]
mod tests;

use bincode::{Decode, Encode};

pub use fault::ExpressionFault;
pub use function::{Judge, Use};
pub use node::Node;
pub use operator::Operator;
pub use read::{Unreadable, digits as digits_of, literal as literal_of, read};
pub use render::{Names, Style, literal as literal_sql, quoted, spelled};

use super::id::ColumnId;
use crate::bounds;

/// An expression tree, as its nodes in prefix order: each before its operands.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
pub struct Expression(Vec<Node>);

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

    /// What stands before the numbers that it gives, if it is `site_number('…')`.
    pub fn site_number(&self) -> Option<String> {
        function::site_number(&self.0)
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
        let is_numbered = self.site_number().is_some();
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
                    if name == function::SITE_NUMBER && !is_numbered && judge.knows(name) {
                        return Err(ExpressionFault::Number);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the nodes make one tree, of whatever size.
    fn is_whole(&self) -> bool {
        self.check_shape() != Err(ExpressionFault::Shape)
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
