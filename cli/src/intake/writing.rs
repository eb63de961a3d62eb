//! The rows of a plan, looked at and written: batch by batch, each whole, those first that others refer to.
//! What is killed goes on where it stopped when it is begun again.

use std::path::Path;

use tandem_node::api::rows::{EditRows, RowEdit};
use tandem_node::api::transaction::Transact;

use super::backup;
use super::batches::{Batches, Way};
use super::comparison::{Met, Verdict, here, is_earlier, judge};
use super::known::{self, Known, Name};
use super::meetings::{Bases, Meetings};
use super::pending::{News, put, with};
use super::pipe::Pipe;
use super::plan::Plan;
use super::reading::{Candidate, Reading};
use super::tally::{FileTally, RefusedRow, TOLD, Tally};
use crate::batch;
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::progress::Progress;
use crate::terminal::say;
use crate::visible::value;

/// What is recorded with the rows, and how they are taken.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// Who.
    pub by: Option<&'a str>,
    /// Why.
    pub message: &'a str,
    /// What the file is called.
    pub file: &'a str,
    /// Rows that were taken in before are taken in again.
    pub again: bool,
    /// Nothing is written.
    pub dry_run: bool,
    /// Deletions are made however many they are.
    pub many_deletions: bool,
}

/// Who is written to.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// Whoever answers.
    pub client: &'a Client,
    /// The space.
    pub space: &'a str,
    /// Its id.
    pub id: &'a str,
    /// The data folder.
    pub data: &'a Path,
}

/// An import under way.
pub struct Writing<'a> {
    pub(super) target: Target<'a>,
    pub(super) manner: Manner<'a>,
    /// What it did so far.
    pub tally: Tally,
    /// What both sides had when they last met; of files that come alone, nothing.
    pub(super) known: Option<Bases>,
    /// When the files were written, if they say so; and whether they met later than that.
    made: String,
    pub(super) is_old: bool,
    /// Rows that no list names any more, and that stay: by table and key.
    pub(super) kept: Vec<(String, Vec<u8>)>,
    progress: Progress,
    /// Rows of all sheets that were looked at, and how many there are.
    done: u64,
}

impl<'a> Writing<'a> {
    /// Looks at every row of all sheets: nothing is written if any of them cannot be meant.
    pub fn begin(target: Target<'a>, manner: Manner<'a>, plan: &Plan<'_>) -> Result<Self, Failure> {
        let tally = Tally { dry_run: manner.dry_run, passed: plan.passed.clone(), ..Tally::default() };
        let (progress, done) = (Progress::new(), 0);
        let made = plan.manifest.as_ref().and_then(|manifest| manifest.made(manner.file)).unwrap_or_default();
        let (kept, is_old) = (Vec::new(), false);
        let mut writing = Self { target, manner, tally, known: None, made, is_old, kept, progress, done };
        let mut meetings =
            plan.manifest.as_ref().map(|manifest| Meetings::load(target.data, target.id, manifest.version()));
        for reading in &plan.readings {
            let columns = names(reading);
            let mut rows = 0;
            reading.each(&mut |row| {
                rows += 1;
                match row {
                    Ok(candidate) => {
                        if let (Some(meetings), Some(key)) = (&mut meetings, candidate.key(reading)) {
                            meetings.look(&reading.table.name, &columns, &key, &cells(&candidate));
                        }
                        Ok(())
                    }
                    Err((line, cause)) if manner.dry_run => {
                        writing.refuse(
                            reading,
                            RefusedRow { file: reading.sheet.shown().to_owned(), line, reason: cause },
                        );
                        Ok(())
                    }
                    Err((line, cause)) => Err(reading.wrong(line, cause).into()),
                }
            })?;
            writing.tally.rows += rows;
            writing.tally.of(&reading.table.name).rows += rows;
            let (file, table) = (reading.sheet.shown().to_owned(), reading.table.name.clone());
            writing.tally.files.push(FileTally { file, table, headings: reading.headings(), rows });
        }
        writing.known = meetings.map(Meetings::settle).map(|bases| writing.held(bases)).transpose()?;
        let later = writing.known.as_ref().map(Bases::made).unwrap_or_default();
        writing.is_old = !writing.made.is_empty() && writing.made.as_str() < later;
        writing.tally.old = Some(writing.made.clone()).filter(|_| writing.is_old);
        Ok(writing)
    }

    /// What both sides had, if this site still holds what it held then: it does not where somebody put back
    /// a folder of before.
    fn held(&self, bases: Bases) -> Result<Bases, Failure> {
        let Some(version) = bases.version() else { return Ok(bases) };
        let Target { client, space, .. } = self.target;
        let look = Transact { basis: Some(version), ..Transact::one("SELECT 1", Vec::new()) };
        match client.transact(space, look) {
            Err(error) if ["unknown_basis", "basis_refused"].contains(&&*error.code) => Ok(Bases::default()),
            other => Ok(other.map(|_| bases)?),
        }
    }

    fn refuse(&mut self, reading: &Reading<'_>, row: RefusedRow) {
        self.tally.of(&reading.table.name).refused += 1;
        if self.tally.refused.len() < TOLD {
            self.tally.refused.push(row);
        }
    }

    /// Takes the rows of all sheets in.
    pub fn rows(&mut self, plan: &Plan<'_>) -> Outcome {
        let target = self.target;
        std::thread::scope(|scope| {
            let mut pipe = Pipe::new(scope, target);
            let mut before: Vec<String> = Vec::new();
            for part in plan.parts() {
                let taken = self.part(plan, part, &mut pipe);
                if taken.is_err() && !self.manner.dry_run {
                    self.tell_taken(&before, part, &pipe.until());
                }
                taken?;
                before.extend(part.iter().map(|reading| value(reading.sheet.shown())));
            }
            Ok(())
        })
    }

    /// What stays of an import that is refused: the error speaks of its own rows only.
    fn tell_taken(&mut self, before: &[String], part: &[Reading<'_>], until: &[u64]) {
        self.progress.clear();
        if !before.is_empty() {
            say(&t!("import.files_taken", files = before.join(", ")));
        }
        for (reading, until) in part.iter().zip(until).filter(|(_, until)| **until > 0) {
            say(&t!("import.taken", count = until, file = value(reading.sheet.shown())));
        }
    }

    /// Takes in a sheet, or several that refer to each other.
    fn part(&mut self, plan: &Plan<'_>, part: &[Reading<'_>], pipe: &mut Pipe<'_, '_>) -> Outcome {
        let is_circle = part.iter().all(|one| plan.are_one(one.table.id, one.table.id));
        let basis = self.known.as_ref().and_then(Bases::version);
        let mut batches = Batches::of(Way { as_in: self.request(Vec::new()), basis, is_circle });
        pipe.begin(part.len());
        let mut all = || {
            for (at, reading) in part.iter().enumerate() {
                let leading = plan.leading(reading);
                self.sheet((at, reading, &leading), &mut batches, pipe)?;
            }
            batches.send(pipe)?;
            pipe.drain()
        };
        let taken = all();
        taken.map_err(|failure| if batches.is_cut { batch::circle_refused(failure) } else { failure })
    }

    /// Keeps what both sides have now, if these are files of an exchange.
    pub fn keep_known(&self, plan: &Plan<'_>) -> Outcome {
        if plan.manifest.is_none() || self.manner.dry_run || self.is_old {
            return Ok(());
        }
        let target = self.target;
        let mut known = Known::at(self.version()?, self.made.clone());
        for reading in &plan.readings {
            known.begin(&reading.table.name, &names(reading));
            reading.each(&mut |row| {
                if let Some((candidate, key)) =
                    row.ok().and_then(|row| row.key(reading).map(|key| (row, key)))
                {
                    known.add(&reading.table.name, &key, cells(&candidate));
                }
                Ok(())
            })?;
        }
        if let Some(before) = &self.known {
            for before in before.each() {
                known.remember(before);
            }
            // Somebody may still say that they are to go.
            for (before, (table, key)) in
                before.each().flat_map(|one| self.kept.iter().map(move |kept| (one, kept)))
            {
                known.carry(before, table, key);
            }
        }
        let kept = known.save(target.data, target.id, Name::Taken);
        kept.map_err(|error| crate::file::failed(target.data, &error))
    }

    /// What this site holds, as a version token.
    pub(super) fn version(&self) -> Result<String, Failure> {
        let Target { client, space, .. } = self.target;
        Ok(client.version(space)?)
    }

    fn sheet(
        &mut self,
        (at, reading, leading): (usize, &Reading<'_>, &[usize]),
        batches: &mut Batches,
        pipe: &mut Pipe<'_, '_>,
    ) -> Outcome {
        let Target { client, space, .. } = self.target;
        // Rows that bring their keys are known by them. What a sheet without keys held is known by all of it.
        let hash = reading.sheet.hash();
        let source = match reading.key.is_empty() {
            true => format!("csv {hash} {}", reading.table.id()),
            false => format!("rows {}", reading.table.id()),
        };
        let offset = client.source(space, &source)?.offset.unwrap_or_default();
        let taken =
            offset.rsplit_once(' ').filter(|(of, _)| *of == hash).and_then(|(_, rows)| rows.parse().ok());
        // In an exchange, each row is told from what both sides had; no more need be known of it.
        let is_skipped = !self.manner.again && (self.known.is_none() || reading.key.is_empty());
        let before = taken.filter(|_| is_skipped).unwrap_or(0);
        self.tally.before += before;
        self.done += before;
        pipe.begin_sheet(at, before);
        batches.begin(source, hash, before);
        reading.each(&mut |row| {
            batches.number += 1;
            let Some(candidate) = row.ok().filter(|_| batches.number > before) else { return Ok(()) };
            let key = candidate.row_key(reading);
            // What comes under the same key is compared with what that has become.
            if key.as_ref().is_some_and(|key| batches.has(key)) {
                self.flush((reading, leading), batches, pipe)?;
            }
            if key.as_ref().is_some_and(|key| batches.is_under_way(key)) {
                self.flush((reading, leading), batches, pipe)?;
                batches.settle(pipe)?;
            }
            batches.add(candidate, key);
            match batches.is_full() {
                true => self.flush((reading, leading), batches, pipe),
                false => Ok(()),
            }
        })?;
        self.flush((reading, leading), batches, pipe)?;
        batches.end();
        self.tally.of(&reading.table.name).same += before.min(batches.number);
        self.tally.resumed += if before < batches.number { before } else { 0 };
        Ok(())
    }

    /// Compares the rows of a batch with those here, and brings on its way what is new.
    fn flush(
        &mut self,
        (reading, leading): (&Reading<'_>, &[usize]),
        batches: &mut Batches,
        pipe: &mut Pipe<'_, '_>,
    ) -> Outcome {
        let candidates = batches.take();
        if candidates.is_empty() {
            return Ok(());
        }
        let (news, updated) = self.news((reading, leading), &candidates)?;
        if !self.manner.dry_run && !news.is_empty() {
            if updated > 0 {
                self.save()?;
            }
            let now = if news.ours.is_empty() { None } else { Some(self.version()?) };
            batches.bring(news, reading, now, pipe)?;
        }
        batches.compare();
        self.done += candidates.len() as u64;
        self.progress.bar(&reading.table.name, self.done, self.tally.rows);
        Ok(())
    }

    /// What is new of some rows beside those here, and how many of those it changes.
    fn news(
        &mut self,
        (reading, leading): (&Reading<'_>, &[usize]),
        candidates: &[Candidate],
    ) -> Result<(News, u64), Failure> {
        let Target { client, space, .. } = self.target;
        let here = here((client, space), reading, candidates)?;
        let columns = names(reading);
        let (mut news, mut updated) = (News::default(), 0);
        for (at, candidate) in candidates.iter().enumerate() {
            let met =
                met(self.known.as_ref().map(|known| (known, self.is_old)), reading, &columns, candidate);
            let here = here.get(&at).map(Vec::as_slice);
            let verdict = judge(reading, candidate, here, &met);
            let table = self.tally.of(&reading.table.name);
            let ours_of = |at: usize| here.and_then(|here| here.get(at).cloned());
            // A row's time is that of its newest change, here or there.
            let theirs_of = |at: usize| match Some(at) == reading.time && is_earlier(reading, candidate, here)
            {
                true => ours_of(at),
                false => candidate.values[at].clone(),
            };
            if !matches!(verdict, Verdict::Same | Verdict::Older) {
                news.keys.extend(candidate.row_key(reading));
            }
            match verdict {
                Verdict::Insert => {
                    let columns = (0..candidate.values.len()).collect();
                    put(&mut news.puts, columns, |at| candidate.values[at].clone());
                    table.inserted += 1;
                }
                Verdict::Same => table.same += 1,
                Verdict::Older => table.older += 1,
                Verdict::Update(cells) => {
                    match met {
                        // What is added to a counter is what was added there since both had the same.
                        Met::With(_) => news.add_theirs((reading, leading), cells, theirs_of),
                        _ => put(&mut news.puts, with(reading, cells), theirs_of),
                    }
                    (table.updated, updated) = (table.updated + 1, updated + 1);
                }
                Verdict::Decide { both, taken, theirs: is_theirs } => {
                    news.add_theirs((reading, leading), [&both[..], &taken].concat(), theirs_of);
                    if !is_theirs {
                        put(&mut news.ours, with(reading, both), ours_of);
                    }
                    (table.to_decide, updated) = (table.to_decide + 1, updated + 1);
                }
            }
        }
        Ok((news, updated))
    }

    /// Saves everything, once, before something that is here is changed.
    pub(super) fn save(&mut self) -> Outcome {
        if self.tally.backup.is_none() {
            let Target { client, space, data, .. } = self.target;
            let path = backup::made((client, space), data)?;
            self.tally.backup = Some(path.display().to_string());
        }
        Ok(())
    }

    /// Edits with what is recorded beside them.
    pub(super) fn request(&self, edits: Vec<RowEdit>) -> EditRows {
        let Manner { by, message, .. } = self.manner;
        EditRows {
            edits,
            message: Some(message.to_owned()),
            by: by.map(str::to_owned),
            ..EditRows::default()
        }
    }
}

/// What both sides had of a row when they last met, and whether that was after the files were written.
fn met<'k>(
    known: Option<(&'k Bases, bool)>,
    reading: &Reading<'_>,
    columns: &[String],
    candidate: &Candidate,
) -> Met<'k> {
    let Some((known, is_old)) = known else { return Met::Never };
    let (table, key) = (&reading.table.name, candidate.key(reading).unwrap_or_default());
    match is_old {
        true => Met::Later(known.had(table, &key)),
        false => Some(known.cells(table, columns, &key))
            .filter(|had| !had.is_empty())
            .map_or(Met::Never, Met::With),
    }
}

/// The names of the columns that a sheet is read into.
pub(super) fn names(reading: &Reading<'_>) -> Vec<String> {
    reading.columns.iter().map(|column| column.name.clone()).collect()
}

fn cells(candidate: &Candidate) -> known::Cells {
    candidate.values.iter().map(|value| known::cell(value.as_ref())).collect()
}
