//! What users do: write, look, come back to a form opened long ago, press a button twice, settle
//! conflicts, add columns.

use tandem_protocol::conflict::{Conflict, VersionContent};
use tandem_protocol::op::Op;
use tandem_protocol::value::Value;
use tandem_store::simulated::{Answer, Request};
use tandem_store::{Choice, Edits, Params, Resolution, RowEdit, Statement, Write, WriteError, Written};

use super::fault::FaultKind;
use super::form::{Form, Reading};
use super::ledger::{Amount, Delta, Fate, label};
use super::site::Asker;
use super::statement::{self, Drawn, TILL_IDS};
use super::world::World;

/// Schema changes of one run at most: each may rebuild every view.
const GROWTH: u64 = 2;

/// Versions that users remember having read.
const SEEN: usize = 12;

/// Why a PC refuses a statement about a table or a column that it has not heard of.
const UNHEARD: &[&str] =
    &["sqlite_no_table", "sqlite_no_column", "sqlite_no_column_quoted", "sqlite_table_lacks"];

impl World {
    /// The rows that only ever get added to, and what the program can do.
    pub fn prepare_tables(&mut self) {
        let rows = TILL_IDS.map(|id| format!("('{id}')")).join(", ");
        let wall_ms = self.sites[0].clock.at(0);
        let mut write = |sql: String| {
            let statements = vec![Statement { sql, params: Params::One(vec![]) }];
            let write = Write { edits: statements.into(), ..Write::default() };
            self.sites[0].store.run(vec![Request::Write(write)], wall_ms)
        };
        let filled = write(format!("INSERT INTO tills (id) VALUES {rows}"));
        let known = write("UPDATE things SET stock = exactly(1) WHERE id = 0".to_owned());
        if !matches!(filled[..], [Answer::Written(Ok(_))]) {
            self.fail(format!("the founder cannot write: {filled:?}"));
        }
        self.exactly = matches!(known[..], [Answer::Written(Ok(_))]);
        self.sites[0].promised = self.sites[0].vector();
    }

    /// A user of a site does something.
    pub fn user_writes(&mut self, at: usize) {
        // Who has not joined yet may try, and is refused; but not all the time.
        let Some(space) = self.sites[at].space() else { return };
        let founded = space.membership().is_founded();
        if !founded && !self.random.one_in(20) {
            return;
        }
        if self.random.one_in(6) {
            self.remember(at);
        }
        if self.has(FaultKind::Basis) && self.random.one_in(10) && self.send_form(at) {
            return;
        }
        if self.has(FaultKind::Resolve) && self.random.one_in(12) && self.settle_conflict(at) {
            return;
        }
        let again = (self.has(FaultKind::Retry) && self.random.one_in(8))
            .then(|| if self.random.one_in(2) { at } else { self.below(self.sites.len()) });
        // Two sites that record one request list it as a duplicate; undoing it takes from the till
        // again, which no user of ours writes down.
        let (mut write, deltas) = self.draw_write(at, again.is_none_or(|again| again == at));
        if again.is_some() {
            write.idempotency_key = Some(format!("request {}", self.random.any()));
        }
        let harmless = deltas.is_empty();
        let (number, write) = self.ask_user(at, write, deltas);
        if let Some(again) = again {
            self.press_again(at, again, number, write, harmless);
        }
    }

    /// A user looks at what is there, to come back to it later.
    fn remember(&mut self, at: usize) {
        let Some(reading) = self.sites[at].space().map(Reading::of) else { return };
        let seen = &mut self.sites[at].seen;
        if seen.len() == SEEN {
            let oldest = self.random.below(SEEN as u64) as usize;
            seen.remove(oldest);
        }
        seen.push(reading);
    }

    /// Something for a user to write, and what it adds to tills.
    fn draw_write(&mut self, at: usize, counts: bool) -> (Write, Vec<Delta>) {
        let (mut write, mut statements, mut deltas) = (Write::default(), Vec::new(), Vec::new());
        if self.random.one_in(5) && counts {
            self.add_to_till(&mut statements, &mut deltas);
        }
        let plain = |sql| Statement { sql, params: Params::One(vec![]) };
        for _ in 0..if self.random.one_in(4) { 3 } else { 1 } {
            if let Some(drawn) = self.draw_statement(at) {
                self.counts.one(&format!("statement: {}", drawn.kind));
                statements.extend(drawn.first.into_iter().chain([drawn.sql]).map(plain));
            }
        }
        if self.random.one_in(25) {
            // Whole chains of rows go at once, some of which others refer to at that time.
            self.counts.one("statement: clear out");
            let parents_first = ["DELETE FROM rooms", "UPDATE pupils SET room = NULL"];
            let children_first = ["UPDATE pupils SET room = NULL", "DELETE FROM rooms"];
            let both = if self.random.one_in(2) { parents_first } else { children_first };
            statements.extend(both.map(str::to_owned).map(plain));
        }
        if self.has(FaultKind::Basis) && self.random.one_in(12) {
            let count = self.sites[at].seen.len() as u64;
            if let Some(reading) = self.sites[at].seen.get(self.random.below(count) as usize) {
                deltas.iter_mut().for_each(|delta| delta.set_after(reading));
                write.basis = Some(reading.version.clone());
            }
        }
        write.edits = Edits::Sql(statements);
        (write, deltas)
    }

    fn draw_statement(&mut self, at: usize) -> Option<Drawn> {
        let schema = self.sites[at].space()?.schema();
        statement::draw(&schema, &mut self.random, self.exactly)
    }

    /// A button is pressed again, here or at another PC. What is recorded apart is there twice.
    fn press_again(&mut self, at: usize, again: usize, number: u64, write: Write, harmless: bool) {
        let key = write.idempotency_key.clone();
        if write.basis.is_none() || again == at {
            self.say(|world| format!("{}: [{number}] again", world.sites[again].name));
            self.ask(again, Asker::User(number), Request::Write(write));
        }
        // Another request with the key of this one: whoever guessed it takes no sale away.
        if harmless && self.random.one_in(3) {
            let guesser = self.below(self.sites.len());
            if let Some(drawn) = self.draw_statement(at) {
                let statements = vec![Statement { sql: drawn.sql, params: Params::One(vec![]) }];
                self.counts.one("write with another one's key");
                let guess = Write { edits: statements.into(), idempotency_key: key, ..Write::default() };
                let _asked = self.ask_user(guesser, guess, vec![]);
            }
        }
    }

    fn has(&self, kind: FaultKind) -> bool {
        self.plan.faults.contains(&kind)
    }

    /// Asks a site for a write, and writes it down. Gives its number, and it as it was asked.
    pub fn ask_user(&mut self, at: usize, mut write: Write, deltas: Vec<Delta>) -> (u64, Write) {
        let number = self.ledger.open(deltas);
        write.message = Some(label(number));
        self.say(|world| {
            let sql: Vec<&str> = match &write.edits {
                Edits::Sql(statements) => statements.iter().map(|statement| statement.sql.as_str()).collect(),
                Edits::Rows(edits) => edits.iter().map(RowEdit::table).collect(),
            };
            let basis = if write.basis.is_some() { ", of an older version" } else { "" };
            format!("{}: [{number}{basis}] {}", world.sites[at].name, sql.join("; "))
        });
        if write.basis.is_some() {
            self.counts.one("write with an older basis");
        }
        self.ask(at, Asker::User(number), Request::Write(write.clone()));
        (number, write)
    }

    /// Counts something in a till, relatively or by looking first what is there.
    fn add_to_till(&mut self, statements: &mut Vec<Statement>, deltas: &mut Vec<Delta>) {
        let till = TILL_IDS[self.below(TILL_IDS.len())];
        let (column, scale) = [("sold", 1), ("takings", 100)][self.below(2)];
        let number = self.random.below(19) as i64 - 9;
        let mut add = |sql| statements.push(Statement { sql, params: Params::One(vec![]) });
        if self.random.one_in(4) {
            self.counts.one("statement: set a till");
            add(format!("SELECT CAST(round({column} * {scale}) AS INTEGER) FROM tills WHERE id = '{till}'"));
            add(format!("UPDATE tills SET {column} = {number} WHERE id = '{till}'"));
            deltas.push(Delta { till, column, amount: Amount::Set(number * scale) });
        } else {
            self.counts.one("statement: add to a till");
            add(format!("UPDATE tills SET {column} = {column} + {number} WHERE id = '{till}'"));
            deltas.push(Delta { till, column, amount: Amount::Added(number * scale) });
        }
    }

    /// A form that was opened long ago is sent. `false`: nobody has one.
    fn send_form(&mut self, at: usize) -> bool {
        let count = self.sites[at].seen.len() as u64;
        let read = self.sites[at].seen.get(self.random.below(count.max(1)) as usize);
        let Some(form) = read.and_then(|reading| Form::of(reading, &mut self.random)) else { return false };
        let amount = Amount::Added(form.added);
        let deltas = form.till().map(|(till, column)| Delta { till, column, amount });
        self.counts.one(&format!("form: {}", form.counter()));
        let (number, _) = self.ask_user(at, form.write(), deltas.into_iter().collect());
        if let Some(entry) = self.ledger.entry(number) {
            entry.form = Some(form);
        }
        true
    }

    /// Settles one of the open conflicts. `false`: there is none.
    fn settle_conflict(&mut self, at: usize) -> bool {
        let Some(conflicts) = self.sites[at].space().map(|space| space.conflicts().all()) else {
            return false;
        };
        let conflicts = match conflicts {
            Ok(conflicts) => conflicts,
            Err(error) => {
                self.fail(format!("{} cannot list its conflicts: {error}", self.sites[at].name));
                return false;
            }
        };
        if conflicts.is_empty() {
            return false;
        }
        let conflict = &conflicts[self.below(conflicts.len())];
        let choice = self.choose(conflict);
        self.counts.one(&format!("resolve: {}", conflict.kind.name()));
        let resolution =
            Resolution { id: conflict.id(), seen: conflict.versions_hash(), choice, by: None, message: None };
        self.say(|world| {
            format!("{}: resolves {:?} {:?}", world.sites[at].name, conflict.kind, resolution.choice)
        });
        self.ask(at, Asker::Nobody, Request::Resolve(resolution));
        true
    }

    fn choose(&mut self, conflict: &Conflict) -> Choice {
        let version = conflict.versions.get(self.random.below(conflict.versions.len() as u64) as usize);
        match (self.random.below(5), version) {
            (0, Some(version)) => match &version.held {
                VersionContent::Value { value, .. } => Choice::Value(value.value().unwrap_or(Value::Null)),
                _ => Choice::KeepAll,
            },
            (1, _) => Choice::KeepAll,
            (_, Some(version)) => Choice::Use(version.dot()),
            (_, None) => Choice::KeepAll,
        }
    }

    /// Adds a column or a table at a site.
    pub fn grow_schema(&mut self, at: usize) {
        if self.grown == GROWTH {
            return;
        }
        self.grown += 1;
        let [sql, other] = statement::growth(&mut self.random);
        self.say(|world| format!("{}: {sql}", world.sites[at].name));
        self.ask(at, Asker::Nobody, Request::ApplySchema(sql));
        if self.random.one_in(2) {
            let peer = (at + 1 + self.below(self.sites.len() - 1)) % self.sites.len();
            self.say(|world| format!("{}: {other}", world.sites[peer].name));
            self.ask(peer, Asker::Nobody, Request::ApplySchema(other));
        }
    }

    /// A newer version of the program writes ops of a kind, and of a column, that this one does not
    /// know: to be kept and passed on by all, and counted.
    pub fn newer_program_writes(&mut self, at: usize) {
        let Some(space) = self.sites[at].space() else { return };
        if !space.membership().may_write(&self.sites[at].author) {
            return;
        }
        let body = (0..self.random.below(40)).map(|byte| byte as u8).collect();
        let ops = vec![Op::Unknown { kind: 900 + self.random.below(9) as u16, body }];
        self.say(|world| format!("{}: writes what only a newer program knows", world.sites[at].name));
        self.ask(at, Asker::Nobody, Request::Record(ops));
    }

    /// A user hears what became of a write.
    pub fn told_user(&mut self, at: usize, number: u64, result: Result<Written, WriteError>) {
        match result {
            Ok(Written { dot: Some(dot), repeated: true, .. }) => {
                self.counts.one("write: repeated");
                let entry =
                    self.sites[at].space().and_then(|space| space.log().transaction(&dot).ok().flatten());
                let of = entry.and_then(|entry| entry.transaction.header.message);
                if of.is_some_and(|of| of != label(number)) {
                    self.fail(format!("write {number} was answered with what another one did, {dot:?}"));
                }
                self.ledger.recorded_as(number, dot);
            }
            Ok(written) => self.written(at, number, written),
            Err(WriteError::Refused(refusal)) => {
                self.counts.one(&format!("refused: {}", refusal.code));
                self.say(|world| format!("{}: [{number}] refused: {}", world.sites[at].name, refusal));
                self.ledger.refused(number);
                // A request repeated at a PC that has not heard of its column.
                let unheard = refusal.is_by(UNHEARD);
                let fault = !unheard
                    && matches!(
                        refusal.code,
                        "sql_error" | "sql_not_allowed" | "parameter_count" | "schema_syntax"
                    );
                if fault {
                    self.fail(format!("{} refuses a sound statement: {refusal}", self.sites[at].name));
                }
            }
            Err(WriteError::Log(_)) => {
                // Told so: a full disk. What failed halfway is not answered at all.
                self.counts.one("write: no room");
                self.ledger.refused(number);
            }
            Err(error) => self.fail(format!("{} cannot write: {error}", self.sites[at].name)),
        }
    }

    fn written(&mut self, at: usize, number: u64, written: Written) {
        self.say(|world| format!("{}: [{number}] is {:?}", world.sites[at].name, written.dot));
        let Some(dot) = written.dot else {
            self.counts.one("write: nothing changed");
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
        self.counts.one("write: recorded");
        self.ledger.recorded_as(number, dot);
        if number.is_multiple_of(4) {
            self.check(|checks| checks.references(at));
        }
    }

    /// How many writes nobody knows the fate of.
    pub fn unknown_writes(&self) -> usize {
        self.ledger.entries().filter(|(_, entry)| entry.fate == Fate::Unknown).count()
    }
}
