//! Integer keys that tandem makes: a counter, and the site's own number.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tandem_protocol::cause::Cause;
use tandem_protocol::schema::ColumnId;
use tandem_protocol::schema::expression::quoted;
use tandem_protocol::value::{Key, Value};

use super::ViewResult;
use super::figures::Figures;
use super::numbers::{GivenNumbers, Numbers};
use super::tables::Tables;

/// Ids are generated below this.
const GENERATED_BELOW: i64 = 1 << 52;
const ORDINALS: i64 = 1024;
/// A counter so much above all before it is no counter, but a number that somebody typed: the code
/// on a package, the number of a telephone.
const GAP: i64 = 1024;

/// Generates integer keys that are unique without coordination.
#[derive(Default)]
pub(crate) struct Ids {
    /// This site's ordinal; none before it is admitted.
    ordinal: Option<u16>,
    /// By the table's id, as text.
    tables: HashMap<String, TableIds>,
    /// Numbers that the transaction at hand is given.
    pub numbers: GivenNumbers,
    /// The key that the last statement to insert any gave its last new row; 0 where there is none.
    pub last: i64,
}

/// The ids of one table.
#[derive(Default)]
struct TableIds {
    /// The greatest counter of an id that was generated, here or elsewhere.
    counter: i64,
    /// Above it, ids with this site's ordinal that rows have, or had; `None`: to be looked for.
    taken: Option<BTreeSet<i64>>,
}

/// Why there is no next id.
#[derive(Debug, PartialEq)]
pub(super) enum NoId {
    /// This site has no ordinal yet.
    NotAdmitted,
    /// All that this site can give in this table are used.
    Exhausted,
}

impl From<&NoId> for Cause {
    fn from(none: &NoId) -> Self {
        Self::new(match none {
            NoId::NotAdmitted => "id_not_admitted",
            NoId::Exhausted => "id_exhausted",
        })
    }
}

impl Ids {
    pub(crate) fn set_ordinal(&mut self, ordinal: Option<u16>) {
        if self.ordinal != ordinal {
            self.ordinal = ordinal;
            self.tables.values_mut().for_each(|table| table.taken = None);
        }
    }

    /// Begins a transaction.
    pub(super) fn begin(&mut self, numbers: &Numbers) {
        self.last = 0;
        self.numbers.begin(numbers);
    }

    /// The next number of a column, as it is written.
    pub(super) fn number(&mut self, column: ColumnId, prefix: &str) -> Result<String, NoId> {
        let ordinal = self.ordinal.ok_or(NoId::NotAdmitted)?;
        Ok(self.numbers.next(column, prefix, ordinal))
    }

    /// Takes note of a key, generated or not, of this site or another.
    pub(crate) fn saw(&mut self, table: &str, id: i64) {
        let table = match self.tables.get_mut(table) {
            Some(table) => table,
            None => self.tables.entry(table.to_owned()).or_default(),
        };
        let ahead = id / ORDINALS - table.counter;
        if (1..=GAP).contains(&ahead) && id < GENERATED_BELOW {
            table.counter += ahead;
        } else if ahead > 0 && self.ordinal.is_some_and(|own| id % ORDINALS == i64::from(own)) {
            table.taken.iter_mut().for_each(|taken| {
                taken.insert(id);
            });
        }
    }

    /// The greatest counter of a table, as an id.
    pub(crate) fn greatest(&self, table: &str) -> i64 {
        self.tables.get(table).map_or(0, |table| table.counter * ORDINALS)
    }

    /// Forgets what a rolled back transaction saw; that ids are taken can be remembered.
    pub(crate) fn reset(&mut self, table: &str, greatest: i64) {
        self.tables.entry(table.to_owned()).or_default().counter = greatest / ORDINALS;
    }

    /// Above which id, and with which ordinal, the taken ids of a table are to be looked for.
    pub(crate) fn to_find(&self, table: &str) -> Option<(i64, u16)> {
        let known = self.tables.get(table).is_some_and(|table| table.taken.is_some());
        self.ordinal.filter(|_| !known).map(|ordinal| (self.greatest(table), ordinal))
    }

    /// Those that were found.
    pub(crate) fn found(&mut self, table: &str, taken: BTreeSet<i64>) {
        self.tables.entry(table.to_owned()).or_default().taken = Some(taken);
    }

    /// The next id: its counter is above all that were generated, this site's ordinal in its low
    /// bits, and no row ever had it.
    pub(super) fn next(&mut self, name: &str) -> Result<i64, NoId> {
        let ordinal = i64::from(self.ordinal.ok_or(NoId::NotAdmitted)?);
        let table = self.tables.entry(name.to_owned()).or_default();
        let is_taken = |id: &i64| table.taken.as_ref().is_some_and(|taken| taken.contains(id));
        let ids = (table.counter + 1..GENERATED_BELOW / ORDINALS).map(|counter| counter * ORDINALS + ordinal);
        let id = ids.into_iter().find(|id| !is_taken(id)).ok_or(NoId::Exhausted)?;
        assert!(id / ORDINALS > table.counter, "generated ids ascend");
        table.counter = id / ORDINALS;
        Ok(id)
    }
}

/// The writer's ids, shared with the functions of its connection.
pub(crate) type SharedIds = Arc<Mutex<Ids>>;

pub(crate) fn locked(ids: &SharedIds) -> MutexGuard<'_, Ids> {
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks for ids that rows have, or had, and that would be generated.
pub(super) fn find_taken(
    connection: &Connection,
    tables: &Tables,
    figures: &Figures,
    ids: &SharedIds,
) -> ViewResult<()> {
    for table in tables.all() {
        let Some(column) = table.generated_key() else { continue };
        let Some((above, ordinal)) = locked(ids).to_find(&table.id_text) else { continue };
        let (id, from) = (quoted(&column.name), quoted(&table.def.name));
        let sql = format!("SELECT {id} FROM {from} WHERE {id} > ?1 AND {id} % {ORDINALS} = ?2");
        let mut statement = connection.prepare_cached(&sql)?;
        let shown = statement.query_map(rusqlite::params![above, ordinal], |row| row.get::<_, i64>(0))?;
        let mut taken = shown.collect::<Result<BTreeSet<i64>, _>>()?;
        if figures.has_hidden(table.number) {
            let sql = "SELECT key FROM _tandem_rows WHERE tbl = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([table.number])?;
            while let Some(row) = rows.next()? {
                let key = Key::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default());
                if let Some(Value::Integer(id)) = key.ok().and_then(|key| key.0.into_iter().next())
                    && id > above
                    && id % ORDINALS == i64::from(ordinal)
                {
                    taken.insert(id);
                }
            }
        }
        locked(ids).found(&table.id_text, taken);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids() -> Ids {
        let mut ids = Ids::default();
        ids.set_ordinal(Some(7));
        ["t", "other"].iter().for_each(|table| ids.found(table, BTreeSet::new()));
        ids
    }

    #[test]
    fn generated_ids_carry_the_ordinal_and_never_repeat() {
        let mut ids = ids();
        assert_eq!(ids.next("t"), Ok(1024 + 7));
        assert_eq!(ids.next("t"), Ok(2048 + 7));
        ids.saw("t", 10 * 1024 + 3);
        assert_eq!(ids.next("t"), Ok(11 * 1024 + 7));
        assert_eq!(ids.next("other"), Ok(1024 + 7));
        assert_eq!(Ids::default().next("t"), Err(NoId::NotAdmitted));
    }

    #[test]
    fn numbers_that_somebody_typed_are_no_counters_and_are_not_given_again() {
        let mut ids = ids();
        for typed in [i64::MAX, i64::MIN, -1, (1 << 52) - 1, 1 << 52, 4_006_381_333_931, 612_345_678] {
            ids.saw("t", typed);
        }
        assert_eq!(ids.next("t"), Ok(1024 + 7));
        let typed = 2000 * 1024 + 7;
        ids.saw("t", typed);
        let given: Vec<i64> = (0..3000).map(|_| ids.next("t").unwrap()).collect();
        assert!(given.is_sorted() && !given.contains(&typed), "{typed} was given again");
        assert_eq!(given.last(), Some(&(3002 * 1024 + 7)));
    }

    #[test]
    fn a_table_whose_ids_are_used_up_gives_none() {
        let mut ids = ids();
        ids.reset("t", (1 << 52) - 2048);
        assert_eq!(ids.next("t"), Ok((1 << 52) - 1024 + 7));
        for _ in 0..2 {
            assert_eq!(ids.next("t"), Err(NoId::Exhausted));
        }
    }
}
