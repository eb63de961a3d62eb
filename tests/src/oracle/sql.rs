//! One statement in two spellings, written side by side: as a user sends it to tandem, and as plain
//! SQLite needs it to mean the same.

use tandem_protocol::value::Value;

use super::kind::Kind;
use super::values;
use crate::random::Random;

/// A statement.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    /// For tandem.
    pub tandem: String,
    /// For plain SQLite.
    pub plain: String,
    /// Parameters of both.
    pub params: Vec<Value>,
    /// What it does, for the name of a failure.
    pub verb: &'static str,
    /// Whether it only reads, and may be asked of a reader.
    pub reads: bool,
    /// The table in which it may make keys of its own.
    pub generates: Option<usize>,
    /// Counts, on the plain side, the rows whose key it would change.
    pub moves: Option<String>,
}

impl Sql {
    /// An empty statement.
    pub fn new(verb: &'static str) -> Self {
        Self { verb, ..Self::default() }
    }

    /// Adds to both spellings.
    pub fn both(&mut self, text: &str) -> &mut Self {
        self.tandem.push_str(text);
        self.plain.push_str(text);
        self
    }

    /// Adds to the plain spelling alone.
    pub fn only_plain(&mut self, text: &str) -> &mut Self {
        self.plain.push_str(text);
        self
    }

    /// Adds a value, as a parameter or spelled out.
    pub fn value(&mut self, value: Value, random: &mut Random) {
        let spelled = values::literal(&value).filter(|_| random.one_in(2)).unwrap_or_else(|| {
            self.params.push(value);
            format!("?{}", self.params.len())
        });
        self.both(&spelled);
    }

    /// Adds what is written to a column: canonical there.
    pub fn written(&mut self, kind: Kind, expression: impl FnOnce(&mut Self)) -> &mut Self {
        self.formed("canonical", true, kind, expression)
    }

    /// Adds what stands beside a column in a comparison: canonical if it can be.
    pub fn compared(&mut self, kind: Kind, expression: impl FnOnce(&mut Self)) -> &mut Self {
        self.formed("comparable", kind.compared_in_form(), kind, expression)
    }

    fn formed(
        &mut self,
        function: &str,
        wanted: bool,
        kind: Kind,
        expression: impl FnOnce(&mut Self),
    ) -> &mut Self {
        if wanted {
            self.plain.push_str(&format!("{function}({}, ", kind.quoted()));
        }
        expression(self);
        if wanted {
            self.plain.push(')');
        }
        self
    }
}
