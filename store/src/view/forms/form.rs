//! A form: what a value beside a column becomes; and the columns that have one.

use std::collections::HashMap;

use tandem_protocol::schema::ColumnType;

/// What a value beside a column becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// The text that compares with the column's as the given one means.
    Text(ColumnType),
    /// A DECIMAL or COUNTER rounded as the column holds it; only for what is written.
    Rounded(ColumnType),
}

impl Form {
    /// What a value written to a column becomes before SQLite sees it: it looks rows up by it, an
    /// upsert calculates with it, and what it stores as floating point has lost digits that count.
    pub(super) fn written(kind: ColumnType) -> Option<Self> {
        Self::compared(kind).or(kind.digits().map(|_| Self::Rounded(kind)))
    }

    /// What a value compared with a column becomes.
    pub(super) fn compared(kind: ColumnType) -> Option<Self> {
        (kind.has_text_form() || kind == ColumnType::Json).then_some(Self::Text(kind))
    }

    /// The function around a parameter.
    pub(super) fn call(self, parameter: &str) -> String {
        match self {
            Self::Text(kind) => format!("{}({parameter})", function(kind)),
            Self::Rounded(kind) => match kind.digits() {
                Some((precision, scale)) => format!("decimal_form({parameter}, {precision}, {scale})"),
                None => parameter.to_owned(),
            },
        }
    }
}

/// The name of the function that gives a text its form.
pub(super) fn function(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Uuid => "uuid_form",
        ColumnType::Date => "date_form",
        ColumnType::Time => "time_form",
        ColumnType::Json => "json_form",
        ColumnType::Timestamp | ColumnType::Stamp => "timestamp_form",
        ColumnType::Integer | ColumnType::Real | ColumnType::Text | ColumnType::Blob => "any_form",
        ColumnType::Boolean | ColumnType::Decimal { .. } | ColumnType::Counter { .. } => "any_form",
        ColumnType::RichText | ColumnType::Quiet | ColumnType::External(_) => "any_form",
    }
}

/// A column as statements write to it.
pub(super) struct WrittenColumn {
    pub name: String,
    pub kind: ColumnType,
    pub in_key: bool,
}

/// Columns of all tables by the tables' names, all in lower case.
pub(super) type WrittenTables = HashMap<String, Vec<WrittenColumn>>;
