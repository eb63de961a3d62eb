//! Limits that documents state: they are those of the code.

use crate::answers::{ALL_BYTES, ANSWER_BYTES as KEPT_ANSWER_BYTES, KEPT_MS};
use crate::view::guard::{ANSWER_BYTES, PATTERN_BYTES, STATEMENT_BYTES, VALUE_BYTES};
use crate::{READ_DEADLINE, WRITE_DEADLINE};

#[test]
fn documents_say_what_a_statement_may_as_it_is() {
    let sql = include_str!("../../../docs/sql.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let formats = include_str!("../../../docs/formats.md").split_whitespace().collect::<Vec<_>>().join(" ");
    let (days, kept_kib, all_mib) = (KEPT_MS / 86_400_000, KEPT_ANSWER_BYTES >> 10, ALL_BYTES >> 20);
    for (document, sentence) in [
        (
            &sql,
            format!(
                "{} seconds for a read and {} for a transaction that writes",
                READ_DEADLINE.as_secs(),
                WRITE_DEADLINE.as_secs()
            ),
        ),
        (&sql, format!("{} MiB of memory for a statement", STATEMENT_BYTES >> 20)),
        (
            &sql,
            format!("{} MiB in one value, {PATTERN_BYTES} bytes in a pattern of `LIKE`", VALUE_BYTES >> 20),
        ),
        (&sql, format!("{} MiB in one answer", ANSWER_BYTES >> 20)),
        (&sql, format!("keeps it whole for {days} days ({kept_kib} KiB each, {all_mib} MiB in all)")),
        (&formats, format!("Kept for {days} days, at most {kept_kib} KiB each and {all_mib} MiB in all")),
    ] {
        assert!(document.contains(&sentence), "no document says: {sentence}");
    }
}
