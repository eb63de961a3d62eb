//! Ids that PostgreSQL makes: each site's fall on a residue of its own, so that no two sites make the same.

use tandem_protocol::schema::expression::quoted;

use super::Postgres;
use super::installing::place;
use crate::engine::Outcome;
use crate::ids::{STEP, is_own, next_id};
use crate::paired::PairedTable;

/// The sequence that a column owns, or that its default depends on.
const SEQUENCE: &str = "
SELECT d.refobjid::regclass::text FROM pg_attrdef a JOIN pg_depend d ON d.objid = a.oid
JOIN pg_attribute c ON c.attrelid = a.adrelid AND c.attnum = a.adnum
WHERE a.adrelid = $1::text::regclass AND c.attname = $2 AND d.classid = 'pg_attrdef'::regclass
  AND d.refclassid = 'pg_class'::regclass
  AND EXISTS (SELECT FROM pg_class s WHERE s.oid = d.refobjid AND s.relkind = 'S')
UNION SELECT pg_get_serial_sequence($1, $2) WHERE pg_get_serial_sequence($1, $2) IS NOT NULL LIMIT 1";

/// Lets the sequence behind a key of one column give the ids of this site, above `floor` and all that are
/// there; one that does is left alone.
pub(super) fn step_apart(postgres: &mut Postgres, table: &PairedTable, ordinal: u16, floor: i64) -> Outcome {
    let [at] = table.key.as_slice() else { return Ok(()) };
    let column = &table.columns[*at].there;
    let Some(name) = sequence_of(postgres, table, column)? else { return Ok(()) };
    let sql = "SELECT seqincrement FROM pg_sequence WHERE seqrelid = $1::text::regclass";
    let step: i64 = postgres.one(sql, &[&name])?.get(0);
    let column = quoted(column);
    let sql = format!("SELECT coalesce(max({column}), 0)::bigint FROM {}", place(table));
    let greatest: i64 = postgres.one(&sql, &[])?.get(0);
    let sql = format!("SELECT last_value, is_called FROM {name}");
    let (last, is_called): (i64, bool) = {
        let row = postgres.one(&sql, &[])?;
        (row.get(0), row.get(1))
    };
    let (next, floor) = (if is_called { last.saturating_add(step) } else { last }, floor.max(greatest));
    if step == STEP && is_own(next, ordinal) && next > floor {
        return Ok(());
    }
    if step != STEP {
        let sql = "INSERT INTO tandem.sequences (name, step) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        postgres.all(sql, &[&name, &step])?;
    }
    // What was given and is not committed yet is not among the rows.
    let next = next_id(if is_called { floor.max(last) } else { floor }, ordinal);
    postgres.run(&format!("ALTER SEQUENCE {name} INCREMENT BY {STEP} RESTART WITH {next}"))
}

/// The sequence that gives the values of a column: its own, or the one that its default asks.
fn sequence_of(postgres: &mut Postgres, table: &PairedTable, column: &str) -> Outcome<Option<String>> {
    let rows = postgres.all(SEQUENCE, &[&place(table), &column])?;
    Ok(rows.first().map(|row| row.get(0)))
}

/// Lets the sequences count as they did.
pub(super) fn put_sequences_back(postgres: &mut Postgres) -> Outcome {
    let rows = postgres.all("SELECT name, step FROM tandem.sequences", &[])?;
    for row in rows {
        let (name, step): (String, i64) = (row.get(0), row.get(1));
        if postgres.one("SELECT to_regclass($1) IS NOT NULL", &[&name])?.get::<_, bool>(0) {
            postgres.run(&format!("ALTER SEQUENCE {name} INCREMENT BY {step}"))?;
        }
    }
    Ok(())
}
