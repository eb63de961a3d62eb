//! What users do: write, look, come back to a form opened long ago, press a button twice, settle
//! conflicts, add columns.

use tandem_protocol::conflict::{Conflict, VersionContent};
use tandem_protocol::op::Op;
use tandem_protocol::value::Value;
use tandem_store::simulated::{Answer, Request};
use tandem_store::{Choice, Edits, Params, Resolution, RowEdit, Statement, Write, WriteError, Written};

use super::check::Checks;
use super::fault::FaultKind;
use super::form::{Form, Reading};
use super::ledger::{Amount, Delta, Ledger, label};
use super::site::{Asker, Site};
use super::statement::{self, Drawn, TILL_IDS};
use super::story::Story;

/// Schema changes of one run at most: each may rebuild every view.
const GROWTH: u64 = 2;

/// Versions that users remember having read.
const SEEN: usize = 12;

/// Why a PC refuses a statement about a table or a column that it has not heard of.
const UNHEARD: &[&str] =
    &["sqlite_no_table", "sqlite_no_column", "sqlite_no_column_quoted", "sqlite_table_lacks"];

/// The people at all sites: what they have been told, and what they know how to do.
#[derive(Default)]
pub struct Users {
    /// What they did and were told.
    pub ledger: Ledger,
    /// Whether the program knows `exactly()`.
    exactly: bool,
    /// Schema changes so far.
    grown: u64,
}

impl Users {
    /// The rows that only ever get added to, and what the program can do.
    pub fn prepare_tables(&mut self, story: &mut Story, sites: &mut [Site]) {
        let rows = TILL_IDS.map(|id| format!("('{id}')")).join(", ");
        let wall_ms = sites[0].clock.at(0);
        let mut write = |sql: String| {
            let statements = vec![Statement { sql, params: Params::One(vec![]) }];
            let write = Write { edits: statements.into(), ..Write::default() };
            sites[0].store.run(vec![Request::Write(write)], wall_ms)
        };
        let filled = write(format!("INSERT INTO tills (id) VALUES {rows}"));
        let known = write("UPDATE things SET stock = exactly(1) WHERE id = 0".to_owned());
        if !matches!(filled[..], [Answer::Written(Ok(_))]) {
            story.fail(format!("the founder cannot write: {filled:?}"));
        }
        self.exactly = matches!(known[..], [Answer::Written(Ok(_))]);
        sites[0].promised = sites[0].vector();
    }

    /// A user of a site does something.
    pub fn user_writes(&mut self, story: &mut Story, sites: &mut [Site], at: usize) {
        // Who has not joined yet may try, and is refused; but not all the time.
        let Some(space) = sites[at].space() else { return };
        let founded = space.membership().is_founded();
        if !founded && !story.random.one_in(20) {
            return;
        }
        if story.random.one_in(6) {
            remember(story, &mut sites[at]);
        }
        if story.has(FaultKind::Basis) && story.random.one_in(10) && self.send_form(story, &mut sites[at]) {
            return;
        }
        if story.has(FaultKind::Resolve) && story.random.one_in(12) && settle_conflict(story, &mut sites[at])
        {
            return;
        }
        let again = (story.has(FaultKind::Retry) && story.random.one_in(8))
            .then(|| if story.random.one_in(2) { at } else { story.below(sites.len()) });
        // Two sites that record one request list it as a duplicate; undoing it takes from the till
        // again, which no user of ours writes down.
        let (mut write, deltas) = self.draw_write(story, &sites[at], again.is_none_or(|again| again == at));
        if again.is_some() {
            write.idempotency_key = Some(format!("request {}", story.random.any()));
        }
        let harmless = deltas.is_empty();
        let (number, write) = self.ask_user(story, &mut sites[at], write, deltas);
        let Some(again) = again else { return };
        let key = write.idempotency_key.clone();
        // The button is pressed again, here or at another PC. What is recorded apart is there twice.
        if write.basis.is_none() || again == at {
            story.say(|| format!("{}: [{number}] again", sites[again].name));
            self.ask(story, &mut sites[again], number, write);
        }
        if harmless && story.random.one_in(3) {
            self.guess_key(story, sites, at, key);
        }
    }

    /// Something for a user to write, and what it adds to tills.
    fn draw_write(&self, story: &mut Story, site: &Site, counts: bool) -> (Write, Vec<Delta>) {
        let (mut write, mut statements, mut deltas) = (Write::default(), Vec::new(), Vec::new());
        if story.random.one_in(5) && counts {
            add_to_till(story, &mut statements, &mut deltas);
        }
        let plain = |sql| Statement { sql, params: Params::One(vec![]) };
        for _ in 0..if story.random.one_in(4) { 3 } else { 1 } {
            if let Some(drawn) = self.draw_statement(story, site) {
                story.counts.one(&format!("statement: {}", drawn.kind));
                statements.extend(drawn.first.into_iter().chain([drawn.sql]).map(plain));
            }
        }
        if story.random.one_in(25) {
            // Whole chains of rows go at once, some of which others refer to at that time.
            story.counts.one("statement: clear out");
            let parents_first = ["DELETE FROM rooms", "UPDATE pupils SET room = NULL"];
            let children_first = ["UPDATE pupils SET room = NULL", "DELETE FROM rooms"];
            let both = if story.random.one_in(2) { parents_first } else { children_first };
            statements.extend(both.map(str::to_owned).map(plain));
        }
        if story.has(FaultKind::Basis) && story.random.one_in(12) {
            let count = site.seen.len() as u64;
            if let Some(reading) = site.seen.get(story.random.below(count) as usize) {
                deltas.iter_mut().for_each(|delta| delta.set_after(reading));
                write.basis = Some(reading.version.clone());
            }
        }
        write.edits = Edits::Sql(statements);
        (write, deltas)
    }

    fn draw_statement(&self, story: &mut Story, site: &Site) -> Option<Drawn> {
        let schema = site.space()?.schema();
        statement::draw(&schema, &mut story.random, self.exactly)
    }

    /// Somebody sends another request with the key of one that was sent: who guessed it takes no
    /// sale away.
    fn guess_key(&mut self, story: &mut Story, sites: &mut [Site], at: usize, key: Option<String>) {
        let guesser = story.below(sites.len());
        if let Some(drawn) = self.draw_statement(story, &sites[at]) {
            let statements = vec![Statement { sql: drawn.sql, params: Params::One(vec![]) }];
            story.counts.one("write with another one's key");
            let guess = Write { edits: statements.into(), idempotency_key: key, ..Write::default() };
            let _asked = self.ask_user(story, &mut sites[guesser], guess, vec![]);
        }
    }

    /// Asks a site for a write, and writes it down. Gives its number, and it as it was asked.
    pub fn ask_user(
        &mut self,
        story: &mut Story,
        site: &mut Site,
        mut write: Write,
        deltas: Vec<Delta>,
    ) -> (u64, Write) {
        let number = self.ledger.open(deltas);
        write.message = Some(label(number));
        story.say(|| {
            let sql: Vec<&str> = match &write.edits {
                Edits::Sql(statements) => statements.iter().map(|statement| statement.sql.as_str()).collect(),
                Edits::Rows(edits) => edits.iter().map(RowEdit::table).collect(),
                Edits::Observed(changes) => changes.iter().map(|change| change.table.as_str()).collect(),
            };
            let basis = if write.basis.is_some() { ", of an older version" } else { "" };
            format!("{}: [{number}{basis}] {}", site.name, sql.join("; "))
        });
        if write.basis.is_some() {
            story.counts.one("write with an older basis");
        }
        self.ask(story, site, number, write.clone());
        (number, write)
    }

    fn ask(&mut self, story: &mut Story, site: &mut Site, number: u64, write: Write) {
        if !site.ask(story, Asker::User(number), Request::Write(write)) {
            self.unanswered(number);
        }
    }

    /// Nobody will ever hear what became of a write.
    pub fn unanswered(&mut self, number: u64) {
        self.ledger.unknown(number);
    }

    /// A form that was opened long ago is sent. `false`: nobody has one.
    fn send_form(&mut self, story: &mut Story, site: &mut Site) -> bool {
        let count = site.seen.len() as u64;
        let read = site.seen.get(story.random.below(count.max(1)) as usize);
        let Some(form) = read.and_then(|reading| Form::of(reading, &mut story.random)) else { return false };
        let amount = Amount::Added(form.added);
        let deltas = form.till().map(|(till, column)| Delta { till, column, amount });
        story.counts.one(&format!("form: {}", form.counter()));
        let (number, _) = self.ask_user(story, site, form.write(), deltas.into_iter().collect());
        if let Some(entry) = self.ledger.entry(number) {
            entry.form = Some(form);
        }
        true
    }

    /// Adds a column or a table at a site.
    pub fn grow_schema(&mut self, story: &mut Story, sites: &mut [Site], at: usize) {
        if self.grown == GROWTH {
            return;
        }
        self.grown += 1;
        let [sql, other] = statement::growth(&mut story.random);
        story.say(|| format!("{}: {sql}", sites[at].name));
        let _asked = sites[at].ask(story, Asker::Nobody, Request::ApplySchema(sql));
        if story.random.one_in(2) {
            let peer = (at + 1 + story.below(sites.len() - 1)) % sites.len();
            story.say(|| format!("{}: {other}", sites[peer].name));
            let _asked = sites[peer].ask(story, Asker::Nobody, Request::ApplySchema(other));
        }
    }

    /// A user hears what became of a write.
    pub fn told(
        &mut self,
        story: &mut Story,
        sites: &mut [Site],
        at: usize,
        number: u64,
        result: Result<Written, WriteError>,
    ) {
        match result {
            Ok(Written { dot: Some(dot), repeated: true, .. }) => {
                story.counts.one("write: repeated");
                let entry = sites[at].space().and_then(|space| space.log().transaction(&dot).ok().flatten());
                let of = entry.and_then(|entry| entry.transaction.header.message);
                if of.is_some_and(|of| of != label(number)) {
                    story.fail(format!("write {number} was answered with what another one did, {dot:?}"));
                }
                self.ledger.recorded_as(number, dot);
            }
            Ok(written) => self.written(story, sites, at, number, written),
            Err(WriteError::Refused(refusal)) => {
                story.counts.one(&format!("refused: {}", refusal.code));
                story.say(|| format!("{}: [{number}] refused: {}", sites[at].name, refusal));
                self.ledger.refused(number);
                // A request repeated at a PC that has not heard of its column.
                let unheard = refusal.is_by(UNHEARD);
                let fault = !unheard
                    && matches!(
                        refusal.code,
                        "sql_error" | "sql_not_allowed" | "parameter_count" | "schema_syntax"
                    );
                if fault {
                    story.fail(format!("{} refuses a sound statement: {refusal}", sites[at].name));
                }
            }
            Err(WriteError::Log(_)) => {
                // Told so: a full disk. What failed halfway is not answered at all.
                story.counts.one("write: no room");
                self.ledger.refused(number);
            }
            Err(error) => story.fail(format!("{} cannot write: {error}", sites[at].name)),
        }
    }

    fn written(&mut self, story: &mut Story, sites: &mut [Site], at: usize, number: u64, written: Written) {
        story.say(|| format!("{}: [{number}] is {:?}", sites[at].name, written.dot));
        let Some(dot) = written.dot else {
            story.counts.one("write: nothing changed");
            return self.ledger.refused(number);
        };
        if let Some(entry) = self.ledger.entry(number)
            && let Some(Delta { amount, .. }) = entry.deltas.first_mut()
            && let Amount::Set(value) = *amount
        {
            let found = written.results.first().and_then(|result| result.rows.first());
            if let Some([Value::Integer(before)]) = found.map(Vec::as_slice) {
                *amount = Amount::Added(value - before);
            }
        }
        story.counts.one("write: recorded");
        self.ledger.recorded_as(number, dot);
        if number.is_multiple_of(4) {
            Checks::look(story, sites, &self.ledger, |checks| checks.references(at));
        }
    }
}

/// A user looks at what is there, to come back to it later.
fn remember(story: &mut Story, site: &mut Site) {
    let Some(reading) = site.space().map(Reading::of) else { return };
    let seen = &mut site.seen;
    if seen.len() == SEEN {
        let oldest = story.random.below(SEEN as u64) as usize;
        seen.remove(oldest);
    }
    seen.push(reading);
}

/// Counts something in a till, relatively or by looking first what is there.
fn add_to_till(story: &mut Story, statements: &mut Vec<Statement>, deltas: &mut Vec<Delta>) {
    let till = TILL_IDS[story.below(TILL_IDS.len())];
    let (column, scale) = [("sold", 1), ("takings", 100)][story.below(2)];
    let number = story.random.below(19) as i64 - 9;
    let mut add = |sql| statements.push(Statement { sql, params: Params::One(vec![]) });
    if story.random.one_in(4) {
        story.counts.one("statement: set a till");
        add(format!("SELECT CAST(round({column} * {scale}) AS INTEGER) FROM tills WHERE id = '{till}'"));
        add(format!("UPDATE tills SET {column} = {number} WHERE id = '{till}'"));
        deltas.push(Delta { till, column, amount: Amount::Set(number * scale) });
    } else {
        story.counts.one("statement: add to a till");
        add(format!("UPDATE tills SET {column} = {column} + {number} WHERE id = '{till}'"));
        deltas.push(Delta { till, column, amount: Amount::Added(number * scale) });
    }
}

/// Settles one of the open conflicts. `false`: there is none.
fn settle_conflict(story: &mut Story, site: &mut Site) -> bool {
    let Some(conflicts) = site.space().map(|space| space.conflicts().all()) else {
        return false;
    };
    let conflicts = match conflicts {
        Ok(conflicts) => conflicts,
        Err(error) => {
            story.fail(format!("{} cannot list its conflicts: {error}", site.name));
            return false;
        }
    };
    if conflicts.is_empty() {
        return false;
    }
    let conflict = &conflicts[story.below(conflicts.len())];
    let choice = choose(story, conflict);
    story.counts.one(&format!("resolve: {}", conflict.kind.name()));
    let resolution =
        Resolution { id: conflict.id(), seen: conflict.versions_hash(), choice, by: None, message: None };
    story.say(|| format!("{}: resolves {:?} {:?}", site.name, conflict.kind, resolution.choice));
    site.ask(story, Asker::Nobody, Request::Resolve(resolution))
}

fn choose(story: &mut Story, conflict: &Conflict) -> Choice {
    let version = conflict.versions.get(story.random.below(conflict.versions.len() as u64) as usize);
    match (story.random.below(5), version) {
        (0, Some(version)) => match &version.held {
            VersionContent::Value { value, .. } => Choice::Value(value.value().unwrap_or(Value::Null)),
            _ => Choice::KeepAll,
        },
        (1, _) => Choice::KeepAll,
        (_, Some(version)) => Choice::Use(version.dot()),
        (_, None) => Choice::KeepAll,
    }
}

/// A newer version of the program writes ops of a kind, and of a column, that this one does not
/// know: to be kept and passed on by all, and counted.
pub fn newer_program_writes(story: &mut Story, site: &mut Site) {
    let Some(space) = site.space() else { return };
    if !space.membership().may_write(&site.author) {
        return;
    }
    let body = (0..story.random.below(40)).map(|byte| byte as u8).collect();
    let ops = vec![Op::Unknown { kind: 900 + story.random.below(9) as u16, body }];
    story.say(|| format!("{}: writes what only a newer program knows", site.name));
    let _asked = site.ask(story, Asker::Nobody, Request::Record(ops));
}
