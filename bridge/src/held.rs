//! What a database holds in one column of a row.

use tandem_protocol::schema::ColumnType;
use tandem_protocol::value::{Key, Value};

use tandem_import::dump::rows::Written;
use tandem_import::schema::cell;

/// A row, column by column.
pub(crate) type Row = Vec<Held>;

/// A value in the one form that tandem has of it, or the text of one that the column cannot hold here
/// (`infinity`, a date before Christ): such a one stays where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Held {
    /// A canonical value.
    Value(Value),
    /// The text.
    Unread(String),
}

impl Held {
    /// What the text that a database writes stands for in a column of that type.
    pub fn read(kind: ColumnType, text: Option<String>) -> Self {
        let Some(text) = text else { return Self::Value(Value::Null) };
        match cell(kind, Written::Text(text.clone())) {
            Some(Value::Null) | None => Self::Unread(text),
            Some(value) => Self::Value(value),
        }
    }

    /// The value, if tandem can hold it.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unread(_) => None,
        }
    }
}

/// Whether a row of the database is what the view shows, as far as tandem can hold it.
pub(crate) fn agree(there: Option<&Row>, here: Option<&Row>) -> bool {
    let is_same = |(there, here): (&Held, &Held)| there == here || matches!(there, Held::Unread(_));
    match (there, here) {
        (Some(there), Some(here)) => {
            assert_eq!(there.len(), here.len(), "rows of one table are compared");
            there.iter().zip(here).all(is_same)
        }
        (there, here) => there.is_none() && here.is_none(),
    }
}

/// A key as people are told it.
pub(crate) fn key_told(key: &Key) -> String {
    key.0.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A row as bytes.
pub(crate) fn to_bytes(row: &Row) -> Vec<u8> {
    let unread = row.iter().map(|held| u8::from(matches!(held, Held::Unread(_)))).collect();
    let value = |held: &Held| match held {
        Held::Value(value) => value.clone(),
        Held::Unread(text) => Value::Text(text.clone()),
    };
    Key(std::iter::once(Value::Blob(unread)).chain(row.iter().map(value)).collect()).to_bytes()
}

/// Reads back [`to_bytes`]; none, if it is something else.
pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Row> {
    let mut values = Key::from_bytes(bytes).ok()?.0.into_iter();
    let Some(Value::Blob(unread)) = values.next() else { return None };
    let held = |(value, unread): (Value, u8)| match (value, unread) {
        (Value::Text(text), 1) => Some(Held::Unread(text)),
        (value, 0) => Some(Held::Value(value)),
        _ => None,
    };
    (values.len() == unread.len()).then(|| values.zip(unread).map(held).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_back_as_it_was() {
        let row = vec![
            Held::Value(Value::Null),
            Held::Value(Value::Text("1".into())),
            Held::Unread("infinity".into()),
            Held::Value(Value::Blob(vec![1])),
        ];
        assert_eq!(from_bytes(&to_bytes(&row)), Some(row));
        assert_eq!(from_bytes(b"x"), None);
    }

    #[test]
    fn what_a_column_cannot_hold_stays_a_text() {
        let read = |kind, text: &str| Held::read(kind, Some(text.into()));
        assert_eq!(read(ColumnType::Timestamp, "infinity"), Held::Unread("infinity".into()));
        for kind in [ColumnType::Integer, ColumnType::COUNTER] {
            assert_eq!(read(kind, "7"), Held::Value(Value::Integer(7)));
        }
        assert_eq!(Held::read(ColumnType::Text, None), Held::Value(Value::Null));
        assert_eq!(read(ColumnType::Text, ""), Held::Value(Value::Text(String::new())));
    }
}
