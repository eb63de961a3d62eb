//! An honest site, and all that is compared of two of them.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tandem_store::simulated::{Answer, Request, Site, Survival, ViewLoss};
use tandem_store::{Params, ReceiveError, Space, Statement, Write, WriteError};

use super::text::PROOF;

/// Bytes of one block of an exchange, before compression.
const BLOCK_BYTES: usize = 1 << 20;

/// An honest site.
pub struct Honest {
    pub name: &'static str,
    pub site: Site,
    /// Arrival number at this site up to which the other has been given all.
    given: u64,
}

impl Honest {
    pub fn new(name: &'static str, site: Site) -> Self {
        Self { name, site, given: 0 }
    }

    pub fn space(&self) -> Result<&Space, String> {
        self.site.space().ok_or_else(|| format!("{} has stopped", self.name))
    }

    /// Asks one thing; a site that panics or stops is told of.
    fn ask(&mut self, request: Request, now_ms: i64) -> Result<Answer, String> {
        let name = self.name;
        let asked = catch_unwind(AssertUnwindSafe(|| self.site.run(vec![request], now_ms)));
        let mut answers = asked.map_err(|panic| {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|said| (*said).to_owned()));
            format!("{name} panicked: {}", said.unwrap_or_default())
        })?;
        answers.pop().ok_or_else(|| format!("{name} did not answer"))
    }

    /// Receives a block: how many transactions of it were new; none if it was not acceptable.
    pub fn receive(&mut self, block: Vec<u8>, now_ms: i64) -> Result<Option<u64>, String> {
        match self.ask(Request::Receive(block), now_ms)? {
            Answer::Received(Ok(received)) => Ok(Some(received.transactions)),
            Answer::Received(Err(ReceiveError::Fault(_))) => Ok(None),
            other => Err(format!("{} cannot receive: {other:?}", self.name)),
        }
    }

    /// Runs a statement: whether it was accepted.
    pub fn write(&mut self, sql: &str, now_ms: i64) -> Result<bool, String> {
        let statement = Statement { sql: sql.to_owned(), params: Params::One(Vec::new()) };
        let write = Write { edits: vec![statement].into(), ..Write::default() };
        match self.ask(Request::Write(write), now_ms)? {
            Answer::Written(Ok(_)) => Ok(true),
            Answer::Written(Err(WriteError::Refused(_))) => Ok(false),
            other => Err(format!("{} cannot write: {other:?}", self.name)),
        }
    }

    /// Changes the schema: whether it was accepted.
    pub fn declare(&mut self, sql: &str, now_ms: i64) -> Result<bool, String> {
        match self.ask(Request::ApplySchema(sql.to_owned()), now_ms)? {
            Answer::Written(Ok(written)) => Ok(written.dot.is_some()),
            Answer::Written(Err(WriteError::Refused(_))) => Ok(false),
            other => Err(format!("{} cannot declare {sql}: {other:?}", self.name)),
        }
    }

    /// Gives `other` all that it lacks, looking at everything from the beginning.
    pub fn give_all(&mut self, other: &mut Self, now_ms: i64) -> Result<(), String> {
        self.given = 0;
        self.give(other, now_ms)
    }

    /// Does something that must succeed.
    pub fn must(&mut self, request: Request, now_ms: i64) -> Result<(), String> {
        match self.ask(request, now_ms)? {
            Answer::Written(Ok(_)) => Ok(()),
            other => Err(format!("{}: {other:?}", self.name)),
        }
    }

    /// Gives `other` all that it lacks.
    pub fn give(&mut self, other: &mut Self, now_ms: i64) -> Result<(), String> {
        while self.given < self.space()?.end() {
            let have = other.space()?.vector();
            let chunk = self
                .space()?
                .chunks()
                .read(self.given, &have, BLOCK_BYTES)
                .map_err(|error| error.to_string())?;
            self.given = chunk.next;
            let Some(block) = chunk.block else { continue };
            if other.receive(block, now_ms)?.is_none() {
                return Err(format!("{} does not take what {} holds", other.name, self.name));
            }
        }
        Ok(())
    }

    /// Everything two sites must have in common, part by part.
    pub fn shows(&self) -> Result<Vec<(&'static str, String)>, String> {
        let space = self.space()?;
        let status = space.status();
        let tables: Vec<String> = status.tables.iter().map(|table| format!("{table:?}")).collect();
        let mut conflicts: Vec<String> = space
            .conflicts()
            .all()
            .map_err(|error| error.to_string())?
            .iter()
            .map(|open| format!("{open:?}"))
            .collect();
        conflicts.sort();
        let members: Vec<String> = space.membership().members().map(|member| format!("{member:?}")).collect();
        let figures = (status.transactions, status.ops, status.parked, status.open_conflicts);
        let unshown = space.not_shown();
        if !unshown.is_empty() {
            return Err(format!("{} cannot show {unshown:?}", self.name));
        }
        Ok(vec![
            ("vector", format!("{:?}", space.vector())),
            ("tables", tables.join("\n")),
            ("schema", space.schema().fingerprint().to_string()),
            ("views that are not read", format!("{:?}", space.unread_queries())),
            ("members", members.join("\n")),
            ("conflicts", conflicts.join("\n")),
            ("conflict fingerprint", status.conflict_fingerprint.to_string()),
            ("transactions, ops, parked, open conflicts", format!("{figures:?}")),
        ])
    }

    /// The site loses its view, opens again, and shows the same as before; and so says `verify`.
    pub fn reopen(&mut self) -> Result<(), String> {
        self.verify()?;
        self.reopen_without_view()
    }

    /// Its log and its view are what they must be.
    pub fn verify(&self) -> Result<(), String> {
        let scratch = self.space()?.folder().join("verify");
        let problems = self.space()?.verify(&scratch).problems;
        if problems.is_empty() { Ok(()) } else { Err(format!("{}: verify: {problems:?}", self.name)) }
    }

    /// The site opens again, and shows the same as before.
    pub fn restart(&mut self) -> Result<(), String> {
        let before = self.shows()?;
        self.site.start().map_err(|error| format!("{} does not open again: {error}", self.name))?;
        same(&before, &self.shows()?).map_err(|part| format!("{}, opened again: {part}", self.name))
    }

    /// The site loses its view, opens again, and shows the same as before.
    pub fn reopen_without_view(&mut self) -> Result<(), String> {
        let before = self.shows()?;
        self.site
            .crash(Survival { changes: usize::MAX, torn: false }, ViewLoss::Lost)
            .map_err(|error| error.to_string())?;
        self.site.start().map_err(|error| format!("{} does not open again: {error}", self.name))?;
        same(&before, &self.shows()?).map_err(|part| format!("{}, its view made anew: {part}", self.name))
    }

    /// That nothing was laid out but what its schema declares, and no file but its own.
    pub fn is_clean(&self) -> Result<(), String> {
        let space = self.space()?;
        let view = rusqlite::Connection::open(space.folder().join("view.sqlite"));
        let view = view.map_err(|error| error.to_string())?;
        let names = || -> rusqlite::Result<Vec<String>> {
            let mut found = view.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")?;
            found.query_map([], |row| row.get(0))?.collect()
        };
        let schema = space.schema();
        let tables = schema.tables().map(|table| table.shown.name.clone());
        let declared: BTreeSet<String> =
            tables.chain(schema.queries().map(|query| query.name.clone())).collect();
        for name in names().map_err(|error| error.to_string())? {
            if !name.starts_with("_tandem_") && !name.starts_with("sqlite_") && !declared.contains(&name) {
                return Err(format!("{}: somebody made {name:?}", self.name));
            }
            if name.eq_ignore_ascii_case(PROOF) {
                return Err(format!("{}: SQL of an op ran: {name:?}", self.name));
            }
        }
        for folder in [space.folder(), Path::new(".")] {
            for file in std::fs::read_dir(folder).map_err(|error| error.to_string())?.flatten() {
                if file.file_name().to_string_lossy().starts_with(PROOF) {
                    return Err(format!("{}: SQL of an op made {:?}", self.name, file.path()));
                }
            }
        }
        Ok(())
    }
}

/// Says in what two sites differ.
pub fn same(one: &[(&str, String)], other: &[(&str, String)]) -> Result<(), String> {
    for ((part, left), (_, right)) in one.iter().zip(other) {
        if left != right {
            let only = |mine: &str, theirs: &str| {
                let theirs: BTreeSet<&str> = theirs.lines().collect();
                let only: Vec<&str> = mine.lines().filter(|line| !theirs.contains(line)).take(3).collect();
                only.join("\n    ").chars().take(2_000).collect::<String>()
            };
            return Err(format!(
                "{part} differ\n    {}\n  and\n    {}",
                only(left, right),
                only(right, left)
            ));
        }
    }
    Ok(())
}
