//! This site: its node, its disk, its spaces.

use tandem_bridge::{BridgeState, BridgeStatus};
use tandem_node::api::fork::Fork;
use tandem_node::api::status::{RunningNode, RunningStatement, SpaceStatus, Status};
use tandem_node::api::verification::Verification;
use tandem_protocol::cause::Cause;

use super::{Check, exchange};
use crate::attachment;
use crate::figures::bytes;
use crate::fork;
use crate::running_statement;
use crate::speech;

/// Room on the disk below which it is time to think of it.
const LOW_BYTES: u64 = 500_000_000;

/// The checks of a whole site.
pub fn all(status: &Status) -> Vec<Check> {
    let mut checks = Vec::new();
    checks.extend(status.node.as_ref().map(listening));
    let paused = status.node.as_ref().is_some_and(|node| node.paused);
    if paused {
        checks.push(Check::warning("paused", t!("doctor.paused"), t!("doctor.paused_next")));
    }
    checks.extend(status.site.free_bytes.map(disk));
    if status.spaces.is_empty() {
        checks.push(Check::warning("space", t!("doctor.no_space"), t!("doctor.no_space_next")));
    }
    for space in &status.spaces {
        // What is paused is missed nowhere.
        let found = of_space(space, status.node.is_some(), status.node.is_some() && !paused);
        checks.extend(found.into_iter().map(|check| Check { space: Some(space.name.clone()), ..check }));
    }
    checks
}

/// A node of another version than this program answers as that version does.
pub fn version(node: &RunningNode) -> Option<Check> {
    let own = env!("CARGO_PKG_VERSION");
    let found = t!("doctor.version", node = node.version, own = own);
    (node.version != own).then(|| Check::warning("version", found, t!("doctor.version_next")))
}

/// A statement that has run so long is worth a look.
const LONG_S: u64 = 10;

fn running(statement: &RunningStatement) -> Option<Check> {
    let found =
        || Check::warning("running", running_statement::told(statement), t!("doctor.running_long_next"));
    (statement.seconds >= LONG_S).then(found)
}

fn listening(node: &RunningNode) -> Check {
    // These mean something else on another PC.
    let own = ["/ip4/127.", "/ip6/::1/", "/ip6/fe80:"];
    let for_others = |address: &&String| !own.iter().any(|beginning| address.starts_with(beginning));
    let addresses: Vec<&str> = node.listening.iter().filter(for_others).map(String::as_str).collect();
    if addresses.is_empty() {
        return Check::warning("listening", t!("doctor.unreachable"), t!("doctor.unreachable_next"));
    }
    Check::ok("listening", t!("doctor.listening", addresses = addresses.join(", ")))
}

fn disk(free: u64) -> Check {
    match free {
        0 => Check::problem("disk", t!("doctor.disk_full"), t!("doctor.disk_next")),
        1..LOW_BYTES => {
            Check::warning("disk", t!("doctor.disk_low", free = bytes(free)), t!("doctor.disk_next"))
        }
        _ => Check::ok("disk", t!("doctor.disk_room", free = bytes(free))),
    }
}

/// Whether nobody but tandem has written to the tables.
pub fn rows(found: &Verification) -> Check {
    if found.ok {
        return Check::ok("rows", t!("doctor.rows"));
    }
    if found.altered_tables.is_empty() {
        let tables = found.mended_tables.join(", ");
        return Check::warning("rows", t!("log.mended", tables = tables), t!("log.mended_next"));
    }
    let tables = found.altered_tables.join(", ");
    Check::problem("rows", t!("log.altered", tables = tables), t!("log.altered_next", view = found.view))
}

fn of_space(space: &SpaceStatus, node_runs: bool, exchanges: bool) -> Vec<Check> {
    let sizes = t!("doctor.sizes", log = bytes(space.log_bytes), view = bytes(space.view_bytes));
    let mut checks = vec![Check::ok("sizes", sizes)];
    if space.role.is_none() {
        checks.push(Check::warning("member", t!("doctor.not_admitted"), t!("doctor.not_admitted_next")));
    }
    checks.extend(space.running.iter().filter_map(running));
    checks.push(parked(space.waiting));
    checks.extend(space.not_shown.iter().map(|(table, reason)| not_shown(table, reason)));
    if space.void > 0 {
        let told = t!("doctor.void", count = space.void);
        checks.push(Check::warning("schema", told, t!("doctor.void_next")));
    }
    checks.push(conflicts(space.open_conflicts));
    checks.extend(space.attachment.as_ref().and_then(|shown| shown.status.as_ref()).map(database));
    checks.extend(space.forks.iter().map(forked));
    if node_runs {
        checks.extend(exchange::clocks(&space.peers));
    }
    if exchanges {
        checks.extend(exchange::peers(space));
    }
    checks
}

fn not_shown(table: &str, reason: &Cause) -> Check {
    let reason = speech::told(reason);
    let told = match table {
        "*" => t!("doctor.no_tables", reason = reason),
        table => t!("doctor.not_shown", table = table, reason = reason),
    };
    Check::problem("tables", told, t!("doctor.not_shown_next"))
}

fn parked(count: u64) -> Check {
    if count == 0 {
        return Check::ok("parked", t!("doctor.none_parked"));
    }
    Check::warning("parked", t!("status.waiting_of", count = count), t!("doctor.parked_next"))
}

fn forked(fork: &Fork) -> Check {
    let next = t!("fork.problem_next", site = fork.site_name);
    Check::problem("fork", t!("fork.problem", fork = fork::told(fork)), next)
}

fn database(status: &BridgeStatus) -> Check {
    let told = attachment::state(&status.state);
    match &status.state {
        BridgeState::Stopped { .. } => Check::problem("database", told, t!("doctor.database_next")),
        BridgeState::Waiting { .. } => Check::warning("database", told, t!("doctor.database_next")),
        _ if !status.parked.is_empty() => {
            let parked = t!("attach.parked", count = status.parked.len());
            Check::warning("database", parked, t!("doctor.database_next"))
        }
        _ => Check::ok("database", told),
    }
}

fn conflicts(open: u64) -> Check {
    if open == 0 {
        return Check::ok("conflicts", t!("conflict.none"));
    }
    Check::warning("conflicts", t!("doctor.conflicts", count = open), t!("doctor.conflicts_next"))
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn what_a_node_is_for_others_is_told() {
        let node = |listening: &[&str]| RunningNode {
            version: "0".into(),
            pid: 1,
            listening: listening.iter().map(|address| (*address).to_owned()).collect(),
            paused: false,
        };
        assert_eq!(
            super::listening(&node(&[
                "/ip4/127.0.0.1/tcp/7118",
                "/ip6/::1/tcp/7118",
                "/ip6/fe80::1/tcp/7118"
            ]))
            .level,
            Level::Warning
        );
        assert_eq!(super::listening(&node(&["/ip4/192.168.1.20/tcp/7118"])).level, Level::Ok);
        assert_eq!(version(&node(&[])).unwrap().check, "version");
    }

    #[test]
    fn what_runs_long_is_told_with_whose_it_is() {
        let mut statement = RunningStatement {
            kind: "write".into(),
            since: "2026-03-01T10:00:00.000Z".into(),
            seconds: 3,
            owner: "Ann, till 2".into(),
            sql: "UPDATE t".into(),
        };
        assert_eq!(running(&statement), None);
        statement.seconds = 75;
        let check = running(&statement).unwrap();
        assert!(
            ["75 s", "Ann, till 2", "UPDATE t"].iter().all(|word| check.message.contains(word)),
            "{check:?}"
        );
    }

    #[test]
    fn what_is_paused_is_said_and_nobody_is_missed() {
        let gone = serde_json::json!({ "site": "class", "name": "class", "connected": false,
            "missing_here": 0, "missing_there": 0, "bytes_sent": 0, "bytes_received": 0 });
        let node = RunningNode {
            version: "0".into(),
            pid: 1,
            listening: vec!["/ip4/192.168.1.20/tcp/7118".into()],
            paused: true,
        };
        let site = tandem_node::api::status::ThisSite {
            id: "i".into(),
            name: "office".into(),
            data: "d".into(),
            free_bytes: None,
        };
        let space = serde_json::from_value(serde_json::json!({
            "name": "school", "id": "s", "ordinal": 1, "role": "admin", "fingerprint": "", "version_vector": {},
            "transactions": 0, "ops": 0, "waiting": 0, "open_conflicts": 0, "log_bytes": 0, "view_bytes": 0,
            "tables": [], "peers": [gone],
        }))
        .unwrap();
        let mut status = Status { site, node: Some(node), spaces: vec![space] };
        let names = |status: &Status| all(status).iter().map(|check| check.check).collect::<Vec<_>>();
        assert!(names(&status).contains(&"paused") && !names(&status).contains(&"peer"));
        status.node.as_mut().unwrap().paused = false;
        assert!(!names(&status).contains(&"paused") && names(&status).contains(&"peer"));
    }

    #[test]
    fn two_transactions_of_one_name_are_a_problem() {
        let (held, other) = ("0123456789".repeat(3), "abcdef".repeat(5));
        let fork = Fork { author: "a".into(), site_name: "till".into(), seq: 7, held, other };
        let check = forked(&fork);
        assert_eq!((check.check, check.level), ("fork", Level::Problem));
        assert!(
            check.message.contains("till, transaction 7: here 01234567, elsewhere abcdefab"),
            "{check:?}"
        );
    }

    #[test]
    fn a_full_disk_is_a_problem_and_parked_changes_are_none() {
        for (free, level) in [(0, Level::Problem), (1, Level::Warning), (LOW_BYTES, Level::Ok)] {
            assert_eq!(disk(free).level, level);
        }
        for (count, level) in [(0, Level::Ok), (3, Level::Warning)] {
            assert_eq!((parked(count).level, conflicts(count).level), (level, level));
        }
    }
}
