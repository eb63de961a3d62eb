//! The law: sites that grew their schemas apart come to show the same, in whatever order it came.

use std::path::Path;

use tandem_protocol::identity::{Author, AuthorKey};
use tandem_protocol::membership::Role;
use tandem_protocol::schema::{Judge, Schema, WaitReason};
use tandem_store::simulated::{Founding, Request, Site};

use super::base::Base;
use super::carried::{self, Carried};
use super::grammar::{self, Theme};
use super::{declared, expressions, orders, views};
use crate::hostile::honest::{Honest, same};
use crate::random::Random;
use crate::reference;
use crate::simulator::scratch;

const NAMES: [&str; 3] = ["bureau", "caisse", "atelier"];
const FRESH: [&str; 7] = ["order 1", "order 2", "order 3", "order 4", "order 5", "order 6", "mixed"];
const NOW_MS: i64 = 1_760_000_000_000;

/// What is equal on two sites of two versions of the program.
const COMMON: [&str; 3] = ["vector", "tables", "members"];

type Shows = Vec<(&'static str, String)>;

/// Lets so many sites grow apart and come together; what went wrong, with what each had declared.
pub fn run(seed: u64, sites: usize) -> Result<(), String> {
    let folder = scratch();
    let mut said = Vec::new();
    let mut random = Random::of_seed(seed);
    let theme = Theme::draw(&mut random);
    let mut law = Law { random, theme, folder: folder.path() };
    law.play(sites, &mut said).map_err(|error| {
        let again = "cargo run --release -p tandem-tests --bin schemas -- --seed";
        format!("{error}\n{:?}\n{}\n{again} {seed} --sites {sites}", theme.base, said.join("\n"))
    })
}

struct Law<'a> {
    random: Random,
    theme: Theme,
    folder: &'a Path,
}

/// A site, and the version of the program on it.
struct Member {
    honest: Honest,
    judge: Judge,
}

impl Law<'_> {
    fn play(&mut self, count: usize, said: &mut Vec<String>) -> Result<(), String> {
        let mut sites = self.start(count)?;
        let parted = (*sites[0].honest.space()?.vector()).clone();
        for at in 0..count {
            for half in 0..2 {
                self.grow(&mut sites[at], said)?;
                // Some hear of another in between, and build on it.
                if half == 0 && at > 0 && self.random.one_in(6) {
                    let from = self.random.below(at as u64) as usize;
                    give(&mut sites, from, at)?;
                    said.push(format!("{} hears of {}", NAMES[at], NAMES[from]));
                }
            }
        }
        self.exchange(&mut sites)?;
        let base = carried::own(&sites[0].honest, &Default::default())?;
        let (mut apart, known) = (Vec::new(), parted.transactions() as usize);
        for site in &sites {
            apart.extend(carried::own(&site.honest, &parted)?);
        }
        sites.extend(self.fresh(&sites, &base[..known], &apart)?);
        let transactions = carried::transactions(&sites[0].honest)?;
        let judge = sites[self.random.below(count as u64) as usize].judge;
        orders::all(&transactions, parted.transactions(), judge)?;
        self.together(&mut sites)?;

        let honest = &sites[0].honest;
        let schema = honest.space()?.schema();
        let told = declared::shown(&schema);
        if let Some(difference) = declared::difference(&declared::expected(&transactions), &told) {
            return Err(format!("{}, by brute force: {difference}", honest.name));
        }
        if let Some(difference) = views::difference(&transactions, &schema) {
            return Err(format!("{}, by brute force: {difference}", honest.name));
        }
        as_reference(honest, &transactions)?;
        // Opened again, and with views made anew; the first also compares each row with the log.
        for (number, site) in sites.iter_mut().enumerate() {
            if number == 0 {
                site.honest.verify()?;
            }
            site.honest.restart()?;
            if number < count || self.random.one_in(3) {
                site.honest.reopen_without_view()?;
                site.honest.is_clean()?;
            }
        }
        for site in &mut sites[..count] {
            site.honest.write("INSERT INTO base (n) VALUES ('goes on')", NOW_MS + 9)?;
        }
        self.exchange(&mut sites[..count])?;
        equal(&sites[..count])
    }

    /// A site declares and writes, not knowing of the others.
    fn grow(&mut self, site: &mut Member, said: &mut Vec<String>) -> Result<(), String> {
        let now_ms = clock(&mut self.random);
        let site = &mut site.honest;
        let tries = if self.theme.base == Base::Tables { 2 } else { 6 };
        let (mut declared, wanted) = (0, self.random.below(3));
        // What a site refuses is drawn again.
        for _ in 0..tries {
            let sql = grammar::change(self.theme, &mut self.random);
            if declared >= wanted {
                break;
            }
            let (before, unread) = (site.space()?.schema(), site.space()?.unread_queries());
            if site.declare(&sql, now_ms)? {
                said.push(format!("{}: {sql}", site.name));
                declared += 1;
                let after = site.space()?.schema();
                stays(&before, &after).map_err(|lost| format!("{}: {sql}: {lost}", site.name))?;
                let new =
                    site.space()?.unread_queries().into_iter().find(|(name, _)| !unread.contains_key(name));
                if let Some((view, cause)) = new {
                    return Err(format!(
                        "{}: {sql}: it was accepted, and {view} is not read: {cause}",
                        site.name
                    ));
                }
            }
        }
        let schema = site.space()?.schema();
        let tables: Vec<_> = schema.tables().filter(|table| table.shown.columns.len() > 1).collect();
        for table in tables {
            if self.random.one_in(2) {
                let sql = grammar::row(&table.shown, &mut self.random);
                if site.write(&sql, clock(&mut self.random))? {
                    said.push(format!("{}: {sql}", site.name));
                }
            }
        }
        site.write(&format!("INSERT INTO base (n) VALUES ('of {}')", site.name), clock(&mut self.random))?;
        Ok(())
    }

    /// Everything to everybody, in an order drawn by chance; then all once more, for who came first
    /// lacks the last.
    fn exchange(&mut self, sites: &mut [Member]) -> Result<(), String> {
        let count = sites.len();
        let all = || (0..count).flat_map(|from| (0..count).map(move |to| (from, to))).filter(|(a, b)| a != b);
        let mut drawn: Vec<(usize, usize)> = all().collect();
        while !drawn.is_empty() {
            let (from, to) = drawn.swap_remove(self.random.below(drawn.len() as u64) as usize);
            give(sites, from, to)?;
        }
        all().try_for_each(|(from, to)| give(sites, from, to))
    }

    /// Sites that held nothing of it: one for each order of the authors, and one to which it comes op
    /// by op.
    fn fresh(
        &mut self,
        sites: &[Member],
        base: &[Carried],
        apart: &[Carried],
    ) -> Result<Vec<Member>, String> {
        let id = sites[0].honest.site.id();
        let authors: Vec<Author> = sites.iter().map(|site| site.honest.site.me()).collect();
        let founder = [authors[0]];
        let mut orders: Vec<Vec<Author>> = permutations(&authors);
        orders.push(authors);
        let mut fresh = Vec::new();
        for (number, order) in orders.iter().enumerate() {
            let is_mixed = number + 1 == orders.len();
            let name = if is_mixed { FRESH[6] } else { FRESH[number] };
            let key = AuthorKey::from_secret(&[number as u8 + 100; 32]);
            let site = Site::adopt(key, self.folder.join(name), id).map_err(|error| error.to_string())?;
            let mut site = Member { honest: Honest::new(name, site), judge: Judge::default() };
            if self.random.one_in(8) {
                site.install(Judge::older())?;
            }
            carried::by_author(&mut site.honest, base, &founder, NOW_MS)?;
            match is_mixed {
                true => carried::mixed(&mut site.honest, apart, order, &mut self.random, NOW_MS)?,
                false => carried::by_author(&mut site.honest, apart, order, NOW_MS)?,
            }
            fresh.push(site);
        }
        Ok(fresh)
    }

    /// All show the same, as far as their programs know it; what one does not know waits there and is
    /// told; and when all have the newest program, all show the same.
    fn together(&mut self, sites: &mut [Member]) -> Result<(), String> {
        equal(sites)?;
        for site in sites.iter_mut().filter(|site| site.judge != Judge::default()) {
            tells_what_waits(site)?;
            site.install(Judge::default())?;
        }
        equal(sites)
    }

    fn start(&mut self, count: usize) -> Result<Vec<Member>, String> {
        let key = |number: usize| AuthorKey::from_secret(&[number as u8 + 1; 32]);
        let at = |number: usize| self.folder.join(NAMES[number]);
        let schema = self.theme.base.sql();
        let founding = Founding { space: "law", site: NAMES[0], schema: &schema, nonce: [0; 16] };
        let founder = Site::found(key(0), at(0), founding, NOW_MS).map_err(|error| error.to_string())?;
        let id = founder.id();
        let new = |name, site| Member { honest: Honest::new(name, site), judge: Judge::default() };
        let mut sites = vec![new(NAMES[0], founder)];
        // Rows for others to refer to, and to delete.
        sites[0].honest.write("INSERT INTO base (id, n) VALUES (1, 'one'), (2, 'two')", NOW_MS)?;
        let rooms = "INSERT INTO rooms (id, code) VALUES (1, 'a'), (2, 'b'), (1001, 'a long one')";
        sites[0].honest.write(rooms, NOW_MS)?;
        for (number, name) in NAMES.iter().enumerate().take(count).skip(1) {
            let author = key(number).author();
            let admit = Request::Admit { author, name: (*name).to_owned(), role: Role::Member };
            sites[0].honest.must(admit, NOW_MS)?;
            let site = Site::adopt(key(number), at(number), id).map_err(|error| error.to_string())?;
            sites.push(new(name, site));
        }
        for to in 1..count {
            give(&mut sites, 0, to)?;
        }
        // Now and then somebody works with an older program.
        if self.random.one_in(4) {
            let at = self.random.below(count as u64) as usize;
            sites[at].install(Judge::older())?;
        }
        Ok(sites)
    }
}

impl Member {
    fn install(&mut self, judge: Judge) -> Result<(), String> {
        self.judge = judge;
        self.honest.site.install(judge);
        self.honest.site.start().map_err(|error| format!("{} does not start: {error}", self.honest.name))
    }
}

/// All that a site showed before a change of its own it shows after it, and the change does not wait.
fn stays(before: &Schema, after: &Schema) -> Result<(), String> {
    let waits = |schema: &Schema| schema.waiting().iter().map(|one| one.at).collect::<Vec<_>>();
    let waited = waits(before);
    if let Some(new) = after.waiting().iter().find(|one| !waited.contains(&one.at)) {
        return Err(format!("it was accepted, and {} waits for {}", new.what, new.reason));
    }
    for table in before.tables().map(|table| &table.shown) {
        let Some(now) = after.table_by_id(table.id).map(|table| &table.shown) else {
            return Err(format!("the table {} is gone", table.name));
        };
        let kept = now.name == table.name
            && table.columns.iter().all(|column| now.columns.contains(column))
            && table.checks.iter().all(|check| now.checks.contains(check))
            && table.uniques.iter().all(|unique| now.uniques.contains(unique))
            && table.references.iter().all(|reference| now.references.contains(reference));
        if !kept {
            return Err(format!("it was {table:?}\nand is {now:?}"));
        }
    }
    match before.indices().find(|index| !after.indices().any(|other| other.id() == index.id())) {
        Some(index) => Err(format!("the index {} is gone", index.name)),
        None => Ok(()),
    }
}

/// Sites of one program show all the same; of two, what does not depend on what they know.
fn equal(sites: &[Member]) -> Result<(), String> {
    let shown = sites.iter().map(|site| site.honest.shows()).collect::<Result<Vec<Shows>, _>>()?;
    let common =
        |all: &Shows| -> Shows { all.iter().filter(|(part, _)| COMMON.contains(part)).cloned().collect() };
    for (at, site) in sites.iter().enumerate().skip(1) {
        let alike = (0..at).find(|other| sites[*other].judge == site.judge);
        let compared = match alike {
            Some(other) => same(&shown[other], &shown[at]),
            None => same(&common(&shown[0]), &common(&shown[at])),
        };
        let other = sites[alike.unwrap_or(0)].honest.name;
        compared.map_err(|part| format!("{other} and {}: {part}", site.honest.name))?;
    }
    Ok(())
}

/// At a site with an older program all that needs what it does not know waits, and nothing else does
/// for that reason.
fn tells_what_waits(site: &Member) -> Result<(), String> {
    let name = site.honest.name;
    let schema = site.honest.space()?.schema();
    let transactions = carried::transactions(&site.honest)?;
    let newest = format!("{:?}", expressions::NEWEST);
    let uses = |what: &dyn std::fmt::Debug| format!("{what:?}").contains(&newest);
    for (id, told) in declared::expected(&transactions) {
        let table = schema.table_by_id(id).ok_or_else(|| format!("{name} has no table {told:?}"))?;
        if table.shown.checks.iter().any(|check| uses(&check.expression)) {
            return Err(format!("{name} judges what it does not know: {told:?}"));
        }
        let rules = told.checks_with(&newest);
        let waiting = schema.waiting().iter().filter(|one| {
            let of = one.what == format!("a CHECK of {}", table.shown.name);
            of && one.reason == WaitReason::NoFunction(expressions::NEWEST.to_owned())
        });
        if waiting.count() < rules {
            return Err(format!("{name} does not tell that {rules} rules of {} wait", table.shown.name));
        }
        for column in table.shown.columns.iter().filter(|column| uses(&column.default)) {
            let what = format!("DEFAULT of {}.{}", table.shown.name, column.name);
            if !schema.waiting().iter().any(|one| one.what == what) {
                return Err(format!("{name} does not tell that the {what} waits"));
            }
        }
    }
    let told = site.honest.space()?.status().waiting;
    let awaited = schema.waiting().iter().filter(|one| one.reason.can_end()).count();
    let there = awaited + site.honest.space()?.unread_queries().len();
    if told != there as u64 {
        return Err(format!("{name} tells of {told} that wait, there are {there}"));
    }
    Ok(())
}

/// The rows and conflicts that a site shows are those that the log means.
fn as_reference(
    site: &Honest,
    transactions: &[tandem_protocol::transaction::Transaction],
) -> Result<(), String> {
    let expected = reference::fold(transactions);
    let space = site.space()?;
    let status = space.status();
    for table in &status.tables {
        if expected.fingerprints.get(&table.name) != Some(&table.fingerprint) {
            let must = expected.tables.get(&table.name);
            let is = space.query(&format!("SELECT * FROM {}", super::names::quoted(&table.name)), &[]);
            let is = is.map(|(found, _)| found.rows);
            return Err(format!(
                "{}, by the reference: {} must be {must:?}, is {is:?}",
                site.name, table.name
            ));
        }
    }
    if expected.tables.len() != status.tables.len() || expected.parked as u64 != status.parked {
        return Err(format!(
            "{}, by the reference: {} ops wait, here {}",
            site.name, expected.parked, status.parked
        ));
    }
    if expected.conflict_fingerprint != status.conflict_fingerprint {
        let is = space.conflicts().all().map_err(|error| error.to_string())?;
        let only = |mine: &[tandem_protocol::conflict::Conflict],
                    theirs: &[tandem_protocol::conflict::Conflict]| {
            mine.iter()
                .filter(|one| !theirs.contains(one))
                .take(3)
                .map(|one| format!("\n  {one:?}"))
                .collect::<String>()
        };
        let (more, less) = (only(&expected.conflicts, &is), only(&is, &expected.conflicts));
        return Err(format!("{}, by the reference: conflicts must be{more}\nand are{less}", site.name));
    }
    Ok(())
}

fn permutations(of: &[Author]) -> Vec<Vec<Author>> {
    if of.len() < 2 {
        return vec![of.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
    }
    all
}

/// Most clocks are right; some are years off.
fn clock(random: &mut Random) -> i64 {
    match random.below(4) {
        0 => NOW_MS - 500_000_000_000,
        1 => NOW_MS + 2_000_000_000_000,
        _ => NOW_MS + random.below(1_000) as i64,
    }
}

fn give(sites: &mut [Member], from: usize, to: usize) -> Result<(), String> {
    let [giver, taker] = sites.get_disjoint_mut([from, to]).map_err(|error| error.to_string())?;
    giver.honest.give_all(&mut taker.honest, NOW_MS + 5)
}
