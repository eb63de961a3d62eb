//! Every two writes of one cell, however they know of each other, whatever their clocks say, in
//! every order in which they can arrive.

use super::history::{KEY, Replica, Write, header, table, vector};
use super::rules::{self, Before, Counts, Effect, Side, effect};
use super::writers::{Kind, Writer, write};
use crate::conflict::{Conflict, ConflictKind, VersionContent};
use crate::schema::{ColumnDef, Constant, MergeKind, TableDef};
use crate::value::Value;
use crate::version::{Dot, VersionVector};

const SCHEMA: &str =
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'new', stock COUNTER DEFAULT 0,
    paid COUNTER(9,2), changed STAMP, who QUIET, note RICHTEXT, data JSON)";

/// How the second write knows the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// Neither has heard of the other.
    Apart,
    /// The second has seen the first.
    Informed,
    /// Its site holds the first, but the form was opened before.
    OldForm,
    /// By the same site, that has seen its own first.
    SameSite,
    /// By the same site, in a form opened before its own first.
    SameSiteOldForm,
}

use Relation::{Apart, Informed, OldForm, SameSite, SameSiteOldForm};

const RELATIONS: [Relation; 5] = [Apart, Informed, OldForm, SameSite, SameSiteOldForm];

/// What is there before the two write, known to both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Nothing,
    Row,
    DeletedRow,
}

const OLD: u8 = 9;

fn start_value(column: &ColumnDef) -> Value {
    match column.kind.merge_kind() {
        MergeKind::Counter => crate::merge::in_units(column.kind, 20.into()),
        MergeKind::Stamp => Value::Text("2024-01-01 08:00:00".into()),
        MergeKind::Document if column.name == "data" => Value::Text(r#"{"old":1}"#.into()),
        _ => Value::Text("old".into()),
    }
}

/// The writes that made the start, and what it shows.
fn start(start: Start, place: (&TableDef, &ColumnDef)) -> (Vec<Write>, Before) {
    let (table, column) = place;
    let kinds: &[Kind] = match (start, column.kind.merge_kind()) {
        (Start::Nothing, _) => &[],
        (Start::Row, MergeKind::Counter) => &[Kind::Insert, Kind::Add],
        (Start::Row, _) => &[Kind::Insert],
        (Start::DeletedRow, _) => &[Kind::Insert, Kind::Delete],
    };
    let mut writes = Vec::new();
    for (kind, seq) in kinds.iter().zip(1..) {
        let what = (*kind, Writer::First, &start_value(column));
        writes.push(write(place, what, &Replica::of(table, &writes), header(OLD, seq, 5)).unwrap());
    }
    let added = if kinds.contains(&Kind::Add) { Writer::First.addition() } else { 0i128 };
    let shown = match (start, column.kind.merge_kind()) {
        (Start::Nothing, _) => column.unwritten(),
        (_, MergeKind::Counter) => crate::merge::in_units(column.kind, (20 + added).into()),
        _ => start_value(column),
    };
    (writes, Before { shown })
}

/// One pair.
#[derive(Debug)]
struct Case {
    start: Start,
    kinds: [Kind; 2],
    relation: Relation,
    /// Whether both set the same value.
    equal: bool,
    /// Times of the two.
    times: [i64; 2],
    authors: [u8; 2],
}

impl Case {
    fn informed(&self) -> bool {
        matches!(self.relation, Informed | SameSite)
    }

    /// The two writes; `None`: they cannot be written so.
    fn writes(
        &self,
        place: (&TableDef, &ColumnDef),
        start: &[Write],
        values: &[Value; 2],
    ) -> Option<[Write; 2]> {
        let same = matches!(self.relation, SameSite | SameSiteOldForm);
        if self.relation == SameSiteOldForm && self.kinds == [Kind::Edit, Kind::Edit] {
            return None; // An author's edits of a document follow each other.
        }
        let old: Vec<Dot> = start.iter().map(|write| write.header.dot).collect();
        let seen: VersionVector = vector(old.iter().copied());
        let mut replica = Replica::of(place.0, start);
        let mut one = header(self.authors[0], 1, self.times[0]);
        one.context = seen.clone();
        let first = write(place, (self.kinds[0], Writer::First, &values[0]), &replica, one)?;
        let mut two = match same {
            true => header(self.authors[0], 2, self.times[1]),
            false => header(self.authors[1], 1, self.times[1]),
        };
        two.context = seen.clone();
        if !same && self.relation != Apart {
            two.context = vector(old.into_iter().chain([first.header.dot]));
        }
        if matches!(self.relation, OldForm | SameSiteOldForm) {
            two.basis = Some(seen);
        }
        if self.informed() {
            replica.take(place.0, &first);
        }
        let second = write(place, (self.kinds[1], Writer::Second, &values[1]), &replica, two)?;
        assert_eq!((second.knows(&first), first.knows(&second)), (self.informed(), false));
        Some([first, second])
    }

    fn check(&self, place: (&TableDef, &ColumnDef)) -> Option<()> {
        let (table, column) = place;
        let (start, before) = start(self.start, place);
        let one = Writer::First.value(column.kind);
        let two = if self.equal { one.clone() } else { Writer::Second.value(column.kind) };
        let values = [one, two];
        let writes = self.writes(place, &start, &values)?;
        let ids = [writes[0].by(), writes[1].by()];
        let greater = usize::from(
            (ids[1].time_ms, ids[1].author, ids[1].seq) > (ids[0].time_ms, ids[0].author, ids[0].seq),
        );
        assert_eq!([ids[0].time_ms, ids[1].time_ms], self.times, "its own time is what counts");

        let [first, second] = self.kinds.map(effect);
        let cell = rules::of_cell(first, second, self.informed());
        let life = rules::of_life(self.kinds[0], self.kinds[1], self.informed());
        let side = |at: usize| Side {
            kind: self.kinds[at],
            writer: if at == 0 { Writer::First } else { Writer::Second },
            value: &values[at],
        };
        let shown = rules::shown(column, &before, cell, [side(0), side(1)], greater);
        let counts = match life {
            Counts::OnlySecond => 1,
            Counts::Greater => greater,
            _ => 0,
        };
        let alive = self.kinds[counts] != Kind::Delete;
        let alike = self.equal && first == Effect::Sets && second == Effect::Sets
            || first == Effect::Empties && second == Effect::Empties;
        let tells = !matches!(column.kind.merge_kind(), MergeKind::Stamp | MergeKind::Quiet);
        let mut listed = Vec::new();
        if life == Counts::Greater {
            listed.push(ConflictKind::Deleted);
        }
        if alive && cell == Counts::Greater && tells && !alike {
            listed.push(ConflictKind::Register);
        }

        let orders: &[[usize; 2]] = if self.relation == Apart { &[[0, 1], [1, 0]] } else { &[[0, 1]] };
        let mut states = Vec::new();
        for order in orders {
            let site = Replica::of(table, start.iter().chain(order.iter().map(|at| &writes[*at])));
            assert_eq!(site.state.is_alive(), alive, "the row");
            assert_eq!(site.shown(table, column), shown, "the cell");
            let conflicts = site.conflicts(table, alive);
            assert_eq!(conflicts.iter().map(|one| one.kind).collect::<Vec<_>>(), listed, "conflicts");
            let of_both = [ids[greater], ids[1 - greater]];
            conflicts.iter().for_each(|conflict| self.check_conflict(column, conflict, of_both, &shown));
            states.push((site.state, conflicts));
        }
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "either order");
        Some(())
    }

    /// It names both writes, the greater first; and the first is what is shown.
    fn check_conflict(
        &self,
        column: &ColumnDef,
        found: &Conflict,
        by: [super::super::WriteId; 2],
        shown: &Value,
    ) {
        assert_eq!(found.versions.iter().map(|version| version.by).collect::<Vec<_>>(), by);
        assert_eq!((found.table.as_str(), found.key.as_slice()), ("t", KEY));
        if found.kind == ConflictKind::Register {
            assert_eq!(found.columns, [column.name.as_str()]);
            let held = VersionContent::Value { column: column.name.clone(), value: Constant::new(shown) };
            assert_eq!(found.versions[0].held, held);
        }
    }
}

fn check_column(name: &str) -> usize {
    let table = table(SCHEMA);
    let column = table.column(name).unwrap();
    let mut checked = 0;
    for first in Kind::of(column) {
        for second in Kind::of(column) {
            let both_set = [first, second].map(effect) == [Effect::Sets, Effect::Sets];
            for start in [Start::Nothing, Start::Row, Start::DeletedRow] {
                for relation in RELATIONS {
                    for equal in if both_set { vec![false, true] } else { vec![false] } {
                        for (time, authors) in [(90, [1, 2]), (100, [1, 2]), (100, [2, 1]), (110, [2, 1])] {
                            let kinds = [first, second];
                            let case = Case { start, kinds, relation, equal, times: [100, time], authors };
                            let told = format!("{case:?}");
                            let outcome = std::panic::catch_unwind(|| case.check((&table, column)));
                            let outcome = outcome.unwrap_or_else(|_| panic!("column {name}, {told}"));
                            checked += usize::from(outcome.is_some());
                        }
                    }
                }
            }
        }
    }
    checked
}

#[test]
fn every_pair_of_writes_of_a_register() {
    assert!(check_column("name") > 2000);
}

#[test]
fn every_pair_of_writes_of_a_counter() {
    assert!(check_column("stock") > 2000);
    assert!(check_column("paid") > 2000);
}

#[test]
fn every_pair_of_writes_of_a_time_of_last_change_and_of_its_author() {
    assert!(check_column("changed") > 2000);
    assert!(check_column("who") > 2000);
}

#[test]
fn every_pair_of_writes_of_a_text_document() {
    assert!(check_column("note") > 3000);
}

#[test]
fn every_pair_of_writes_of_a_json_document() {
    assert!(check_column("data") > 3000);
}
