//! The one table of differences: where tandem is not to give what plain SQLite gives. Each names the
//! sentence of the docs that says so, and where the oracle takes it into account; anything else that
//! differs is a fault.

use std::collections::BTreeMap;

/// A difference that the docs list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Difference {
    /// What is written to a typed column is changed into its canonical form.
    CanonicalForm,
    /// So is a value beside such a column in a comparison.
    CanonicalComparison,
    /// NOT NULL, CHECK and a value's type are judged when the transaction ends.
    RulesAtTheEnd,
    /// A value that does not fit and is gone before the end may be refused at once.
    MisfitOnTheWay,
    /// References are judged when the transaction ends, RESTRICT included.
    ReferencesAtTheEnd,
    /// ON DELETE acts after the statement, and not for a row that REPLACE puts under its own key.
    OnDelete,
    /// Decimals of more than 15 digits are texts.
    LongDecimals,
    /// Ids of tandem's own making.
    Keys,
    /// The key of a row cannot be changed.
    KeyFixed,
    /// STAMP fills itself.
    Stamp,
    /// What RETURNING gives of a row that its statement writes several times.
    Returning,
    /// A counter that may not be NULL begins at 0.
    CounterBegins,
    /// `last_insert_rowid()` while a statement runs, and of which tables.
    LastId,
    /// Text must be UTF-8.
    Utf8,
    /// `rowid` is refused.
    Rowid,
}

impl Difference {
    /// All there are.
    pub const ALL: [Difference; 15] = [
        Difference::CanonicalForm,
        Difference::CanonicalComparison,
        Difference::RulesAtTheEnd,
        Difference::MisfitOnTheWay,
        Difference::ReferencesAtTheEnd,
        Difference::OnDelete,
        Difference::LongDecimals,
        Difference::Keys,
        Difference::KeyFixed,
        Difference::Stamp,
        Difference::Returning,
        Difference::CounterBegins,
        Difference::LastId,
        Difference::Utf8,
        Difference::Rowid,
    ];

    /// The sentence of `docs/sql.md` that says so.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::CanonicalForm => {
                "What is written to a typed column is stored, returned and compared in the type's canonical form."
            }
            Self::CanonicalComparison => {
                "A text that stands beside a UUID, DATE, TIME or TIMESTAMP column in a comparison is read in any spelling that the type reads."
            }
            Self::RulesAtTheEnd => {
                "`NOT NULL`, `CHECK` and the type of a value are judged when the transaction ends, so `OR IGNORE` and `OR REPLACE` do not pass over them."
            }
            Self::MisfitOnTheWay => {
                "A value that its type does not hold may be refused at once, even if it would not have stayed."
            }
            Self::ReferencesAtTheEnd => {
                "References are judged when the transaction ends, `RESTRICT` like every other."
            }
            Self::OnDelete => {
                "`ON DELETE` acts when a statement has run; a row that `REPLACE` puts under its own key was not removed, and what refers to it stays as it is."
            }
            Self::LongDecimals => {
                "A `DECIMAL` or `COUNTER` of more than 15 digits is a text in a column without an affinity, and a floating-point number that would have more than 15 of its digits is refused."
            }
            Self::Keys => {
                "An integer key that is left out or NULL gets an id of tandem's making, and a key with a `DEFAULT` that is NULL gets that, whatever the statement says after `OR`."
            }
            Self::KeyFixed => "A row's key cannot be changed.",
            Self::Stamp => "`STAMP` fills itself where a statement does not set it.",
            Self::Returning => {
                "Of a row that one statement writes several times, `RETURNING` may give each time what the statement left, and of one that it replaced again, `STAMP` may be NULL."
            }
            Self::CounterBegins => "A `COUNTER` that may not be NULL begins at 0.",
            Self::LastId => {
                "`last_insert_rowid()` tells of this transaction's inserts into tables with an integer key, and stays the same while a statement runs."
            }
            Self::Utf8 => "A text that is not valid UTF-8 is refused.",
            Self::Rowid => "`rowid` is refused.",
        }
    }

    /// Where the oracle takes it into account.
    pub fn modelled(self) -> &'static str {
        match self {
            Self::CanonicalForm => "Sql::written wraps what is written on the plain side",
            Self::CanonicalComparison => "Sql::compared wraps the constant on the plain side",
            Self::RulesAtTheEnd => "Table::breaches, looked for before the plain COMMIT",
            Self::MisfitOnTheWay => "Plain::run rolls back when tandem refused and canonical() met a misfit",
            Self::ReferencesAtTheEnd => {
                "Table::for_plain declares them DEFERRABLE, and RESTRICT as NO ACTION"
            }
            Self::OnDelete => {
                "on_delete carries it out in stories with REPLACE and within one table (Story::carries_out); else SQLite does"
            }
            Self::LongDecimals => "Kind::plain declares them ANY; canonical() gives the text, or none",
            Self::Keys => "next_id() and next_uuid() on the plain side, exchanged by Plain::exchange_keys",
            Self::KeyFixed => "Sql::moves counts the rows that would move",
            Self::Stamp => "functions::NOW stands for any time until tandem's is known",
            Self::Returning => {
                "play::as_left takes the last of the rows of one key, play::unfilled no time that was not filled in"
            }
            Self::CounterBegins => "Table::for_plain gives it a DEFAULT",
            Self::LastId => {
                "Plain::run gives last_insert_rowid() the value it had; other tables are WITHOUT ROWID"
            }
            Self::Utf8 => "Table::breaches, is_utf8()",
            Self::Rowid => "play expects tandem to refuse it with the code rowid",
        }
    }
}

/// How often each came into play.
pub type Met = BTreeMap<Difference, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_told_in_the_docs() {
        let docs = include_str!("../../../docs/sql.md").split_whitespace().collect::<Vec<_>>().join(" ");
        for difference in Difference::ALL {
            assert!(docs.contains(difference.sentence()), "{difference:?}: {}", difference.sentence());
            assert!(!difference.modelled().is_empty());
        }
    }
}
