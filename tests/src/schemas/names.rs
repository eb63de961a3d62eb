//! Names that meet in every way names can: joined, in another case or form, as SQL's own words, as
//! SQLite's, or as each other's. Few, so that sites meet.

use tandem_protocol::bounds;

use crate::random::Random;

const NAMES: [&str; 24] = [
    "orders",
    "orders_item",
    "item",
    "item_code",
    "Base",
    "base_n",
    "n",
    "N_1",
    "code",
    "Order",
    "group",
    "sqlite2",
    "été",
    "e\u{301}te\u{301}",
    "É",
    "oid",
    "_rowid_",
    "a b",
    "say \"so\"",
    "x'); --",
    "notes",
    "notes (2)",
    "Notes (2)",
    "_tand",
];

/// A name as SQL holds any name.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name, quoted.
pub fn name(random: &mut Random) -> String {
    if random.one_in(40) {
        return quoted(&"long ".repeat(bounds::NAME_BYTES / 5).trim_end().replace(' ', "_"));
    }
    quoted(random.pick::<&str>(&NAMES))
}

/// The one spelling of each of these names, by a rule of its own: of all that Unicode composes, one
/// letter stands among them.
pub fn one_spelling(name: &str) -> String {
    name.replace("e\u{301}", "é").to_ascii_lowercase()
}
