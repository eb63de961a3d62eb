//! Rows of a dump, put into the order in which its tables are filled ([`TableOrder`]): the file has them in an
//! order of its own.

use tandem_protocol::schema::TableOrder;

/// Bytes of rows that are kept until their turn comes; those beyond are read once more.
const KEPT: usize = 64 << 20;

/// Rows that come as a file has them and go on in the order of their tables. Most files need one pass; where
/// more would have to be kept than fits, what was let go is met again in the next.
pub struct Sorting<'a, R> {
    order: &'a TableOrder,
    /// Of each place, the rows that have not gone on.
    left: Vec<u64>,
    /// Of each place, the rows that wait for it.
    waiting: Vec<Vec<(usize, R, usize)>>,
    kept: usize,
    /// Of each table, the rows that were counted.
    rows: Vec<u64>,
    /// Of each table, the rows that went on or wait.
    had: Vec<u64>,
    /// Of each table, the rows met in this pass.
    met: Vec<u64>,
    /// Of each table, whether a row was let go in this pass: then all behind it are.
    is_cut: Vec<bool>,
    /// The place whose rows go on.
    now: usize,
    room: usize,
}

impl<'a, R> Sorting<'a, R> {
    /// Of tables with so many rows.
    pub fn new(order: &'a TableOrder, rows: &[u64]) -> Self {
        let (places, tables) = (order.places(), rows.len());
        let mut sorting = Self {
            order,
            left: (0..places).map(|place| order.sum(place, rows)).collect(),
            waiting: (0..places).map(|_| Vec::new()).collect(),
            kept: 0,
            rows: rows.to_vec(),
            had: vec![0; tables],
            met: vec![0; tables],
            is_cut: vec![false; tables],
            now: 0,
            room: KEPT,
        };
        sorting.pass_empty();
        sorting
    }

    /// Whether every row went on.
    pub fn is_done(&self) -> bool {
        self.now == self.left.len()
    }

    /// The file is read from its beginning.
    pub fn begin_pass(&mut self) {
        self.met.fill(0);
        self.is_cut.fill(false);
    }

    /// Whether a pass met the rows that were counted. If not, the file has changed since.
    pub fn met_all(&self) -> bool {
        self.met == self.rows
    }

    /// Takes a row of so many bytes, and gives on what has its turn.
    pub fn take<E>(
        &mut self,
        (table, row, bytes): (usize, R, usize),
        give: &mut dyn FnMut(usize, R) -> Result<(), E>,
    ) -> Result<(), E> {
        let place = self.order.place(table);
        self.met[table] += 1;
        let is_known = self.met[table] <= self.had[table];
        if self.met[table] > self.rows[table] {
            return Ok(());
        }
        self.is_cut[table] |= !is_known && place != self.now && self.kept + bytes > self.room;
        if is_known || self.is_cut[table] {
            return Ok(());
        }
        self.had[table] += 1;
        if place != self.now {
            assert!(place > self.now, "a place is left when all its rows have gone on");
            self.kept += bytes;
            self.waiting[place].push((table, row, bytes));
            return Ok(());
        }
        give(table, row)?;
        self.left[place] -= 1;
        self.pass_empty();
        while !self.is_done() && !self.waiting[self.now].is_empty() {
            let waiting = std::mem::take(&mut self.waiting[self.now]);
            self.left[self.now] -= waiting.len() as u64;
            for (table, row, bytes) in waiting {
                self.kept -= bytes;
                give(table, row)?;
            }
            self.pass_empty();
        }
        Ok(())
    }

    /// Goes on to the next place with rows.
    fn pass_empty(&mut self) {
        while self.left.get(self.now) == Some(&0) {
            self.now += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// c → b → a → a, x ⇄ y, z → x.
    fn order() -> TableOrder {
        let targets = [vec![1, 2], vec![1], vec![1], vec![4], vec![3], vec![3]];
        TableOrder::of(6, &|table| targets[table].clone())
    }

    #[test]
    fn every_row_goes_on_once_in_the_order_of_its_table_however_little_can_be_kept() {
        let order = order();
        let file = [5, 0, 3, 2, 1, 4, 0, 5, 1, 2, 3, 0, 1, 5];
        let mut rows = [0; 6];
        file.iter().for_each(|table| rows[*table] += 1);
        for room in [0, 1, 2, 3, 5, 100] {
            let mut sorting = Sorting::new(&order, &rows);
            sorting.room = room;
            let (mut given, mut passes) = (Vec::new(), 0);
            while !sorting.is_done() {
                passes += 1;
                assert!(passes <= order.places(), "each pass ends one place at least");
                sorting.begin_pass();
                for (at, table) in file.iter().enumerate() {
                    let mut give = |table: usize, at: usize| -> Result<(), ()> {
                        given.push((table, at));
                        Ok(())
                    };
                    sorting.take((*table, at, 1), &mut give).unwrap();
                }
                assert!(sorting.met_all());
            }
            let places: Vec<usize> = given.iter().map(|(table, _)| order.place(*table)).collect();
            assert!(places.is_sorted(), "{room}: {places:?}");
            let of_table = |of: usize, rows: &[(usize, usize)]| {
                rows.iter().copied().filter(|(table, _)| *table == of).collect::<Vec<_>>()
            };
            let expected: Vec<(usize, usize)> =
                file.iter().enumerate().map(|(at, table)| (*table, at)).collect();
            (0..6)
                .for_each(|table| assert_eq!(of_table(table, &given), of_table(table, &expected), "{room}"));
            assert!(room < 100 || passes == 1, "{passes}");
        }
    }

    #[test]
    fn rows_that_come_or_go_while_the_file_is_read_are_noticed() {
        let order = order();
        let rows = [1, 1, 0, 0, 0, 0];
        for file in [&[1][..], &[0, 1, 1], &[1, 0, 0], &[1, 0, 5]] {
            let mut sorting = Sorting::new(&order, &rows);
            sorting.begin_pass();
            for table in file {
                sorting.take((*table, (), 1), &mut |_, ()| Ok::<(), ()>(())).unwrap();
            }
            assert!(!sorting.met_all(), "{file:?}");
        }
    }
}
