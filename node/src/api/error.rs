//! A refused request.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::{Param, Params};
use tandem_words::{Language, Told, Words};

use super::error_kind::ErrorKind;

/// Why a request was refused: a code and parameters, which are told in the language of whoever reads
/// it. Small, because every answer has room for one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "Problem")]
pub struct ApiError(Box<Refused>);

/// What an [`ApiError`] holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Stable name of the kind; see [`ErrorKind`].
    pub code: Cow<'static, str>,
    /// HTTP status.
    pub status: u16,
    /// What goes into its sentences.
    pub params: Params,
    /// How another program told it: what counts where this one does not know the code.
    told: Option<Told>,
}

/// An error in a language: the content of `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// HTTP status.
    pub status: u16,
    /// Stable name of the kind.
    pub code: Cow<'static, str>,
    /// For people: what happened, what was not lost.
    #[serde(rename = "detail")]
    pub message: String,
    /// For people: what to do next.
    #[serde(default)]
    pub hints: Vec<String>,
    /// What the message was made with, so that it can be told in another language.
    #[serde(default)]
    pub params: Params,
}

/// The result of a request.
pub type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    /// An error of that kind, without parameters yet.
    pub fn new(kind: &'static ErrorKind) -> Self {
        let code = Cow::Borrowed(kind.code);
        Self(Box::new(Refused { code, status: kind.status, params: Params::new(), told: None }))
    }

    /// The same with one more of the parameters that its sentences name.
    pub fn with(mut self, name: &'static str, value: impl Into<Param>) -> Self {
        self.0.params.insert(name.into(), value.into());
        self
    }

    /// The same with all of these parameters.
    pub fn with_all(mut self, params: Params) -> Self {
        self.0.params.extend(params);
        self
    }

    /// Whether this is of that kind.
    pub fn is(&self, kind: &ErrorKind) -> bool {
        self.code == kind.code
    }

    /// In these words; as whoever said it told it, where they lack one for it.
    pub fn told(&self, words: Words) -> Told {
        let told = words.error(&self.code, &self.params).or_else(|| self.told.clone());
        told.unwrap_or_else(|| Told { message: self.code.to_string(), hints: Vec::new() })
    }

    /// As it is sent to others.
    pub fn problem(&self, language: Language) -> Problem {
        let Told { message, hints } = self.told(Words::of(language));
        Problem {
            kind: format!("urn:tandem:error:{}", self.code),
            status: self.status,
            code: self.code.clone(),
            message,
            hints,
            params: self.params.clone(),
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let Problem { status, code, message, hints, params, .. } = problem;
        Self(Box::new(Refused { code, status, params, told: Some(Told { message, hints }) }))
    }
}

impl Deref for ApiError {
    type Target = Refused;

    fn deref(&self) -> &Refused {
        &self.0
    }
}

/// For logs, which are in English.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { message, hints } = self.told(Words::of(Language::English));
        f.write_str(&message)?;
        hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

impl std::error::Error for ApiError {}

#[cfg(test)]
mod tests {
    use super::super::error_kind;
    use super::*;

    #[test]
    fn messages_carry_their_parameters_and_survive_the_wire() {
        let error = error_kind::two_spaces.with("own", "school");
        assert!(error.to_string().contains("the space school already;"), "{error}");
        assert!(error.to_string().contains("--space school sql"), "{error}");
        let wire = serde_json::to_string(&error.problem(Language::French)).unwrap();
        assert!(wire.contains(r#""code":"two_spaces""#) && wire.contains(r#""status":409"#), "{wire}");
        assert!(wire.contains("Ce PC a déjà l'espace school"), "{wire}");
        let read = serde_json::from_str::<ApiError>(&wire).unwrap();
        assert_eq!(read.to_string(), error.to_string(), "told by its code again");
    }

    #[test]
    fn what_a_newer_node_says_is_told_as_it_told_it() {
        let wire = r#"{"type":"","status":400,"code":"novelty","detail":"Something new.","hints":["Look."]}"#;
        let error = serde_json::from_str::<ApiError>(wire).unwrap();
        assert_eq!(error.to_string(), "Something new.\n  Look.");
    }
}
