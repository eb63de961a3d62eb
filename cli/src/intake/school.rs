//! The files of the school's own program (`sync_global_COMPLET_….zip`): what it calls its tables, and the
//! lists of ids from which it tells what was deleted.

use tandem_import::sheets::folded;
use tandem_protocol::schema::{Schema, TableDef};

/// The files, and the tables that they are of, in the program's order.
pub const FILES: [(&str, &str); 11] = [
    ("subjects", "subjects"),
    ("levels", "levels"),
    ("tariffs", "tariffs"),
    ("discounts", "discounts"),
    ("students", "students"),
    ("cohorts", "cohorts"),
    ("sessions", "sessions"),
    ("enrollments", "enrollments"),
    ("presences", "attendance"),
    ("paiements_etudiants", "payments"),
    ("paiements_profs", "teacher_payments"),
];

/// The lists of ids, and the tables whose ids they hold.
pub const ID_LISTS: [(&str, &str); 2] =
    [("_all_session_ids", "sessions"), ("_all_enrollment_ids", "enrollments")];

/// What a file says about itself and its neighbours.
pub const MANIFEST: &str = "_metadata";

/// The table whose ids a file of that name lists, if it is such a list.
pub fn listed<'s>(schema: &'s Schema, name: &str) -> Option<&'s TableDef> {
    let name = name.to_lowercase();
    let of = name.strip_prefix("_all_")?.strip_suffix("_ids")?;
    table(schema, of).or_else(|| table(schema, &format!("{of}s")))
}

/// The table that a file of that name is of: the one called so, else the one that the school's program
/// calls so.
pub fn table<'s>(schema: &'s Schema, name: &str) -> Option<&'s TableDef> {
    let find = |name: &str| {
        let exact = schema.table(name).map(|table| &table.shown);
        let mut tables = schema.tables().map(|table| &table.shown);
        exact.or_else(|| tables.find(|table| folded(&table.name) == folded(name)))
    };
    let alias = || FILES.iter().find(|(file, _)| folded(file) == folded(name));
    find(name).or_else(|| alias().and_then(|(_, table)| find(table)))
}

/// The school year of a day, by its year and month: it begins in September.
pub fn year(year: i32, month: u8) -> String {
    let begins = if month >= 9 { year } else { year - 1 };
    format!("{begins}-{}", begins + 1)
}
