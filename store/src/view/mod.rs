//! The view: SQLite tables anyone can read with SQL, derived from the log and nothing else.
//!
//! `local` runs users' statements and turns what they changed into ops; `merge` applies the ops
//! of others; both end in the same rows, row states, runs and fingerprints. Everything one group
//! of transactions changes is committed together with the log position it brings the view to.

mod absolute;
mod access;
mod adopt;
mod again;
mod at_basis;
mod authors;
mod bind;
mod canonical;
mod capture;
mod captured;
mod catalogue;
pub(crate) mod census;
mod conflicts;
mod copy;
mod crowded;
mod ddl;
mod decimals;
mod deleted;
mod deletions;
mod dialect;
mod document_name;
mod documents;
mod error;
mod exactly;
mod figures;
pub(crate) mod file;
mod fold;
mod forms;
mod functions;
pub(crate) mod guard;
pub(crate) mod heap;
mod ids;
mod insert_runs;
mod integrity;
mod layout;
mod local;
mod local_error;
mod meanwhile;
mod merge;
mod named_queries;
mod numbers;
mod observed;
mod or_clause;
mod parsed;
mod position;
mod preupdate;
pub(crate) mod query;
pub(crate) mod reader;
mod reads;
mod reference;
mod references;
mod retained;
mod row;
mod row_entry;
mod row_op;
mod rows;
mod rules;
mod scope;
mod state;
mod table;
mod tables;
pub(crate) mod touched;
mod undecided;
mod unique;
mod unseen;
mod watch;
mod words;

use std::path::Path;

use rusqlite::Connection;
use tandem_protocol::conflict::{Conflict, ConflictId};
use tandem_protocol::fingerprint::RowHasher;
use tandem_protocol::identity::{Author, Prefix};
use tandem_protocol::schema::{Judge, Schema};
use tandem_protocol::version::{Dot, Reference, VersionVector};

pub(crate) use again::read_again;
#[cfg(test)]
pub(crate) use at_basis::MOST_READ;
pub(crate) use authors::Authors;
pub(crate) use bind::{read_row, to_storage};
pub(crate) use conflicts::{decode, kind_code};
pub(crate) use copy::copy;
pub use error::ViewError;
use error::is_constraint;
pub(crate) use error::{ViewResult, is_refusal};
pub(crate) use fold::FoldState;
pub(crate) use layout::try_out;
pub use layout::unread_queries;
pub(crate) use local_error::LocalError;
pub(crate) use merge::Merged;
pub(crate) use named_queries::Unread;
pub(crate) use numbers::Place;
pub(crate) use observed::Observation;
pub(crate) use position::{PREFIX_SQL, Position};
pub(crate) use reference::{Referring, ViewReference};
pub(crate) use row_op::{CellWrite, push_cell};
pub(crate) use rules::Broken;
pub(crate) use table::ViewTable;
pub(crate) use tables::Tables;
pub(crate) use undecided::{Group, Savepoint};
pub(crate) use unseen::{Past, Unseen};
pub(crate) use words::parameters;

use crate::effect::Effect;
use crate::log::Offsets;
use crowded::CrowdedRows;
use documents::Documents;
use guard::Guard;
use references::FollowUp;
use watch::Watch;

/// The writer's connection and what it keeps in memory. Lives on the writer's thread.
pub(crate) struct View {
    /// Dropped before what watches over it, which it calls.
    connection: Connection,
    watch: Watch,
    /// Whether tables or members changed since it last followed them.
    is_watch_behind: bool,
    hasher: RowHasher,
    me: Author,
    /// What this program knows of expressions.
    judge: Judge,
    pub(crate) fold: FoldState,
    documents: Documents,
    crowded: CrowdedRows,
    /// What the transaction at hand leaves to follow up.
    follow_up: FollowUp,
    /// What becomes of the rows and conflicts touched, while somebody wants to know.
    pub(crate) effect: Option<Effect>,
    /// Whether a group is open.
    is_undecided: bool,
    /// Whether a job of it could not be taken back.
    is_lost: bool,
}

/// As a whole.
impl View {
    /// Opens the view at `path`, creating it if it is not there, for the site of author `me`.
    pub(crate) fn open(path: &Path, me: Author, judge: Judge) -> ViewResult<Self> {
        let mut connection = file::open(path, judge)?;
        let watch = Watch::over(&mut connection)?;
        let fold = FoldState::load(&connection, judge, |table, greatest| {
            functions::locked(&watch.ids).reset(&table.id_text, greatest);
        })?;
        Ok(Self {
            connection,
            watch,
            is_watch_behind: true,
            hasher: RowHasher::default(),
            me,
            judge,
            fold,
            documents: Documents::default(),
            crowded: CrowdedRows::default(),
            follow_up: FollowUp::default(),
            effect: None,
            is_undecided: false,
            is_lost: false,
        })
    }

    /// Empties the view, and lays out the tables of a schema known in advance: rows then replay
    /// into tables that have their final shape.
    pub(crate) fn clear(&mut self, schema: Schema) -> ViewResult<()> {
        assert!(self.is_undecided, "readers see the old tables until the new ones are complete");
        file::empty(&self.connection, self.judge)?;
        self.fold = FoldState { tables: Tables::of(schema), ..FoldState::default() };
        let FoldState { position, tables, figures, .. } = &mut self.fold;
        for (definition, author, known) in tables.schema.writers() {
            position.list_writer(&self.connection, definition, author, known)?;
        }
        tables.follow_schema(&self.connection, figures)?;
        self.is_watch_behind = true;
        self.list_schema()?;
        self.documents.forget();
        self.follow_up = FollowUp::default();
        Ok(())
    }

    /// Gives back the room of a journal that one large group made long.
    pub(crate) fn shorten_journal(&self) -> ViewResult<()> {
        file::shorten_journal(&self.connection)
    }

    fn run(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn restore(&mut self, fold: FoldState) {
        self.fold = fold;
        self.documents.forget_undecided();
        self.crowded.clear();
        self.follow_up = FollowUp::default();
        self.is_watch_behind = true;
        self.watch.capture().on = false;
    }

    /// This site is another author now.
    pub(crate) fn set_me(&mut self, me: Author) {
        assert!(!self.is_undecided, "what is written together has one author");
        self.me = me;
        self.is_watch_behind = true;
    }

    /// What watches over users' statements follows the tables, and who this site is: before one runs,
    /// for a log that is replayed changes both many times.
    fn refresh_watch(&mut self) {
        if std::mem::take(&mut self.is_watch_behind) {
            self.watch.follow(&self.fold.tables, self.fold.ordinal(&self.me));
        }
    }

    /// Makes all that is laid out follow what all schema ops come to.
    pub(crate) fn lay_out(&mut self) -> ViewResult<()> {
        self.lay_out_tables()?;
        self.fold.tables.lay_out_queries(&self.connection)
    }

    /// Makes tables and indices follow what all schema ops come to.
    pub(super) fn lay_out_tables(&mut self) -> ViewResult<()> {
        let FoldState { position, tables, figures, .. } = &mut self.fold;
        if tables.lay_out(&self.connection, figures, position.parked > 0)? {
            self.is_watch_behind = true;
            self.list_schema()?;
        }
        Ok(())
    }

    fn list_schema(&mut self) -> ViewResult<()> {
        let FoldState { tables, conflicts, .. } = &mut self.fold;
        conflicts.follow_schema((&self.connection, &mut self.effect), tables.schema.conflicts())
    }

    #[cfg(test)]
    pub(crate) fn limit_columns(&self, most: i32) {
        let _before = self.connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_COLUMN, most);
    }
}

/// What the writer asks of it.
impl View {
    /// Ends a user's statements.
    pub(crate) fn guard(&self) -> &Guard {
        &self.watch.guard
    }

    /// What this program knows of expressions.
    pub(crate) fn judge(&self) -> Judge {
        self.judge
    }

    /// Tables whose rows are not those that the view recorded, looking at few rows only.
    pub(crate) fn altered_tables(&self) -> Vec<String> {
        census::altered(&self.connection, &self.fold.tables, &self.fold.figures)
    }

    fn position(&self) -> &Position {
        &self.fold.position
    }

    /// An open conflict.
    pub(crate) fn conflict(&self, id: ConflictId) -> ViewResult<Option<Conflict>> {
        self.fold.conflicts.find(&self.connection, id)
    }

    /// The transactions recorded under an idempotency key, oldest first, each with the hash of its
    /// request.
    pub(crate) fn recorded_under(&self, key: &[u8; 32]) -> ViewResult<Vec<(Dot, [u8; 32])>> {
        let found = self.position().recorded_under(&self.connection, key)?.into_iter();
        Ok(found.map(|one| (one.by.dot(), one.request)).collect())
    }

    /// Arrival number of the first transaction that a vector does not cover.
    pub(crate) fn first_beyond(&self, vector: &VersionVector) -> ViewResult<Option<u64>> {
        self.position().first_beyond(&self.connection, vector)
    }

    /// Arrival number of a transaction.
    pub(crate) fn arrival_of(&self, dot: &Dot) -> ViewResult<Option<u64>> {
        self.position().arrival_of(&self.connection, dot)
    }

    /// The first half of a transaction's hash.
    pub(crate) fn prefix_of(&self, dot: &Dot) -> ViewResult<Option<Prefix>> {
        self.position().prefix_of(&self.connection, dot)
    }

    /// How another transaction names one that is held.
    pub(crate) fn reference(&self, dot: Dot) -> ViewResult<Option<Reference>> {
        Ok(self.prefix_of(&dot)?.map(|prefix| Reference { dot, prefix }))
    }

    /// The time of each author's last transaction.
    pub(crate) fn last_times(&self) -> ViewResult<Vec<i64>> {
        self.position().last_times(&self.connection)
    }

    /// Keeps how far sources of edits have come.
    pub(crate) fn put_offsets(&self, offsets: &Offsets) -> ViewResult<()> {
        self.position().put_offsets(&self.connection, offsets)
    }

    /// A number the view remembers.
    pub(crate) fn state(&self, name: &str) -> ViewResult<Option<i64>> {
        state::state(&self.connection, name)
    }

    /// Remembers a number.
    pub(crate) fn put_state(&self, name: &str, value: i64) -> ViewResult<()> {
        state::put_state(&self.connection, name, value)
    }
}
