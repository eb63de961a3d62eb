//! Numbers that a site gives one after the other, where a column says `DEFAULT (site_number('FAC-'))`:
//! `FAC-2-0001`, with the site's ordinal in the middle, so that no two sites give the same.
//!
//! Which were given follows from the log: from every value that a transaction writes to such a column,
//! also where it is not shown. So none is given twice after a restart, a view made anew, or a row
//! deleted; and a number that was never recorded may be given again.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, params};
use tandem_protocol::op::{Op, RowGroup};
use tandem_protocol::schema::ColumnId;
use tandem_protocol::value::Value;

use super::ViewResult;
use super::table::{NumberedColumn, ViewTable};
use super::tables::Tables;

/// One so much above all before it was not given here but typed, and is not gone on from.
const GAP: u64 = 1_000_000;

/// A column, and the ordinal of the site that counts in it.
pub(crate) type Place = (ColumnId, u16);

/// The greatest number given at each place.
#[derive(Clone, Default)]
pub(crate) struct Numbers {
    greatest: Arc<BTreeMap<Place, u64>>,
    /// Those that are to be written down.
    changed: Vec<Place>,
}

impl Numbers {
    pub(super) fn load(connection: &Connection) -> ViewResult<Self> {
        let mut statement = connection.prepare("SELECT col, ordinal, greatest FROM _tandem_numbers")?;
        let rows = statement
            .query_map([], |row| Ok(((ColumnId(row.get(0)?), row.get(1)?), row.get::<_, i64>(2)? as u64)))?;
        let greatest = Arc::new(rows.collect::<Result<_, _>>()?);
        Ok(Self { greatest, changed: Vec::new() })
    }

    /// The greatest number given at a place; 0 if none was.
    pub(crate) fn greatest(&self, place: Place) -> u64 {
        self.greatest.get(&place).copied().unwrap_or(0)
    }

    /// Takes note of the numbers that a transaction writes, whoever wrote it.
    pub(super) fn note(&mut self, tables: &Tables, ops: &[Op]) {
        for op in ops {
            if let Op::Rows(group) = op
                && let Some(table) = tables.by_id(&group.table_id)
            {
                for column in &table.numbered {
                    written(table, column, group).for_each(|value| self.saw(column, value));
                }
            }
        }
    }

    fn saw(&mut self, column: &NumberedColumn, value: &Value) {
        let Value::Text(text) = value else { return };
        let Some((ordinal, number)) = read(&column.prefix, text) else { return };
        let place = (column.id, ordinal);
        let before = self.greatest(place);
        if number > before && number - before <= GAP {
            Arc::make_mut(&mut self.greatest).insert(place, number);
            if !self.changed.contains(&place) {
                self.changed.push(place);
            }
            assert!(self.greatest(place) > before, "numbers that are given ascend");
        }
    }

    /// Writes down what changed.
    pub(super) fn save(&mut self, connection: &Connection) -> ViewResult<()> {
        for place in std::mem::take(&mut self.changed) {
            let sql = "INSERT INTO _tandem_numbers (col, ordinal, greatest) VALUES (?1, ?2, ?3)
                ON CONFLICT (col, ordinal) DO UPDATE SET greatest = excluded.greatest";
            let (column, ordinal) = place;
            let greatest = self.greatest(place) as i64;
            connection.prepare_cached(sql)?.execute(params![column.0, ordinal, greatest])?;
        }
        Ok(())
    }
}

/// What a group writes to a column, as a cell or in the key.
fn written<'g>(
    table: &ViewTable,
    column: &NumberedColumn,
    group: &'g RowGroup,
) -> impl Iterator<Item = &'g Value> + use<'g> {
    let in_key = table.key.iter().position(|at| *at == column.at).and_then(|place| group.keys.get(place));
    let place = group.columns.iter().position(|written| written.id == column.id);
    let in_cells = place.and_then(|place| group.cells.get(place));
    in_key.into_iter().chain(in_cells).flatten()
}

/// The numbers that the transaction at hand is given, beyond those in the log.
#[derive(Default)]
pub(crate) struct GivenNumbers {
    before: Numbers,
    given: BTreeMap<Place, u64>,
}

impl GivenNumbers {
    /// Begins a transaction: what one before it was given and did not record is free again.
    pub(super) fn begin(&mut self, numbers: &Numbers) {
        self.before = numbers.clone();
        self.given.clear();
    }

    /// The next number of a column, as it is written.
    pub(super) fn next(&mut self, column: ColumnId, prefix: &str, ordinal: u16) -> String {
        let place = (column, ordinal);
        let before = self.given.get(&place).copied().unwrap_or_else(|| self.before.greatest(place));
        let number = before.saturating_add(1);
        self.given.insert(place, number);
        written_number(prefix, ordinal, number)
    }

    /// Where numbers were given, and the greatest before them.
    pub(super) fn places(&self) -> Vec<(Place, u64)> {
        self.given.keys().map(|place| (*place, self.before.greatest(*place))).collect()
    }
}

fn written_number(prefix: &str, ordinal: u16, number: u64) -> String {
    format!("{prefix}{ordinal}-{number:04}")
}

/// The ordinal and the number of a text that a site could have given.
fn read(prefix: &str, text: &str) -> Option<(u16, u64)> {
    let (ordinal, number) = text.strip_prefix(prefix)?.split_once('-')?;
    let (ordinal, number) = (ordinal.parse().ok()?, number.parse().ok()?);
    // The one way to write it, and room to go on from it.
    let is_written = number < u64::from(u32::MAX) << 16 && written_number(prefix, ordinal, number) == text;
    is_written.then_some((ordinal, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_it_is_written_and_in_no_other_way() {
        for number in [1, 9999, 10_000, 123_456_789] {
            assert_eq!(read("FAC-", &written_number("FAC-", 2, number)), Some((2, number)));
        }
        assert_eq!(written_number("FAC-", 2, 1), "FAC-2-0001");
        assert_eq!(read("", "7-0012"), Some((7, 12)));
        for text in [
            "",
            "FAC-",
            "FAC-2",
            "FAC-2-",
            "FAC-2-1",
            "FAC-2-00001",
            "FAC-02-0001",
            "FAC-+2-0001",
            "fac-2-0001",
            "FAC-2-0001 ",
            "FAC-99999-0001",
            "FAC-2--001",
            "FAC-2-99999999999999999999",
        ] {
            assert_eq!(read("FAC-", text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_recorded_is_given_again_and_what_is_typed_far_away_is_not_followed() {
        let (id, prefix) = (ColumnId([7; 16]), "A-".to_owned());
        let column = NumberedColumn { at: 0, id, prefix };
        let (mut numbers, mut given) = (Numbers::default(), GivenNumbers::default());
        for _ in 0..2 {
            given.begin(&numbers);
            assert_eq!([given.next(id, "A-", 3), given.next(id, "A-", 3)], ["A-3-0001", "A-3-0002"]);
            assert_eq!(given.next(ColumnId([8; 16]), "A-", 3), "A-3-0001", "each column counts for itself");
        }
        for typed in ["A-3-0041", "A-3-99999999999", "A-4-0099", "B-3-0500", "A-3-0007"] {
            numbers.saw(&column, &Value::Text(typed.into()));
        }
        given.begin(&numbers);
        assert_eq!(given.next(id, "A-", 3), "A-3-0042");
        assert_eq!(given.places(), [((id, 3), 41)]);
    }
}
