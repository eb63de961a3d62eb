//! A document, loaded.

use std::collections::{HashMap, HashSet};

use automerge::legacy::OpId;
use automerge::transaction::{CommitOptions, Transaction};
use automerge::{
    ActorId, Automerge, AutomergeError, Change, ChangeHash, LoadOptions, ObjId, ObjType, ReadDoc,
    TextEncoding,
};

use super::change::{Incoming, guarded};
use super::content::Content;
use super::{DocumentError, DocumentId, DocumentKind, edit, envelope};
use crate::bounds;
use crate::identity::Author;

/// How positions in a text are counted; it does not show in what is exchanged or stored.
const ENCODING: TextEncoding = TextEncoding::UnicodeCodePoint;

/// A document, loaded.
#[derive(Debug, Clone)]
pub struct Document {
    kind: DocumentKind,
    id: DocumentId,
    merged: Automerge,
    /// Changes that came before what they were made with. Of each author's, only the first can be
    /// next: the order of an author's changes is the author's, and the same on all sites.
    waiting: Vec<Incoming>,
    /// How many changes of each actor are merged; counted when first needed.
    merged_of: Option<HashMap<ActorId, u64>>,
    /// To where a change that fails half way is taken back.
    checkpoint: Option<Checkpoint>,
}

/// What was merged some changes ago, and those changes. A copy for each change would cost what the
/// whole history takes, each time.
#[derive(Debug, Clone)]
struct Checkpoint {
    merged: Automerge,
    since: Vec<Change>,
}

/// Changes after which a checkpoint is made anew.
const CHECKPOINT_CHANGES: usize = 64;

impl Checkpoint {
    /// What is merged, as it was after the last change that did not fail.
    fn restored(&self) -> Automerge {
        let mut merged = self.merged.clone();
        // They were applied before.
        let _ = guarded(|| merged.apply_changes(self.since.clone()).ok());
        merged
    }
}

impl Document {
    /// A document with its first content (JSON must be canonical); the same bytes everywhere for
    /// equal arguments.
    pub fn create(kind: DocumentKind, id: DocumentId, content: &str) -> Self {
        let mut merged = Automerge::new_with_encoding(ENCODING).with_actor(id.creator());
        if let Some(content) = Content::parse(kind, content) {
            // Fails only for positions and objects that are not there.
            let _ = write(&mut merged, |tx| edit::replace(tx, &content));
        }
        Self { kind, id, merged, waiting: Vec::new(), merged_of: None, checkpoint: None }
    }

    /// Reads back [`Document::save`], followed by any number of changes that [`Document::edit`]
    /// returned or [`Document::apply`] took, in the order in which it did. The bytes are a site's
    /// own: nothing is checked about who made these changes.
    pub fn load(kind: DocumentKind, id: DocumentId, bytes: &[u8]) -> Result<Self, DocumentError> {
        let broken = DocumentError::NotADocument;
        let Some((envelope::DOCUMENT, whole, mut rest)) = envelope::split_chunk(bytes) else {
            return Err(broken);
        };
        let options = LoadOptions::new().text_encoding(ENCODING);
        let merged = guarded(|| Automerge::load_with_options(whole, options).ok()).ok_or(broken.clone())?;
        if merged.hash_for_opid(&ObjId::Id(1, id.creator(), 0)).is_none() {
            return Err(broken);
        }
        let mut document = Self { kind, id, merged, waiting: Vec::new(), merged_of: None, checkpoint: None };
        let mut changes = Vec::new();
        while let Some((_, change, after)) = envelope::split_chunk(rest) {
            changes.push(Incoming::read(kind, change).map_err(|_| broken.clone())?);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(broken);
        }
        document.receive_again(changes);
        Ok(document)
    }

    /// Takes in changes that were taken before: all at once, where none has to wait for another.
    fn receive_again(&mut self, changes: Vec<Incoming>) {
        let mut known = HashSet::new();
        let in_order = changes.iter().all(|incoming| {
            let ready = incoming.change.deps().iter().all(|hash| known.contains(hash) || self.holds(hash));
            known.insert(incoming.change.hash());
            ready
        });
        if in_order && changes.len() > 1 {
            let all = changes.iter().map(|incoming| incoming.change.clone()).collect::<Vec<_>>();
            let mut next = self.merged.clone();
            if let Some(next) = guarded(|| next.apply_changes(all).is_ok().then_some(next)) {
                self.merged = next;
                return;
            }
        }
        for incoming in changes {
            // Refused then is refused now.
            let _ = self.receive(incoming);
        }
    }

    /// The whole document, compact.
    pub fn save(&mut self) -> Vec<u8> {
        let mut bytes = self.merged.save();
        for incoming in &self.waiting {
            bytes.extend_from_slice(incoming.change.raw_bytes());
        }
        bytes
    }

    /// What it contains: the text, or canonical JSON.
    pub fn content(&self) -> String {
        self.read(&self.merged).to_text()
    }

    fn read(&self, merged: &Automerge) -> Content {
        let empty = || match self.kind {
            DocumentKind::RichText => Content::RichText(String::new()),
            DocumentKind::Json => Content::Json(super::json::Json::Null),
        };
        guarded(|| Some(Content::of(self.kind, merged))).unwrap_or_else(empty)
    }

    /// Changes the content, as `author`; returns the change for others.
    ///
    /// `None`: nothing changed. Either there was nothing to change, or the document cannot take
    /// this content (it is full, the content is too large or not JSON); then [`Document::content`]
    /// still differs, and the way out is a new document ([`crate::op::Mode::Fresh`]).
    pub fn edit(&mut self, author: Author, content: &str) -> Option<Vec<u8>> {
        if content.len() > bounds::DOCUMENT_BYTES {
            return None;
        }
        let (old, new) = (self.read(&self.merged), Content::parse(self.kind, content)?);
        let actor = self.id.actor(author);
        if old == new || self.waiting.iter().any(|incoming| *incoming.actor() == actor) {
            return None;
        }
        let little = |tx: &mut Transaction<'_>| edit::update(tx, &old, &new);
        let all = |tx: &mut Transaction<'_>| edit::replace(tx, &new);
        self.attempt(&actor, &new, little).or_else(|| self.attempt(&actor, &new, all))
    }

    /// Makes a change; keeps it if it leads to this content, and others can take it.
    fn attempt(
        &mut self,
        actor: &ActorId,
        new: &Content,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
    ) -> Option<Vec<u8>> {
        let kind = self.kind;
        let change = self.change(|merged| {
            merged.set_actor(actor.clone());
            let hash = write(merged, edit).ok()??;
            let change = merged.get_change_by_hash(&hash)?;
            Incoming::read(kind, change.raw_bytes()).ok()?;
            (Content::of(kind, merged) == *new).then_some(change)
        })?;
        Some(change.raw_bytes().to_vec())
    }

    /// Takes in a change that `author` made. One that was taken in before changes nothing, nor
    /// does an empty one, which only names the document.
    ///
    /// A change may come before what it was made with: it then waits, and is kept by
    /// [`Document::save`]. An error leaves the document as it was.
    pub fn apply(&mut self, author: Author, change: &[u8]) -> Result<(), DocumentError> {
        if change.is_empty() {
            return Ok(());
        }
        let incoming = Incoming::read(self.kind, change)?;
        if *incoming.actor() != self.id.actor(author) {
            return Err(DocumentError::NotAChange);
        }
        self.receive(incoming)
    }

    fn receive(&mut self, incoming: Incoming) -> Result<(), DocumentError> {
        let hash = incoming.change.hash();
        if self.holds(&hash) || self.waiting.iter().any(|other| other.change.hash() == hash) {
            return Ok(());
        }
        // Of two with one number, the one that came first: an author's changes come in order.
        let place = |incoming: &Incoming| (incoming.actor().clone(), incoming.change.seq());
        let at = self.waiting.partition_point(|other| place(other) <= place(&incoming));
        self.waiting.insert(at, incoming);
        debug_assert!(
            self.waiting.is_sorted_by(|one, next| place(one) <= place(next)),
            "an author's changes wait in the order in which they were made"
        );
        if self.merge_ready().contains(&hash) { Err(DocumentError::NotAChange) } else { Ok(()) }
    }

    /// Merges what no longer has to wait; returns what turned out not to be possible.
    fn merge_ready(&mut self) -> Vec<ChangeHash> {
        let mut refused = Vec::new();
        while let Some(at) = self.next() {
            let incoming = self.waiting.remove(at);
            if self.merge(&incoming).is_none() {
                refused.push(incoming.change.hash());
            }
        }
        refused
    }

    /// The first waiting change that is its author's next and was made with what is here.
    fn next(&self) -> Option<usize> {
        (0..self.waiting.len()).find(|at| {
            let incoming = &self.waiting[*at];
            let first = *at == 0 || self.waiting[*at - 1].actor() != incoming.actor();
            first && incoming.change.deps().iter().all(|hash| self.holds(hash))
        })
    }

    /// Merges a change whose past is here. `None`: the author could not have made it with that past
    /// alone. This must not depend on what else is here, which differs between sites.
    fn merge(&mut self, incoming: &Incoming) -> Option<Change> {
        let change = &incoming.change;
        if change.seq() != self.merged_of(change.actor_id()) + 1 {
            return None;
        }
        let unseen = self.merged.get_changes_meta(change.deps());
        if unseen.iter().any(|other| *other.actor == *change.actor_id()) {
            return None;
        }
        let seen = change.deps().iter().map(|hash| self.merged.get_change_meta_by_hash(hash));
        let last_op = seen.map(|change| change.map_or(u64::MAX, |change| change.max_op)).max()?;
        if last_op.checked_add(1) != Some(change.start_op().get()) {
            return None;
        }
        let unseen: HashSet<ChangeHash> = unseen.iter().map(|other| other.hash).collect();
        let seen = |op: &OpId| {
            let made_by = self.merged.hash_for_opid(&object_id(op));
            made_by.is_some_and(|change| !unseen.contains(&change))
        };
        let fits = |(object, map): &(OpId, bool)| match self.merged.object_type(object_id(object)) {
            Ok(ObjType::Map) => *map,
            Ok(ObjType::List | ObjType::Text) => !map,
            _ => false,
        };
        let possible = incoming.objects.iter().all(|object| seen(&object.0) && fits(object));
        if !possible || !incoming.ops.iter().all(seen) {
            return None;
        }
        self.change(|merged| {
            merged.apply_changes([change.clone()]).ok()?;
            // What cannot be told again from the merged document could not be loaded again.
            let told = merged.get_change_by_hash(&change.hash())?;
            (told.raw_bytes() == change.raw_bytes()).then_some(told)
        })
    }

    /// Makes one change. `None`: it failed, and all is as it was.
    fn change(&mut self, run: impl FnOnce(&mut Automerge) -> Option<Change>) -> Option<Change> {
        let merged = &mut self.merged;
        let fresh = || Checkpoint { merged: merged.clone(), since: Vec::new() };
        let checkpoint = self.checkpoint.get_or_insert_with(fresh);
        assert!(checkpoint.since.len() < CHECKPOINT_CHANGES, "a checkpoint is made anew before it is old");
        let Some(change) = guarded(|| run(merged)) else {
            self.merged = checkpoint.restored();
            return None;
        };
        checkpoint.since.push(change.clone());
        if checkpoint.since.len() >= CHECKPOINT_CHANGES {
            self.checkpoint = None;
        }
        if let Some(merged_of) = &mut self.merged_of {
            *merged_of.entry(change.actor_id().clone()).or_default() += 1;
        }
        Some(change)
    }

    fn holds(&self, hash: &ChangeHash) -> bool {
        self.merged.get_missing_deps(&[*hash]).is_empty()
    }

    fn merged_of(&mut self, actor: &ActorId) -> u64 {
        let merged_of = self.merged_of.get_or_insert_with(|| {
            let mut count = HashMap::new();
            for change in self.merged.get_changes_meta(&[]) {
                *count.entry(change.actor.into_owned()).or_default() += 1;
            }
            count
        });
        merged_of.get(actor).copied().unwrap_or_default()
    }
}

/// automerge's name of an op from outside. (The number is a hint where to find the actor.)
fn object_id(op: &OpId) -> ObjId {
    ObjId::Id(op.counter(), op.actor().clone(), 0)
}

/// One change, without a time. `None`: nothing was changed.
fn write(
    document: &mut Automerge,
    edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
) -> Result<Option<ChangeHash>, AutomergeError> {
    let mut tx = document.transaction();
    edit(&mut tx)?;
    Ok(tx.commit_with(CommitOptions::default().with_time(0)).0)
}

#[cfg(test)]
impl Document {
    pub(super) fn waiting_is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
