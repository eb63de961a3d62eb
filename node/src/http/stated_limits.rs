//! Limits that the OpenAPI document states: they are those of the code.

use serde_json::Value;
use tandem_store::{ANSWER_BYTES, ChangedRows, READ_DEADLINE, SourceOffset, WRITE_DEADLINE};

use super::health::OPENAPI;
use super::proof::QUESTION;
use crate::api::deadline::SECONDS;
use crate::api::transaction::KEY_BYTES;
use crate::api::{LONGEST_PAGE, PAGE, batch, row_event};

/// What the document says at a place; of a list, the entry of that name.
struct Document(Value);

impl Document {
    fn read() -> Self {
        Self(serde_json::from_str(OPENAPI).unwrap())
    }

    fn at(&self, place: &[&str]) -> &Value {
        place.iter().fold(&self.0, |value, step| {
            let named = value.as_array().and_then(|all| all.iter().find(|one| one["name"] == *step));
            named.or_else(|| value.get(step)).unwrap_or_else(|| panic!("{place:?}: no {step}"))
        })
    }

    /// What a route's method, or a parameter of it, is said to be.
    fn says_of(&self, path: &str, method: &str, parameter: Option<&str>) -> &str {
        let text = match parameter {
            Some(name) => self.at(&["paths", path, method, "parameters", name, "description"]),
            None => self.at(&["paths", path, method, "summary"]),
        };
        text.as_str().unwrap()
    }

    /// What a field is said to be.
    fn says_of_field(&self, schema: &str, field: &str) -> &str {
        let place = ["components", "schemas", schema, "properties", field, "description"];
        self.at(&place).as_str().unwrap()
    }
}

/// A number as people write it: 1,000.
fn written(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", number / 1000, number % 1000),
    }
}

fn assert_says(text: &str, limit: String) {
    assert!(text.contains(&limit), "{limit:?} is not in {text:?}");
}

#[test]
fn what_routes_are_said_to_bound_is_what_they_bound() {
    const LOG: &str = "/v1/spaces/{space}/log";
    const CONFLICTS: &str = "/v1/spaces/{space}/conflicts";
    const MOVEMENTS: &str = "/v1/spaces/{space}/movements";
    const BATCH: &str = "/v1/spaces/{space}/batch";
    let document = Document::read();
    let says = |path, method, parameter, limit| assert_says(document.says_of(path, method, parameter), limit);
    says("/proof/{question}", "get", Some("question"), format!("Up to {QUESTION} letters"));
    let key = format!("1 to {KEY_BYTES} visible ASCII characters");
    says("/v1/spaces/{space}/transactions", "post", Some("Idempotency-Key"), key);
    says(BATCH, "post", None, format!("At most {}", written(batch::MOST)));
    let content = ["requestBody", "content", "application/json", "schema", "maxItems"];
    assert_eq!(*document.at(&[&["paths", BATCH, "post"], &content[..]].concat()), batch::MOST);
    let answer = format!("an answer has at most {} MiB", ANSWER_BYTES >> 20);
    says("/v1/spaces/{space}/queries", "post", None, answer);
    let page = format!("{PAGE} when not said, never more than {}", written(LONGEST_PAGE));
    says(LOG, "get", Some("limit"), page.clone());
    says(CONFLICTS, "get", Some("limit"), page);
    says(MOVEMENTS, "get", Some("limit"), format!("{PAGE} when not said"));
    let most = document.at(&["paths", MOVEMENTS, "get", "parameters", "limit", "schema", "maximum"]);
    assert_eq!(*most, LONGEST_PAGE);
    let rows = format!("a `rows` for each {} rows", row_event::MOST_ROWS);
    says("/v1/spaces/{space}/events", "get", None, rows);
}

#[test]
fn what_fields_are_said_to_hold_is_what_they_hold() {
    let document = Document::read();
    let says = |schema, field, limit| assert_says(document.says_of_field(schema, field), limit);
    says("Event", "rows", format!("null where they are more than {}:", ChangedRows::MOST));
    says("Source", "name", format!("Up to {} bytes", SourceOffset::NAME_BYTES));
    says("Source", "offset", format!("Up to {} KiB", SourceOffset::BYTES >> 10));
    says("EditRows", "sources", format!("Up to {} KiB together", SourceOffset::ALL_BYTES >> 10));
    let rows = document.at(&["components", "schemas", "RowsEvent", "properties", "rows", "maxItems"]);
    assert_eq!(*rows, row_event::MOST_ROWS);
    for (schema, usual) in [
        ("Transact", WRITE_DEADLINE),
        ("EditRows", WRITE_DEADLINE),
        ("BatchItem", WRITE_DEADLINE),
        ("Query", READ_DEADLINE),
    ] {
        says(schema, "deadline", format!("without it, {}, or", usual.as_secs()));
        let deadline = document.at(&["components", "schemas", schema, "properties", "deadline"]);
        assert_eq!(deadline["minimum"].as_f64(), Some(*SECONDS.start()), "{schema}");
        assert_eq!(deadline["maximum"].as_f64(), Some(*SECONDS.end()), "{schema}");
    }
}
