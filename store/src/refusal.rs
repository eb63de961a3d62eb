//! Why a write or a query is not acceptable, code by code.

use tandem_protocol::bounds;
use tandem_protocol::conflict::{Conflict, ConflictKind};
use tandem_protocol::membership::VoidReason;
use tandem_protocol::schema::ddl::DdlError;
use tandem_protocol::schema::{MismatchReason, TableDef, TypeMismatch};
use tandem_protocol::sql_text::SqlTextError;
use tandem_protocol::value::{Key, Value};

use crate::view::guard::{self, End};
use crate::view::{Broken, ViewTable};

/// A write that is not acceptable. Nothing of it happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable name of the reason.
    pub code: &'static str,
    /// What is wrong, for people.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// What the message was made with, by name, so that it can be told in another language.
    pub params: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, params: Vec::new() }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn of_type(table: &str, column: &str, error: &TypeMismatch) -> Self {
        let code = match &error.reason {
            Some(MismatchReason::TooLarge(_)) => "document_too_large",
            Some(MismatchReason::Json(_)) => "invalid_json",
            Some(MismatchReason::TooFine | MismatchReason::Imprecise) | None => "type_mismatch",
        };
        Self::new(code, format!("{table}.{column}: {error}"))
    }

    pub(crate) fn of_rule(def: &TableDef, broken: Broken<'_>) -> Self {
        match broken {
            Broken::NotNull(at) => {
                let column = &def.columns[at].name;
                Self::new("constraint_not_null", format!("NOT NULL constraint failed: {}.{column}", def.name))
            }
            Broken::Check(check) => {
                Self::new("constraint_check", format!("CHECK constraint failed: {}: {check}", def.name))
            }
        }
    }

    pub(crate) fn key_changed(table: &str) -> Self {
        Self::new("key_changed", format!("a row of {table} would get another primary key"))
            .hint("the key names the row on every site; delete the row and insert it anew")
    }

    /// A row would refer to one that is not there.
    pub(crate) fn refers_to_nothing(
        table: &ViewTable,
        at: usize,
        value: &Value,
        key: &Key,
        target: &ViewTable,
    ) -> Self {
        let (table, column, row) = (&table.def.name, &table.def.columns[at].name, table.told(key));
        let (target, target_key) = (&target.def.name, target.def.key.join(", "));
        let value = shortened(&value.to_string());
        let message = format!(
            "FOREIGN KEY constraint failed: {table}.{column} of the row {row} is {value}, and {target} has no row with that {target_key}"
        );
        Self::new("constraint_foreign_key", message).with([
            ("table", table.clone()),
            ("column", column.clone()),
            ("row", row),
            ("value", value),
            ("target", target.clone()),
            ("key", target_key),
        ])
    }

    /// A row that others refer to would go.
    pub(crate) fn still_referred_to(
        table: &ViewTable,
        key: &Key,
        child: &ViewTable,
        at: usize,
        count: u64,
    ) -> Self {
        let (table, row) = (&table.def.name, table.told(key));
        let (child, column) = (&child.def.name, &child.def.columns[at].name);
        let message = format!(
            "FOREIGN KEY constraint failed: the row {row} of {table} is still referred to: rows of {child}, by {column}: {count}"
        );
        Self::new("constraint_referenced", message).with([
            ("table", table.clone()),
            ("row", row),
            ("child", child.clone()),
            ("column", column.clone()),
            ("count", count.to_string()),
        ])
    }

    fn with<const N: usize>(mut self, params: [(&'static str, String); N]) -> Self {
        self.params = params.into();
        self
    }

    pub(crate) fn not_utf8(table: &str) -> Self {
        Self::new("invalid_utf8", format!("a text written to {table} is not valid UTF-8"))
            .hint("store bytes in a BLOB column")
    }

    pub(crate) fn rowid(name: &str, sql: &str) -> Self {
        Self::new("rowid", format!("{name} is a number of the view, not of the row: {}", shortened(sql)))
            .hint("name the column of the primary key instead")
    }

    /// A value that only one row may hold is held by others.
    pub(crate) fn value_held(table: &ViewTable, columns: &[String], holders: &[Key]) -> Self {
        let table_name = &table.def.name;
        let fields: Vec<String> = columns.iter().map(|column| format!("{table_name}.{column}")).collect();
        let mut rows: Vec<String> = holders.iter().take(3).map(|key| table.told(key)).collect();
        rows.extend((holders.len() > 3).then(|| "…".to_owned()));
        let message = format!("UNIQUE constraint failed: {}: held by {}", fields.join(", "), rows.join("; "));
        Self::new("constraint_unique", message)
            .hint("if several rows hold the value, `tandem conflicts` lists them; settle that first")
    }

    pub(crate) fn duplicate_key(table: &str, key: &Key) -> Self {
        let key = key.0.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
        Self::new("constraint_primary_key", format!("{table} already has a row with the key {key}"))
    }

    pub(crate) fn key_too_long(table: &str) -> Self {
        let most = bounds::KEY_BYTES;
        Self::new("key_too_long", format!("a primary key of {table} is longer than {most} bytes"))
    }

    pub(crate) fn not_null(table: &str, column: &str) -> Self {
        Self::new("constraint_not_null", format!("NOT NULL constraint failed: {table}.{column}"))
    }

    pub(crate) fn conflict_unknown() -> Self {
        Self::new("conflict_unknown", "there is no open conflict of that id: it was settled, or never was")
            .hint("`tandem conflicts` lists the open ones")
    }

    pub(crate) fn conflict_changed() -> Self {
        Self::new("conflict_changed", "the conflict has changed since you looked at it; nothing was changed")
            .hint("look at it again with `tandem conflicts show`, then choose")
    }

    pub(crate) fn conflict_choice(conflict: &Conflict) -> Self {
        let message = format!("a conflict of kind {} cannot be settled in this way", conflict.kind.name());
        Self::new("conflict_choice", message)
            .hint("`tandem conflicts show` lists what can be chosen; nothing was changed")
    }

    pub(crate) fn conflict_by_hand(conflict: &Conflict) -> Self {
        let rule = conflict.columns.join(", ");
        let message = format!("{}: {rule}: this conflict ends when the rows are mended", conflict.table);
        Self::new("conflict_choice", message)
            .hint("give the row another value with UPDATE, or delete it; the conflict then closes by itself")
    }

    pub(crate) fn of_conflict(broken: &Conflict) -> Self {
        let rule = broken.columns.join(", ");
        match broken.kind {
            ConflictKind::Unique => {
                Self::new("constraint_unique", format!("UNIQUE constraint failed: {}: {rule}", broken.table))
            }
            _ => Self::new("constraint_check", format!("CHECK constraint failed: {}: {rule}", broken.table)),
        }
    }

    pub(crate) fn exactly_not_counter(sql: &str) -> Self {
        Self::new("exactly_not_counter", format!("exactly() sets no counter here: {}", shortened(sql)))
            .hint("it is for a COUNTER column: UPDATE table SET column = exactly(38) WHERE …; an INSERT sets a counter exactly by itself")
    }

    pub(crate) fn too_large(bytes: usize) -> Self {
        let most = bounds::TRANSACTION_BYTES >> 20;
        let message = format!("the transaction is too large: {bytes} bytes, at most {most} MiB are allowed");
        Self::new("transaction_too_large", message).hint("split it into several transactions")
    }

    pub(crate) fn too_many_rows(rows: usize) -> Self {
        let (most, mib) = (bounds::TRANSACTION_ROWS, bounds::TRANSACTION_UNFOLDED_BYTES >> 20);
        let message = format!(
            "the transaction changes too much: {rows} rows or more; at most {most} rows and {mib} MiB are allowed"
        );
        Self::new("transaction_too_large", message).hint("split it into several transactions")
    }

    pub(crate) fn label_too_long() -> Self {
        let most = bounds::LABEL_BYTES;
        Self::new("label_too_long", format!("message and by may have {most} bytes each"))
    }

    pub(crate) fn offset_too_long() -> Self {
        Self::new("label_too_long", "the name of a source may have 256 bytes, its offset 4 KiB".to_owned())
    }

    pub(crate) fn not_a_writer() -> Self {
        Self::new("read_only_member", "this site may read this space, not write to it")
            .hint("ask an admin of the space for the role member")
    }

    pub(crate) fn without_view(reason: &str) -> Self {
        Self::new(
            "view_unavailable",
            format!("the tables of this space cannot be shown: {reason}; nothing of its log was lost"),
        )
        .hint("make room or put right what is named, and start tandem again; `tandem log`, `tandem log verify` and `tandem bundle export` work meanwhile")
    }

    pub(crate) fn not_founded() -> Self {
        Self::new("not_synced_yet", "this site has joined, but has not received the space yet")
            .hint("connect it to a member, or import a bundle")
    }

    pub(crate) fn ended_transaction(sql: &str) -> Self {
        let message = format!("the statement ended the transaction it runs in: {}", shortened(sql));
        Self::new("transaction_control", message).hint("leave out BEGIN, COMMIT, ROLLBACK and OR ROLLBACK")
    }

    pub(crate) fn key_reused() -> Self {
        Self::new(
            "idempotency_key_reused",
            "another request was made with this idempotency key; nothing was changed",
        )
        .hint("give each request a key of its own, and the same one only to a retry of the same request")
    }

    pub(crate) fn unknown_basis() -> Self {
        Self::new("unknown_basis", "the version token names transactions that are not here")
            .hint("use a token that this site's reads returned")
    }

    /// What a counter was when its writer looked cannot be found out.
    pub(crate) fn basis_too_old(table: &ViewTable, columns: &str, key: &Key) -> Self {
        let (table, row) = (&table.def.name, table.told(key));
        let message = format!(
            "what {columns} of the row {row} of {table} was at the basis cannot be told any more: too much has been written to the row"
        );
        Self::new("basis_too_old", message)
            .hint("say the difference, as in `c = c - 3`; or, after counting, `c = exactly(37)`")
            .with([("table", table.clone()), ("columns", columns.to_owned()), ("row", row)])
    }

    /// A text that nobody is to parse.
    pub(crate) fn of_text(error: &SqlTextError, at: usize) -> Self {
        let place = if at == 0 { String::new() } else { format!("statement {}: ", at + 1) };
        Self::new("sql_too_long", format!("{place}{error}")).hint("give values as parameters")
    }

    /// A statement that was ended.
    pub(crate) fn of_end(end: End) -> Self {
        let mib = |bytes: usize| (bytes >> 20).to_string();
        match end {
            End::Left => Self::new("statement_left", "whoever asked has left, and the statement was ended"),
            End::Late(deadline) => {
                let seconds = deadline.as_secs_f64().to_string();
                Self::new("deadline", format!("the statement ran longer than {seconds} s and was ended"))
                    .with([("seconds", seconds)])
            }
            End::Stopping => Self::new("stopping", "the store is closing, and the statement was ended"),
            End::Memory => {
                let most = mib(guard::STATEMENT_BYTES);
                Self::new("statement_memory", format!("the statement needs more than {most} MiB of memory"))
                    .with([("most", most)])
            }
            End::Answer => {
                let most = mib(guard::ANSWER_BYTES);
                Self::new("answer_too_large", format!("the answer is larger than {most} MiB"))
                    .with([("most", most)])
            }
            End::Changes => {
                let most = mib(guard::CHANGES_BYTES);
                let message = format!("the rows that it changes are more than {most} MiB, before and after");
                Self::new("transaction_too_large", message).hint("split it into several transactions")
            }
            End::GivesWay => Self::new("overtaken", "others kept changing what the statement changes"),
        }
    }

    pub(crate) fn of_ddl(error: &DdlError) -> Self {
        let code = match error {
            DdlError::Text(_) => "schema_syntax",
            DdlError::UnknownType { .. } => "schema_unknown_type",
            DdlError::NoPrimaryKey(_) => "schema_no_primary_key",
            DdlError::NotAdditive(_) => "schema_not_additive",
            DdlError::NotSupported(_) | DdlError::Void(_) => "schema_not_supported",
        };
        Self::new(code, error.to_string())
    }

    pub(crate) fn of_membership(error: VoidReason) -> Self {
        match error {
            VoidReason::NameTaken => Self::new("site_name_taken", error.to_string()),
            _ => Self::new("membership", error.to_string()),
        }
    }

    pub(crate) fn of_schema_sql(error: &rusqlite::Error) -> Self {
        Self::new("schema_not_supported", format!("the schema does not work: {error}"))
    }

    /// A statement that only tandem itself may run.
    pub(crate) fn not_allowed(at: usize, sql: &str) -> Self {
        let place = if at == 0 { String::new() } else { format!("statement {}: ", at + 1) };
        Self::new("not_allowed", format!("{place}this is not allowed in SQL here: {}", shortened(sql)))
            .hint("tables are changed with `tandem schema apply`; PRAGMA, ATTACH, transactions and what is named tandem_next or _tandem_… are not for statements")
    }

    /// What SQLite says of a user's statement.
    pub(crate) fn of_sql(error: rusqlite::Error, at: usize, sql: &str) -> Self {
        use rusqlite::ffi;
        let place = if at == 0 { String::new() } else { format!("statement {}: ", at + 1) };
        let text = match &error {
            rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        let message = format!("{place}{text}");
        let code = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => "constraint_primary_key",
                ffi::SQLITE_CONSTRAINT_UNIQUE => "constraint_unique",
                ffi::SQLITE_CONSTRAINT_NOTNULL => "constraint_not_null",
                ffi::SQLITE_CONSTRAINT_DATATYPE => "type_mismatch",
                ffi::SQLITE_AUTH => "not_allowed",
                ffi::SQLITE_FULL => "disk_full",
                _ => "sql_error",
            },
            rusqlite::Error::SqlInputError { error, .. } if error.extended_code == ffi::SQLITE_AUTH => {
                "not_allowed"
            }
            rusqlite::Error::MultipleStatement => "multiple_statements",
            rusqlite::Error::InvalidParameterCount(..) => "parameter_count",
            rusqlite::Error::Utf8Error(..) => "invalid_utf8",
            _ => "sql_error",
        };
        if code == "not_allowed" && text.ends_with(".ROWID is prohibited") {
            return Self::rowid("rowid", sql);
        }
        let refusal = Self::new(code, message);
        match code {
            "not_allowed" => Self::not_allowed(at, sql),
            "constraint_primary_key" => refusal.hint("a row with this key is there already"),
            "multiple_statements" => Self::new(code, format!("{place}there is more than one statement"))
                .hint("give each statement on its own"),
            "disk_full" => refusal.hint("nothing was changed; make room on the disk and try again"),
            _ => refusal,
        }
    }
}

pub(crate) fn shortened(sql: &str) -> String {
    let mut short: String = sql.chars().take(80).collect();
    if short.len() < sql.len() {
        short.push('…');
    }
    short
}
