//! Reading what an automerge document contains.

use automerge::{Automerge, ObjId, ObjType, ROOT, ReadDoc, ScalarValueRef, ValueRef};

use super::DocumentKind;
use super::json::Json;
use crate::bounds;

/// The key of the root map under which a text is.
pub(super) const TEXT: &str = "text";
/// The key of the root map under which a JSON value is.
pub(super) const JSON: &str = "json";

/// What a document contains.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Content {
    RichText(String),
    Json(Json),
}

impl Content {
    /// Reads a content as people and programs write it. `None`: not JSON.
    pub(super) fn parse(kind: DocumentKind, content: &str) -> Option<Self> {
        match kind {
            DocumentKind::RichText => Some(Self::RichText(content.to_owned())),
            DocumentKind::Json => Json::parse(content).ok().map(Self::Json),
        }
    }

    /// Where there is none: the empty text, or `null`.
    pub(super) fn of(kind: DocumentKind, document: &Automerge) -> Self {
        match kind {
            DocumentKind::RichText => {
                let text = text_object(document).and_then(|object| document.text(&object).ok());
                Self::RichText(text.unwrap_or_default())
            }
            DocumentKind::Json => {
                let value = document.map_range(&ROOT, JSON.to_owned()..=JSON.to_owned()).next();
                Self::Json(value.map_or(Json::Null, |item| value_of(document, &item.value, &|| item.id(), 0)))
            }
        }
    }

    pub(super) fn to_text(&self) -> String {
        match self {
            Self::RichText(text) => text.clone(),
            Self::Json(value) => value.to_text(),
        }
    }
}

/// The text object of a document.
pub(super) fn text_object(document: &impl ReadDoc) -> Option<ObjId> {
    match document.get(&ROOT, TEXT) {
        Ok(Some((automerge::Value::Object(ObjType::Text), object))) => Some(object),
        _ => None,
    }
}

/// Integers that need 64 bits without a sign become real numbers, times and counters integers,
/// bytes and what has no form in JSON null, and so does all that is nested too deep.
fn value_of(document: &Automerge, value: &ValueRef<'_>, id: &dyn Fn() -> ObjId, depth: usize) -> Json {
    match value {
        ValueRef::Object(_) if depth == bounds::JSON_DEPTH => Json::Null,
        ValueRef::Object(ObjType::Map | ObjType::Table) => {
            let items = document.map_range(id(), ..);
            let entries = items.map(|item| {
                (item.key.to_string(), value_of(document, &item.value, &|| item.id(), depth + 1))
            });
            Json::Object(entries.collect())
        }
        ValueRef::Object(ObjType::List) => {
            let items = document.list_range(id(), ..);
            Json::List(items.map(|item| value_of(document, &item.value, &|| item.id(), depth + 1)).collect())
        }
        ValueRef::Object(ObjType::Text) => Json::Text(document.text(id()).unwrap_or_default()),
        ValueRef::Scalar(scalar) => match scalar {
            ScalarValueRef::Str(text) => Json::Text(text.to_string()),
            ScalarValueRef::Int(number)
            | ScalarValueRef::Timestamp(number)
            | ScalarValueRef::Counter(number) => Json::Integer(*number),
            ScalarValueRef::Uint(number) => {
                i64::try_from(*number).map_or(Json::Real(*number as f64), Json::Integer)
            }
            ScalarValueRef::F64(number) => Json::real(*number),
            ScalarValueRef::Boolean(truth) => Json::Boolean(*truth),
            ScalarValueRef::Bytes(_) | ScalarValueRef::Unknown { .. } | ScalarValueRef::Null => Json::Null,
        },
    }
}
