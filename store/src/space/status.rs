//! Figures of a space, for people.

use tandem_protocol::cause::Cause;
use tandem_protocol::fingerprint::Fingerprint;
use tandem_protocol::fork::Fork;
use tandem_protocol::membership::Role;

use super::Space;
use crate::table_status::TableStatus;
use crate::view::file::VIEW_FILE;

/// How a space stands on this site.
#[derive(Clone, Debug)]
pub struct SpaceStatus {
    /// Low bits of the ids this site generates; none before it is admitted.
    pub ordinal: Option<u16>,
    /// What this site may do; none before it is admitted.
    pub role: Option<Role>,
    /// Transactions held.
    pub transactions: u64,
    /// Ops in them.
    pub ops: u64,
    /// Row ops and others that this program or schema does not understand yet.
    pub parked: u64,
    /// What was declared and needs what is not there yet.
    pub waiting: u64,
    /// Schema ops that have no effect, on any site.
    pub void: u64,
    /// Why the space has no tables at the moment, if its view could not be opened or built.
    pub without_view: Option<Cause>,
    /// The tables.
    pub tables: Vec<TableStatus>,
    /// Of all tables together.
    pub fingerprint: Fingerprint,
    /// Open conflicts.
    pub open_conflicts: u64,
    /// Of all open conflicts together.
    pub conflict_fingerprint: Fingerprint,
    /// Chains known to have forked.
    pub forks: Vec<Fork>,
    /// Bytes of the log on disk (of all spaces of this site).
    pub log_bytes: u64,
    /// Bytes of the view on disk.
    pub view_bytes: u64,
}

impl Space {
    /// How many conflicts are open, and the fingerprint of all of them.
    pub fn open_conflicts(&self) -> (u64, Fingerprint) {
        let conflicts = self.0.snapshot().conflicts;
        (conflicts.open, conflicts.fingerprint)
    }

    /// How the space stands now.
    pub fn status(&self) -> SpaceStatus {
        let snapshot = self.0.snapshot();
        let me = snapshot.membership.member(&self.me());
        let mut fingerprint = Fingerprint::default();
        snapshot.tables.iter().for_each(|table| fingerprint.combine(table.fingerprint));
        let parked = self.0.readers.read(|connection| {
            let sql = "SELECT count(*) FROM _tandem_parked";
            Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))?)
        });
        let size = |name: &str| std::fs::metadata(self.0.folder.join(name)).map_or(0, |file| file.len());
        let waiting = snapshot.schema.waiting().iter().filter(|one| one.reason.can_end());
        SpaceStatus {
            ordinal: me.map(|member| member.ordinal),
            role: me.map(|member| member.role),
            transactions: snapshot.end,
            ops: snapshot.ops,
            parked: parked.unwrap_or_default() as u64,
            waiting: (waiting.count() + snapshot.unread.len()) as u64,
            void: snapshot.schema.void().count() as u64 + snapshot.void,
            without_view: self.without_view(),
            tables: snapshot.tables.to_vec(),
            fingerprint,
            open_conflicts: snapshot.conflicts.open,
            conflict_fingerprint: snapshot.conflicts.fingerprint,
            forks: self.forks().all(),
            log_bytes: self.0.log.disk_bytes(),
            view_bytes: size(VIEW_FILE) + size(&format!("{VIEW_FILE}-wal")),
        }
    }
}
