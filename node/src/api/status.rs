//! How this site is.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tandem_protocol::cause::Cause;
use tandem_store::Space;

use super::attachment::ShownAttachment;
use super::error::Result;
use super::fork::Fork;
use super::peer::Peer;
use super::{Api, to_iso};

/// A site and all its spaces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// This site.
    pub site: ThisSite,
    /// The running node; none when the data folder was opened without one.
    #[serde(default)]
    pub node: Option<RunningNode>,
    /// The spaces on this site.
    pub spaces: Vec<SpaceStatus>,
}

/// This site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ThisSite {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its data folder.
    pub data: String,
    /// Bytes that may still be written there before writing stops; none where the system does not
    /// say.
    #[serde(default)]
    pub free_bytes: Option<u64>,
}

/// The node that answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningNode {
    /// Its program version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Where other sites reach it.
    pub listening: Vec<String>,
    /// Whether the exchange with all other sites is paused, as somebody asked.
    #[serde(default)]
    pub paused: bool,
}

/// One space as this site holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpaceStatus {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The low ten bits of the ids this site generates in it.
    pub ordinal: Option<u16>,
    /// `admin`, `member` or `reader`; none before this site's admission arrived.
    pub role: Option<String>,
    /// Equal on two sites that show the same rows.
    pub fingerprint: String,
    /// For each author, the number of its last transaction held.
    pub version_vector: BTreeMap<String, u64>,
    /// Transactions held.
    pub transactions: u64,
    /// Changes of rows, schema and membership in them.
    pub ops: u64,
    /// Changes this program or schema does not understand yet; kept, and applied later.
    pub waiting: u64,
    /// Schema changes that break a rule by themselves: without effect on every site.
    #[serde(default)]
    pub void: u64,
    /// What counts and cannot be shown here, by name, and why: tables, or all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub not_shown: BTreeMap<String, Cause>,
    /// What concurrent edits left for a person to decide.
    pub open_conflicts: u64,
    /// Equal on two sites that list the same conflicts.
    #[serde(default)]
    pub conflict_fingerprint: String,
    /// Names under which two different transactions are known.
    #[serde(default)]
    pub forks: Vec<Fork>,
    /// The database beside that is kept equal with it, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<ShownAttachment>,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Bytes of the view.
    pub view_bytes: u64,
    /// Statements that have run for a second or more.
    #[serde(default)]
    pub running: Vec<RunningStatement>,
    /// Its tables.
    pub tables: Vec<TableStatus>,
    /// The other sites.
    pub peers: Vec<Peer>,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableStatus {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Equal on two sites that show the same rows.
    pub fingerprint: String,
}

/// A statement that runs long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunningStatement {
    /// `read` or `write`.
    pub kind: String,
    /// Since when, ISO 8601.
    pub since: String,
    /// For how many seconds by now.
    pub seconds: u64,
    /// Whose it is: the `by` of a write, the program, its address; empty if nothing is known.
    pub owner: String,
    /// How it begins.
    pub sql: String,
}

/// From when on a statement runs long.
const LONG: Duration = Duration::from_secs(1);

fn running(space: &Space) -> Vec<RunningStatement> {
    let long = space.running().into_iter().filter(|running| running.elapsed >= LONG);
    let told = |running: tandem_store::RunningStatement| RunningStatement {
        kind: if running.writes { "write" } else { "read" }.to_owned(),
        since: to_iso(running.since_ms),
        seconds: running.elapsed.as_secs(),
        owner: running.owner,
        sql: running.text,
    };
    long.map(told).collect()
}

/// Tables that count and that this program cannot show; `*`: all of them.
fn not_shown(space: &Space, without_view: Option<Cause>) -> BTreeMap<String, Cause> {
    let all = without_view.map(|reason| ("*".to_owned(), reason));
    space.not_shown().into_iter().chain(all).collect()
}

impl Api {
    /// What the members of its first space call this site; before that, what it calls itself.
    pub fn site_name(&self) -> String {
        let store = self.store();
        let me = store.author();
        let called = |space: &Space| {
            let members = space.membership();
            members.member(&me).map(|_| members.shown_name(&me))
        };
        store.spaces().iter().find_map(called).unwrap_or_else(|| store.site_name())
    }

    /// This site and all its spaces.
    pub fn status(&self) -> Status {
        let spaces = self.store().spaces();
        Status {
            site: ThisSite {
                id: self.store().author().to_string(),
                name: self.site_name(),
                data: self.store().folder().display().to_string(),
                free_bytes: self.store().free_bytes().ok(),
            },
            node: self.peers().map(|peers| RunningNode {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                listening: peers.addresses(),
                paused: peers.paused(),
            }),
            spaces: spaces.iter().map(|space| self.status_of(space)).collect(),
        }
    }

    /// One space.
    pub fn space_status(&self, space: &str) -> Result<SpaceStatus> {
        Ok(self.status_of(&self.space(space)?))
    }

    fn status_of(&self, space: &Space) -> SpaceStatus {
        let (id, status) = (space.id(), space.status());
        let table = |table: tandem_store::TableStatus| TableStatus {
            name: table.name,
            rows: table.rows,
            fingerprint: table.fingerprint.to_string(),
        };
        SpaceStatus {
            name: space.name().to_owned(),
            id: id.to_string(),
            ordinal: status.ordinal,
            role: status.role.map(|role| role.to_string()),
            fingerprint: status.fingerprint.to_string(),
            version_vector: space
                .vector()
                .heads()
                .map(|(chain, head)| (chain.to_string(), head.seq))
                .collect(),
            transactions: status.transactions,
            ops: status.ops,
            waiting: status.parked + status.waiting,
            void: status.void,
            not_shown: not_shown(space, status.without_view),
            open_conflicts: status.open_conflicts,
            conflict_fingerprint: status.conflict_fingerprint.to_string(),
            forks: status.forks.iter().map(|fork| Fork::of(&space.membership(), fork)).collect(),
            attachment: self.shown_attachment(space).ok().filter(|shown| shown.database.is_some()),
            log_bytes: status.log_bytes,
            view_bytes: status.view_bytes,
            running: running(space),
            tables: status.tables.into_iter().map(table).collect(),
            peers: self.peers().map(|peers| peers.peers(&id)).unwrap_or_default(),
        }
    }
}
