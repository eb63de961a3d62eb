//! A story: tables, and what is done to them. Drawn from a seed without a look at what any of it
//! gives, so that parts of it can be left out.

use std::fmt;

use tandem_protocol::value::Value;

use super::features::Features;
use super::kind::Kind;
use super::query::query;
use super::sql::Sql;
use super::statement::{insert, insert_and_refer, statement};
use super::table::{Table, tables};
use super::values;
use crate::random::Random;

/// A story.
#[derive(Clone, Debug)]
pub struct Story {
    /// What it was drawn from.
    pub seed: u64,
    /// Whether it has REPLACE.
    pub replaces: bool,
    /// The tables.
    pub tables: Vec<Table>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Step {
    /// Statements that all take effect, or none.
    Transaction(Vec<Sql>),
    /// A question to a reader.
    Query(Sql),
}

/// What chance draws from.
pub struct Draw<'a> {
    /// The tables there are.
    pub tables: &'a [Table],
    /// What is played.
    pub features: &'a Features,
    /// Whether there is REPLACE.
    pub replaces: bool,
    /// Chance itself.
    pub random: &'a mut Random,
}

impl Draw<'_> {
    /// A value for a column of a kind.
    pub fn value(&mut self, kind: Kind) -> Value {
        let value = values::of(kind, self.random);
        if value == Value::Text(values::DIGITS.into()) && !self.features.has("digits") {
            return Value::Integer(1);
        }
        value
    }

    /// The place of a table in the list.
    pub fn place_of(&self, table: &Table) -> Option<usize> {
        self.tables.iter().position(|other| other.name == table.name)
    }
}

/// Statements of one story: few enough that a mismatch is found soon after it was made.
const STATEMENTS: usize = 60;

impl Story {
    /// The story of a seed.
    pub fn of_seed(seed: u64, features: &Features) -> Self {
        let mut random = Random::of_seed(seed ^ 0x6f72_6163_6c65);
        let replaces = random.one_in(2);
        let tables = tables(features, &mut random);
        let mut steps = Vec::new();
        let mut draw = Draw { tables: &tables, features, replaces, random: &mut random };
        let mut statements = 0;
        while statements < STATEMENTS {
            let step = step(&mut draw);
            statements += step.statements().len();
            steps.push(step);
        }
        Self { seed, replaces, tables, steps }
    }

    /// Whether ON DELETE does not do what SQLite makes of it: with REPLACE, and within one table, where
    /// SQLite does it row by row, so that it tells in which order the statement came by.
    pub fn carries_out(&self) -> bool {
        let own = |(place, table): (usize, &Table)| {
            let refers =
                |column: &super::table::Column| column.refers.is_some_and(|(target, _)| target == place);
            table.columns.iter().any(refers) || table.wide.as_ref().is_some_and(|wide| wide.target == place)
        };
        self.replaces || self.tables.iter().enumerate().any(own)
    }

    /// How many statements and queries it has.
    pub fn statements(&self) -> usize {
        self.steps.iter().map(|step| step.statements().len()).sum()
    }
}

fn step(draw: &mut Draw<'_>) -> Step {
    if draw.features.has("queries") && draw.random.one_in(4) {
        return Step::Query(query(draw));
    }
    if draw.features.has("ids")
        && draw.random.one_in(8)
        && let Some(pair) = insert_and_refer(draw)
    {
        return Step::Transaction(pair.into());
    }
    if draw.features.has("utf8") && draw.random.one_in(100) {
        return Step::Transaction(vec![not_utf8(draw)]);
    }
    let statements = match draw.random.below(8) {
        0..=3 => vec![statement(draw)],
        // Who refers to whom, in either order.
        4 => (0..draw.tables.len()).rev().map(|place| insert(place, draw)).collect(),
        5 => vec![statement(draw), question(draw), statement(draw)],
        _ => (0..2 + draw.random.below(3)).map(|_| statement(draw)).collect(),
    };
    Step::Transaction(statements)
}

/// A query that is not refused: it would end the transaction.
fn question(draw: &mut Draw<'_>) -> Sql {
    loop {
        let query = query(draw);
        if query.verb != "SELECT rowid" {
            return query;
        }
    }
}

/// A text that is none.
fn not_utf8(draw: &mut Draw<'_>) -> Sql {
    let texts = draw.tables.iter().find_map(|table| {
        let column =
            table.columns[table.key..].iter().find(|column| column.kind.is_text() && !column.unique)?;
        Some((table, column))
    });
    let Some((table, column)) = texts else { return statement(draw) };
    let mut sql = Sql::new("UPDATE to bytes");
    sql.both(&format!("UPDATE {} SET {} = CAST(x'61ff' AS TEXT)", table.name, column.name));
    for stamp in table.columns.iter().filter(|column| column.kind == Kind::Stamp) {
        sql.only_plain(&format!(", {} = '{}'", stamp.name, super::functions::NOW));
    }
    sql
}

impl Step {
    /// Its statements.
    pub fn statements(&self) -> &[Sql] {
        match self {
            Step::Transaction(statements) => statements,
            Step::Query(query) => std::slice::from_ref(query),
        }
    }
}

/// As it can be typed.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            f.write_str(&table.for_tandem())?;
        }
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, statements) = match self {
            Step::Transaction(statements) => ("transaction", statements.as_slice()),
            Step::Query(query) => ("query", std::slice::from_ref(query)),
        };
        writeln!(f, "{name}:")?;
        for sql in statements {
            write!(f, "  {};", sql.tandem)?;
            if !sql.params.is_empty() {
                write!(f, "  -- with {:?}", sql.params)?;
            }
            writeln!(f)?;
            if sql.plain != sql.tandem {
                writeln!(f, "  -- plain: {}", sql.plain)?;
            }
        }
        Ok(())
    }
}
