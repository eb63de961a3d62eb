//! Which of tandem's types holds what another database's type holds.

use tandem_protocol::schema::{ColumnType, ExternalType};

use crate::dialect::Dialect;
use crate::model::{Column, DeclaredType};

/// Digits of a number that says nothing of its own.
const ANY_DECIMAL: ColumnType = ColumnType::Decimal { precision: 38, scale: 10 };

/// What a column's type becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Becomes {
    /// The type.
    pub kind: ColumnType,
    /// Whether it holds all that the other does, and means the same.
    pub is_exact: bool,
    /// Whether the database counts its values up.
    pub counts_up: bool,
}

impl Becomes {
    const fn exactly(kind: ColumnType) -> Self {
        Self { kind, is_exact: true, counts_up: false }
    }

    const fn nearly(kind: ColumnType) -> Self {
        Self { kind, is_exact: false, counts_up: false }
    }
}

/// Shapes, which MySQL writes as bytes.
const SHAPES: &[&str] = &[
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
];

/// Types by their names, whatever stands behind them in parentheses.
const NAMED: &[(Becomes, &[&str])] = &[
    (Becomes::exactly(ColumnType::Boolean), &["BOOL", "BOOLEAN"]),
    (
        Becomes { counts_up: true, ..Becomes::exactly(ColumnType::Integer) },
        &["SERIAL", "BIGSERIAL", "SMALLSERIAL", "SERIAL4", "SERIAL8", "SERIAL2"],
    ),
    (
        Becomes::exactly(ColumnType::Integer),
        &[
            "INT",
            "INTEGER",
            "TINYINT",
            "SMALLINT",
            "MEDIUMINT",
            "BIGINT",
            "INT2",
            "INT4",
            "INT8",
            "YEAR",
            "OID",
            "UNSIGNED BIG INT",
            "BIG INT",
        ],
    ),
    (Becomes::nearly(ColumnType::Decimal { precision: 19, scale: 2 }), &["MONEY"]),
    (Becomes::nearly(ColumnType::Decimal { precision: 10, scale: 4 }), &["SMALLMONEY"]),
    (
        Becomes::exactly(ColumnType::Real),
        &["REAL", "FLOAT", "DOUBLE", "DOUBLE PRECISION", "FLOAT4", "FLOAT8"],
    ),
    (
        Becomes::exactly(ColumnType::Text),
        &[
            "CHAR",
            "CHARACTER",
            "VARCHAR",
            "CHARACTER VARYING",
            "CHAR VARYING",
            "NCHAR",
            "NVARCHAR",
            "NATIONAL CHARACTER",
            "NATIONAL CHARACTER VARYING",
            "NATIONAL VARCHAR",
            "NATIVE CHARACTER",
            "VARYING CHARACTER",
            "VARCHAR2",
            "NVARCHAR2",
            "BPCHAR",
            "NAME",
            "TEXT",
            "TINYTEXT",
            "MEDIUMTEXT",
            "LONGTEXT",
            "NTEXT",
            "CLOB",
            "LONG VARCHAR",
            "LONGVARCHAR",
            "STRING",
            "ENUM",
        ],
    ),
    (
        Becomes::exactly(ColumnType::Blob),
        &[
            "BLOB",
            "TINYBLOB",
            "MEDIUMBLOB",
            "LONGBLOB",
            "BYTEA",
            "BINARY",
            "VARBINARY",
            "IMAGE",
            "LONG VARBINARY",
            "BINARY VARYING",
            "LONGVARBINARY",
        ],
    ),
    (Becomes::exactly(ColumnType::Date), &["DATE"]),
    (Becomes::exactly(ColumnType::Time), &["TIME", "TIME WITHOUT TIME ZONE"]),
    (
        Becomes::exactly(ColumnType::Timestamp),
        &[
            "TIMESTAMP",
            "DATETIME",
            "TIMESTAMP WITHOUT TIME ZONE",
            "TIMESTAMP WITH TIME ZONE",
            "TIMESTAMPTZ",
            "DATETIME2",
            "SMALLDATETIME",
            "DATETIMEOFFSET",
        ],
    ),
    (Becomes::exactly(ColumnType::Uuid), &["UUID", "UNIQUEIDENTIFIER", "GUID"]),
    (Becomes::exactly(ColumnType::Json), &["JSON", "JSONB"]),
];

/// What the type of a column becomes.
pub fn kind_of(column: &Column, dialect: Dialect) -> Becomes {
    let declared = &column.declared;
    if declared.is_array {
        return external(declared);
    }
    if column.is_stamp {
        return Becomes::exactly(ColumnType::Stamp);
    }
    let first: Option<u32> = declared.arguments.first().and_then(|digits| digits.parse().ok());
    let words = declared.words.as_str();
    let found = match words {
        "TINYINT" if first == Some(1) && holds_flags(column) => Becomes::exactly(ColumnType::Boolean),
        "BIT" if first.is_none_or(|bits| bits == 1) => Becomes::exactly(ColumnType::Boolean),
        "DECIMAL" | "NUMERIC" | "DEC" | "FIXED" | "NUMBER" => decimal(declared, dialect),
        _ => by_name(words).unwrap_or_else(|| match dialect {
            Dialect::Sqlite => by_affinity(words),
            Dialect::MySql if SHAPES.contains(&words) => Becomes::nearly(ColumnType::Blob),
            _ => external(declared),
        }),
    };
    match (dialect, found.kind) {
        // Where SQLite keeps such a number it is one of floating point, whatever it is called.
        (Dialect::Sqlite, ANY_DECIMAL) => Becomes::nearly(ColumnType::Real),
        _ => found,
    }
}

/// What has no type here stays the text that it is there, and keeps the name of its type.
fn external(declared: &DeclaredType) -> Becomes {
    let words = declared.words.to_lowercase();
    let arguments = match declared.arguments.is_empty() {
        true => String::new(),
        false => format!("({})", declared.arguments.join(",")),
    };
    let array = if declared.is_array { "[]" } else { "" };
    let names = [format!("{words}{arguments}{array}"), format!("{words}{array}")];
    let external = names.iter().find_map(|name| ExternalType::named(name));
    Becomes::nearly(external.map_or(ColumnType::Text, ColumnType::External))
}

fn by_name(words: &str) -> Option<Becomes> {
    NAMED.iter().find(|(_, names)| names.contains(&words)).map(|(becomes, _)| *becomes)
}

/// Whether a number of one digit is one that is asked for as a flag.
fn holds_flags(column: &Column) -> bool {
    if column.holds_more {
        return false;
    }
    let default = column.default.as_ref().map(ToString::to_string).unwrap_or_default();
    let default = default.trim_matches(['\'', '"', '(', ')', ' ']).to_ascii_uppercase();
    matches!(default.as_str(), "" | "0" | "1" | "NULL" | "TRUE" | "FALSE" | "B'0" | "B'1")
}

fn decimal(declared: &DeclaredType, dialect: Dialect) -> Becomes {
    let digits: Vec<Option<u8>> =
        declared.arguments.iter().map(|digits| digits.trim().parse().ok()).collect();
    let exactly = |precision, scale| Becomes::exactly(ColumnType::Decimal { precision, scale });
    match (digits.as_slice(), dialect) {
        ([], Dialect::MySql) => exactly(10, 0),
        ([Some(precision @ 1..=38)], _) => exactly(*precision, 0),
        ([Some(precision @ 1..=38), Some(scale)], _) if scale <= precision => exactly(*precision, *scale),
        ([Some(39..), Some(scale @ ..=38)], _) => {
            Becomes::nearly(ColumnType::Decimal { precision: 38, scale: *scale })
        }
        ([Some(39..)], _) => Becomes::nearly(ColumnType::Decimal { precision: 38, scale: 0 }),
        _ => Becomes::nearly(ANY_DECIMAL),
    }
}

/// What SQLite makes of a type that it does not know.
fn by_affinity(words: &str) -> Becomes {
    let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
    if has(&["INT"]) {
        Becomes::nearly(ColumnType::Integer)
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Becomes::nearly(ColumnType::Text)
    } else if has(&["BLOB"]) {
        Becomes::nearly(ColumnType::Blob)
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Becomes::nearly(ColumnType::Real)
    } else {
        Becomes::nearly(ColumnType::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_hold_what_the_others_held() {
        let becomes = |words: &str, arguments: &[&str], dialect| {
            let arguments = arguments.iter().map(|one| (*one).to_owned()).collect();
            let declared = DeclaredType { words: words.to_owned(), arguments, ..DeclaredType::default() };
            let Becomes { kind, is_exact, .. } = kind_of(&Column { declared, ..Column::default() }, dialect);
            (kind.to_string(), is_exact)
        };
        for (words, arguments, dialect, kind, is_exact) in [
            ("VARCHAR", &["255"][..], Dialect::MySql, "TEXT", true),
            ("TINYINT", &["1"], Dialect::MySql, "BOOLEAN", true),
            ("TINYINT", &["4"], Dialect::MySql, "INTEGER", true),
            ("DECIMAL", &[], Dialect::MySql, "DECIMAL(10,0)", true),
            ("NUMERIC", &[], Dialect::PostgreSql, "DECIMAL(38,10)", false),
            ("NUMERIC", &[], Dialect::Sqlite, "REAL", false),
            ("DECIMAL", &["65", "30"], Dialect::MySql, "DECIMAL(38,30)", false),
            ("NUMERIC", &["10", "2"], Dialect::Sqlite, "DECIMAL(10,2)", true),
            ("TIMESTAMP WITH TIME ZONE", &[], Dialect::PostgreSql, "TIMESTAMP", true),
            ("LONGINTEGER", &[], Dialect::Sqlite, "INTEGER", false),
            ("GEOMETRY", &[], Dialect::MySql, "BLOB", false),
            ("GEOMETRY", &["point", "4326"], Dialect::PostgreSql, "EXTERNAL('geometry(point,4326)')", false),
            ("SET", &["'a'", "'b'"], Dialect::MySql, "EXTERNAL('set(''a'',''b'')')", false),
            ("TIME WITH TIME ZONE", &[], Dialect::PostgreSql, "EXTERNAL('time with time zone')", false),
        ] {
            assert_eq!(becomes(words, arguments, dialect), (kind.to_owned(), is_exact), "{words}");
        }
    }
}
