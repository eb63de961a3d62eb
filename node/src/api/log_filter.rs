//! What people ask of the log, as the log is asked.

use tandem_protocol::cause::Cause;
use tandem_protocol::membership::Membership;
use tandem_protocol::name;
use tandem_protocol::schema::{Schema, TableDef};
use tandem_protocol::version::Dot;
use tandem_store::LogFilter;

use super::error::Result;
use super::log_entry::LogQuery;
use super::moment::from_iso;
use super::{error_kind, site};

/// A dot in full, or with a site's short id or name in place of its author.
pub(super) fn find_dot(dot: &str, membership: &Membership) -> Option<Dot> {
    dot.parse().ok().or_else(|| {
        let (site, seq) = dot.rsplit_once(':')?;
        Some(Dot::new(site::find(membership, site).ok()?, seq.parse().ok()?))
    })
}

/// The filter that a query means.
pub(super) fn filter(query: &LogQuery, membership: &Membership, schema: &Schema) -> Result<LogFilter> {
    if let Some(table) = query.table.as_ref().filter(|table| schema.table(table).is_none()) {
        return Err(error_kind::table_unknown.with("table", table));
    }
    let key = match (&query.key, query.table.as_ref().and_then(|table| schema.table(table))) {
        (Some(key), Some(table)) => Some(key_of(key, &table.shown)?),
        (key, _) => key.clone(),
    };
    Ok(LogFilter {
        table: query.table.clone(),
        key,
        author: query.site.as_ref().map(|name| site::find(membership, name)).transpose()?,
        since_ms: time_of(query.since.as_deref())?,
        until_ms: time_of(query.until.as_deref())?,
        from: query.from,
        before: query.before,
        limit: None,
    })
}

/// A time as it is asked for.
pub(super) fn time_of(text: Option<&str>) -> Result<Option<i64>> {
    let malformed = |text: &str| {
        error_kind::request_malformed.with("detail", Cause::new("request_time").with("text", text))
    };
    text.map(|text| from_iso(text).ok_or_else(|| malformed(text))).transpose()
}

/// A key as it is typed for one table, in the form in which keys are compared: its values in order,
/// `7,2026-03-01`, or by name and in any order, `day=2026-03-01,id=7`. A part of a key is none.
pub(super) fn key_of(typed: &str, table: &TableDef) -> Result<String> {
    let (names, parts) = (&table.key, typed.split(',').collect::<Vec<_>>());
    let by_name = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let place = names.iter().position(|known| name::same(known, name.trim()))?;
        Some((place, value.to_owned()))
    };
    // A value may hold commas of its own; then it is given in order.
    let named: Option<Vec<(usize, String)>> = parts.iter().map(|part| by_name(part)).collect();
    if let Some(mut named) = named {
        named.sort_by_key(|(place, _)| *place);
        if named.iter().map(|(place, _)| *place).eq(0..names.len()) {
            return Ok(named.into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(","));
        }
    } else if parts.len() >= names.len() {
        return Ok(typed.to_owned());
    }
    let example = names.iter().map(|name| format!("{name}=…")).collect::<Vec<_>>().join(",");
    Err(error_kind::key_incomplete
        .with("table", &table.name)
        .with("count", names.len())
        .with("columns", names.join(", "))
        .with("example", format!("--key \"{example}\"")))
}

#[cfg(test)]
mod tests {
    use tandem_protocol::schema::ddl;

    use super::*;

    #[test]
    fn a_key_of_several_columns_is_given_whole() {
        let mut schema = Schema::default();
        let sql = "CREATE TABLE lines (sale INTEGER, \"no\" TEXT, PRIMARY KEY (sale, \"no\"));
                   CREATE TABLE tags (name TEXT PRIMARY KEY)";
        schema.add_next(&ddl::plan(sql, &schema).unwrap());
        schema.rejudge();
        let key = |table: &str, typed: &str| key_of(typed, &schema.table(table).unwrap().shown);
        for typed in ["7,a", "sale=7,no=a", "NO=a,sale=7"] {
            assert_eq!(key("lines", typed).unwrap(), "7,a");
        }
        for part in ["7", "sale=7", "no=a", "sale=7,sale=7", ""] {
            let refused = key("lines", part).unwrap_err();
            assert_eq!(
                (&*refused.code, &*refused.params["columns"].to_string()),
                ("key_incomplete", "sale, no"),
                "{part}"
            );
            assert!(refused.to_string().contains("--key \"sale=…,no=…\""), "{refused}");
        }
        for (typed, meant) in
            [("a,b", "a,b"), ("name=x", "x"), ("name=name=x", "name=x"), ("other=1", "other=1")]
        {
            assert_eq!(key("tags", typed).unwrap(), meant);
        }
    }
}
