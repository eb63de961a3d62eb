//! What is undecided in a view: a group of jobs, and one job of it. Each is kept by a call that
//! consumes it, and vanishes when it is dropped.

use std::ops::{Deref, DerefMut};

use super::{FoldState, View, ViewError, ViewResult, functions, state};

/// The changes of a group of jobs, in one SQLite transaction.
pub(crate) struct Group<'v> {
    view: &'v mut View,
    before: FoldState,
    is_decided: bool,
}

impl<'v> Group<'v> {
    pub(crate) fn begin(view: &'v mut View) -> ViewResult<Self> {
        assert!(!view.is_undecided, "a view has one group at a time");
        view.run("BEGIN IMMEDIATE")?;
        view.is_undecided = true;
        let before = view.fold.clone();
        Ok(Self { view, before, is_decided: false })
    }

    /// Makes it visible to readers.
    pub(crate) fn commit(mut self) -> ViewResult<()> {
        if self.is_lost() {
            return Err(ViewError::Inconsistent("a group that was taken back"));
        }
        self.settle()?;
        self.is_decided = true;
        Ok(())
    }

    /// Brings all that follows from its transactions into the view, and commits it.
    fn settle(&mut self) -> ViewResult<()> {
        self.view.write_crowded()?;
        self.view.lay_out()?;
        let View { connection, watch, fold, .. } = &mut *self.view;
        let FoldState { position, tables, unique, figures, conflicts, numbers, .. } = fold;
        unique.restore(connection, conflicts, tables)?;
        for table in tables.all() {
            let greatest = || functions::locked(&watch.ids).greatest(&table.id_text);
            figures.save(connection, table.number, greatest)?;
        }
        if tables.needs_rebuild {
            state::put_state(connection, "needs_rebuild", 1)?;
        }
        numbers.save(connection)?;
        position.save(connection)?;
        Ok(self.view.run("COMMIT")?)
    }

    /// Whether SQLite ended the transaction behind our back, or a job could not be taken back.
    pub(crate) fn is_lost(&self) -> bool {
        self.view.is_lost || self.view.connection.is_autocommit()
    }

    /// Begins one job. SQLite then keeps a copy of every page the job changes; one that is alone in
    /// its group goes without.
    pub(crate) fn job(&mut self, is_alone: bool) -> ViewResult<Savepoint<'_>> {
        assert!(self.view.crowded.is_empty(), "what the job before it left at hand is written down");
        if !is_alone {
            self.view.run("SAVEPOINT one")?;
        }
        let before = self.view.fold.clone();
        Ok(Savepoint { view: self.view, before, is_alone, is_decided: false })
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        self.view.is_undecided = false;
        self.view.is_lost = false;
        if !self.is_decided {
            if !self.view.connection.is_autocommit() {
                // A rollback that fails leaves a transaction open, which the next BEGIN reports.
                let _reported_by_the_next_begin = self.view.run("ROLLBACK");
            }
            self.view.restore(std::mem::take(&mut self.before));
        }
        self.view.documents.decide();
    }
}

/// The changes of one job.
pub(crate) struct Savepoint<'g> {
    view: &'g mut View,
    before: FoldState,
    is_alone: bool,
    is_decided: bool,
}

impl Savepoint<'_> {
    /// Keeps what the job did, for the group to decide on.
    pub(crate) fn keep(mut self) -> ViewResult<()> {
        assert!(self.view.is_undecided, "a job is kept for its group to decide on");
        self.view.write_crowded()?;
        if !self.is_alone {
            self.view.run("RELEASE one")?;
        }
        self.is_decided = true;
        Ok(())
    }

    /// Takes back what the job did so far. It goes on from where it began.
    pub(crate) fn restart(&mut self) -> ViewResult<()> {
        if self.is_alone {
            self.view.run("ROLLBACK")?;
            self.view.run("BEGIN IMMEDIATE")?;
        } else {
            self.view.run("ROLLBACK TO one")?;
        }
        self.view.restore(self.before.clone());
        Ok(())
    }
}

impl Drop for Savepoint<'_> {
    fn drop(&mut self) {
        if self.is_decided {
            return;
        }
        // Where SQLite has taken the whole group back, this job is gone with it.
        if self.view.connection.is_autocommit() {
            return self.view.restore(std::mem::take(&mut self.before));
        }
        let taken_back = self.restart();
        let ended = taken_back.and_then(|()| match self.is_alone {
            true => Ok(()),
            false => Ok(self.view.run("RELEASE one")?),
        });
        if let Err(error) = ended {
            tracing::error!(%error, "a job could not be taken back, and its group is");
            self.view.is_lost = true;
        }
    }
}

impl Deref for Group<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        self.view
    }
}

impl DerefMut for Group<'_> {
    fn deref_mut(&mut self) -> &mut View {
        self.view
    }
}

impl Deref for Savepoint<'_> {
    type Target = View;

    fn deref(&self) -> &View {
        self.view
    }
}

impl DerefMut for Savepoint<'_> {
    fn deref_mut(&mut self) -> &mut View {
        self.view
    }
}
