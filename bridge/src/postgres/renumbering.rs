//! Rows that get other ids, with what refers to them.

use tandem_protocol::schema::expression::quoted;

use super::Postgres;
use super::installing::place;
use crate::engine::Outcome;
use crate::paired::PairedTable;

/// The columns of other tables that refer to one table alone.
const REFERRING: &str = "
SELECT n.nspname, c.relname, a.attname
FROM pg_constraint r JOIN pg_class c ON c.oid = r.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = r.conrelid AND a.attnum = r.conkey[1]
WHERE r.contype = 'f' AND r.confrelid = $1::text::regclass AND cardinality(r.conkey) = 1
ORDER BY 1, 2, 3";

/// Gives rows other ids; what refers to them follows.
pub(super) fn give_ids(postgres: &mut Postgres, table: &PairedTable, ids: &[(i64, i64)]) -> Outcome {
    let [at] = table.key.as_slice() else { unreachable!("an id is a key of one column") };
    let place = place(table);
    let mut columns = vec![(place.clone(), quoted(&table.columns[*at].there))];
    for row in postgres.all(REFERRING, &[&place])? {
        let (schema, name, column): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        columns.push((format!("{}.{}", quoted(&schema), quoted(&name)), quoted(&column)));
    }
    let (old, new): (Vec<i64>, Vec<i64>) = ids.iter().copied().unzip();
    let aside: Vec<i64> = new.iter().map(|id| -id).collect();
    postgres.run("SET CONSTRAINTS ALL DEFERRED")?;
    // First aside, where nobody is: one may get the id that another has until then.
    for (old, new) in [(&old, &aside), (&aside, &new)] {
        for (place, column) in &columns {
            let sql = format!(
                "UPDATE {place} t SET {column} = i.new
                 FROM ROWS FROM (unnest($1::bigint[]), unnest($2::bigint[])) AS i (old, new)
                 WHERE t.{column} = i.old"
            );
            postgres.all(&sql, &[old, new])?;
        }
    }
    postgres.run("SET CONSTRAINTS ALL IMMEDIATE")
}
