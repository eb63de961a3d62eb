//! Why a tree is no expression.

use crate::bounds;

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
    /// `site_number` does not stand alone, or not with a short text.
    #[error("site_number must be all of a DEFAULT, with one text of at most 40 bytes")]
    Number,
}
