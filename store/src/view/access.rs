//! What users' SQL may touch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use tandem_protocol::schema::Schema;

/// Users' statements begin with this, so that none is ever taken for one of tandem's own in the
/// cache of prepared statements (those were prepared with other rights).
pub(crate) const USER_MARK: &str = "/*user*/ ";

/// Lets a connection be asked which tables there are, and nothing else. `reads_rows` is set where a
/// statement would read those of a table of that schema.
pub(crate) fn restrict_to_catalogue(
    connection: &mut Connection,
    schema: Arc<Schema>,
    reads_rows: Arc<AtomicBool>,
) -> rusqlite::Result<()> {
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        let allowed = match context.action {
            AuthAction::Pragma { pragma_name, .. } => CATALOGUE_PRAGMAS.contains(&pragma_name),
            AuthAction::Read { table_name, .. } => {
                let is_table = |def: &str| def.eq_ignore_ascii_case(table_name);
                let is_own = schema.tables().any(|table| is_table(&table.shown.name));
                if is_own {
                    reads_rows.store(true, Ordering::Relaxed);
                }
                !is_own
            }
            AuthAction::Select | AuthAction::Recursive => true,
            AuthAction::Function { function_name } => !function_name.eq_ignore_ascii_case("load_extension"),
            _ => false,
        };
        if allowed { Authorization::Allow } else { Authorization::Deny }
    }))
}

/// The PRAGMAs that tell of tables.
const CATALOGUE_PRAGMAS: [&str; 8] = [
    "database_list",
    "foreign_key_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "table_info",
    "table_list",
    "table_xinfo",
];

/// Decides for users' statements; tandem's own are prepared while `user` is off.
pub(crate) fn restrict(connection: &mut Connection, user: Arc<AtomicBool>) -> rusqlite::Result<()> {
    connection.authorizer(Some(move |context: AuthContext<'_>| {
        if user.load(Ordering::Relaxed) { decide(&context) } else { Authorization::Allow }
    }))
}

/// Decides for a connection that only ever runs users' statements.
pub(crate) fn restrict_always(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.authorizer(Some(|context: AuthContext<'_>| decide(&context)))
}

fn decide(context: &AuthContext<'_>) -> Authorization {
    let own = |table: &str| {
        let table = table.to_ascii_lowercase();
        table.starts_with("_tandem_") || table.starts_with("sqlite_")
    };
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Recursive => true,
        // The rowid is the view's own number of a row; no column can have this name.
        AuthAction::Read { table_name, column_name } => !own(table_name) && column_name != "ROWID",
        AuthAction::Insert { table_name } | AuthAction::Delete { table_name } => !own(table_name),
        AuthAction::Update { table_name, column_name } => !own(table_name) && column_name != "ROWID",
        // A default calls tandem's own, wherever the row comes from; that users do not, their words tell.
        AuthAction::Function { function_name } => !is_refused_function(&function_name.to_ascii_lowercase()),
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

/// Whether no statement of a user may call a function of that name.
pub(super) fn is_refused_function(name: &str) -> bool {
    matches!(name, "load_extension" | "writefile")
}
