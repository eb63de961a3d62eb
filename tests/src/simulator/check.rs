//! What must be true: at every start, of every answer, and when all is over.

use std::collections::BTreeMap;

use tandem_protocol::schema::expression::quoted;
use tandem_protocol::transaction::Transaction;
use tandem_protocol::value::Value;
use tandem_protocol::verify;
use tandem_protocol::version::Dot;
use tandem_store::simulated::{Survival, ViewLoss};
use tandem_store::{ReceiveError, Received, Space};

use super::ledger::{Amount, Fate, Ledger, label};
use super::site::Site;
use super::statement::TILL_IDS;
use super::story::Story;
use crate::reference::{self, Expected};

/// Forms whose version is made anew by the reference at the end of a run.
const FORMS: usize = 2;

/// What people see of a site, as text.
#[derive(PartialEq, Eq)]
struct Seen {
    parts: BTreeMap<String, String>,
}

/// Looks at the sites; what it finds wrong is an error, in words.
pub struct Checks<'w> {
    /// The sites, by number.
    pub sites: &'w mut [Site],
    /// What users were told.
    pub ledger: &'w Ledger,
    /// The story so far.
    pub story: &'w mut Story,
}

/// What is wrong, in words.
type Check = Result<(), String>;

impl Checks<'_> {
    /// Looks whether something is as it must be.
    pub fn look(
        story: &mut Story,
        sites: &mut [Site],
        ledger: &Ledger,
        check: impl FnOnce(&mut Checks<'_>) -> Check,
    ) {
        if let Err(wrong) = check(&mut Checks { sites, ledger, story }) {
            story.fail(wrong);
        }
    }

    /// A block that a site was given is taken in, or cannot be yet. It is never wrong.
    pub fn received(&mut self, at: usize, result: &Result<Received, ReceiveError>) -> Check {
        let sound = match result {
            Ok(_) | Err(ReceiveError::Log(_)) => true,
            Err(ReceiveError::Fault(fault)) => {
                self.story.counts.one(match fault {
                    verify::BlockFault::Gap { .. } => "block: after a gap",
                    verify::BlockFault::MissingContext { .. } => "block: before its context",
                    _ => "block: refused",
                });
                let early = matches!(
                    fault,
                    verify::BlockFault::Gap { .. } | verify::BlockFault::MissingContext { .. }
                );
                early || self.sites.iter().any(|site| site.copy_of.is_some())
            }
            Err(_) => false,
        };
        match sound {
            true => Ok(()),
            false => Err(format!("{} refuses a sound block: {result:?}", self.sites[at].name)),
        }
    }

    /// A site that has just started holds all it ever promised, and everything that others have
    /// of it.
    pub fn started(&self, at: usize) -> Check {
        let vector = self.sites[at].vector();
        let name = self.sites[at].name;
        if !vector.covers_all(&self.sites[at].promised) {
            return Err(format!("{name} lost what it had promised to hold"));
        }
        let me = self.sites[at].author;
        let copied = self.sites.iter().any(|site| site.copy_of.is_some());
        let ahead = self.sites.iter().find(|site| site.vector().seq(me) > vector.seq(me));
        match ahead.filter(|_| !copied) {
            Some(other) => {
                Err(format!("{} holds transactions of {name} that were not durable there", other.name))
            }
            None => Ok(()),
        }
    }

    /// Everything, once all sites hold the same.
    pub fn all(&mut self) -> Check {
        let transactions = self.transactions(0)?;
        let labels = labels(&transactions);
        self.acknowledged(&labels)?;
        self.tills(&labels)?;
        self.forms(&transactions)?;
        self.equality()?;
        self.reference(&transactions)?;
        self.again()
    }

    /// Every reference that a site shows leads to a row shown there.
    pub fn references(&self, at: usize) -> Check {
        let Some(space) = self.sites[at].space() else { return Ok(()) };
        let schema = space.schema();
        for table in schema.tables().map(|table| &table.shown) {
            for reference in table.references.iter().filter(|reference| reference::cannot_be_lost(reference))
            {
                let (child, target, columns) = (&table.name, &reference.table, reference.columns.join(", "));
                let pairs = || reference.columns.iter().zip(&reference.targets);
                let given: Vec<String> = pairs().map(|(own, _)| format!("c.{own} IS NOT NULL")).collect();
                let equal: Vec<String> = pairs().map(|(own, to)| format!("t.{to} = c.{own}")).collect();
                let sql = format!(
                    "SELECT {columns} FROM {child} AS c WHERE {}
                       AND NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {})",
                    given.join(" AND "),
                    equal.join(" AND ")
                );
                let lost = match space.query(&sql, &[]) {
                    Ok((lost, _)) => {
                        lost.rows.first().map(|row| format!("{row:?} leads to no row of {target}"))
                    }
                    Err(error) => Some(error.to_string()),
                };
                if let Some(lost) = lost {
                    return Err(format!("{child} ({columns}): {lost}"));
                }
            }
        }
        Ok(())
    }

    /// What all sites show is what the log means.
    fn reference(&self, transactions: &[Transaction]) -> Check {
        let expected = reference::fold(transactions);
        if let Some(wrong) = expected.miscounted.first().or(expected.dangling.first()) {
            return Err(wrong.clone());
        }
        let expected = of_reference(&expected);
        let Some(shown) = self.sites[0].space().map(seen).transpose()? else { return Ok(()) };
        expected.difference(&shown.like(&expected), "by the reference", "here").map_or(Ok(()), Err)
    }

    fn transactions(&self, at: usize) -> Result<Vec<Transaction>, String> {
        let name = self.sites[at].name;
        let space = self.sites[at].space().ok_or_else(|| format!("{name} is off"))?;
        let entries = space.log().entries_from(0).map(|entry| entry.map(|entry| entry.transaction));
        entries
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the log of {name} cannot be read: {error}"))
    }

    /// Nothing acknowledged is lost, and nothing refused is there.
    fn acknowledged(&self, labels: &Labels) -> Check {
        for (number, entry) in self.ledger.entries() {
            match (entry.fate, labels.get(&label(number))) {
                (Fate::Recorded(dot), found) if found.is_none_or(|found| !found.contains(&dot)) => {
                    return Err(format!("write {number} was acknowledged as {dot:?} and is {found:?}"));
                }
                (Fate::Refused, Some(dot)) => {
                    return Err(format!("write {number} was refused and is there as {dot:?}"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Every till holds the sum of what was put into it.
    fn tills(&mut self, labels: &Labels) -> Check {
        let mut sums: BTreeMap<(&str, &str), Option<i64>> = BTreeMap::new();
        let recorded = self.ledger.entries().filter(|(number, _)| labels.contains_key(&label(*number)));
        for delta in recorded.flat_map(|(_, entry)| &entry.deltas) {
            let sum = sums.entry((delta.till, delta.column)).or_insert(Some(0));
            *sum = match delta.amount {
                Amount::Added(units) => sum.map(|sum| sum + units),
                Amount::Set(_) | Amount::Unknown => None,
            };
        }
        for till in TILL_IDS {
            for (column, scale) in [("sold", 1), ("takings", 100)] {
                let Some(sum) = sums.get(&(till, column)).copied().unwrap_or(Some(0)) else {
                    self.story.counts.one("till whose sum is not known");
                    continue;
                };
                let sql = format!(
                    "SELECT CAST(round({column} * {scale}) AS INTEGER) FROM tills WHERE id = '{till}'"
                );
                let shown = self.sites[0].space().map(|space| space.query(&sql, &[]));
                let shown =
                    shown.and_then(Result::ok).and_then(|(rows, _)| rows.rows.first()?.first().cloned());
                if shown != Some(Value::Integer(sum)) {
                    return Err(format!("till {till}: {column} is {shown:?}, and {sum} was put into it"));
                }
            }
        }
        Ok(())
    }

    /// Every form added to what it had read.
    fn forms(&mut self, transactions: &[Transaction]) -> Check {
        let by_dot: BTreeMap<Dot, &Transaction> =
            transactions.iter().map(|one| (one.header.dot, one)).collect();
        let sent = self.ledger.entries().filter_map(|(_, entry)| match (&entry.form, entry.fate) {
            (Some(form), Fate::Recorded(dot)) => Some((form, *by_dot.get(&dot)?)),
            _ => None,
        });
        let sent: Vec<_> = sent.collect();
        self.story.counts.many("form: recorded", sent.len() as u64);
        let mut fault = sent.iter().find_map(|(form, recorded)| form.fault(recorded));
        // To make all that was read anew takes long.
        for (form, _) in sent.iter().take(FORMS) {
            let known = transactions.iter().filter(|one| form.version().covers(&one.header.dot));
            let known: Vec<Transaction> = known.cloned().collect();
            let schema = self.sites[0].space().map(Space::schema);
            let is_so = schema.is_some_and(|schema| form.is_read_from(&reference::fold(&known), &schema));
            if !is_so {
                fault.get_or_insert_with(|| "a form read what the log did not say at the time".to_owned());
            }
        }
        fault.map_or(Ok(()), Err)
    }

    /// All sites show the same.
    fn equality(&mut self) -> Check {
        let seen: Vec<(&str, Result<Seen, String>)> = self
            .sites
            .iter()
            .filter(|site| site.copy_of.is_none())
            .map(|site| (site.name, site.space().map_or_else(|| Err("off".to_owned()), seen)))
            .collect();
        let mut broken = None;
        let (first, of_first) = &seen[0];
        for (name, of_other) in &seen {
            match (of_first, of_other) {
                (Ok(one), Ok(other)) => {
                    if let Some(difference) = one.difference(other, first, name) {
                        broken.get_or_insert(difference);
                    }
                }
                (Err(error), _) | (_, Err(error)) => {
                    broken.get_or_insert(format!("{name} cannot be read: {error}"));
                }
            }
        }
        let open = self.sites[0].space().map(|space| space.status().open_conflicts).unwrap_or_default();
        self.story.counts.many("open conflicts at the end", open);
        let conflicts =
            self.sites[0].space().and_then(|space| space.conflicts().all().ok()).unwrap_or_default();
        for conflict in conflicts {
            self.story.counts.one(&format!("conflict: {}", conflict.kind.name()));
        }
        broken.map_or(Ok(()), Err)
    }

    /// A view made anew from the log shows the same.
    fn again(&mut self) -> Check {
        let at = self.story.random.below(self.story.plan.sites as u64) as usize;
        let name = self.sites[at].name;
        let Some(before) = self.sites[at].space().map(seen) else { return Ok(()) };
        let again = match self.story.plan.seed % 4 {
            0 => self.sites[at].store.rebuild_view().map_err(|error| error.to_string()),
            1 => {
                let nothing = Survival { changes: 0, torn: false };
                let site = &mut self.sites[at];
                let crashed = site.store.crash(nothing, ViewLoss::Lost).map_err(|error| error.to_string());
                crashed.and_then(|()| site.store.start().map_err(|error| error.to_string()))
            }
            2 => {
                let scratch = self.sites[at].space().map(|space| space.folder().join("verify"));
                let report = scratch.and_then(|scratch| Some(self.sites[at].space()?.verify(&scratch)));
                match report {
                    Some(report) if report.problems.is_empty() => Ok(()),
                    report => Err(format!("{report:?}")),
                }
            }
            _ => Ok(()),
        };
        let after = self.sites[at].space().map_or_else(|| Err("off".to_owned()), seen);
        let difference = match (again, before, after) {
            (Err(error), _, _) => Some(format!("the view of {name} cannot be made anew: {error}")),
            (Ok(()), Ok(before), Ok(after)) => before.difference(&after, "before", "made anew"),
            (Ok(()), before, after) => Some(format!("{:?} {:?}", before.err(), after.err())),
        };
        difference.map_or(Ok(()), |difference| Err(format!("{name}: {difference}")))
    }
}

impl Seen {
    /// Only those parts that the other has too.
    fn like(&self, other: &Self) -> Self {
        let parts = self.parts.iter().filter(|(name, _)| other.parts.contains_key(*name));
        Self { parts: parts.map(|(name, text)| (name.clone(), text.clone())).collect() }
    }

    fn difference(&self, other: &Self, one_name: &str, other_name: &str) -> Option<String> {
        let names = self.parts.keys().chain(other.parts.keys());
        let differs = |name: &&String| self.parts.get(*name) != other.parts.get(*name);
        let name = names.into_iter().find(differs)?;
        let text = |seen: &Self| seen.parts.get(name).cloned().unwrap_or_else(|| "nothing".to_owned());
        let (one, another) = (text(self), text(other));
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (ones, others) = (lines(&one), lines(&another));
        let only = |mine: &[String], theirs: &[String]| {
            let only: Vec<String> =
                mine.iter().filter(|line| !theirs.contains(line)).take(5).cloned().collect();
            only.join("\n    ")
        };
        Some(format!(
            "{name} differs\n  {one_name}:\n    {}\n  {other_name}:\n    {}",
            only(&ones, &others),
            only(&others, &ones)
        ))
    }
}

/// Which transactions each write is found in: one request can be recorded by several sites.
type Labels = BTreeMap<String, Vec<Dot>>;

fn labels(transactions: &[Transaction]) -> Labels {
    let mut labels = Labels::new();
    for one in transactions {
        let message = one.header.message.clone();
        message.into_iter().for_each(|label| labels.entry(label).or_default().push(one.header.dot));
    }
    labels
}

/// What a site must show, as far as the reference says it. The rows themselves are compared by
/// their fingerprints: SQLite's form of a value is not always its canonical one.
fn of_reference(expected: &Expected) -> Seen {
    let mut parts = BTreeMap::new();
    for (table, rows) in &expected.tables {
        let fingerprint = expected.fingerprints.get(table).copied().unwrap_or_default();
        parts.insert(format!("the figures of {table}"), format!("{} {fingerprint}", rows.len()));
    }
    let mut conflicts: Vec<String> =
        expected.conflicts.iter().map(|conflict| format!("{conflict:?}")).collect();
    conflicts.sort();
    parts.insert("the list of conflicts".to_owned(), conflicts.join("\n"));
    parts.insert("the number of parked ops".to_owned(), expected.parked.to_string());
    parts.insert("the fingerprint of conflicts".to_owned(), expected.conflict_fingerprint.to_string());
    Seen { parts }
}

/// Rows, figures, conflicts, schema and members of a site.
fn seen(space: &Space) -> Result<Seen, String> {
    let mut parts = BTreeMap::new();
    let status = space.status();
    for table in &status.tables {
        let sql = format!("SELECT * FROM {}", quoted(&table.name));
        let (rows, _) = space.query(&sql, &[]).map_err(|refusal| refusal.to_string())?;
        let text = |row: &Vec<Value>| row.iter().map(Value::to_string).collect::<Vec<_>>().join("|");
        let mut lines: Vec<String> = rows.rows.iter().map(text).collect();
        lines.sort();
        parts.insert(format!("rows of {}", table.name), lines.join("\n"));
        parts.insert(
            format!("the figures of {}", table.name),
            format!("{} {}", table.rows, table.fingerprint),
        );
    }
    let conflicts = space.conflicts().all().map_err(|error| error.to_string())?;
    let mut conflicts: Vec<String> = conflicts.iter().map(|conflict| format!("{conflict:?}")).collect();
    conflicts.sort();
    parts.insert("the list of conflicts".to_owned(), conflicts.join("\n"));
    let figures = [
        ("transactions", status.transactions),
        ("ops", status.ops),
        ("parked ops", status.parked),
        ("open conflicts", status.open_conflicts),
    ];
    parts.extend(figures.map(|(name, number)| (format!("the number of {name}"), number.to_string())));
    parts.insert("the fingerprint of conflicts".to_owned(), status.conflict_fingerprint.to_string());
    let members: Vec<String> = space.membership().members().map(|member| format!("{member:?}")).collect();
    parts.insert("the list of members".to_owned(), members.join("\n"));
    let tables = space.schema();
    let tables: Vec<String> = tables.tables().map(|table| format!("{:?}", table.shown)).collect();
    parts.insert("the schema".to_owned(), tables.join("\n"));
    Ok(Seen { parts })
}
