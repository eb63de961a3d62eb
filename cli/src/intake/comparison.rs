//! A row of a file beside the one that is here: what of it is new, and what is not to be taken.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde_json::{Value as Json, json};
use tandem_node::api::cell::Cell;
use tandem_node::api::query::Query;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::schema::{ColumnDef, ColumnType, MergeKind, Storage};
use tandem_protocol::value::Value;

use super::known;
use super::reading::{Candidate, Reading};
use crate::client::{Client, Rows};
use crate::failure::Failure;

/// What is to be done with a row of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not here.
    Insert,
    /// It is here, and says the same.
    Same,
    /// What is here is newer.
    Older,
    /// These of its columns are newer than what is here.
    Update(Vec<usize>),
    /// Columns that were changed on both sides since they last met, and others that only the file changed.
    Decide {
        /// The former.
        both: Vec<usize>,
        /// The latter.
        taken: Vec<usize>,
        /// Whether the file's are the newer ones.
        theirs: bool,
    },
}

/// The rows that are here under the keys of some candidates, by the candidates' numbers.
pub type Here = HashMap<usize, Vec<Value>>;

/// Looks for the rows that candidates mean.
pub fn here(
    (client, space): (&Client, &str),
    reading: &Reading<'_>,
    candidates: &[Candidate],
) -> Result<Here, Failure> {
    if reading.key.is_empty() {
        return Ok(Here::new());
    }
    let key = |candidate: &Candidate| -> Json {
        let named = |at: &usize| {
            let value = candidate.values[*at].as_ref();
            value.map_or(Json::Null, |value| named(reading.columns[*at].kind, value))
        };
        reading.key.iter().map(named).collect()
    };
    let keys: Json = candidates.iter().map(key).collect();
    let names = reading.columns.iter().map(|column| format!("t.{}", quoted(&column.name)));
    let names: Vec<String> = names.collect();
    let on =
        reading.key.iter().enumerate().map(|(at, place)| {
            is_key(&reading.columns[*place], &format!("json_extract(k.value, '$[{at}]')"))
        });
    let sql = format!(
        "SELECT k.key, {} FROM json_each(?) AS k CROSS JOIN {} AS t ON {}",
        names.join(", "),
        quoted(&reading.table.name),
        on.collect::<Vec<_>>().join(" AND ")
    );
    let params = vec![Cell(Value::Text(keys.to_string()))];
    let mut found = Found { reading, here: Here::new() };
    client.query_rows(space, Query { sql, params: params.into(), deadline: None }, &mut found)?;
    Ok(found.here)
}

/// The condition that a row `t` has that value, said as [`named`] does, in a column of its key.
pub(super) fn is_key(column: &ColumnDef, value: &str) -> String {
    match column.kind {
        ColumnType::Blob => format!("t.{} = unhex({value})", quoted(&column.name)),
        _ => format!("t.{} = {value}", quoted(&column.name)),
    }
}

/// A key's value as JSON that SQLite takes for the same.
pub(super) fn named(kind: ColumnType, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Value::Decimal(decimal) => {
            let digits = decimal.to_string();
            match kind.storage() {
                Storage::Digits => json!(digits),
                _ => serde_json::from_str(&digits).unwrap_or(json!(digits)),
            }
        }
    }
}

/// Rows as they are found.
struct Found<'r, 'b> {
    reading: &'r Reading<'b>,
    here: Here,
}

impl Rows for Found<'_, '_> {
    fn columns(&mut self, _: &[String]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Cell]) -> ControlFlow<()> {
        let Some((Cell(Value::Integer(number)), values)) = row.split_first() else {
            return ControlFlow::Continue(());
        };
        let columns = self.reading.columns.iter();
        let values = columns.zip(values).map(|(column, cell)| cell.written(column.kind)).collect();
        if let Ok(number) = usize::try_from(*number) {
            self.here.insert(number, values);
        }
        ControlFlow::Continue(())
    }
}

/// What both sides had of a row when they last met.
#[derive(Debug)]
pub enum Met<'k> {
    /// Nothing that is known.
    Never,
    /// It, in these cells, or in these.
    With(Vec<&'k [u64]>),
    /// They met after the file was written; whether it was there then, or before.
    Later(bool),
}

impl Met<'_> {
    /// Whether both had this in a column.
    fn has(&self, at: usize, value: Option<&Value>) -> bool {
        let Self::With(rows) = self else { return false };
        debug_assert!(rows.iter().all(|cells| at < cells.len()), "both had a row in the same columns");
        rows.iter().any(|cells| cells[at] == known::cell(value))
    }
}

/// What a row of a file is beside the one here, and beside what both sides had of it when they last met.
pub fn judge(reading: &Reading<'_>, candidate: &Candidate, here: Option<&[Value]>, met: &Met<'_>) -> Verdict {
    let width = reading.columns.len();
    assert_eq!(candidate.values.len(), width, "a row of a sheet has a value for each of its columns");
    assert!(here.is_none_or(|here| here.len() == width), "so has the one here");
    let is_known = matches!(met, Met::With(_));
    let theirs = |at: &usize| candidate.values[*at].as_ref();
    let is_theirs = |at: &usize| !met.has(*at, theirs(at));
    let all: Vec<usize> = (0..reading.columns.len()).filter(|at| !reading.key.contains(at)).collect();
    let Some(here) = here else {
        // A row that was deleted here, and not touched there since, is not brought back.
        let is_gone = matches!(met, Met::Later(true)) || is_known && !all.iter().any(is_theirs);
        return if is_gone { Verdict::Older } else { Verdict::Insert };
    };
    let is_time = |at: &usize| Some(*at) == reading.time;
    let other: Vec<usize> = all.into_iter().filter(|at| differs(theirs(at), &here[*at])).collect();
    if other.iter().all(is_time) && !is_later(reading, candidate, here) {
        return Verdict::Same;
    }
    let times = times(reading, candidate, here);
    let is_older = times.is_some_and(|(theirs, here)| theirs < here);
    // A row that does not say when it was changed is as old as its file.
    let is_left_behind = match met {
        Met::Later(_) => times.is_none() || is_older,
        Met::Never => is_older,
        // What is here is what both had, and it is newer: so was it then.
        Met::With(_) => is_older && reading.time.is_some_and(|at| met.has(at, Some(&here[at]))),
    };
    let taken: Vec<usize> = other.into_iter().filter(|at| is_time(at) || is_theirs(at)).collect();
    if is_left_behind || taken.iter().all(|at| is_time(at) && is_older) {
        return Verdict::Older;
    }
    let is_ours = |at: &usize| is_known && !met.has(*at, Some(&here[*at]));
    let is_both = |at: &usize| !is_time(at) && is_ours(at) && is_settled(reading.columns[*at].kind);
    // The row's time is that of its newest change.
    let (both, taken): (Vec<usize>, Vec<usize>) =
        taken.into_iter().filter(|at| !(is_time(at) && is_older)).partition(is_both);
    match both.is_empty() {
        true => Verdict::Update(taken),
        false => Verdict::Decide { both, taken, theirs: !is_older },
    }
}

/// Whether a row of a file says to be older than the one here.
pub fn is_earlier(reading: &Reading<'_>, candidate: &Candidate, here: Option<&[Value]>) -> bool {
    let times = here.and_then(|here| times(reading, candidate, here));
    times.is_some_and(|(theirs, here)| theirs < here)
}

/// Whether two edits of such a column made apart need somebody to decide: others add up, or merge.
fn is_settled(kind: ColumnType) -> bool {
    matches!(kind.merge_kind(), MergeKind::Register)
}

/// Whether a value of a file is another than the one here. Nothing in a file stands for NULL and for an
/// empty text.
fn differs(theirs: Option<&Value>, here: &Value) -> bool {
    match (theirs, here) {
        (None, _) => false,
        (Some(Value::Null), Value::Text(text)) if text.is_empty() => false,
        (Some(value), here) => value != here,
    }
}

fn times<'v>(
    reading: &Reading<'_>,
    candidate: &'v Candidate,
    here: &'v [Value],
) -> Option<(&'v str, &'v str)> {
    let at = reading.time?;
    match (candidate.values[at].as_ref()?, &here[at]) {
        (Value::Text(theirs), Value::Text(here)) => Some((theirs, here)),
        _ => None,
    }
}

fn is_later(reading: &Reading<'_>, candidate: &Candidate, here: &[Value]) -> bool {
    let is_new = || {
        reading.time.is_some_and(|at| {
            here[at].is_null() && candidate.values[at].as_ref().is_some_and(|time| !time.is_null())
        })
    };
    times(reading, candidate, here).map_or_else(is_new, |(theirs, here)| theirs > here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::schema::planned;
    use tandem_import::sheets::{Brought, SheetError};

    const TABLE: &str =
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, n COUNTER, updated_at TIMESTAMP)";

    /// What becomes of a row of a file, beside the one here and the one that both had: `a b n hour`.
    fn judged(file: &str, here: Option<&str>, had: Option<&str>) -> Verdict {
        let schema = planned(TABLE).unwrap_or_else(|_| panic!("the table"));
        let table = &schema.table("t").unwrap().shown;
        let folder = tempfile::tempdir().unwrap();
        let read = |row: &str| -> Vec<Option<Value>> {
            let path = folder.path().join("t.csv");
            let [a, b, n, hour] = row.split(' ').collect::<Vec<_>>()[..] else { panic!("{row}") };
            let time = if hour == "-" { String::new() } else { format!("2026-01-01 {hour}:00") };
            std::fs::write(&path, format!("id,a,b,n,updated_at\n1,{a},{b},{n},{time}\n")).unwrap();
            let brought = Brought::open(&path, folder.path()).unwrap();
            let reading =
                Reading::of(&brought.sheets[0], table, false, false).unwrap_or_else(|_| panic!("{row}"));
            let mut values = Vec::new();
            let mut take = |row: &tandem_import::sheets::Row| -> Result<(), SheetError> {
                values = reading.candidate(row).unwrap().values;
                Ok(())
            };
            brought.sheets[0].each(&mut take).unwrap();
            values
        };
        let plain = |values: Vec<Option<Value>>| -> Vec<Value> {
            values.into_iter().map(|value| value.unwrap_or(Value::Null)).collect()
        };
        let (candidate, here) = (Candidate { values: read(file) }, here.map(|here| plain(read(here))));
        let had: Option<Vec<u64>> =
            had.map(|had| read(had).iter().map(|value| known::cell(value.as_ref())).collect());
        let brought = Brought::open(&folder.path().join("t.csv"), folder.path()).unwrap();
        let reading =
            Reading::of(&brought.sheets[0], table, false, false).unwrap_or_else(|_| panic!("{file}"));
        let met = had.as_deref().map_or(Met::Never, |had| Met::With(vec![had]));
        judge(&reading, &candidate, here.as_deref(), &met)
    }

    #[test]
    fn what_becomes_of_a_row_follows_from_both_sides_and_what_they_had() {
        let decide = |both: &[usize], taken: &[usize], theirs| Verdict::Decide {
            both: both.to_vec(),
            taken: taken.to_vec(),
            theirs,
        };
        for (file, here, had, expected) in [
            // Alone.
            ("x y 1 10", None, None, Verdict::Insert),
            ("x y 1 10", Some("x y 1 10"), None, Verdict::Same),
            ("x y 1 09", Some("x y 1 10"), None, Verdict::Same),
            ("z y 1 11", Some("x y 1 10"), None, Verdict::Update(vec![1, 4])),
            ("z y 1 10", Some("x y 1 10"), None, Verdict::Update(vec![1])),
            ("z y 1 09", Some("x y 1 10"), None, Verdict::Older),
            ("z y 1 -", Some("x y 1 -"), None, Verdict::Update(vec![1])),
            // Since both had the same.
            ("x y 1 10", None, Some("x y 1 10"), Verdict::Older),
            ("z y 1 11", None, Some("x y 1 10"), Verdict::Insert),
            ("x y 1 10", Some("z y 1 11"), Some("x y 1 10"), Verdict::Older),
            ("x y 1 -", Some("z y 1 -"), Some("x y 1 -"), Verdict::Older),
            ("z y 1 -", Some("x y 1 -"), Some("x y 1 -"), Verdict::Update(vec![1])),
            ("z y 1 11", Some("x v 1 12"), Some("x y 1 10"), Verdict::Update(vec![1])),
            ("z y 1 12", Some("x v 1 11"), Some("x y 1 10"), Verdict::Update(vec![1, 4])),
            ("x y 3 12", Some("x y 2 11"), Some("x y 1 10"), Verdict::Update(vec![3, 4])),
            ("z y 1 12", Some("w y 1 11"), Some("x y 1 10"), decide(&[1], &[4], true)),
            ("z u 1 11", Some("w y 1 12"), Some("x y 1 10"), decide(&[1], &[2], false)),
            // The file is of before both had the same.
            ("w y 1 09", Some("x y 1 10"), Some("x y 1 10"), Verdict::Older),
        ] {
            assert_eq!(judged(file, here, had), expected, "{file} beside {here:?}, both had {had:?}");
        }
    }
}
