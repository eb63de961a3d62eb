//! A statement that runs long.

use tandem_node::api::status::RunningStatement;

use crate::moment;

/// A statement that runs long, and whose it is.
pub fn told(statement: &RunningStatement) -> String {
    let owner = match statement.owner.as_str() {
        "" => t!("status.nobody").into_owned(),
        owner => owner.to_owned(),
    };
    let text: String = statement.sql.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let owner: String = owner.chars().filter(|c| !c.is_control()).collect();
    let key = if statement.kind == "write" { "status.writes" } else { "status.reads" };
    let since = moment::local(&statement.since);
    t!(key, seconds = statement.seconds, since = since, owner = owner, sql = text).into_owned()
}
