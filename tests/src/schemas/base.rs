//! What all sites have before they part: mostly little; now and then one less of something than a
//! bound allows, so that what two sites add apart is one too many.

use tandem_protocol::bounds;

use super::names::name;
use super::{expressions, views};
use crate::random::Random;

/// Of what there is one less than a bound allows, if of anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    Plain,
    Checks,
    Uniques,
    Indices,
    Columns,
    Tables,
    Views,
}

/// Columns whose pairs make as many rules as there may be.
const PAIRED: usize = 12;

impl Base {
    pub fn draw(random: &mut Random) -> Self {
        match random.below(300) {
            0..20 => Self::Checks,
            20..40 => Self::Uniques,
            40..60 => Self::Indices,
            60..64 => Self::Columns,
            64 => Self::Tables,
            65..69 => Self::Views,
            _ => Self::Plain,
        }
    }

    /// Its tables.
    pub fn sql(self) -> String {
        let room = bounds::RULES - 1;
        let pairs =
            || (0..PAIRED).flat_map(|one| (0..one).map(move |two| format!("c{one}, c{two}"))).take(room);
        let paired: String = (0..PAIRED).map(|at| format!(", c{at} TEXT")).collect();
        let (more, after) = match self {
            Self::Plain => (String::new(), String::new()),
            Self::Checks => {
                ((0..room).map(|at| format!(", CHECK (m <> {})", at + 1_000)).collect(), String::new())
            }
            Self::Uniques => (
                paired + &pairs().map(|pair| format!(", UNIQUE ({pair})")).collect::<String>(),
                String::new(),
            ),
            Self::Indices => {
                let index = |(at, pair): (usize, String)| format!("CREATE INDEX i{at} ON base ({pair});");
                (paired, pairs().enumerate().map(index).collect())
            }
            Self::Columns => {
                ((3..bounds::COLUMNS - 1).map(|at| format!(", c{at} TEXT")).collect(), String::new())
            }
            Self::Tables => {
                let table = |at| format!("CREATE TABLE t{at} (id INTEGER PRIMARY KEY);");
                (String::new(), (3..bounds::TABLES - 1).map(table).collect())
            }
            Self::Views => (String::new(), views::many()),
        };
        format!(
            "CREATE TABLE base (id INTEGER PRIMARY KEY, n TEXT, m INTEGER{more});
             CREATE TABLE Orders (code TEXT, day DATE, total DECIMAL(9,2), PRIMARY KEY (code, day));
             CREATE TABLE rooms (id INTEGER PRIMARY KEY, code TEXT UNIQUE);{after}"
        )
    }

    /// One more of what there is so much of; none where there is little of everything.
    pub fn one_more(self, random: &mut Random) -> Option<String> {
        // Some of these two sites say alike: then they are one.
        let number = random.below(3);
        match self {
            Self::Plain => None,
            Self::Checks if random.one_in(3) => {
                let check = expressions::check(random, &["n".to_owned(), "m".to_owned()]);
                Some(format!("ALTER TABLE base ADD CHECK ({check})"))
            }
            Self::Checks => Some(format!("ALTER TABLE base ADD CHECK (m <> {number})")),
            Self::Uniques => Some(format!("ALTER TABLE base ADD UNIQUE (m, c{number})")),
            Self::Indices => Some(format!("CREATE INDEX {} ON base (m, c{number})", name(random))),
            Self::Columns => {
                // What needs the column waits with it.
                let own = name(random);
                let rule = random.pick::<&str>(&["", " UNIQUE", " CHECK (length(id) < 9)"]);
                let index = format!("; CREATE INDEX {} ON base ({own})", name(random));
                let index = if random.one_in(2) { index } else { String::new() };
                Some(format!("ALTER TABLE base ADD COLUMN {own} TEXT{rule}{index}"))
            }
            Self::Tables => Some(format!("CREATE TABLE {} (id INTEGER PRIMARY KEY)", name(random))),
            Self::Views => Some(views::change(random)),
        }
    }
}
