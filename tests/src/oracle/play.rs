//! Plays a story on both sides and compares.

use tandem_protocol::value::Value;
use tandem_store::StatementResult;

use super::canonical::canonical;
use super::difference::{Difference, Met};
use super::functions::{NOW, is_made};
use super::kind::Kind;
use super::plain::{Plain, Verdict, dump_of};
use super::sql::Sql;
use super::story::{Step, Story};
use super::tandem::Tandem;

/// How the two sides differ.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// What kind of difference it is: two of one kind may have one cause.
    pub kind: String,
    /// What exactly differs.
    pub told: String,
}

/// What was played.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Statements and queries run on both sides.
    pub statements: u64,
    /// Transactions accepted by both.
    pub accepted: u64,
    /// Transactions refused by both.
    pub refused: u64,
    /// Which listed differences came into play.
    pub met: Met,
    /// The first difference that is not listed.
    pub mismatch: Option<Mismatch>,
}

/// Plays a story up to the first mismatch.
pub fn play(story: &Story) -> Played {
    let mut played = Played::default();
    let folder = crate::simulator::scratch();
    let mut plain = match Plain::open(&story.tables, story.carries_out()) {
        Ok(plain) => plain,
        Err(error) => panic!("the oracle's own tables: {error}\n{story}"),
    };
    let result = (|| {
        let mut tandem = Tandem::found(folder.path(), &story.tables)
            .map_err(|error| Mismatch { kind: format!("the schema is refused: {error}"), told: error })?;
        for step in &story.steps {
            match step {
                Step::Query(sql) => query(sql, &tandem, &mut plain)?,
                Step::Transaction(statements) => {
                    let accepted = transaction(statements, &mut tandem, &mut plain)?;
                    *if accepted { &mut played.accepted } else { &mut played.refused } += 1;
                    contents(story, statements, &tandem, &mut plain)?;
                }
            }
            played.statements += step.statements().len() as u64;
        }
        tandem.rebuild().map_err(|told| Mismatch { kind: "the log is not well".into(), told })?;
        contents(story, &[Sql::new("rebuild")], &tandem, &mut plain)
    })();
    played.mismatch = result.err();
    played.met = plain.met;
    played
}

fn verbs(statements: &[Sql]) -> String {
    statements.iter().map(|sql| sql.verb).collect::<Vec<_>>().join(" + ")
}

/// Whether both accepted.
fn transaction(statements: &[Sql], tandem: &mut Tandem, plain: &mut Plain) -> Result<bool, Mismatch> {
    let answer = tandem.run(statements);
    let verdict = plain.run(statements, &answer);
    let mismatch =
        |kind: String, told: String| Err(Mismatch { kind: format!("{kind} [{}]", verbs(statements)), told });
    match (answer.results(), verdict) {
        (Err(refused), Verdict::Refused { code, message }) => {
            // Which of several reasons is told first is left open; that it is one of the user's is not.
            let is_known = code == "sql_error" || !matches!(refused.code, "sql_error" | "fault");
            if refused.code == "fault" || !is_known {
                let told = format!("tandem: {}; plain: {message}", refused.message);
                return mismatch(format!("refused as {} instead of {code}", refused.code), told);
            }
            Ok(false)
        }
        (Err(refused), Verdict::Either) if refused.code != "fault" => Ok(false),
        (Err(refused), Verdict::Accepted(_) | Verdict::Either) => {
            mismatch(format!("refused as {} by tandem alone", refused.code), refused.message.clone())
        }
        (Ok(_), Verdict::Refused { code, message }) => {
            mismatch(format!("accepted by tandem, plain says {code}"), message)
        }
        (_, Verdict::Wrong(told)) => mismatch("keys of its own".into(), told),
        (Ok(_), Verdict::Either) => mismatch("misjudged by the oracle".into(), String::new()),
        (Ok(results), Verdict::Accepted(wanted)) => {
            for ((sql, found), wanted) in statements.iter().zip(results).zip(&wanted) {
                if answers(sql, found, wanted)? {
                    *plain.met.entry(Difference::Returning).or_default() += 1;
                }
            }
            Ok(true)
        }
    }
}

/// Compares what a statement gave; whether it is the same only as [`Difference::Returning`] tells.
fn answers(sql: &Sql, found: &StatementResult, wanted: &StatementResult) -> Result<bool, Mismatch> {
    if found.affected != wanted.affected {
        let told = format!("{} rows affected, {} wanted: {}", found.affected, wanted.affected, sql.tandem);
        return Err(Mismatch { kind: format!("affected [{}]", sql.verb), told });
    }
    let equal =
        if sql.reads { same_in_order(&found.rows, &wanted.rows) } else { same(&found.rows, &wanted.rows) };
    if equal {
        return Ok(false);
    }
    if !sql.reads && (same(&found.rows, &as_left(wanted)) || same(&found.rows, &unfilled(found, wanted))) {
        return Ok(true);
    }
    let what = if sql.reads { "rows of a query in a transaction" } else { "RETURNING" };
    let told = format!("{}\n  tandem {:?}\n  plain  {:?}", sql.tandem, found.rows, wanted.rows);
    Err(Mismatch { kind: format!("{what} [{}]", sql.verb), told })
}

/// The rows returned, each as the last of its key.
fn as_left(returned: &StatementResult) -> Vec<Vec<Value>> {
    let names = returned.columns.iter().enumerate().filter(|(_, name)| name.starts_with('k'));
    let key: Vec<usize> = names.map(|(at, _)| at).collect();
    let same_key = |one: &[Value], other: &[Value]| key.iter().all(|at| one[*at] == other[*at]);
    let last =
        |row: &Vec<Value>| returned.rows.iter().rfind(|later| same_key(later, row)).unwrap_or(row).clone();
    returned.rows.iter().map(last).collect()
}

/// The rows returned, without a time where tandem has filled none in.
fn unfilled(found: &StatementResult, wanted: &StatementResult) -> Vec<Vec<Value>> {
    let cell = |(found, wanted): (&Value, &Value)| {
        let is_empty = found.is_null() && *wanted == Value::Text(NOW.into());
        if is_empty { Value::Null } else { wanted.clone() }
    };
    let row = |(found, wanted): (&Vec<Value>, &Vec<Value>)| found.iter().zip(wanted).map(cell).collect();
    found.rows.iter().zip(&wanted.rows).map(row).collect()
}

fn query(sql: &Sql, tandem: &Tandem, plain: &mut Plain) -> Result<(), Mismatch> {
    let mismatch =
        |kind: String, told: String| Err(Mismatch { kind: format!("{kind} [{}]", sql.verb), told });
    let found = tandem.query(&sql.tandem, &sql.params);
    if sql.verb == "SELECT rowid" {
        *plain.met.entry(Difference::Rowid).or_default() += 1;
        return match found {
            Err(refused) if refused.code == "rowid" => Ok(()),
            other => mismatch("rowid is not refused".into(), format!("{other:?}")),
        };
    }
    match (found, plain.query(sql)) {
        (Ok(found), Ok(wanted)) if same_in_order(&found, &wanted) => Ok(()),
        (Ok(found), Ok(wanted)) => mismatch(
            "rows of a query".into(),
            format!("{}\n  tandem {found:?}\n  plain  {wanted:?}", sql.tandem),
        ),
        (Err(_), Err(_)) => Ok(()),
        (Err(refused), Ok(_)) => mismatch(format!("query refused as {}", refused.code), refused.message),
        (Ok(_), Err(verdict)) => mismatch("query answered by tandem alone".into(), format!("{verdict:?}")),
    }
}

/// All tables, row by row.
fn contents(story: &Story, after: &[Sql], tandem: &Tandem, plain: &mut Plain) -> Result<(), Mismatch> {
    for (place, table) in story.tables.iter().enumerate() {
        let found = tandem.query(&dump_of(table), &[]).map_err(|refused| Mismatch {
            kind: format!("a table cannot be read: {}", refused.code),
            told: refused.message,
        })?;
        let wanted = plain.dump(place).unwrap_or_default();
        if !same(&found, &wanted) {
            let kinds = differing(&found, &wanted).map(|at| table.columns[at].kind.to_string());
            let kind = kinds.unwrap_or_else(|| "rows".into());
            let only = |these: &[Vec<Value>], those: &[Vec<Value>]| -> Vec<String> {
                these.iter().filter(|row| !those.contains(row)).map(|row| format!("{row:?}")).collect()
            };
            let told = format!(
                "{}\n  tandem {}\n  plain  {}",
                table.name,
                only(&found, &wanted).join("\n         "),
                only(&wanted, &found).join("\n         ")
            );
            return Err(Mismatch { kind: format!("contents: {kind} [{}]", verbs(after)), told });
        }
        // Times that were filled in are known from now on.
        if let Err(error) = plain.take_times(place, &found) {
            return Err(Mismatch { kind: "the oracle itself".into(), told: error.to_string() });
        }
    }
    Ok(())
}

/// The first column that differs, if the tables have as many rows.
fn differing(found: &[Vec<Value>], wanted: &[Vec<Value>]) -> Option<usize> {
    let rows = (found.len() == wanted.len()).then(|| found.iter().zip(wanted))?;
    rows.flat_map(|(found, wanted)| found.iter().zip(wanted).position(|(one, other)| !alike(one, other)))
        .next()
}

fn same_in_order(found: &[Vec<Value>], wanted: &[Vec<Value>]) -> bool {
    found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| row_alike(found, wanted))
}

/// The same rows, however often each, in any order.
fn same(found: &[Vec<Value>], wanted: &[Vec<Value>]) -> bool {
    let mut left: Vec<&Vec<Value>> = found.iter().collect();
    let mut take = |row: &Vec<Value>| {
        let at = left.iter().position(|found| row_alike(found, row));
        at.map(|at| left.swap_remove(at)).is_some()
    };
    // What is like several comes last.
    let is_vague = |row: &&Vec<Value>| row.iter().any(|cell| is_made(&cell.to_string()));
    let (vague, plain): (Vec<_>, Vec<_>) = wanted.iter().partition(is_vague);
    found.len() == wanted.len() && plain.into_iter().chain(vague).all(&mut take)
}

fn row_alike(found: &[Value], wanted: &[Value]) -> bool {
    found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| alike(found, wanted))
}

fn alike(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        // Any time will do, in the form of a time.
        (found @ Value::Text(_), Value::Text(now)) if now == NOW => {
            canonical(Kind::Stamp, found).as_ref() == Some(found)
        }
        // The key of a row that the same statement replaced again: nothing tells which it was.
        (Value::Integer(_) | Value::Text(_), made) if is_made(&made.to_string()) => true,
        (Value::Integer(whole), Value::Real(number)) | (Value::Real(number), Value::Integer(whole)) => {
            *whole as f64 == *number && whole.unsigned_abs() < 1 << 53
        }
        _ => found == wanted,
    }
}
