//! The functions an expression may call, and the judge who knows them.

use super::{ExpressionFault, Node};
use crate::value::Value;

/// What an expression is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// A CHECK: asked on every site, whenever a row changes; it must answer the same everywhere.
    Check,
    /// A DEFAULT: computed once, by the site that inserts the row.
    Default,
}

/// A function.
#[derive(Debug)]
struct Function {
    name: &'static str,
    /// Fewest and most arguments.
    arguments: (usize, usize),
    /// Whether it gives another answer elsewhere or later: then a CHECK cannot use it.
    changes: bool,
}

const fn same(name: &'static str, least: usize, most: usize) -> Function {
    Function { name, arguments: (least, most), changes: false }
}

const fn changing(name: &'static str, least: usize, most: usize) -> Function {
    Function { name, arguments: (least, most), changes: true }
}

/// Each gives in one pass over its arguments a result hardly longer than they are: so the bounds of
/// an expression bound what it costs. (Those of dates and times are for DEFAULTs alone: an argument,
/// be it a column's value, may say `now` or `localtime`.) New ones are added at the end.
static FUNCTIONS: &[Function] = &[
    same("abs", 1, 1),
    same("coalesce", 2, 100),
    same("ifnull", 2, 2),
    same("iif", 3, 3),
    same("json_extract", 2, 2),
    same("json_type", 1, 2),
    same("json_valid", 1, 1),
    same("length", 1, 1),
    same("lower", 1, 1),
    same("ltrim", 1, 2),
    same("max", 2, 100),
    same("min", 2, 100),
    same("nullif", 2, 2),
    same("octet_length", 1, 1),
    same("replace", 3, 3),
    same("round", 1, 2),
    same("rtrim", 1, 2),
    same("sign", 1, 1),
    same("substr", 2, 3),
    same("trim", 1, 2),
    same("typeof", 1, 1),
    same("unicode", 1, 1),
    same("upper", 1, 1),
    changing("uuid7", 0, 0),
    changing("current_timestamp", 0, 0),
    changing("current_date", 0, 0),
    changing("current_time", 0, 0),
    changing("datetime", 0, 8),
    changing("date", 0, 8),
    changing("time", 0, 8),
    changing("julianday", 0, 8),
    changing("unixepoch", 0, 8),
    changing("strftime", 1, 8),
    changing("random", 0, 0),
    changing("randomblob", 1, 1),
    changing("hex", 1, 1),
    // From here on: an older program that does not know them yet is played in tests by [`Judge::older`].
    same("instr", 2, 2),
    changing(SITE_NUMBER, 1, 1),
];

/// What gives a row the next number of the site that inserts it. It stands alone, for which numbers were
/// given is read from the values themselves.
pub(super) const SITE_NUMBER: &str = "site_number";

/// Bytes of what stands before such a number.
const PREFIX_BYTES: usize = 40;

/// What stands before the numbers, if that is all the expression asks for.
pub(super) fn site_number(nodes: &[Node]) -> Option<String> {
    let [Node::Call(name, 1), Node::Literal(prefix)] = nodes else { return None };
    match prefix.value() {
        Ok(Value::Text(prefix)) if name == SITE_NUMBER && prefix.len() <= PREFIX_BYTES => Some(prefix),
        _ => None,
    }
}

/// Who judges expressions: one version of the program, which knows so many functions. What it does
/// not know waits until a newer one comes; it is never taken for a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Judge {
    /// It knows the first so many of the list.
    functions: usize,
}

impl Default for Judge {
    fn default() -> Self {
        Self { functions: FUNCTIONS.len() }
    }
}

impl Judge {
    /// A program that knows all functions but the two newest.
    pub fn older() -> Self {
        Self { functions: FUNCTIONS.len() - 2 }
    }

    /// How much it knows: of two programs, the one with the greater number knows all that the other does.
    pub fn level(self) -> u32 {
        self.functions as u32
    }

    /// Whether it knows a function.
    pub(super) fn knows(self, name: &str) -> bool {
        self.function(name).is_some()
    }

    fn function(self, name: &str) -> Option<&'static Function> {
        FUNCTIONS[..self.functions].iter().find(|function| function.name == name)
    }

    /// Whether a call of a function that it knows is sound; `first` is what follows it in prefix order.
    pub(super) fn check_call(self, name: &str, first: &[Node], purpose: Use) -> Result<(), ExpressionFault> {
        let Some(function) = self.function(name) else { return Ok(()) };
        let (least, most) = function.arguments;
        if !(least..=most).contains(&first.len()) {
            return Err(ExpressionFault::Operands(name.to_owned()));
        }
        if function.changes && purpose == Use::Check {
            return Err(ExpressionFault::NotHere(name.to_owned()));
        }
        let is_small = |node: &Node| match node {
            Node::Literal(constant) => matches!(constant.value(), Ok(Value::Integer(1..=1024))),
            _ => false,
        };
        if name == "randomblob" && !first.iter().all(is_small) {
            return Err(ExpressionFault::Argument(name.to_owned()));
        }
        Ok(())
    }
}
