//! Plays a story, step by step.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::script::{Line, Script, Step};
use super::stage::{Choice, Conflict, Refused, Stage};

/// Where a story is not true.
#[derive(Debug)]
pub struct Failure {
    place: String,
    step: String,
    told: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  {}", self.place, self.step, self.told)
    }
}

/// Plays all steps. At the end, every site that runs must show what its log says.
pub fn play(script: &Script, stage: &mut dyn Stage) -> Result<(), Failure> {
    let mut player = Player::new(stage);
    for line in &script.lines {
        let told = |told| Failure {
            place: format!("{}:{}", script.file, line.number),
            step: line.text.clone(),
            told,
        };
        // What real sites are handled with ends a test by panicking: here the story goes first.
        let played = catch_unwind(AssertUnwindSafe(|| player.step(line)));
        played.unwrap_or_else(|panic| Err(words(panic.as_ref()))).map_err(told)?;
    }
    player.end().map_err(|told| Failure { place: script.file.clone(), step: "the end".into(), told })
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("it ended without a word").to_owned()
}

struct Player<'a> {
    stage: &'a mut dyn Stage,
    schema: String,
    sites: Vec<String>,
    stopped: BTreeSet<String>,
    /// Lines that are cut, by their ends in both orders.
    cuts: BTreeSet<(String, String)>,
}

impl<'a> Player<'a> {
    fn new(stage: &'a mut dyn Stage) -> Self {
        Self {
            stage,
            schema: String::new(),
            sites: Vec::new(),
            stopped: BTreeSet::new(),
            cuts: BTreeSet::new(),
        }
    }

    fn step(&mut self, line: &Line) -> Result<(), String> {
        match &line.step {
            Step::Schema(sql) => {
                self.schema += sql.trim_end_matches(';');
                self.schema += ";\n";
            }
            Step::Site(name, clock) => {
                match self.sites.first() {
                    None => self.stage.found(name, clock.as_ref(), &self.schema),
                    Some(founder) => self.stage.join(name, clock.as_ref(), founder),
                }
                self.sites.push(name.clone());
            }
            Step::Apply(site, sql) => self.stage.apply(site, sql).map_err(refused)?,
            Step::Cut(one, other) => {
                self.stage.cut(one, other.as_deref());
                for far in self.sites.iter().filter(|site| other.as_ref().is_none_or(|other| other == *site))
                {
                    self.cuts.extend([(one.clone(), far.clone()), (far.clone(), one.clone())]);
                }
            }
            Step::Heal => {
                self.cuts.clear();
                self.stage.heal();
            }
            Step::Write(site, write) => self.stage.write(site, write).map_err(refused)?,
            Step::Refused(site, write, code) => match self.stage.write(site, write) {
                Err(refusal) if refusal.code == *code => {}
                Err(refusal) => return Err(unlike(code, &refused(refusal))),
                Ok(()) => return Err(unlike(code, "it was accepted")),
            },
            Step::Remember(form, site) => self.stage.remember(form, site),
            Step::Sync => self.stage.sync(&self.groups())?,
            Step::Crash(site) => {
                self.stage.crash(site);
                self.stopped.insert(site.clone());
            }
            Step::Start(site) => {
                self.stage.start(site);
                self.stopped.remove(site);
            }
            Step::Expect(Some(site), sql, rows) => self.expect(site, sql, rows)?,
            Step::Expect(None, sql, rows) => {
                self.running().iter().try_for_each(|site| self.expect(site, sql, rows))?;
            }
            Step::Conflicts(number) => self.count_conflicts(*number)?,
            Step::Conflict(kind, place) => {
                for site in self.running() {
                    let open = self.stage.conflicts(&site);
                    if !open.iter().any(|one| one.kind == *kind && one.place == *place) {
                        return Err(unlike(&format!("{kind} {place}"), &at(&list(&open), &site)));
                    }
                }
            }
            Step::Resolve(site, choice) => self.resolve(site, choice)?,
        }
        Ok(())
    }

    fn running(&self) -> Vec<String> {
        self.sites.iter().filter(|site| !self.stopped.contains(*site)).cloned().collect()
    }

    /// Running sites that reach each other, directly or through others.
    fn groups(&self) -> Vec<Vec<String>> {
        let mut left = self.running();
        let mut groups = Vec::new();
        while let Some(first) = left.pop() {
            let mut group = vec![first];
            let mut reached = 0;
            while let Some(near) = group.get(reached).cloned() {
                let cut = |far: &String| self.cuts.contains(&(near.clone(), far.clone()));
                let (apart, together) = left.into_iter().partition::<Vec<_>, _>(cut);
                group.extend(together);
                left = apart;
                reached += 1;
            }
            groups.push(group);
        }
        groups
    }

    fn expect(&mut self, site: &str, sql: &str, rows: &str) -> Result<(), String> {
        let seen = self.stage.query(site, sql).map_err(refused)?;
        let seen = if seen.is_empty() {
            "(none)".to_owned()
        } else {
            seen.iter().map(|row| row.join("|")).collect::<Vec<_>>().join("; ").replace('\n', "\\n")
        };
        if spaced(&seen) == spaced(rows) { Ok(()) } else { Err(unlike(rows, &at(&seen, site))) }
    }

    /// The same ones everywhere.
    fn count_conflicts(&mut self, number: usize) -> Result<(), String> {
        let mut first: Option<Vec<String>> = None;
        for site in self.running() {
            let open = self.stage.conflicts(&site);
            if open.len() != number {
                let seen = at(&open.len().to_string(), &site);
                return Err(format!("{}: {}", unlike(&number.to_string(), &seen), list(&open)));
            }
            let mut ids: Vec<String> = open.into_iter().map(|conflict| conflict.id).collect();
            ids.sort();
            let first = first.get_or_insert_with(|| ids.clone());
            if *first != ids {
                return Err(unlike(
                    &format!("the same ids everywhere: {first:?}"),
                    &at(&format!("{ids:?}"), &site),
                ));
            }
        }
        Ok(())
    }

    /// The only open conflict.
    fn resolve(&mut self, site: &str, choice: &Choice) -> Result<(), String> {
        let open = self.stage.conflicts(site);
        let [conflict] = open.as_slice() else {
            return Err(unlike("one open conflict", &list(&open)));
        };
        let choice = match choice {
            Choice::Use(shown) => {
                let version = conflict.versions.iter().find(|version| version.shows == *shown);
                Choice::Use(version.ok_or_else(|| unlike(shown, &list(&open)))?.dot.clone())
            }
            other => other.clone(),
        };
        self.stage.resolve(site, conflict, &choice).map_err(refused)
    }

    fn end(&mut self) -> Result<(), String> {
        let sites = self.running();
        sites.iter().try_for_each(|site| self.stage.verify(site).map_err(|told| at(&told, site)))
    }
}

/// Blanks around cells and rows say nothing.
fn spaced(rows: &str) -> Vec<Vec<&str>> {
    rows.split(';').map(|row| row.split('|').map(str::trim).collect()).collect()
}

fn list(open: &[Conflict]) -> String {
    let told = |one: &Conflict| {
        let versions: Vec<&str> = one.versions.iter().map(|version| version.shows.as_str()).collect();
        format!("{} {} ({})", one.kind, one.place, versions.join(" | "))
    };
    if open.is_empty() { "none".into() } else { open.iter().map(told).collect::<Vec<_>>().join(", ") }
}

fn at(seen: &str, site: &str) -> String {
    format!("{seen} at {site}")
}

fn unlike(expected: &str, seen: &str) -> String {
    format!("expected: {expected}\n  seen:     {seen}")
}

fn refused(Refused { code, message }: Refused) -> String {
    format!("refused: {code}: {message}")
}
