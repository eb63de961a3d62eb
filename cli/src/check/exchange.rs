//! The other sites of a space: their clocks, and who is missed.

use tandem_node::api::peer::Peer;
use tandem_node::api::status::SpaceStatus;

use super::{Check, Level};
use crate::clock::{self, Verdict};
use crate::moment;
use crate::speech;

/// A clock further off than this is not followed by other sites.
const WRONG_MS: i64 = tandem_protocol::bounds::CLOCK_LEAD_MS;

/// Whose clock is wrong, as far as that can be told.
pub fn clocks(peers: &[Peer]) -> Vec<Check> {
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

/// Who is there, and who is missed.
pub fn peers(space: &SpaceStatus) -> Vec<Check> {
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
        found += &format!(" ({})", speech::told(trouble));
    }
    Check::warning("peer", found, t!("doctor.peer_next", site = site))
}

#[cfg(test)]
mod tests {
    use tandem_protocol::cause::Cause;

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
        gone.trouble = Some(Cause::new("unreachable"));
        let never = peer(&gone);
        assert!(never.level == Level::Warning && never.message.contains("no known address"), "{never:?}");
        gone.last_seen = Some("2026-03-01T10:00:00.000Z".into());
        assert!(peer(&gone).message.contains("2026-03-01"));
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
        let away =
            Peer { connected: false, trouble: Some(Cause::new("unreachable")), ..peer_named("away", 0) };
        let found = peers_of(vec![away.clone()], &[("away", 7)]);
        assert_eq!((found.len(), found[0].level), (1, Level::Ok), "{found:?}");
        assert!(found[0].message.contains('7') && found[0].next.is_none(), "{found:?}");
        // Nothing has come of it yet: that is worth a look.
        let found = peers_of(vec![away], &[]);
        assert_eq!(found.last().unwrap().level, Level::Warning, "{found:?}");
    }

    fn peers_of(peers: Vec<Peer>, held: &[(&str, u64)]) -> Vec<Check> {
        super::peers(&space_of(peers, held))
    }
}
