//! Two transactions of one name.

use tandem_node::api::fork::Fork;

/// Two transactions of one name, named.
pub fn told(fork: &Fork) -> String {
    let (held, other) = (prefix(&fork.held), prefix(&fork.other));
    t!("fork.of", site = fork.site_name, seq = fork.seq, held = held, other = other).into_owned()
}

/// What tells two hashes apart, for people.
fn prefix(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}
