//! Requests that cannot be read, as causes: the one place that knows the sentences of those who read
//! them.

use serde_json::error::Category;
use tandem_protocol::cause::{Cause, Param, Pattern, told_by};

use crate::api::{ApiError, error_kind};

/// What is wrong with JSON of the right form.
const FIELDS: &[Pattern] = &[
    ("{_}unknown field `{name}`{_}", "json_unknown_field"),
    ("{_}missing field `{name}`{_}", "json_missing_field"),
    ("{_}duplicate field `{name}`{_}", "json_field_twice"),
    ("{_}invalid type: {found}, expected {_}", "json_type"),
    ("{_}invalid value: {found}, expected {_}", "json_type"),
    ("{_}invalid length {count}, expected {_}", "json_length"),
    ("{_}data did not match any variant of {_}", "json_form"),
    ("Failed to deserialize query string: {name}: invalid digit found in string", "json_number_field"),
    ("Failed to deserialize query string: {name}: invalid float literal", "json_number_field"),
    (
        "Failed to deserialize query string: {name}: provided string was not `true` or `false`",
        "json_boolean_field",
    ),
];

/// What stands where another type must stand.
const TYPES: &[Pattern] = &[
    ("string {value}", "json_a_text"),
    ("integer `{value}`", "json_a_number"),
    ("floating point `{value}`", "json_a_number"),
    ("boolean `{value}`", "json_a_boolean"),
    ("map", "json_an_object"),
    ("sequence", "json_a_list"),
    ("null", "json_null"),
];

/// A request that cannot be read.
pub(super) fn malformed(cause: Cause) -> ApiError {
    error_kind::request_malformed.with("detail", cause)
}

/// A body that is no JSON, or other JSON than was wanted.
pub(super) fn of_json(error: &serde_json::Error) -> ApiError {
    malformed(match error.classify() {
        Category::Io => Cause::new("http_body"),
        Category::Eof => Cause::new("json_end"),
        Category::Syntax => {
            Cause::new("json_syntax").with("line", error.line()).with("column", error.column())
        }
        Category::Data => of_fields(&error.to_string()),
    })
}

/// What stands behind the `?` of an address.
pub(super) fn of_query(said: &str) -> ApiError {
    malformed(of_fields(said))
}

fn of_fields(said: &str) -> Cause {
    let cause = told_by(said, FIELDS).unwrap_or_else(|| Cause::new("json_other").with("said", said));
    match cause.params.get("found") {
        Some(Param::Text(found)) => {
            let found = told_by(found, TYPES).map_or_else(|| found.into(), Param::Cause);
            cause.with("found", found)
        }
        _ => cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::transaction::Transact;

    #[test]
    fn what_cannot_be_read_is_told_by_its_code() {
        for (json, cause) in [
            ("", "json_end"),
            ("{", "json_end"),
            ("{]", "json_syntax (column: 2, line: 1)"),
            (r#"{"statements": [], "x": 1}"#, "json_unknown_field (name: x)"),
            ("{}", "json_missing_field (name: statements)"),
            (r#"{"statements": [], "statements": []}"#, "json_field_twice (name: statements)"),
            (r#"{"statements": 5}"#, "json_type (found: json_a_number (value: 5))"),
            (r#"{"statements": "é"}"#, "json_type (found: json_a_text (value: \"é\"))"),
        ] {
            let error = serde_json::from_str::<Transact>(json).unwrap_err();
            assert_eq!(of_json(&error).params["detail"].to_string(), cause, "{json}: {error}");
        }
    }
}
