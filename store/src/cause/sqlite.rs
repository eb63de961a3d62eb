//! What SQLite says, as causes: the one place that knows its sentences. It says them in English alone;
//! they have stayed the same for many years, and one that is not known here is quoted as it is.

use std::fmt;

use rusqlite::Error;
use tandem_protocol::cause::{Cause, Pattern, told_by};

/// The cause that an error of SQLite tells.
pub(crate) fn cause(error: &Error) -> Cause {
    match error {
        Error::SqliteFailure(_, Some(said)) | Error::SqlInputError { msg: said, .. } => of_message(said),
        Error::InvalidParameterCount(given, wanted) => {
            Cause::new("sqlite_parameters").with("given", *given).with("wanted", *wanted)
        }
        Error::SqliteFailure(failure, None) => {
            let said = failure.to_string();
            // "Error code 13: Insertion failed because database is full"
            unknown(said.split_once(": ").map_or(&said, |(_, said)| said))
        }
        other => unknown(&other.to_string()),
    }
}

/// The cause that a sentence of SQLite, or of a function of tandem, tells.
fn of_message(said: &str) -> Cause {
    if let Some(carried) = said.strip_prefix(CARRIED)
        && let Ok(cause) = serde_json::from_str(carried)
    {
        return cause;
    }
    told_by(said, PATTERNS).unwrap_or_else(|| unknown(said))
}

fn unknown(said: &str) -> Cause {
    Cause::new("sqlite").with("said", said)
}

/// What a function of tandem refuses with. SQLite hands on its text alone: the cause travels in it.
pub(crate) fn refused_by_function(cause: Cause) -> Error {
    Error::UserFunctionError(Box::new(Carried(cause)))
}

const CARRIED: &str = "tandem:";

#[derive(Debug)]
struct Carried(Cause);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CARRIED)?;
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl std::error::Error for Carried {}

/// The first that fits counts: what is said more exactly stands before what is said in general.
const PATTERNS: &[Pattern] = &[
    // Names.
    ("no such table: {name}", "sqlite_no_table"),
    (
        "no such column: \"{name}\" - should this be a string literal in single-quotes?",
        "sqlite_no_column_quoted",
    ),
    ("no such column: {name}", "sqlite_no_column"),
    ("no such function: {name}", "sqlite_no_function"),
    ("no such collation sequence: {name}", "sqlite_no_collation"),
    ("no such index: {name}", "sqlite_no_index"),
    ("no such window: {name}", "sqlite_no_window"),
    ("no such savepoint: {name}", "sqlite_no_savepoint"),
    ("ambiguous column name: {name}", "sqlite_ambiguous"),
    ("table {table} has no column named {name}", "sqlite_table_lacks"),
    ("unknown database {name}", "sqlite_no_database"),
    ("no tables specified", "sqlite_no_from"),
    ("duplicate WITH table name: {name}", "sqlite_with_twice"),
    ("object name reserved for internal use: {name}", "sqlite_reserved"),
    ("cannot modify {name} because it is a view", "sqlite_view"),
    ("expected {wanted} columns for '{name}' but got {given}", "sqlite_view_columns"),
    ("view {name} is circularly defined", "sqlite_circular"),
    ("parameters are not allowed in views", "sqlite_view_parameters"),
    ("table {name} already exists", "sqlite_table_there"),
    ("there is already a table named {name}", "sqlite_table_there"),
    ("index {name} already exists", "sqlite_index_there"),
    ("duplicate column name: {name}", "sqlite_column_twice"),
    // How it is written.
    ("near \"{token}\": syntax error", "sqlite_near"),
    ("unrecognized token: \"{token}\"", "sqlite_token"),
    ("incomplete input", "sqlite_incomplete"),
    ("row value misused", "sqlite_row_value"),
    ("unknown join type: {name}", "sqlite_join_type"),
    ("unknown or unsupported join type: {name}", "sqlite_join_type"),
    ("cannot join using column {name} - column not present in both tables", "sqlite_join_column"),
    ("a NATURAL join may not have an ON or USING clause", "sqlite_natural"),
    ("ON clause references tables to its right", "sqlite_on_right"),
    ("{clause} clause should come after {other} not before", "sqlite_clause_order"),
    ("HAVING clause on a non-aggregate query", "sqlite_having"),
    ("a GROUP BY clause is required before HAVING", "sqlite_having"),
    ("ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint", "sqlite_on_conflict"),
    ("RETURNING may not use \"TABLE.*\" wildcards", "sqlite_returning_star"),
    // How many.
    ("table {table} has {wanted} columns but {given} values were supplied", "sqlite_table_values"),
    ("table {table} has {given} values for {wanted} columns", "sqlite_table_values"),
    ("{given} values for {wanted} columns", "sqlite_values"),
    ("{given} columns assigned {values} values", "sqlite_assigned"),
    ("all VALUES must have the same number of terms", "sqlite_values_terms"),
    (
        "SELECTs to the left and right of {word} do not have the same number of result columns",
        "sqlite_compound",
    ),
    ("sub-select returns {given} columns - expected {wanted}", "sqlite_subselect"),
    ("wrong number of arguments to function {name}", "sqlite_arguments"),
    ("Wrong number of parameters passed to query. Got {given}, needed {wanted}", "sqlite_parameters"),
    ("{at} ORDER BY term does not match any column in the result set", "sqlite_order_term"),
    ("{at} {word} BY term out of range - should be between 1 and {most}", "sqlite_term_range"),
    ("too many columns in result set", "sqlite_many_result"),
    ("too many columns in set list", "sqlite_many_set"),
    ("too many columns on {name}", "sqlite_many_columns"),
    ("too many columns in {name}", "sqlite_many_columns"),
    ("too many terms in {word} BY clause", "sqlite_many_terms"),
    ("too many terms in compound SELECT", "sqlite_many_compound"),
    ("too many arguments on function {name}", "sqlite_many_arguments"),
    ("too many SQL variables", "sqlite_many_variables"),
    ("variable number must be between ?1 and ?{most}", "sqlite_variable_number"),
    ("too many FROM clause terms, max: {most}", "sqlite_many_tables"),
    ("at most {most} tables in a join", "sqlite_many_tables"),
    ("Expression tree is too large (maximum depth {most})", "sqlite_deep"),
    ("parser stack overflow", "sqlite_overflow"),
    ("Recursion limit", "sqlite_overflow"),
    ("statement too long", "sqlite_long"),
    ("string or blob too big", "sqlite_big"),
    ("LIKE or GLOB pattern too complex", "sqlite_like"),
    // What is asked of whom.
    ("misuse of aggregate: {name}", "sqlite_aggregate"),
    ("misuse of aggregate function {name}", "sqlite_aggregate"),
    ("misuse of aliased aggregate {name}", "sqlite_aggregate"),
    ("misuse of aliased window function {name}", "sqlite_window"),
    ("misuse of window function {name}", "sqlite_window"),
    ("aggregate functions are not allowed in the GROUP BY clause", "sqlite_aggregate_group"),
    ("{name} may not be used as a window function", "sqlite_no_window_function"),
    ("DISTINCT aggregates must have exactly one argument", "sqlite_distinct"),
    ("DISTINCT is not supported for window functions", "sqlite_distinct_window"),
    ("FILTER may not be used with non-aggregate {name}", "sqlite_filter"),
    ("recursive aggregate queries not supported", "sqlite_recursive_aggregate"),
    ("circular reference: {name}", "sqlite_circular"),
    ("multiple references to recursive table: {name}", "sqlite_recursive"),
    ("multiple recursive references: {name}", "sqlite_recursive"),
    ("recursive reference in a subquery: {name}", "sqlite_recursive"),
    ("table {name} may not be modified", "sqlite_not_modified"),
    ("not authorized", "sqlite_forbidden"),
    ("access to {name} is prohibited", "sqlite_prohibited"),
    ("not authorized to use function: {name}", "sqlite_prohibited"),
    // Values.
    ("datatype mismatch", "sqlite_datatype"),
    ("integer overflow", "sqlite_integer"),
    ("cannot store {given} value in {wanted} column {column}", "sqlite_stored"),
    ("ESCAPE expression must be a single character", "sqlite_escape"),
    ("malformed JSON", "sqlite_json"),
    ("bad JSON path: {path}", "sqlite_json_path"),
    ("JSON path error near {path}", "sqlite_json_path"),
    ("JSON cannot hold BLOB values", "sqlite_json_blob"),
    ("{name} must be a non-negative integer", "sqlite_frame"),
    ("default value of column [{name}] is not constant", "sqlite_default"),
    ("UNIQUE constraint failed: {columns}", "sqlite_unique"),
    ("NOT NULL constraint failed: {column}", "not_null"),
    ("CHECK constraint failed: {check}", "sqlite_check"),
    ("FOREIGN KEY constraint failed", "sqlite_reference"),
    // The file.
    ("database or disk is full", "no_room"),
    ("disk I/O error", "sqlite_io"),
    ("database disk image is malformed", "sqlite_malformed"),
    ("file is not a database", "sqlite_malformed"),
    ("attempt to write a readonly database", "file_read_only"),
    ("unable to open database file", "sqlite_not_opened"),
    ("database is locked", "sqlite_locked"),
    ("database table is locked", "sqlite_locked"),
    ("database table is locked: {name}", "sqlite_locked_table"),
    ("out of memory", "out_of_memory"),
    ("interrupted", "sqlite_interrupted"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_says_what_is_known_here() {
        crate::view::heap::count();
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        connection
            .execute_batch(
                "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT NOT NULL) STRICT; CREATE VIEW v AS SELECT 1;
                 CREATE VIEW wide (a, b) AS SELECT 1; CREATE VIEW circle AS SELECT * FROM circle",
            )
            .unwrap();
        for (sql, code) in [
            ("SELECT * FROM nobody", "sqlite_no_table"),
            ("SELECT nobody FROM t", "sqlite_no_column"),
            ("SELECT \"nobody\" FROM t", "sqlite_no_column_quoted"),
            ("SELECT nobody(1)", "sqlite_no_function"),
            ("SELECT a COLLATE nobody FROM t ORDER BY 1", "sqlite_no_collation"),
            ("SELECT a FROM t AS x, t AS y", "sqlite_ambiguous"),
            ("INSERT INTO t (c) VALUES (1)", "sqlite_table_lacks"),
            ("SELECT *", "sqlite_no_from"),
            ("SELEC 1", "sqlite_near"),
            ("SELECT 'x", "sqlite_token"),
            ("SELECT", "sqlite_incomplete"),
            ("SELECT (1, 2)", "sqlite_row_value"),
            ("SELECT 1 FROM t NATURAL JOIN t AS u ON 1", "sqlite_natural"),
            ("SELECT 1 FROM t JOIN v USING (a)", "sqlite_join_column"),
            ("SELECT 1 ORDER BY 1 UNION SELECT 2", "sqlite_clause_order"),
            ("SELECT 1 LIMIT 1 UNION SELECT 2", "sqlite_clause_order"),
            ("SELECT a FROM t HAVING a", "sqlite_having"),
            ("INSERT INTO t VALUES (1)", "sqlite_table_values"),
            ("INSERT INTO t (a, b) VALUES (1)", "sqlite_values"),
            ("UPDATE t SET (a, b) = (1, 2, 3)", "sqlite_assigned"),
            ("VALUES (1), (1, 2)", "sqlite_values_terms"),
            ("SELECT 1 UNION SELECT 1, 2", "sqlite_compound"),
            ("SELECT a FROM t WHERE a IN (SELECT 1, 2)", "sqlite_subselect"),
            ("SELECT abs()", "sqlite_arguments"),
            ("SELECT a FROM t ORDER BY 7", "sqlite_term_range"),
            ("SELECT a FROM t UNION SELECT 1 ORDER BY c + 1", "sqlite_order_term"),
            ("SELECT sum(a) FROM t WHERE sum(a) > 1", "sqlite_aggregate"),
            ("SELECT a FROM t GROUP BY sum(a)", "sqlite_aggregate_group"),
            ("SELECT row_number()", "sqlite_window"),
            ("SELECT abs(1) OVER ()", "sqlite_no_window_function"),
            ("UPDATE v SET a = 1", "sqlite_view"),
            ("SELECT * FROM wide", "sqlite_view_columns"),
            ("SELECT * FROM circle", "sqlite_circular"),
            ("CREATE VIEW p AS SELECT ?", "sqlite_view_parameters"),
            ("INSERT INTO t (b) VALUES (x'00')", "sqlite_stored"),
            ("INSERT INTO t (a) VALUES (1)", "not_null"),
            ("INSERT INTO t VALUES ('x', 'y')", "sqlite_datatype"),
            ("SELECT abs(-9223372036854775808)", "sqlite_integer"),
            ("SELECT 'a' LIKE 'b' ESCAPE 'cc'", "sqlite_escape"),
            ("SELECT json('{')", "sqlite_json"),
            ("SELECT json_extract('{}', 'x')", "sqlite_json_path"),
            ("WITH x AS (SELECT 1), x AS (SELECT 2) SELECT 1", "sqlite_with_twice"),
            ("WITH x AS (SELECT * FROM x) SELECT * FROM x", "sqlite_circular"),
            ("INSERT INTO t VALUES (1, 'a') ON CONFLICT (b) DO NOTHING", "sqlite_on_conflict"),
            ("CREATE TABLE t (a)", "sqlite_table_there"),
            ("CREATE TABLE u (a, A)", "sqlite_column_twice"),
            ("CREATE TABLE sqlite_x (a)", "sqlite_reserved"),
            ("INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "sqlite_not_modified"),
            ("SELECT ?99999", "sqlite_variable_number"),
            ("SELECT 1 FROM t RIGHT SIDE JOIN t", "sqlite_join_type"),
        ] {
            let ran = connection.prepare(sql).and_then(|mut statement| {
                let mut rows = statement.raw_query();
                while rows.next()?.is_some() {}
                Ok(())
            });
            let error = ran.expect_err(sql);
            assert_eq!(cause(&error).code, code, "{sql}: {error}");
        }
    }

    #[test]
    fn what_is_not_known_is_quoted_and_what_a_function_says_comes_through() {
        assert_eq!(of_message("a novelty").to_string(), "sqlite (said: a novelty)");
        let said = Cause::new("decimal").with("text", "zwei \"x\"");
        assert_eq!(of_message(&Carried(said.clone()).to_string()), said);
        assert_eq!(of_message("tandem:{").code, "sqlite");
    }
}
