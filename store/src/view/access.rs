//! What users' SQL may touch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Users' statements begin with this, so that none is ever taken for one of tandem's own in the
/// cache of prepared statements (those were prepared with other rights).
pub(crate) const USER_MARK: &str = "/*user*/ ";

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
        AuthAction::Read { table_name, column_name } => {
            !table_name.to_ascii_lowercase().starts_with("_tandem_") && column_name != "ROWID"
        }
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
