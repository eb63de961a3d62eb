//! Why something is not so, as a code and what goes into its sentence. The sentences stand in the
//! catalogue of words, in every language; nothing below it makes one for people.

mod exchange;
mod part;
mod pattern;
mod schema;
mod session;
mod system;
mod value;

pub use part::part;
pub use pattern::{Pattern, told_by};

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A cause: the code of a text of the catalogue, and its parameters. Prints itself as such, for logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// Stable name of the text.
    #[serde(rename = "cause")]
    pub code: Cow<'static, str>,
    /// What goes into it.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
}

/// What goes into a text, by the names that stand in it.
pub type Params = BTreeMap<Cow<'static, str>, Param>;

/// A parameter of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Param {
    /// A name, a value or a number: the same in every language.
    Text(String),
    /// A text of the catalogue itself.
    Cause(Cause),
    /// Several, one after another.
    List(Vec<Param>),
}

impl Cause {
    /// The cause of that code, without parameters.
    pub fn new(code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), params: Params::new() }
    }

    /// The same with one more parameter.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Param>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    /// Whether its code, or that of a cause in it, is one of these.
    pub fn is_of(&self, codes: &[&str]) -> bool {
        codes.contains(&&*self.code) || self.params.values().any(|param| param.is_of(codes))
    }
}

impl Param {
    fn is_of(&self, codes: &[&str]) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Cause(cause) => cause.is_of(codes),
            Self::List(list) => list.iter().any(|one| one.is_of(codes)),
        }
    }
}

macro_rules! texts {
    ($($type:ty),*) => {
        $(impl From<$type> for Param {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        })*
    };
}
texts!(&str, &String, u8, u16, u32, u64, usize, i32, i64, std::path::Display<'_>, std::net::SocketAddr);

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Cause> for Param {
    fn from(cause: Cause) -> Self {
        Self::Cause(cause)
    }
}

impl<T: Into<Param>> From<Vec<T>> for Param {
    fn from(list: Vec<T>) -> Self {
        Self::List(list.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        for (at, (name, value)) in self.params.iter().enumerate() {
            write!(f, "{}{name}: {value}", if at == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.params.is_empty() { "" } else { ")" })
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Cause(cause) => cause.fmt(f),
            Self::List(list) => list.iter().enumerate().try_for_each(|(at, one)| {
                f.write_str(if at == 0 { "" } else { ", " })?;
                one.fmt(f)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_travels_as_json_with_the_causes_in_it() {
        let inner = Cause::new("no_column").with("column", "a");
        let cause = Cause::new("check").with("what", inner).with("rows", vec!["1", "2"]);
        let json = serde_json::to_string(&cause).unwrap();
        assert_eq!(
            json,
            r#"{"cause":"check","params":{"rows":["1","2"],"what":{"cause":"no_column","params":{"column":"a"}}}}"#
        );
        assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), cause);
        assert_eq!(cause.to_string(), "check (rows: 1, 2, what: no_column (column: a))");
        assert!(cause.is_of(&["other", "no_column"]) && !cause.is_of(&["a"]));
    }
}
