//! The tables of a PostgreSQL database, in the words in which its own dump would declare them: what reads
//! dumps reads them.

use std::fmt::Write as _;

use tandem_protocol::schema::expression::quoted;

use super::Postgres;
use super::failure::failed;
use crate::engine::Outcome;

const ENUMS: &str = "
SELECT n.nspname, t.typname, array_agg(quote_literal(e.enumlabel) ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
WHERE n.nspname <> 'tandem' GROUP BY n.nspname, t.typname ORDER BY 1, 2";

const DOMAINS: &str = "
SELECT n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'd' AND n.nspname NOT IN ('information_schema', 'pg_catalog', 'tandem') ORDER BY 1, 2";

const TABLES: &str = "
SELECT c.oid, n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relpersistence = 'p'
  AND NOT EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid))
  AND n.nspname NOT IN ('information_schema', 'pg_catalog', 'tandem') AND n.nspname NOT LIKE 'pg\\_%'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.oid";

const COLUMNS: &str = "
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       a.attidentity <> '', a.attgenerated <> ''
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

const RULES: &str = "
SELECT conname, contype = 'f', pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = $1 AND contype IN ('p', 'u', 'c', 'f') ORDER BY contype = 'f', conname";

const UNIQUE_INDICES: &str = "
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
WHERE i.indrelid = $1 AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1";

/// All tables and their columns, but for what tandem put there.
const LAYOUT: &str = "
SELECT md5(coalesce(string_agg(
  format('%s %s %s %s %s %s', n.nspname, c.relname, a.attname, a.atttypid, a.atttypmod, a.attnum),
  ',' ORDER BY c.oid, a.attnum), ''))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' AND a.attnum > 0
  AND NOT a.attisdropped AND n.nspname NOT IN ('information_schema', 'pg_catalog', 'tandem')
  AND n.nspname NOT LIKE 'pg\\_%'";

/// A column's name, and its type as the database writes it.
type TypedColumn = (String, String);

/// Reads which tables and columns a database has.
pub(crate) struct CatalogueReader<'p>(pub &'p mut Postgres);

impl CatalogueReader<'_> {
    /// What tells whether tables or columns changed.
    pub fn layout_hash(&mut self) -> Outcome<String> {
        Ok(self.0.one(LAYOUT, &[])?.get(0))
    }

    /// The text of what a column was when it was added to the rows that were there, or is in all rows; none, if
    /// nothing tells.
    pub fn added_text(&mut self, schema: &str, table: &str, column: &str) -> Outcome<Option<String>> {
        // PostgreSQL remembers it, also where the column keeps no default.
        let sql = "SELECT (a.attmissingval::text::text[])[1]
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relname = $2 AND a.attname = $3 AND a.atthasmissing";
        let added = self.0.client.query_opt(sql, &[&schema, &table, &column]).map_err(failed)?;
        if let Some(text) = added.and_then(|row| row.get(0)) {
            return Ok(Some(text));
        }
        let (column, place) = (quoted(column), format!("{}.{}", quoted(schema), quoted(table)));
        let sql = format!(
            "SELECT min({column}::text), max({column}::text), count(*) = count({column}) FROM {place}"
        );
        let row = self.0.client.query_one(&sql, &[]).map_err(failed)?;
        let (least, greatest, is_whole): (Option<String>, Option<String>, bool) =
            (row.get(0), row.get(1), row.get(2));
        Ok(least.filter(|least| is_whole && Some(least) == greatest.as_ref()))
    }

    /// What declares its tables.
    pub fn declared(&mut self) -> Outcome<String> {
        // Names are told with their schemas then.
        self.0.run("SET search_path = ''")?;
        let declared = self.tables_declared();
        self.0.run("RESET search_path")?;
        declared
    }

    fn tables_declared(&mut self) -> Outcome<String> {
        let mut sql = String::from("-- PostgreSQL database dump\n");
        for row in self.0.client.query(ENUMS, &[]).map_err(failed)? {
            let (schema, name, labels): (String, String, Vec<String>) = (row.get(0), row.get(1), row.get(2));
            let labels = labels.join(", ");
            let _in_a_string =
                writeln!(sql, "CREATE TYPE {}.{} AS ENUM ({labels});", quoted(&schema), quoted(&name));
        }
        for row in self.0.client.query(DOMAINS, &[]).map_err(failed)? {
            let (schema, name, base): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            let _in_a_string =
                writeln!(sql, "CREATE DOMAIN {}.{} AS {base};", quoted(&schema), quoted(&name));
        }
        let mut behind = String::new();
        for row in self.0.client.query(TABLES, &[]).map_err(failed)? {
            let (table, schema, name): (u32, String, String) = (row.get(0), row.get(1), row.get(2));
            let place = format!("{}.{}", quoted(&schema), quoted(&name));
            let mut lines = self.columns_declared(table)?;
            for row in self.0.client.query(RULES, &[&table]).map_err(failed)? {
                let (rule, refers, text): (String, bool, String) = (row.get(0), row.get(1), row.get(2));
                let line = format!("CONSTRAINT {} {text}", quoted(&rule));
                match refers {
                    true => behind += &format!("ALTER TABLE ONLY {place} ADD {line};\n"),
                    false => lines.push(line),
                }
            }
            for row in self.0.client.query(UNIQUE_INDICES, &[&table]).map_err(failed)? {
                behind += &format!("{};\n", row.get::<_, String>(0));
            }
            let _in_a_string = writeln!(sql, "CREATE TABLE {place} (\n  {}\n);", lines.join(",\n  "));
        }
        Ok(sql + &behind)
    }

    fn columns_declared(&mut self, table: u32) -> Outcome<Vec<String>> {
        let rows = self.0.client.query(COLUMNS, &[&table]).map_err(failed)?;
        let line = |row: &postgres::Row| {
            let (name, kind, not_null): (String, String, bool) = (row.get(0), row.get(1), row.get(2));
            let (default, is_identity, is_generated): (Option<String>, bool, bool) =
                (row.get(3), row.get(4), row.get(5));
            let mut line = format!("{} {kind}", quoted(&name));
            match default {
                Some(text) if is_generated => line += &format!(" GENERATED ALWAYS AS ({text}) STORED"),
                Some(text) => line += &format!(" DEFAULT {text}"),
                None => {}
            }
            line += if not_null { " NOT NULL" } else { "" };
            line += if is_identity { " GENERATED BY DEFAULT AS IDENTITY" } else { "" };
            line
        };
        Ok(rows.iter().map(line).collect())
    }

    /// Tables that stand in several parts: what is done to a part by itself is not heard of.
    pub fn partitioned(&mut self) -> Outcome<Vec<String>> {
        let sql = "
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname NOT IN ('information_schema', 'pg_catalog', 'tandem')
  AND (c.relkind = 'p' OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid)))
ORDER BY 1";
        Ok(self.0.all(sql, &[])?.iter().map(|row| row.get(0)).collect())
    }

    /// The columns of a table that somebody may write: its own, and those whose values are not read. What
    /// writes them as JSON in a way of its own does not read that again.
    pub fn columns(&mut self, schema: &str, name: &str) -> Outcome<(Vec<TypedColumn>, Vec<String>)> {
        let sql = "
SELECT a.attname, format_type(a.atttypid, a.atttypmod), j.castsource IS NOT NULL
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_cast j ON j.castsource = a.atttypid AND j.casttarget = 'json'::regtype AND j.castfunc <> 0
WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped
  AND (a.attgenerated = '' OR j.castsource IS NOT NULL) ORDER BY a.attnum";
        let (mut read, mut aside) = (Vec::new(), Vec::new());
        for row in self.0.all(sql, &[&schema, &name])? {
            match row.get(2) {
                true => aside.push(row.get(0)),
                false => read.push((row.get(0), row.get(1))),
            }
        }
        Ok((read, aside))
    }
}
