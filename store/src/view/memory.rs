//! What the writer keeps in memory of the view: small, and put back when a transaction is rolled
//! back.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tandem_protocol::chain::{Branches, Chain};
use tandem_protocol::fingerprint::Fingerprint;
use tandem_protocol::identity::Author;
use tandem_protocol::membership::Membership;
use tandem_protocol::schema::{OpPlaces, Schema, TableId};
use tandem_protocol::transaction::Header;
use tandem_protocol::verify::{ChainHead, Chains};
use tandem_protocol::version::VersionVector;

use super::table::ViewTable;
use crate::space::ConflictStats;

/// Running figures of one table.
#[derive(Clone, Default)]
pub(crate) struct TableStats {
    pub rows: u64,
    pub fingerprint: Fingerprint,
    /// Rows with a state of their own that are not shown.
    pub hidden: u64,
    /// Above every rowid in use.
    pub next_rowid: i64,
    pub dirty: bool,
}

/// Authors by the numbers under which the view's own tables name them, from 1.
#[derive(Clone, Default)]
pub(crate) struct Authors {
    numbers: HashMap<Author, i64>,
    list: Vec<Author>,
}

impl Authors {
    pub(crate) fn from_list(list: Vec<Author>) -> Self {
        let numbers = list.iter().zip(1..).map(|(author, number)| (*author, number)).collect();
        Self { numbers, list }
    }

    pub(crate) fn number(&self, author: &Author) -> Option<i64> {
        self.numbers.get(author).copied()
    }

    /// The number of a chain's author. No branches are kept yet: what is held is on trunks.
    pub(crate) fn number_of_trunk(&self, chain: &Chain) -> Option<i64> {
        if chain.branch.is_trunk() { self.number(&chain.author) } else { None }
    }

    pub(crate) fn author(&self, number: i64) -> Option<Author> {
        self.list.get(usize::try_from(number - 1).ok()?).copied()
    }
}

/// The fold of the log up to `position`, except for the rows.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    /// Arrival number of the next transaction to be merged.
    pub position: u64,
    /// Ops in all transactions merged.
    pub ops: u64,
    pub chains: Chains,
    /// Everything each author held when it wrote its last transaction, besides its own.
    pub contexts: BTreeMap<Author, Arc<VersionVector>>,
    pub authors: Arc<Authors>,
    pub changed_authors: Vec<Author>,
    pub schema: Arc<Schema>,
    /// The places of the schema's ops.
    pub places: OpPlaces,
    /// Tables that SQLite refused to lay out, and what it said: a defect of this program.
    pub unshown: Arc<BTreeMap<TableId, String>>,
    pub membership: Arc<Membership>,
    pub tables: Arc<BTreeMap<TableId, Arc<ViewTable>>>,
    pub stats: BTreeMap<i64, TableStats>,
    pub conflicts: ConflictStats,
    /// Ops that are not understood yet.
    pub parked: u64,
    /// Transactions whose rows are more than one may have: without effect.
    pub void: u64,
    /// Names of uniqueness rules that a merge has broken.
    pub loose: Arc<BTreeSet<String>>,
    /// Names of the unique indices over their values that are in no conflict.
    pub rest: Arc<BTreeSet<String>>,
    /// Names of the indices by which rows that refer to others are found.
    pub reference_indices: Arc<BTreeSet<String>>,
}

impl Memory {
    /// The version vector of everything merged.
    pub(crate) fn vector(&self) -> VersionVector {
        VersionVector::of(self.chains.iter().map(|(chain, last)| (*chain, last.head())), &Branches::NONE)
    }

    /// What a transaction's author held of others when it wrote it.
    pub(crate) fn context(&self, header: &Header) -> Arc<VersionVector> {
        let before = self.contexts.get(&header.dot.author);
        if header.context.is_empty() {
            return before.cloned().unwrap_or_default();
        }
        let mut context = before.map_or_else(VersionVector::default, |known| (**known).clone());
        context.join(&header.context);
        Arc::new(context)
    }

    /// Moves on by one transaction.
    pub(crate) fn advance(&mut self, header: &Header, chain: ChainHead, context: Arc<VersionVector>) {
        self.position += 1;
        self.chains.insert(header.dot.chain(), chain);
        self.contexts.insert(header.dot.author, context);
        if !self.changed_authors.contains(&header.dot.author) {
            self.changed_authors.push(header.dot.author);
        }
    }

    /// The number by which the view's own tables name an author.
    pub(crate) fn author_number(&mut self, author: Author) -> i64 {
        if let Some(number) = self.authors.number(&author) {
            return number;
        }
        let authors = Arc::make_mut(&mut self.authors);
        authors.list.push(author);
        let number = authors.list.len() as i64;
        authors.numbers.insert(author, number);
        self.changed_authors.push(author);
        number
    }

    /// What others wrote that `author` did not know at its last transaction: the context of its
    /// next.
    pub(crate) fn growth(&self, author: &Author) -> VersionVector {
        let known = self.contexts.get(author).cloned().unwrap_or_default();
        let others = self.chains.iter().filter(|(chain, _)| chain.author != *author);
        let heads = others.map(|(chain, last)| (*chain, last.head()));
        VersionVector::of(heads, &Branches::NONE).growth_since(&known)
    }

    pub(crate) fn stats(&mut self, table: &ViewTable) -> &mut TableStats {
        let stats = self.stats.entry(table.number).or_default();
        stats.dirty = true;
        stats
    }
}
