//! In which order tables are declared and filled: none before those that it refers to. Tables that refer to
//! each other in a circle have no order, and stand together.

use super::definition::TableDef;

/// In which order tables are filled. A table whose rows refer to others of it is a circle of one.
pub struct TableOrder {
    /// Of each table its place. Tables that refer to each other in a circle have the same.
    places: Vec<usize>,
    /// Of each place, whether the rows of its tables may refer to each other.
    circles: Vec<bool>,
}

impl TableOrder {
    /// Of so many tables, each of which refers to these. Of several that could come next, the first does.
    pub fn of(count: usize, targets: &dyn Fn(usize) -> Vec<usize>) -> Self {
        let targets: Vec<Vec<usize>> = (0..count).map(targets).collect();
        let mut referring = vec![Vec::new(); count];
        for (table, targets) in targets.iter().enumerate() {
            targets.iter().for_each(|target| referring[*target].push(table));
        }
        // Kosaraju's way: behind whatever refers to it, then turned around.
        let (mut left, mut is_seen) = (Vec::with_capacity(count), vec![false; count]);
        (0..count).rev().for_each(|table| walk(table, &referring, &mut is_seen, &mut left));
        let (mut places, mut circles) = (vec![0; count], Vec::new());
        is_seen.fill(false);
        for first in left.into_iter().rev() {
            let mut circle = Vec::new();
            walk(first, &targets, &mut is_seen, &mut circle);
            if circle.is_empty() {
                continue;
            }
            circle.iter().for_each(|table| places[*table] = circles.len());
            circles.push(circle.len() > 1 || targets[first].contains(&first));
        }
        Self { places, circles }
    }

    /// Of these tables, as far as they refer to each other.
    pub fn of_tables(tables: &[&TableDef]) -> Self {
        Self::of(tables.len(), &|table| {
            let references = tables[table].references.iter();
            let place = |id| tables.iter().position(|table| table.id == id);
            references.filter_map(|reference| place(reference.table_id)).collect()
        })
    }

    /// How many places there are.
    pub fn places(&self) -> usize {
        self.circles.len()
    }

    /// The place of a table.
    pub fn place(&self, table: usize) -> usize {
        self.places[table]
    }

    /// Whether the rows of that place may refer to each other.
    pub fn is_circle(&self, place: usize) -> bool {
        self.circles[place]
    }

    /// The sum over the tables of a place.
    pub fn sum(&self, place: usize, of: &[u64]) -> u64 {
        assert_eq!(self.places.len(), of.len(), "there is a number for each table");
        let of_place = self.places.iter().zip(of).filter(|(at, _)| **at == place);
        of_place.map(|(_, count)| count).sum()
    }
}

/// Goes from a table to all that are reached from it and were not seen before, and names each when all behind
/// it are named. It keeps its own way back, for a chain of tables may be long.
fn walk(from: usize, next: &[Vec<usize>], is_seen: &mut [bool], named: &mut Vec<usize>) {
    let mut open = vec![(from, false)];
    while let Some((table, is_left)) = open.pop() {
        if is_left {
            named.push(table);
        } else if !std::mem::replace(&mut is_seen[table], true) {
            open.push((table, true));
            open.extend(next[table].iter().rev().map(|next| (*next, false)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(targets: &[&[usize]]) -> TableOrder {
        TableOrder::of(targets.len(), &|table| targets[table].to_vec())
    }

    #[test]
    fn tables_come_behind_those_that_they_refer_to_and_circles_together() {
        // 0 → 2 → 1 → 1, 3 ⇄ 4, 5 → 3.
        let order = order(&[&[1, 2], &[1], &[1], &[4], &[3], &[3]]);
        let place = |table: usize| order.place(table);
        assert!(place(1) < place(2) && place(2) < place(0), "{:?}", order.places);
        assert!(place(3) == place(4) && place(4) < place(5), "{:?}", order.places);
        let circles: Vec<bool> = (0..6).map(|table| order.is_circle(place(table))).collect();
        assert_eq!(circles, [false, true, false, true, true, false]);
        assert_eq!((order.places(), order.sum(place(3), &[1, 2, 4, 8, 16, 32])), (5, 24));
    }

    #[test]
    fn what_refers_to_nothing_stays_in_its_order() {
        assert_eq!(order(&[&[], &[0], &[], &[2]]).places, [0, 1, 2, 3]);
        assert_eq!(order(&[&[2], &[], &[]]).places, [2, 0, 1]);
    }

    /// Whatever refers to whatever: as each pair of tables says by itself.
    #[test]
    fn two_tables_share_a_place_if_and_only_if_each_is_reached_from_the_other() {
        let count = 4;
        for edges in 0..1_u32 << (count * count) {
            let refers = |from: usize, to: usize| edges >> (from * count + to) & 1 == 1;
            let order = TableOrder::of(count, &|table| (0..count).filter(|to| refers(table, *to)).collect());
            let at = |from: usize, to: usize| from * count + to;
            let mut reached: Vec<bool> = (0..count * count).map(|bit| edges >> bit & 1 == 1).collect();
            for by in 0..count {
                for from in 0..count {
                    (0..count)
                        .for_each(|to| reached[at(from, to)] |= reached[at(from, by)] && reached[at(by, to)]);
                }
            }
            let reaches = |from: usize, to: usize| reached[at(from, to)];
            for one in 0..count {
                for other in 0..count {
                    let are_one = one == other || reaches(one, other) && reaches(other, one);
                    assert_eq!(order.place(one) == order.place(other), are_one, "{edges:b}");
                    let is_behind = !reaches(one, other) || order.place(other) <= order.place(one);
                    assert!(is_behind, "{edges:b}");
                }
                assert_eq!(order.is_circle(order.place(one)), reaches(one, one), "{edges:b}");
            }
        }
    }
}
