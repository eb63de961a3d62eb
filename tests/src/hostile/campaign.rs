//! One run: what is forged, who gets it in which order, and what must hold afterwards.

use std::path::Path;

use tandem_protocol::identity::{Author, AuthorKey};
use tandem_protocol::membership::Role;
use tandem_protocol::name;
use tandem_protocol::op::Op;
use tandem_protocol::value::Value;
use tandem_protocol::version::VersionVector;
use tandem_store::simulated::{Founding, Request, Site};

use super::author::{Forged, Hostile, block};
use super::cost::Cost;
use super::honest::{Honest, same};
use super::material::Material;
use super::member;
use crate::random::Random;
use crate::simulator::statement;

/// Ops between two looks at everything.
const ROUND: u64 = 40;

/// Looks between two views made anew.
const REOPEN: u64 = 5;

/// Of so many forged transactions at least one is taken in, or the attack attacks nothing.
const LEAST_TAKEN: u64 = 5;

/// The place of the admin among the hostile.
const ADMIN: usize = 2;

/// A run.
pub struct Campaign {
    random: Random,
    honest: [Honest; 2],
    hostile: Vec<Hostile>,
    material: Material,
    /// How many rows the honest sites put into the table that stays.
    kept: u64,
    now_ms: i64,
    cost: Cost,
    /// Transactions forged, and of these taken in.
    pub forged: u64,
    /// See there.
    pub taken: u64,
}

impl Campaign {
    /// Two honest sites in `folder`, and a hostile reader, member and admin.
    pub fn new(seed: u64, folder: &Path, cost: Cost) -> Result<Self, String> {
        let key = |number: u8| AuthorKey::from_secret(&[number; 32]);
        let now_ms = 1_790_000_000_000;
        let schema = super::tables();
        let founding = Founding { space: "school", site: "office", schema: &schema, nonce: [1; 16] };
        let office = Site::found(key(1), folder.join("office"), founding, now_ms);
        let mut office = Honest::new("office", office.map_err(|error| error.to_string())?);
        let id = office.site.id();
        for (number, role) in [(2, Role::Member), (3, Role::Reader), (4, Role::Member), (5, Role::Admin)] {
            let author = key(number).author();
            office.must(Request::Admit { author, name: format!("pc{number}"), role }, now_ms)?;
        }
        let hall = Site::adopt(key(2), folder.join("hall"), id).map_err(|error| error.to_string())?;
        let hall = Honest::new("hall", hall);
        let hostile = [3, 4, 5].map(|number| Hostile::new(key(number), id)).into();
        Ok(Self {
            random: Random::of_seed(seed),
            honest: [office, hall],
            hostile,
            material: Material::default(),
            kept: 0,
            now_ms,
            cost,
            forged: 0,
            taken: 0,
        })
    }

    /// So many forged ops, and a look at everything now and then. What went wrong, if anything did.
    pub fn run(&mut self, ops: u64) -> Result<(), String> {
        self.exchange()?;
        let mut looks = 0;
        while self.forged < ops {
            self.honest_work()?;
            self.material.collect(self.honest[0].space()?)?;
            let until = (self.forged + ROUND).min(ops);
            while self.forged < until {
                self.attack()?;
            }
            self.exchange()?;
            self.name()?;
            looks += 1;
            self.look(looks % REOPEN == 0 || self.forged == ops)?;
        }
        // Who is refused at the door tries nothing behind it.
        if self.taken < self.forged / LEAST_TAKEN {
            return Err(format!("of {} forged transactions only {} were taken in", self.forged, self.taken));
        }
        Ok(())
    }

    fn honest_work(&mut self) -> Result<(), String> {
        for at in [0, 1] {
            self.now_ms += 1_000;
            self.kept += 1;
            let sql = format!("INSERT INTO kept (name) VALUES ('{}')", self.kept);
            if !self.honest[at].write(&sql, self.now_ms)? {
                return Err(format!("{} may not write to its own table", self.honest[at].name));
            }
            for _ in 0..8 {
                let schema = self.honest[at].space()?.schema();
                let drawn = statement::draw(&schema, &mut self.random, true);
                if let Some(drawn) = drawn.filter(|drawn| !drawn.sql.contains("kept")) {
                    self.now_ms += 1;
                    let _refused_or_not = self.honest[at].write(&drawn.sql, self.now_ms)?;
                }
            }
        }
        Ok(())
    }

    /// One to three transactions of each of some hostile members: one site gets them one by one, the
    /// other in blocks and in another order.
    fn attack(&mut self) -> Result<(), String> {
        let first = self.random.below(2) as usize;
        let mut taken: Vec<(usize, Forged)> = Vec::new();
        let authors: Vec<Author> =
            (1..=5).map(|number| AuthorKey::from_secret(&[number; 32]).author()).collect();
        for _ in 0..=self.random.below(3) {
            let held = self.honest[first].space()?.vector();
            self.now_ms += 1;
            let (who, forged) = if self.random.one_in(8) {
                // What is wrong with it is what it says of the members, nothing else.
                let space = self.honest[0].space()?.id();
                let op = Op::Member(member::made(space, &authors, &mut self.random));
                (ADMIN, self.hostile[ADMIN].sign(vec![op], &held, self.now_ms))
            } else {
                // Mostly the member.
                let who = if self.random.one_in(3) { self.random.below(3) as usize } else { 1 };
                let many = 1 + self.random.below(3);
                let space = self.honest[0].space()?;
                let ops = (0..many).map(|_| self.material.op(space, &authors, &mut self.random));
                let ops = ops.collect::<Result<Vec<_>, _>>()?;
                (who, self.hostile[who].forge(ops, &held, self.now_ms, &mut self.random))
            };
            self.forged += 1;
            if self.deliver(first, &[&forged])? {
                self.taken += 1;
                self.hostile[who].taken(&forged);
                taken.push((who, forged));
            } else if self.deliver(1 - first, &[&forged])? {
                // The other site knows more of who may write; it passes it on.
                self.taken += 1;
                self.hostile[who].taken(&forged);
            }
        }
        // By author, each author's in order.
        taken.sort_by_key(|(who, _)| *who);
        if self.random.one_in(2) {
            let turn = taken.partition_point(|(who, _)| *who < 2);
            taken.rotate_left(turn);
        }
        let all: Vec<&Forged> = taken.iter().map(|(_, forged)| forged).collect();
        let cut = self.random.below(all.len() as u64 + 1) as usize;
        for part in [&all[..cut], &all[cut..]] {
            if !part.is_empty() {
                let _may_come_too_early = self.deliver(1 - first, part)?;
            }
        }
        Ok(())
    }

    /// Whether any of it was new there. (A second transaction of one name is heard, and left out.)
    fn deliver(&mut self, to: usize, forged: &[&Forged]) -> Result<bool, String> {
        let told = || forged.iter().map(|one| one.told.clone()).collect::<Vec<_>>().join("\n");
        let block = block(forged.iter().copied());
        let before = self.cost.begin();
        let received = self.honest[to].receive(block, self.now_ms);
        let cost = self.cost.end(before);
        received
            .and_then(|new| cost.map(|()| new.is_some_and(|new| new > 0)))
            .map_err(|error| format!("{error}\nat {}", told()))
    }

    /// Both sites give each other what they lack.
    fn exchange(&mut self) -> Result<(), String> {
        let [office, hall] = &mut self.honest;
        for _ in 0..2 {
            office.give(hall, self.now_ms)?;
            hall.give(office, self.now_ms)?;
        }
        Ok(())
    }

    /// An honest admin gives a site a name, again where names lay in wait for that one: it stands.
    fn name(&mut self) -> Result<(), String> {
        let author = self.honest[1].site.me();
        let name = format!("hall {}", self.forged);
        let mut called = String::new();
        for _ in 0..8 {
            self.now_ms += 1;
            self.honest[0].must(Request::Rename { author, name: name.clone() }, self.now_ms)?;
            let members = self.honest[0].space()?.membership();
            if let Some(bad) = members.members().find(|member| name::check(&member.name).is_err()) {
                return Err(format!("a member is called {:?}", bad.name));
            }
            called = members.member(&author).map(|member| member.name.clone()).unwrap_or_default();
            if called == name {
                return self.exchange();
            }
        }
        Err(format!("hall was named {name:?} again and again, and is called {called:?}"))
    }

    /// Both sites show the same, hold what they were given, and nothing ran.
    fn look(&mut self, reopen: bool) -> Result<(), String> {
        let [office, hall] = &mut self.honest;
        same(&office.shows()?, &hall.shows()?).map_err(|part| format!("office and hall: {part}"))?;
        for site in [&mut *office, &mut *hall] {
            if reopen {
                site.reopen()?;
            }
            site.is_clean()?;
            let sql = "SELECT count(*), count(DISTINCT name), max(CAST(name AS INTEGER)) FROM kept";
            let (found, _) = site.space()?.query(sql, &[]).map_err(|refusal| refusal.to_string())?;
            if found.rows != [vec![Value::Integer(self.kept as i64); 3]] {
                return Err(format!(
                    "{}: {} rows were kept, there are {:?}",
                    site.name, self.kept, found.rows
                ));
            }
            let tables: Vec<String> =
                site.space()?.schema().tables().map(|table| table.shown.name.clone()).collect();
            for table in tables {
                let sql = format!("SELECT * FROM \"{}\" LIMIT 5", table.replace('"', "\"\""));
                site.space()?
                    .query(&sql, &[])
                    .map_err(|refusal| format!("{}: {sql}: {refusal}", site.name))?;
            }
        }
        let vectors: Vec<VersionVector> = self
            .honest
            .iter()
            .map(|site| site.space().map(|space| (*space.vector()).clone()))
            .collect::<Result<_, _>>()?;
        if vectors[0] == vectors[1] { Ok(()) } else { Err("the vectors differ".into()) }
    }

    /// What it cost.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }
}
