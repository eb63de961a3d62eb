//! The rules that are broken, one at a time.

/// One broken rule: in `file`, `old` (found exactly once) becomes `new`.
pub struct Mutation {
    pub name: &'static str,
    pub breaks: &'static str,
    pub file: &'static str,
    pub old: &'static str,
    pub new: &'static str,
}

pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "no-tie-break",
        breaks: "of concurrent writes of one time, the author no longer decides",
        file: "protocol/src/merge/register.rs",
        old: "sibling.by > by)",
        new: "sibling.by.time_ms > by.time_ms)",
    },
    Mutation {
        name: "context-ignored",
        breaks: "an informed write supersedes only its own author's",
        file: "protocol/src/transaction.rs",
        old: "seq <= last) || self.seen.seq(author) >= seq",
        new: "seq <= last)",
    },
    Mutation {
        name: "basis-ignored",
        breaks: "a write counts as made knowing everything its site held",
        file: "store/src/view/merge.rs",
        old: "header.basis.as_ref().map(",
        new: "None::<&tandem_protocol::version::VersionVector>.map(",
    },
    Mutation {
        name: "delta-twice",
        breaks: "a delta is added twice",
        file: "protocol/src/merge/cell.rs",
        old: "self.sum += i128::from(units(value).unwrap_or(0))",
        new: "self.sum += 2 * i128::from(units(value).unwrap_or(0))",
    },
    Mutation {
        name: "stock-take-forgets",
        breaks: "exactly(n) does not know what was counted before",
        file: "store/src/view/row_op.rs",
        old: "i128::from(after) - (sum - unseen)",
        new: "i128::from(after) - 0 * (sum - unseen)",
    },
    Mutation {
        name: "delete-wins",
        breaks: "a deletion beats a concurrent later edit",
        file: "protocol/src/merge/row.rs",
        old: "self.life.shown().is_some_and(|sibling| sibling.value)",
        new: "!self.life.siblings().is_empty() && self.life.siblings().iter().all(|sibling| sibling.value)",
    },
    Mutation {
        name: "stamp-least",
        breaks: "STAMP shows the least of concurrent times",
        file: "protocol/src/merge/cell.rs",
        old: "max_by_key(|one| (time(one), one.by))",
        new: "min_by_key(|one| (time(one), one.by))",
    },
    Mutation {
        name: "unique-stays",
        breaks: "a duplicate value that is deleted stays listed",
        file: "store/src/view/merge.rs",
        old: "before.into_iter().chain(after).for_each",
        new: "after.into_iter().for_each",
    },
    Mutation {
        name: "kept-one-level",
        breaks: "a deleted row is kept only by rows that are alive, not through other kept rows",
        file: "store/src/view/references.rs",
        old: "supported.extend(supports.remove(&name).unwrap_or_default());",
        new: "",
    },
    Mutation {
        name: "kept-not-at-all",
        breaks: "a deleted row that others refer to is hidden",
        file: "store/src/view/references.rs",
        old: "self.pending.unsupported = true;\n                return Ok(true);",
        new: "return Ok(false);",
    },
    Mutation {
        name: "cascade-unrecorded",
        breaks: "what ON DELETE does is not recorded",
        file: "store/src/view/integrity.rs",
        old: "self.connection.prepare_cached(&sql)?.execute(parameters)?;",
        new: "self.capture.watcher().borrow_mut().on = false;
            self.connection.prepare_cached(&sql)?.execute(parameters)?;
            self.capture.watcher().borrow_mut().on = true;",
    },
    Mutation {
        name: "deletion-not-judged",
        breaks: "a row that others refer to can be deleted from under them",
        file: "store/src/view/integrity.rs",
        old: "if count > 0 {",
        new: "if count > u64::MAX - 1 {",
    },
    Mutation {
        name: "reference-not-judged",
        breaks: "a row may refer to one that is not there",
        file: "store/src/view/integrity.rs",
        old: "if is_new && !self.is_there(target, value)? {",
        new: "if false && is_new && !self.is_there(target, value)? {",
    },
    Mutation {
        name: "first-counter-named",
        breaks: "a rule broken on a counter names who set it, not who counted",
        file: "protocol/src/merge/cell.rs",
        old: "if latest.is_empty() {",
        new: "if true || latest.is_empty() {",
    },
    Mutation {
        name: "document-change-dropped",
        breaks: "the edits of a document by others are not taken in",
        file: "store/src/view/merge.rs",
        old: "self.documents.apply(&self.connection, kind, &place, by.author, &change)?;",
        new: "let _ = place;",
    },
    Mutation {
        name: "equal-values-conflict",
        breaks: "two writes of one value are listed as a conflict",
        file: "protocol/src/merge/open.rs",
        old: "values.windows(2).all(|pair| pair[0] == pair[1])",
        new: "values.is_empty()",
    },
    Mutation {
        name: "duplicate-unlisted",
        breaks: "a request recorded twice is not listed",
        file: "store/src/view/conflicts.rs",
        old: "conflict.versions.len() > 1 && !all_settled",
        new: "conflict.versions.len() > 2 && !all_settled",
    },
    Mutation {
        name: "request-hash-ignored",
        breaks: "another request with a known idempotency key is answered as if it were the first",
        file: "store/src/writer/repeat.rs",
        old: "filter(|(_, request)| *request == key.request)",
        new: "filter(|_| true)",
    },
    Mutation {
        name: "other-branch-uncompared",
        breaks: "a smaller number that a peer holds is not compared with what is held under it",
        file: "store/src/space/forks.rs",
        old: "(held != head.prefix).then_some(fork)",
        new: "(false && held != head.prefix).then_some(fork)",
    },
    Mutation {
        name: "check-unlisted",
        breaks: "a broken CHECK or NOT NULL is not listed",
        file: "store/src/view/conflicts.rs",
        old: "open.extend(broken.into_iter().map(breach));",
        new: "drop(broken.into_iter().map(breach));",
    },
    Mutation {
        name: "answered-before-durable",
        breaks: "a write is answered before the log is flushed",
        file: "store/src/writer/group.rs",
        old: "kept.and_then(|()| self.log.flush())",
        new: "kept",
    },
    Mutation {
        name: "view-keeps-stale-rows",
        breaks: "tables are not made anew when a schema change cannot be followed in place",
        file: "store/src/writer/group.rs",
        old: "if self.view.stale",
        new: "if false && self.view.stale",
    },
    Mutation {
        name: "first-admission-stands",
        breaks: "of two admins who admit one site at once, the one heard of first decides",
        file: "protocol/src/membership.rs",
        old: "Some(member) => member.join(new)",
        new: "Some(_) => {}",
    },
];

/// Broken rules that only what honest sites never write can show: for the hostile member to find.
pub const HOSTILE: &[Mutation] = &[
    Mutation {
        name: "schema-unchecked",
        breaks: "what is received of a schema is not held to the rules of what is typed",
        file: "protocol/src/schema/set.rs",
        old: "if room { op.check(self.judge) }",
        new: "if room { Ok(()) }",
    },
    Mutation {
        name: "group-unchecked",
        breaks: "keys and columns of received rows are not held to their bounds",
        file: "protocol/src/op.rs",
        old: "check_group(&group).map(|()| group)",
        new: "Ok(group)",
    },
    Mutation {
        name: "name-unchecked",
        breaks: "an admission with a name that is none admits",
        file: "protocol/src/membership.rs",
        old: "name::check(&admission.name)?;",
        new: "",
    },
];
