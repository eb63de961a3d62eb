//! One request, recorded by several sites.

use std::collections::BTreeMap;

use tandem_protocol::conflict::{Conflict, ConflictId, ConflictKind, Version, VersionContent};
use tandem_protocol::merge::WriteId;
use tandem_protocol::op::Op;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::Dot;

use crate::reference::history::History;

/// Requests recorded more than once that nobody has settled.
pub fn duplicate(history: &History<'_>) -> Vec<Conflict> {
    let mut requests: BTreeMap<[u8; 32], Vec<WriteId>> = BTreeMap::new();
    let mut settled: Vec<(ConflictId, Dot)> = Vec::new();
    for entry in history.entries() {
        if let Some(key) = entry.header.key {
            requests.entry(key.key).or_default().push(entry.header.write_id());
        }
        for op in entry.ops {
            if let Op::Settle(settlement) = op {
                settled.extend(settlement.looked_at.iter().map(|one| (settlement.conflict, one.dot)));
            }
        }
    }
    requests.retain(|_, writes| writes.len() > 1);
    let conflicts = requests.into_iter().map(|(key, mut writes)| {
        writes.sort();
        Conflict {
            kind: ConflictKind::Duplicate,
            table: String::new(),
            key: Key(vec![Value::Blob(key.to_vec())]).to_bytes(),
            columns: Vec::new(),
            versions: writes
                .into_iter()
                .map(|by| Version { by, held: VersionContent::Transaction })
                .collect(),
        }
    });
    let is_open = |conflict: &Conflict| {
        let id = conflict.id();
        !conflict.versions.iter().all(|version| settled.contains(&(id, version.dot())))
    };
    conflicts.filter(is_open).collect()
}
