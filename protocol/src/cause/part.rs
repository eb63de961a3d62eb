//! What of a schema is meant.

use super::{Param, Pattern, told_by};

/// A part of a schema, as the ops that declare it are told of.
pub fn part(what: &str) -> Param {
    const PARTS: &[Pattern] = &[
        ("table {name}", "part_table"),
        ("index {name}", "part_index"),
        ("column {name}", "part_column"),
        ("view {name}", "part_view"),
        ("CHECK of {name}", "part_check"),
        ("a CHECK of {name}", "part_check"),
        ("NOT NULL of {name}", "part_not_null"),
        ("DEFAULT of {name}", "part_default"),
        ("a UNIQUE of {name}", "part_unique"),
        ("UNIQUE ({columns}) of {name}", "part_unique_columns"),
        ("a REFERENCES of {name}", "part_references"),
        ("REFERENCES ({columns}) of {name} to {target}", "part_reference"),
    ];
    told_by(what, PARTS).map_or_else(|| what.into(), Param::Cause)
}
