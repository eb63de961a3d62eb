//! What `doctor` looks at: each check tells what it found, and what mends it. Only what this PC can
//! know is said.

use std::net::SocketAddr;

use serde::Serialize;
use tandem_node::api::fork::Fork;
use tandem_node::api::peer::Peer;
use tandem_node::api::status::{RunningNode, RunningStatement, SpaceStatus, Status};
use tandem_node::api::verification::Verification;
use tandem_protocol::cause::Cause;

use crate::clock::{self, Verdict};
use crate::moment;
use crate::speech;
use crate::verb::status::{self, bytes};
use crate::visible::value;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Ok,
    /// Worth knowing; everything works.
    Warning,
    /// Something does not work as it should.
    Problem,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was looked at: a stable name.
    pub check: &'static str,
    /// The space, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    pub level: Level,
    /// For people.
    pub message: String,
    /// What to do next, if anything.
    pub next: Option<String>,
}

/// Room on the disk below which it is time to think of it.
const LOW_BYTES: u64 = 500_000_000;

/// A clock further off than this is not followed by other sites.
const WRONG_MS: i64 = tandem_protocol::bounds::CLOCK_LEAD_MS;

impl Check {
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, space: None, level: Level::Ok, message: message.into(), next: None }
    }

    pub fn warning(check: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Warning, next: Some(next.into()), ..Self::ok(check, message) }
    }

    pub fn problem(check: &'static str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { level: Level::Problem, ..Self::warning(check, message, next) }
    }
}

/// The checks of a whole site.
pub fn site(status: &Status) -> Vec<Check> {
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

/// What HTTP carries to other PCs can be read on the way.
pub fn clear_text(http: SocketAddr) -> Option<Check> {
    let found = || {
        Check::warning("clear_text", t!("doctor.clear_text", address = http), t!("doctor.clear_text_next"))
    };
    (!http.ip().to_canonical().is_loopback()).then(found)
}

/// A statement that has run so long is worth a look.
const LONG_S: u64 = 10;

fn running(statement: &RunningStatement) -> Option<Check> {
    let found = || Check::warning("running", status::running(statement), t!("doctor.running_long_next"));
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
    checks.extend(space.forks.iter().map(forked));
    if node_runs {
        checks.extend(clocks(&space.peers));
    }
    if exchanges {
        checks.extend(peers(space));
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
    Check::problem("fork", t!("fork.problem", fork = status::fork(fork)), next)
}

fn conflicts(open: u64) -> Check {
    if open == 0 {
        return Check::ok("conflicts", t!("conflict.none"));
    }
    Check::warning("conflicts", t!("doctor.conflicts", count = open), t!("doctor.conflicts_next"))
}

fn clocks(peers: &[Peer]) -> Vec<Check> {
    let known: Vec<(&str, i64)> =
        peers.iter().filter_map(|peer| Some((&*peer.name, peer.clock_offset_ms?))).collect();
    if known.is_empty() {
        return Vec::new();
    }
    // This PC's own clock first.
    let offsets: Vec<i64> = std::iter::once(0).chain(known.iter().map(|(_, offset)| *offset)).collect();
    let wrong = |offset: i64, message: String| {
        let check = Check::warning("clock", message, t!("doctor.clock_next"));
        let level = if offset.saturating_abs() > WRONG_MS { Level::Problem } else { Level::Warning };
        Check { level, ..check }
    };
    match clock::compare(&offsets) {
        Verdict::Agree => vec![Check::ok("clock", t!("doctor.clocks_agree", count = known.len()))],
        Verdict::Odd(odd) => {
            odd.into_iter().map(|(place, offset)| wrong(offset, odd_one(&known, place, offset))).collect()
        }
        // Which one is wrong, a person can tell: the time here is given.
        Verdict::Unclear => {
            let apart = known.iter().filter(|(_, offset)| offset.saturating_abs() > clock::TOLERATED_MS);
            let now = moment::local(&tandem_node::api::to_iso(tandem_node::api::now_ms()));
            apart
                .map(|(site, offset)| {
                    let by = clock::duration(*offset);
                    wrong(*offset, t!("doctor.clocks_apart", site = site, by = by, now = now).into_owned())
                })
                .collect()
        }
    }
}

/// The site of which most others differ.
fn odd_one(known: &[(&str, i64)], place: usize, offset: i64) -> String {
    let by = clock::duration(offset);
    let site = place.checked_sub(1).and_then(|place| known.get(place)).map(|(site, _)| *site);
    match (site, offset < 0) {
        (None, true) => t!("doctor.own_clock_behind", by = by),
        (None, false) => t!("doctor.own_clock_ahead", by = by),
        (Some(site), true) => t!("doctor.clock_behind", site = site, by = by),
        (Some(site), false) => t!("doctor.clock_ahead", site = site, by = by),
    }
    .into_owned()
}

fn peers(space: &SpaceStatus) -> Vec<Check> {
    let peers = &space.peers;
    if peers.is_empty() {
        return vec![Check::ok("peer", t!("doctor.alone"))];
    }
    let by_file = |peer: &Peer| peer.last_seen.is_none() && held_of(space, peer) > 0;
    let expected: Vec<&Peer> = peers.iter().filter(|peer| !by_file(peer)).collect();
    // That all others fail at once is less likely than that this PC does.
    let all_gone = !expected.is_empty() && expected.iter().all(|peer| !peer.connected);
    let mut checks = Vec::new();
    if all_gone {
        let told = t!("doctor.all_gone", count = expected.len());
        checks.push(Check::warning("network", told, t!("doctor.all_gone_next")));
    }
    checks.extend(peers.iter().map(|peer| match by_file(peer) && !peer.connected {
        true => Check::ok("peer", t!("doctor.by_file", site = peer.name, count = held_of(space, peer))),
        false => self::peer(peer),
    }));
    checks
}

/// Transactions of a site that are here.
fn held_of(space: &SpaceStatus, peer: &Peer) -> u64 {
    space.version_vector.get(&peer.site).copied().unwrap_or(0)
}

fn peer(peer: &Peer) -> Check {
    let site = &peer.name;
    if peer.connected {
        let missing = peer.missing_here + peer.missing_there;
        return Check::ok(
            "peer",
            match missing {
                0 => t!("doctor.in_step", site = site),
                _ => t!("doctor.catching_up", site = site, count = missing),
            },
        );
    }
    let mut found = match &peer.last_seen {
        Some(seen) => t!("doctor.not_connected", site = site, time = moment::local(seen)).into_owned(),
        None => t!("doctor.never_seen", site = site).into_owned(),
    };
    if let Some(trouble) = &peer.trouble {
        found += &format!(" ({})", value(trouble));
    }
    Check::warning("peer", found, t!("doctor.peer_next", site = site))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer_named(name: &str, offset_ms: i64) -> Peer {
        Peer {
            site: name.into(),
            name: name.into(),
            connected: true,
            address: None,
            last_seen: None,
            missing_here: 0,
            missing_there: 0,
            clock_offset_ms: Some(offset_ms),
            trouble: None,
            bytes_sent: 0,
            bytes_received: 0,
        }
    }

    const YEARS_17_MS: i64 = -536_500_000_000;

    #[test]
    fn the_pc_with_the_wrong_clock_is_named() {
        let found = |offsets: &[(&str, i64)]| {
            clocks(&offsets.iter().map(|(name, offset)| peer_named(name, *offset)).collect::<Vec<_>>())
        };
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[("class", 900)])[0].level, Level::Ok);
        let one = found(&[("class", YEARS_17_MS), ("lab", 0)]);
        assert_eq!((one.len(), one[0].level), (1, Level::Problem));
        assert!(one[0].message.contains("class is 17 years behind"), "{one:?}");
        let own = found(&[("class", YEARS_17_MS), ("lab", YEARS_17_MS)]);
        assert!(own.len() == 1 && own[0].message.contains("This PC's clock is 17 years ahead"), "{own:?}");
        let two = found(&[("class", 10_000)]);
        assert!(two[0].level == Level::Warning && two[0].message.contains("10 seconds apart"), "{two:?}");
    }

    #[test]
    fn what_keeps_sites_apart_is_told() {
        let mut gone = peer_named("class", 0);
        gone.connected = false;
        gone.trouble = Some("not reachable at any known address".into());
        let never = peer(&gone);
        assert!(never.level == Level::Warning && never.message.contains("not reachable"), "{never:?}");
        gone.last_seen = Some("2026-03-01T10:00:00.000Z".into());
        assert!(peer(&gone).message.contains("2026-03-01"));
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
        assert_eq!(clear_text("127.0.0.1:7117".parse().unwrap()), None);
        assert_eq!(clear_text("[::1]:7117".parse().unwrap()), None);
        assert!(clear_text("0.0.0.0:7117".parse().unwrap()).unwrap().message.contains("0.0.0.0:7117"));
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

    fn space_of(peers: Vec<Peer>, held: &[(&str, u64)]) -> SpaceStatus {
        let vector: serde_json::Map<_, _> =
            held.iter().map(|(site, seq)| ((*site).to_owned(), serde_json::json!(seq))).collect();
        serde_json::from_value(serde_json::json!({
            "name": "school", "id": "s", "ordinal": 1, "role": "admin", "fingerprint": "", "version_vector": vector,
            "transactions": 0, "ops": 0, "waiting": 0, "open_conflicts": 0, "log_bytes": 0, "view_bytes": 0,
            "tables": [], "peers": peers,
        }))
        .unwrap()
    }

    #[test]
    fn where_all_are_missing_this_pc_is_looked_at_first() {
        let gone = |name: &str| Peer {
            connected: false,
            last_seen: Some("2026-03-01T10:00:00.000Z".into()),
            ..peer_named(name, 0)
        };
        let checks = |peers: Vec<Peer>| {
            let found = peers_of(peers, &[]);
            found.iter().map(|check| (check.check, check.level)).collect::<Vec<_>>()
        };
        let peers_named = checks(vec![gone("class"), gone("lab")]);
        let (network, missing) = (("network", Level::Warning), ("peer", Level::Warning));
        assert_eq!(peers_named, [network, missing, missing]);
        let one_here = checks(vec![gone("class"), peer_named("lab", 0)]);
        assert_eq!(one_here, [missing, ("peer", Level::Ok)]);
    }

    /// A site that never comes by the network, and whose changes arrive all the same.
    #[test]
    fn a_site_that_lives_on_sticks_is_nothing_to_look_at() {
        let away = Peer { connected: false, trouble: Some("not reachable".into()), ..peer_named("away", 0) };
        let found = peers_of(vec![away.clone()], &[("away", 7)]);
        assert_eq!((found.len(), found[0].level), (1, Level::Ok), "{found:?}");
        assert!(found[0].message.contains('7') && found[0].next.is_none(), "{found:?}");
        // Nothing has come of it yet: that is worth a look.
        let found = peers_of(vec![away], &[]);
        assert_eq!(found.last().unwrap().level, Level::Warning, "{found:?}");
    }

    #[test]
    fn what_is_paused_is_said_and_nobody_is_missed() {
        let mut gone = peer_named("class", 0);
        gone.connected = false;
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
        let mut status = Status { site, node: Some(node), spaces: vec![space_of(vec![gone], &[])] };
        let names = |status: &Status| super::site(status).iter().map(|check| check.check).collect::<Vec<_>>();
        assert!(names(&status).contains(&"paused") && !names(&status).contains(&"peer"));
        status.node.as_mut().unwrap().paused = false;
        assert!(!names(&status).contains(&"paused") && names(&status).contains(&"peer"));
    }

    fn peers_of(peers: Vec<Peer>, held: &[(&str, u64)]) -> Vec<Check> {
        super::peers(&space_of(peers, held))
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
