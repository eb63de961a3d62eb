//! A refused request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::error_kind::ErrorKind;

/// Why a request was refused. Small, because every answer has room for one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiError(Box<Problem>);

/// What an [`ApiError`] says: the content of `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// A URI that names the kind.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// HTTP status.
    pub status: u16,
    /// Stable name of the kind; see [`ErrorKind`].
    pub code: Cow<'static, str>,
    /// For people: what happened, what was not lost.
    #[serde(rename = "detail")]
    pub message: String,
    /// For people: what to do next.
    #[serde(default)]
    pub hints: Vec<String>,
    /// What the message was made with, so that it can be told in another language.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

/// The result of a request.
pub type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    /// An error of that kind, with the parameters its message names.
    pub fn new(kind: &'static ErrorKind, params: &[(&str, String)]) -> Self {
        // Details come from many places; messages supply the full stop themselves.
        let tidy = |text: &String| text.trim().trim_end_matches('.').to_owned();
        let params: BTreeMap<String, String> =
            params.iter().map(|(name, value)| ((*name).to_owned(), tidy(value))).collect();
        Self(Box::new(Problem {
            kind: format!("urn:tandem:error:{}", kind.code).into(),
            status: kind.status,
            code: Cow::Borrowed(kind.code),
            message: fill(kind.message, &params),
            hints: kind.hints.iter().map(|hint| fill(hint, &params)).collect(),
            params,
        }))
    }

    /// Adds something to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Whether this is of that kind.
    pub fn is(&self, kind: &ErrorKind) -> bool {
        self.code == kind.code
    }
}

impl Deref for ApiError {
    type Target = Problem;

    fn deref(&self) -> &Problem {
        &self.0
    }
}

/// Puts parameters in place of `%{name}`.
pub fn fill(template: &str, params: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("%{") {
        text.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        text.push_str(params.get(name).map_or("?", String::as_str));
        rest = after;
    }
    text.push_str(rest);
    text
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
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
        assert!(error.message.contains("the space school already;"), "{error}");
        assert!(error.hints[2].contains("--space school sql"), "{error}");
        let wire = serde_json::to_string(&error).unwrap();
        assert!(wire.contains(r#""code":"two_spaces""#) && wire.contains(r#""status":409"#), "{wire}");
        assert_eq!(serde_json::from_str::<ApiError>(&wire).unwrap(), error);
    }

    #[test]
    fn a_parameter_is_never_read_as_a_template() {
        let error = error_kind::sql_error.with("detail", "near \"%{detail}\": syntax error.");
        assert_eq!(
            error.message,
            "The SQL cannot be run: near \"%{detail}\": syntax error. Nothing was changed."
        );
    }
}
