//! A query under a name: what SQL calls a view. (The view, in tandem, is the whole database that people
//! read.)

use bincode::{Decode, Encode};

use super::op::VoidReason;
use crate::bounds;
use crate::name;

/// A query under a name, as an op declares it. It is evaluated where it is read, and may say
/// `date('now')`: what is late is late today. Nothing of it is evaluated where rows are merged, so it is
/// the one thing that travels as SQL: a site whose SQLite does not take it goes without it, and tells.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct NamedQuery {
    /// Its name.
    pub name: String,
    /// What its columns are called; if nothing is said, as the query says.
    pub columns: Vec<String>,
    /// The query; none: there is no query of that name any longer.
    pub sql: Option<String>,
}

impl NamedQuery {
    /// Whether it is void by itself.
    pub(super) fn check(&self) -> Result<(), VoidReason> {
        let what = || format!("view {}", self.name);
        if self.columns.len() > bounds::COLUMNS {
            return Err(VoidReason::Count { what: what(), of: "columns", most: bounds::COLUMNS });
        }
        let bytes = self.sql.as_ref().map_or(1, |sql| if sql.contains('\0') { 0 } else { sql.len() });
        if bytes == 0 || bytes > bounds::QUERY_BYTES {
            return Err(VoidReason::Count { what: what(), of: "bytes", most: bounds::QUERY_BYTES });
        }
        Ok(())
    }

    /// Whether two say the same.
    pub fn is(&self, other: &Self) -> bool {
        let same = |(one, other): (&String, &String)| name::same(one, other);
        let columns =
            self.columns.len() == other.columns.len() && self.columns.iter().zip(&other.columns).all(same);
        name::same(&self.name, &other.name) && columns && self.sql == other.sql
    }
}
