//! The store from outside: sites in temporary folders, SQL in, SQL out, blocks between them.

mod altered;
mod basis;
mod bounds;
mod catalogue;
mod conflicts;
mod convergence;
mod crashes;
mod cures;
mod documents;
mod forks;
mod forms;
mod found;
mod identity;
mod integrity;
mod movements;
mod numbers;
mod observed;
mod openings;
mod owners;
mod parked;
mod plain;
mod requests;
mod references;
mod row_edits;
mod rowids;
mod schemas;
mod site_numbers;
mod stated_limits;
mod tiny;
mod unique;
mod views;
mod writes;

use std::path::Path;

use tandem_protocol::membership::{Candidate, Role};
use tandem_protocol::schema::Judge;
use tandem_protocol::value::Value;
use tempfile::TempDir;

use crate::{Choice, Edits, Params, Refusal, Space, Statement, Store, Write, WriteError, Written};

/// A site with one space, in a folder of its own.
pub(crate) struct Site {
    pub store: Store,
    pub space: Space,
    pub folder: TempDir,
}

impl Site {
    pub(crate) fn founder(schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a test").unwrap();
        let space = store.create_space("school", "office", Some(schema)).unwrap();
        Self { store, space, folder }
    }

    /// A member of the founder's space that holds nothing yet.
    pub(crate) fn member(founder: &Self, name: &str) -> Self {
        Self::member_of_program(founder, name, Judge::default())
    }

    /// A member whose program knows so much.
    pub(crate) fn member_of_program(founder: &Self, name: &str, judge: Judge) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_as(folder.path(), "a test", judge).unwrap();
        let author = store.author();
        let space = &founder.space;
        space.wait(|reply| space.admit(Candidate::new(author, name), Role::Member, None, reply)).unwrap();
        let space = store.adopt_space(founder.space.id(), "school", name).unwrap();
        Self { store, space, folder }
    }

    pub(crate) fn try_write(&self, statements: &[(&str, Vec<Value>)]) -> Result<Written, WriteError> {
        let statements = statements
            .iter()
            .map(|(sql, params)| Statement { sql: (*sql).to_owned(), params: Params::One(params.clone()) })
            .collect();
        // Two writes of a test are never of the same millisecond, so that it knows the later one.
        let now = crate::now_ms();
        while crate::now_ms() == now {
            std::hint::spin_loop();
        }
        self.space.wait(|reply| {
            self.space.write(Write { edits: Edits::Sql(statements), ..Write::default() }, reply)
        })
    }

    pub(crate) fn write(&self, sql: &str) -> Written {
        self.try_write(&[(sql, vec![])]).unwrap()
    }

    /// A write of a test that does not care which of two is the later one.
    pub(crate) fn space_write(&self, sql: &str) {
        let statement = Statement { sql: sql.to_owned(), params: Params::One(Vec::new()) };
        let write = Write { edits: vec![statement].into(), ..Write::default() };
        let _written: Written = self.space.wait(|reply| self.space.write(write, reply)).unwrap();
    }

    /// A number from the view's own tables.
    pub(crate) fn view_number(&self, sql: &str) -> i64 {
        let view = self.space.folder().join("view.sqlite");
        rusqlite::Connection::open(view).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn refused(&self, sql: &str) -> Refusal {
        let before = self.space.end();
        match self.try_write(&[(sql, vec![])]) {
            Err(WriteError::Refused(refusal)) => {
                assert_eq!(self.space.end(), before, "a refused write was recorded");
                refusal
            }
            other => panic!("{sql}: {other:?}"),
        }
    }

    /// Rows of a query, cells joined by `|`.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        let (rows, _) = self.space.query(sql, &[]).unwrap();
        let text = |row: Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
        rows.rows.into_iter().map(text).collect()
    }

    /// Closes the site and opens its folder again.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, space, folder } = self;
        drop(space);
        store.close();
        drop(store);
        Self::open(folder)
    }

    pub(crate) fn open(folder: TempDir) -> Self {
        let store = Store::open(folder.path(), "a test").unwrap();
        let space = store.space("school").unwrap();
        Self { store, space, folder }
    }

    pub(crate) fn verify(&self) {
        let scratch = tempfile::tempdir().unwrap();
        let report = self.space.verify(scratch.path());
        assert_eq!(report.problems, Vec::new());
        assert_eq!(report.altered, Vec::<String>::new());
        assert_eq!(report.transactions, self.space.end());
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Two sites that hold the same: the founder of a space, and a member of it.
pub(crate) fn two(schema: &str) -> (Site, Site) {
    let a = Site::founder(schema);
    let b = Site::member(&a, "b");
    pull(&b, &a);
    (a, b)
}

/// Gives `to` everything `from` has and it lacks; returns how many transactions were new.
pub(crate) fn pull(to: &Site, from: &Site) -> u64 {
    let mut cursor = 0;
    let mut new = 0;
    while cursor < from.space.end() {
        let chunk = from.space.chunks().read(cursor, &to.space.vector(), 1 << 20).unwrap();
        if let Some(block) = chunk.block {
            new += to.space.wait(|reply| to.space.receive(block, reply)).unwrap().transactions;
        }
        cursor = chunk.next;
    }
    new
}

pub(crate) fn sync(a: &Site, b: &Site) {
    pull(a, b);
    pull(b, a);
    assert_equal(a, b);
}

pub(crate) fn assert_equal(a: &Site, b: &Site) {
    let (left, right) = (a.space.status(), b.space.status());
    assert_eq!(a.space.vector(), b.space.vector());
    assert_eq!(left.tables, right.tables);
    assert_eq!((left.parked, right.parked), (0, 0));
    for table in left.tables {
        let sql = format!("SELECT * FROM \"{}\" ORDER BY 1", table.name);
        assert_eq!(a.rows(&sql), b.rows(&sql), "{}", table.name);
    }
}
