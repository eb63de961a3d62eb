//! Logs written by hand: authors with a letter each, and who has heard of what.

use std::collections::BTreeMap;

use tandem_protocol::chain::Branches;
use tandem_protocol::conflict::{Conflict, ConflictId, VersionContent};
use tandem_protocol::decimal::Decimal;
use tandem_protocol::identity::Author;
use tandem_protocol::op::{Action, CellColumn, Mode, Op, RowGroup, Settlement};
use tandem_protocol::request::{Asked, RequestKey};
use tandem_protocol::schema::{OpPlaces, Schema, ddl};
use tandem_protocol::transaction::{Header, Transaction};
use tandem_protocol::value::Value;
use tandem_protocol::version::{Dot, Head, Reference, VersionVector};

use crate::random::Random;
use crate::reference::{Expected, fold};

/// A cell as an op writes it.
pub type CellWrite = (&'static str, Mode, Value);

/// What is written as a plain number or text.
pub trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for i64 {
    fn into_value(self) -> Value {
        Value::Integer(self)
    }
}

impl IntoValue for &str {
    fn into_value(self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl IntoValue for Value {
    fn into_value(self) -> Value {
        self
    }
}

/// The new value of a column.
pub fn set(column: &'static str, value: impl IntoValue) -> CellWrite {
    (column, Mode::Set, value.into_value())
}

/// A number to add to a counter.
pub fn add(column: &'static str, value: impl IntoValue) -> CellWrite {
    (column, Mode::Delta, value.into_value())
}

/// A number of two decimals.
pub fn cents(mantissa: i64) -> Value {
    Value::Decimal(Decimal { mantissa: mantissa.into(), scale: 2 })
}

/// The author of that letter.
pub fn author(letter: char) -> Author {
    Author([letter as u8; 32])
}

/// A log, and what each author has heard of it. Time goes on by itself, one millisecond for each
/// transaction. What is set with [`TestLog::at`], [`TestLog::seeing`] and [`TestLog::requested`]
/// holds for the next transaction only.
pub struct TestLog {
    pub transactions: Vec<Transaction>,
    pub schema: Schema,
    places: OpPlaces,
    held: BTreeMap<Author, VersionVector>,
    /// What each author held when it wrote last.
    context: BTreeMap<Author, VersionVector>,
    clock: i64,
    time: Option<i64>,
    basis: Option<VersionVector>,
    key: Option<RequestKey>,
}

impl TestLog {
    /// Author `a` declares the schema, and has told `b`, `c` and `d`.
    pub fn new(sql: &str) -> Self {
        let mut log = Self {
            transactions: Vec::new(),
            schema: Schema::default(),
            places: OpPlaces::default(),
            held: BTreeMap::new(),
            context: BTreeMap::new(),
            clock: 1000,
            time: None,
            basis: None,
            key: None,
        };
        log.declare('a', sql);
        ['b', 'c', 'd'].into_iter().for_each(|to| log.tell('a', to));
        log
    }

    /// At what time the next transaction is written.
    pub fn at(&mut self, time_ms: i64) -> &mut Self {
        self.time = Some(time_ms);
        self
    }

    /// What the writer of the next transaction had seen.
    pub fn seeing(&mut self, basis: &VersionVector) -> &mut Self {
        self.basis = Some(basis.clone());
        self
    }

    /// The idempotency key of the next transaction.
    pub fn requested(&mut self, key: &str) -> &mut Self {
        let asked = Asked { basis: None, by: None, message: None };
        self.key = Some(RequestKey::new(key, std::iter::empty(), asked));
        self
    }

    pub fn insert(
        &mut self,
        by: char,
        table: &str,
        key: impl IntoValue,
        cells: impl IntoIterator<Item = CellWrite>,
    ) -> Dot {
        let op = self.row(Action::Insert, table, key, cells);
        self.write(by, vec![op])
    }

    pub fn update(
        &mut self,
        by: char,
        table: &str,
        key: impl IntoValue,
        cells: impl IntoIterator<Item = CellWrite>,
    ) -> Dot {
        let op = self.row(Action::Update, table, key, cells);
        self.write(by, vec![op])
    }

    pub fn delete(&mut self, by: char, table: &str, key: impl IntoValue) -> Dot {
        let op = self.row(Action::Delete, table, key, []);
        self.write(by, vec![op])
    }

    /// Declares what the SQL adds to what this author knows of (here: to everything declared).
    pub fn declare(&mut self, by: char, sql: &str) -> Dot {
        let ops = ddl::plan(sql, &self.schema).unwrap();
        self.write(by, ops.into_iter().map(Op::Schema).collect())
    }

    pub fn settle(&mut self, by: char, conflict: ConflictId, looked_at: &[Dot]) -> Dot {
        let looked_at = looked_at.iter().map(|dot| Reference { dot: *dot, prefix: [0; 16] }).collect();
        self.write(by, vec![Op::Settle(Settlement { conflict, looked_at })])
    }

    /// An op on one row. Columns are named by their shown definition.
    pub fn row(
        &self,
        action: Action,
        table: &str,
        key: impl IntoValue,
        cells: impl IntoIterator<Item = CellWrite>,
    ) -> Op {
        let declared = self.schema.table(table).unwrap();
        let (columns, cells) = cells
            .into_iter()
            .map(|(name, mode, value)| {
                let id = declared.shown.column(name).unwrap().id();
                (CellColumn { name: name.to_owned(), id, mode }, vec![value])
            })
            .unzip();
        Op::Rows(RowGroup {
            table: table.to_owned(),
            table_id: declared.id(),
            action,
            columns,
            keys: vec![vec![key.into_value()]],
            cells,
            times: Vec::new(),
        })
    }

    /// Records a transaction of that author.
    pub fn write(&mut self, by: char, ops: Vec<Op>) -> Dot {
        let by = author(by);
        self.clock += 1;
        let held = self.held.entry(by).or_default();
        let dot = Dot::new(by, held.seq(by) + 1);
        let context = self.context.entry(by).or_default();
        let growth = held.growth_since(context).without(&by);
        *context = held.clone();
        held.advance(by, Head { seq: dot.seq, prefix: [0; 16] }, &Branches::NONE);
        let header = Header {
            dot,
            time_ms: self.time.take().unwrap_or(self.clock),
            context: growth,
            basis: self.basis.take(),
            key: self.key.take(),
            by: None,
            message: None,
        };
        self.schema.note_writes(&ops, by, &self.places.known(&header, context));
        for (place, op) in ops.iter().enumerate() {
            if let Op::Schema(op) = op {
                let at = self.places.of(&header, context, place as u32);
                self.places.note(at);
                self.schema.add(at, op);
            }
        }
        self.schema.rejudge();
        self.transactions.push(Transaction { header, ops });
        dot
    }

    /// What that author holds.
    pub fn held(&self, by: char) -> VersionVector {
        self.held.get(&author(by)).cloned().unwrap_or_default()
    }

    /// Gives all that one holds to another.
    pub fn tell(&mut self, from: char, to: char) {
        let held = self.held(from);
        self.held.entry(author(to)).or_default().join(&held);
    }

    /// Gives all that is held to all.
    pub fn tell_all(&mut self) {
        let mut all = VersionVector::default();
        self.held.values().for_each(|held| all.join(held));
        self.held.values_mut().for_each(|held| held.join(&all));
    }

    /// What the log means; and it means the same in any order, and with parts given twice.
    pub fn fold(&self) -> Expected {
        let expected = fold(&self.transactions);
        let mut random = Random::of_seed(1);
        for _ in 0..4 {
            let mut shuffled = self.transactions.clone();
            shuffled.extend(self.transactions.iter().filter(|_| random.one_in(3)).cloned());
            for at in (1..shuffled.len()).rev() {
                shuffled.swap(at, usize::try_from(random.below(at as u64 + 1)).unwrap());
            }
            assert_eq!(fold(&shuffled), expected);
        }
        expected
    }

    /// The rows of a table, as text.
    pub fn shown(&self, table: &str) -> Vec<String> {
        let expected = self.fold();
        let text = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
        expected.tables[table].iter().map(text).collect()
    }

    /// The open conflicts as text, in its order: `register items(1).name: c=late b=early`.
    pub fn conflicts(&self) -> Vec<String> {
        let mut conflicts: Vec<String> = self.fold().conflicts.iter().map(text).collect();
        conflicts.sort();
        conflicts
    }

    /// The conflict that is open, and no other.
    pub fn conflict(&self) -> Conflict {
        let [conflict] = self.fold().conflicts.try_into().unwrap();
        conflict
    }
}

fn text(conflict: &Conflict) -> String {
    let key = conflict.key_values().iter().map(Value::to_string).collect::<Vec<_>>().join(",");
    let columns: String = conflict.columns.iter().map(|column| format!(".{column}")).collect();
    let versions: String = conflict
        .versions
        .iter()
        .map(|version| {
            let held = match &version.held {
                VersionContent::Value { column, value } if *column == conflict.columns[0] => {
                    value.value().unwrap().to_string()
                }
                VersionContent::Value { column, value } => format!("{column}:{}", value.value().unwrap()),
                VersionContent::Alive => "alive".to_owned(),
                VersionContent::Deleted => "deleted".to_owned(),
                VersionContent::Row(key) => {
                    let key = tandem_protocol::value::Key::from_bytes(key).unwrap();
                    key.0.iter().map(Value::to_string).collect::<Vec<_>>().join(",")
                }
                VersionContent::Definition(sql) => sql.clone(),
                VersionContent::Transaction => version.by.seq.to_string(),
            };
            format!(" {}={held}", char::from(version.by.author.0[0]))
        })
        .collect();
    format!("{} {}({key}){columns}:{versions}", conflict.kind.name(), conflict.table)
}
