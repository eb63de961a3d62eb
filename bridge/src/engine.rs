//! What a database must be able to do, to stand beside a space.

use tandem_protocol::value::Key;

use crate::error::BridgeError;
use crate::held::Row;
use crate::paired::PairedTable;

/// The outcome of a step with a database.
pub(crate) type Outcome<T = ()> = Result<T, BridgeError>;

/// What a database keeps about its attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// Which attachment it is: drawn by chance when it was made.
    pub incarnation: String,
    /// What was last applied: the number of a basis in the mirror.
    pub applied: i64,
    /// How many cycles there were.
    pub cycles: i64,
}

/// A transaction of the application, in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// What names it among those of this attachment.
    pub token: String,
    /// The smallest number of what was applied that it saw.
    pub seen: i64,
    /// Its entries in the outbox, in their order.
    pub entries: Vec<i64>,
}

/// An entry of the outbox: how one row changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Its number.
    pub seq: i64,
    /// The place of its table.
    pub table: usize,
    /// The row before, if there was one.
    pub old: Option<Row>,
    /// The row after, if there is one.
    pub new: Option<Row>,
}

/// A database beside. All but [`Engine::begin`] and what asks for its state runs in a transaction of it.
pub(crate) trait Engine {
    /// Begins a transaction that sees what others commit meanwhile.
    fn begin(&mut self) -> Outcome;
    /// Lets the triggers tell what this transaction changes from what the application does.
    fn mark(&mut self) -> Outcome;
    /// Commits it.
    fn commit(&mut self) -> Outcome;
    /// Takes it back.
    fn rollback(&mut self) -> Outcome;
    /// Begins a part of it that can be taken back alone.
    fn save(&mut self) -> Outcome;
    /// Keeps the part: whatever rule it breaks is told now.
    fn keep(&mut self) -> Outcome;
    /// Takes the part back.
    fn undo(&mut self) -> Outcome;

    /// What it keeps about its attachment; none, where it has none.
    fn installed(&mut self) -> Outcome<Option<Installed>>;
    /// Puts the outbox and the triggers there, and lets nobody write to the tables until the commit.
    fn install(&mut self, tables: &[PairedTable], incarnation: &str) -> Outcome;
    /// Puts triggers that are gone there again; the places of the tables that lacked one.
    fn reinstall(&mut self, tables: &[PairedTable]) -> Outcome<Vec<usize>>;
    /// Lets nobody write to the tables until the commit.
    fn close_tables(&mut self, tables: &[PairedTable]) -> Outcome;
    /// Puts the triggers on a table that had none.
    fn capture(&mut self, table: &PairedTable) -> Outcome;
    /// What tells whether tables or columns changed.
    fn layout(&mut self) -> Outcome<String>;
    /// Takes everything away that was installed.
    fn uninstall(&mut self, tables: &[PairedTable]) -> Outcome;
    /// Lets ids that the database makes fall on the site's own, above `floor` and all that are there.
    fn own_ids(&mut self, table: &PairedTable, ordinal: u16, floor: i64) -> Outcome;
    /// Gives rows other ids, of which each is told beside the one that it has; what refers to them follows.
    fn renumber(&mut self, table: &PairedTable, ids: &[(i64, i64)]) -> Outcome;

    /// Whether something is in the outbox.
    fn has_pending(&mut self) -> Outcome<bool>;
    /// The first transactions in the outbox, of so many entries, and at least one; and whether these are all.
    fn pending(&mut self, most: usize) -> Outcome<(Vec<Pending>, bool)>;
    /// What these entries say.
    fn entries(&mut self, tables: &[PairedTable], numbers: &[i64]) -> Outcome<Vec<Entry>>;
    /// Removes entries from the outbox.
    fn forget(&mut self, numbers: &[i64]) -> Outcome;
    /// The rows that this transaction changed, directly or by rules of the database; they leave the outbox.
    fn touched(&mut self, tables: &[PairedTable]) -> Outcome<Vec<(usize, Key)>>;

    /// Locks rows against everybody else, and reads them; the keys of those that somebody else holds.
    fn lock(&mut self, table: &PairedTable, keys: &[Key]) -> Outcome<(Vec<Row>, Vec<Key>)>;
    /// Gives all rows of a table.
    fn rows(&mut self, table: &PairedTable, take: &mut dyn FnMut(Row) -> Outcome) -> Outcome;
    /// Inserts a row; how it stands there then.
    fn insert(&mut self, table: &PairedTable, row: &Row) -> Outcome<Option<Row>>;
    /// Changes these columns of a row to what `row` has; how it stands there then.
    fn update(
        &mut self,
        table: &PairedTable,
        key: &Key,
        columns: &[usize],
        row: &Row,
    ) -> Outcome<Option<Row>>;
    /// Deletes a row.
    fn delete(&mut self, table: &PairedTable, key: &Key) -> Outcome;
    /// Counts this cycle; how many there were.
    fn count_cycle(&mut self) -> Outcome<i64>;
    /// Notes what was applied.
    fn advance(&mut self, applied: i64) -> Outcome;
}
