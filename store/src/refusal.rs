//! Why a write or a query is not acceptable, code by code.

use std::fmt;

use tandem_protocol::bounds;
use tandem_protocol::cause::{Cause, Param, Params};
use tandem_protocol::conflict::{Conflict, ConflictKind};
use tandem_protocol::membership::VoidReason;
use tandem_protocol::schema::ddl::{DdlError, Problems};
use tandem_protocol::schema::{MismatchReason, TableDef, TypeMismatch};
use tandem_protocol::sql_text::SqlTextError;
use tandem_protocol::value::{Key, Value};

use crate::cause::sqlite;
use crate::view::guard::{self, End};
use crate::view::{Broken, Referring, ViewReference, ViewTable};

/// A write that is not acceptable. Nothing of it happened.
///
/// It holds no sentence: the catalogue of words has one for each code, in every language. Printed, it
/// is the code and what goes into the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable name of the reason.
    pub code: &'static str,
    /// What goes into its sentence, by name.
    pub params: Params,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Cause { code: self.code.into(), params: self.params.clone() }.fmt(f)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub(crate) fn new(code: &'static str) -> Self {
        Self { code, params: Params::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Param>) -> Self {
        self.params.insert(name.into(), value.into());
        self
    }

    /// Of a code with several causes.
    fn by(code: &'static str, detail: impl Into<Param>) -> Self {
        Self::new(code).with("detail", detail)
    }

    /// Whether its cause, or one in it, is one of these.
    pub fn is_by(&self, causes: &[&str]) -> bool {
        Cause { code: self.code.into(), params: self.params.clone() }.is_of(causes)
    }

    pub(crate) fn of_type(table: &str, column: &str, error: &TypeMismatch) -> Self {
        let code = match error.reason.as_deref() {
            Some(MismatchReason::TooLarge(_)) => "document_too_large",
            Some(MismatchReason::Json(_)) => "invalid_json",
            Some(MismatchReason::TooFine | MismatchReason::Imprecise) | None => "type_mismatch",
        };
        let cause = Cause::new("value_of").with("column", format!("{table}.{column}"));
        Self::by(code, cause.with("fault", Cause::from(error)))
    }

    pub(crate) fn of_rule(def: &TableDef, broken: Broken<'_>) -> Self {
        match broken {
            Broken::NotNull(at) => Self::not_null(&def.name, &def.columns[at].name),
            Broken::Check(check) => Self::check(&def.name, check),
        }
    }

    pub(crate) fn not_null(table: &str, column: &str) -> Self {
        Self::by("constraint_not_null", Cause::new("not_null").with("column", format!("{table}.{column}")))
    }

    fn check(table: &str, check: &str) -> Self {
        Self::by("constraint_check", Cause::new("check").with("table", table).with("check", check))
    }

    pub(crate) fn key_changed(table: &str) -> Self {
        Self::by("key_changed", Cause::new("key_changed").with("table", table))
    }

    /// A row would refer to one that is not there.
    pub(crate) fn refers_to_nothing(
        (table, reference): (&ViewTable, &ViewReference),
        values: &[Value],
        key: &Key,
        target: &ViewTable,
    ) -> Self {
        Self::new("constraint_foreign_key")
            .with("table", &table.def.name)
            .with("column", reference.told(table))
            .with("row", table.told(key))
            .with("value", listed(values))
            .with("target", &target.def.name)
            .with("key", reference.targets_told())
    }

    /// A row that others refer to would go, or lose the values that they refer to.
    pub(crate) fn still_referred_to(
        (table, key, is_gone): (&ViewTable, &Key, bool),
        child: &Referring,
        values: &[Value],
        count: u64,
    ) -> Self {
        let reference = child.reference();
        let refusal = match is_gone {
            true => Self::new("constraint_referenced"),
            false => Self::new("constraint_referenced_value")
                .with("value", listed(values))
                .with("key", reference.targets_told()),
        };
        refusal
            .with("table", &table.def.name)
            .with("row", table.told(key))
            .with("child", &child.table.def.name)
            .with("column", reference.told(&child.table))
            .with("count", count)
    }

    pub(crate) fn no_table(name: &str) -> Self {
        Self::by("sql_error", Cause::new("sqlite_no_table").with("name", name))
    }

    pub(crate) fn no_column(table: &str, name: &str) -> Self {
        Self::by("sql_error", Cause::new("sqlite_table_lacks").with("table", table).with("name", name))
    }

    /// Not as many values as columns.
    pub(crate) fn width(wanted: usize, given: usize) -> Self {
        let cause = Cause::new("sqlite_parameters").with("given", given).with("wanted", wanted);
        Self::by("parameter_count", cause)
    }

    pub(crate) fn not_utf8(table: &str) -> Self {
        Self::by("invalid_utf8", Cause::new("not_utf8").with("table", table))
    }

    /// Parameters that are given by name, and do not go with those of the statement.
    pub(crate) fn of_parameters(code: &'static str, names: String, sql: &str) -> Self {
        Self::new(code).with("names", names).with("sql", shortened(sql))
    }

    pub(crate) fn rowid(name: &str, sql: &str) -> Self {
        Self::by("rowid", Cause::new("rowid").with("name", name).with("sql", shortened(sql)))
    }

    /// A value that only one row may hold is held by others.
    pub(crate) fn value_held(table: &ViewTable, columns: &[String], holders: &[Key]) -> Self {
        let table_name = &table.def.name;
        let fields: Vec<String> = columns.iter().map(|column| format!("{table_name}.{column}")).collect();
        let mut rows: Vec<String> = holders.iter().take(3).map(|key| table.told(key)).collect();
        rows.extend((holders.len() > 3).then(|| "…".to_owned()));
        let cause = Cause::new("unique_held").with("columns", fields.join(", "));
        Self::by("constraint_unique", cause.with("rows", rows.join("; ")))
    }

    pub(crate) fn duplicate_key(table: &str, key: &Key) -> Self {
        let key = key.0.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        Self::by("constraint_primary_key", Cause::new("key_there").with("table", table).with("key", key))
    }

    pub(crate) fn key_too_long(table: &str) -> Self {
        Self::by("key_too_long", Cause::new("key_long").with("table", table).with("most", bounds::KEY_BYTES))
    }

    pub(crate) fn conflict_unknown() -> Self {
        Self::new("conflict_unknown")
    }

    pub(crate) fn conflict_changed() -> Self {
        Self::new("conflict_changed")
    }

    pub(crate) fn conflict_choice() -> Self {
        Self::by("conflict_choice", Cause::new("conflict_other_kind"))
    }

    pub(crate) fn conflict_by_hand(conflict: &Conflict) -> Self {
        let cause = Cause::new("conflict_by_hand").with("table", &conflict.table);
        Self::by("conflict_choice", cause.with("rule", conflict.columns.join(", ")))
    }

    pub(crate) fn of_conflict(broken: &Conflict) -> Self {
        let rule = broken.columns.join(", ");
        match broken.kind {
            ConflictKind::Unique => {
                let cause = Cause::new("unique_columns").with("table", &broken.table);
                Self::by("constraint_unique", cause.with("columns", rule))
            }
            _ => Self::check(&broken.table, &rule),
        }
    }

    pub(crate) fn exactly_not_counter(sql: &str) -> Self {
        Self::by("exactly_not_counter", Cause::new("exactly").with("sql", shortened(sql)))
    }

    pub(crate) fn too_large(bytes: usize) -> Self {
        let most = bounds::TRANSACTION_BYTES >> 20;
        Self::by(
            "transaction_too_large",
            Cause::new("transaction_bytes").with("bytes", bytes).with("most", most),
        )
    }

    pub(crate) fn too_many_rows(rows: usize) -> Self {
        let mib = bounds::TRANSACTION_UNFOLDED_BYTES >> 20;
        let cause = Cause::new("transaction_rows").with("rows", rows).with("mib", mib);
        Self::by("transaction_too_large", cause.with("most", bounds::TRANSACTION_ROWS))
    }

    pub(crate) fn label_too_long() -> Self {
        Self::by("label_too_long", Cause::new("label").with("most", bounds::LABEL_BYTES))
    }

    pub(crate) fn offset_too_long() -> Self {
        Self::by("label_too_long", Cause::new("source_label"))
    }

    pub(crate) fn not_a_writer() -> Self {
        Self::new("read_only_member")
    }

    /// What asks which tables there are, and reads rows of one beside.
    pub(crate) fn catalogue_alone(sql: &str) -> Self {
        Self::new("catalogue_alone").with("sql", shortened(sql))
    }

    pub(crate) fn counter_unknown(table: &str, column: &str) -> Self {
        Self::new("counter_unknown").with("table", table).with("column", column)
    }

    /// To know what a counter was, more of the log must be read than one request may.
    pub(crate) fn history_too_long(table: &ViewTable, key: &Key, most: usize) -> Self {
        Self::new("history_too_long").with("row", table.told(key)).with("most", most)
    }

    pub(crate) fn not_a_query() -> Self {
        Self::new("not_a_query")
    }

    pub(crate) fn without_view(reason: Cause) -> Self {
        Self::by("view_unavailable", reason)
    }

    pub(crate) fn not_founded() -> Self {
        Self::new("not_synced_yet")
    }

    pub(crate) fn ended_transaction(sql: &str) -> Self {
        Self::by("transaction_control", shortened(sql))
    }

    pub(crate) fn key_reused() -> Self {
        Self::new("idempotency_key_reused")
    }

    pub(crate) fn unknown_basis() -> Self {
        Self::new("unknown_basis")
    }

    pub(crate) fn space_exists(name: &str) -> Self {
        Self::new("space_exists").with("space", name)
    }

    pub(crate) fn name(name: &str, fault: Cause) -> Self {
        Self::by("name_refused", fault).with("name", format!("{name:?}"))
    }

    /// What a counter was when its writer looked cannot be found out.
    pub(crate) fn basis_too_old(table: &ViewTable, columns: &str, key: &Key) -> Self {
        Self::new("basis_too_old")
            .with("table", &table.def.name)
            .with("columns", columns)
            .with("row", table.told(key))
    }

    /// A text that nobody is to parse.
    pub(crate) fn of_text(error: &SqlTextError, at: usize) -> Self {
        Self::by("sql_too_long", in_statement(at, Cause::from(error)))
    }

    /// A statement that was ended.
    pub(crate) fn of_end(end: End) -> Self {
        match end {
            End::Left => Self::new("statement_left"),
            End::Late(deadline) => Self::new("deadline").with("seconds", deadline.as_secs_f64().to_string()),
            End::Stopping => Self::new("stopping"),
            End::Memory => Self::new("statement_memory").with("most", guard::STATEMENT_BYTES >> 20),
            End::Answer => Self::new("answer_too_large").with("most", guard::ANSWER_BYTES >> 20),
            End::Changes => {
                let cause = Cause::new("transaction_memory").with("most", guard::CHANGES_BYTES >> 20);
                Self::by("transaction_too_large", cause)
            }
            End::GivesWay => Self::new("overtaken"),
        }
    }

    pub(crate) fn of_ddl(problems: &Problems) -> Self {
        let code = |error: &DdlError| match error {
            DdlError::Text(_) => "schema_syntax",
            DdlError::UnknownType { .. } => "schema_unknown_type",
            DdlError::NoPrimaryKey(_) => "schema_no_primary_key",
            DdlError::NotAdditive(_) => "schema_not_additive",
            DdlError::NotSupported(_) | DdlError::Void(_) => "schema_not_supported",
        };
        let (first, all) = (code(problems.first()), problems.all());
        let are_alike = all.iter().all(|problem| code(&problem.error) == first);
        Self::by(if are_alike { first } else { "schema_problems" }, Cause::from(problems))
    }

    pub(crate) fn of_membership(error: VoidReason) -> Self {
        match error {
            VoidReason::NameTaken => Self::new("site_name_taken"),
            _ => Self::by("membership", Cause::from(&error)),
        }
    }

    pub(crate) fn of_layout(cause: Cause) -> Self {
        Self::by("schema_not_supported", cause)
    }

    /// A statement that only tandem itself may run.
    pub(crate) fn not_allowed(at: usize, sql: &str) -> Self {
        Self::by("sql_not_allowed", in_statement(at, shortened(sql)))
    }

    /// What SQLite says of a user's statement.
    pub(crate) fn of_sql(error: &rusqlite::Error, at: usize, sql: &str) -> Self {
        use rusqlite::{Error, ffi};
        let code = match error {
            Error::SqliteFailure(failure, _) => match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => "constraint_primary_key",
                ffi::SQLITE_CONSTRAINT_UNIQUE => "constraint_unique",
                ffi::SQLITE_CONSTRAINT_NOTNULL => "constraint_not_null",
                ffi::SQLITE_CONSTRAINT_DATATYPE => "type_mismatch",
                ffi::SQLITE_AUTH => "sql_not_allowed",
                ffi::SQLITE_FULL => return Self::new("disk_full"),
                _ => "sql_error",
            },
            Error::SqlInputError { error, .. } if error.extended_code == ffi::SQLITE_AUTH => {
                "sql_not_allowed"
            }
            Error::MultipleStatement => return Self::new("multiple_statements"),
            Error::InvalidParameterCount(..) => "parameter_count",
            Error::Utf8Error(..) => return Self::by("invalid_utf8", in_statement(at, shortened(sql))),
            _ => "sql_error",
        };
        let cause = sqlite::cause(error);
        match code {
            "sql_not_allowed" => {
                let is_rowid =
                    matches!(cause.params.get("name"), Some(Param::Text(name)) if name.ends_with(".ROWID"));
                if is_rowid { Self::rowid("rowid", sql) } else { Self::not_allowed(at, sql) }
            }
            code => Self::by(code, in_statement(at, cause)),
        }
    }
}

/// Where there are several statements, which one is meant.
fn in_statement(at: usize, fault: impl Into<Param>) -> Param {
    if at == 0 {
        return fault.into();
    }
    Cause::new("in_statement").with("number", at + 1).with("fault", fault).into()
}

/// Values, for people.
fn listed(values: &[Value]) -> String {
    shortened(&values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
}

pub(crate) fn shortened(sql: &str) -> String {
    let mut short: String = sql.chars().take(80).collect();
    if short.len() < sql.len() {
        short.push('…');
    }
    short
}
