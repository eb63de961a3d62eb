//! A hostile member with the data folder of a real site: what it signs lies in its log, where the
//! unmodified program offers it to others, and in bundles.

use std::fs::File;
use std::path::Path;

use tandem_protocol::bundle::{BundleHeader, BundleWriter};
use tandem_protocol::op::Op;
use tandem_store::{Params, ReceiveError, Received, Space, Statement, Store, Write, WriteError, Written};

use super::author::{Forged, Hostile, block};
use super::material::Material;
use crate::random::Random;
use crate::simulator::statement;

/// Forged transactions between two looks at what there is to be changed.
const LOOK: u64 = 40;

/// An open data folder; no program may be running on it.
pub struct Folder {
    store: Store,
    space: Space,
    hostile: Hostile,
    material: Material,
    random: Random,
}

/// What was forged.
#[derive(Default)]
pub struct Attack {
    /// Chained and in its log, in order.
    pub held: Vec<Forged>,
    /// What no site takes in, and what was in the log before it came.
    pub refused: Vec<(usize, Forged)>,
}

impl Folder {
    /// Opens the data folder of a site that has joined.
    pub fn open(data: &Path, random: Random) -> Result<Self, String> {
        let store = Store::open(data, "a hostile member").map_err(|error| error.to_string())?;
        let space = store.spaces().into_iter().next().ok_or("it has no space")?;
        let hostile = Hostile::of_log(store.key(), &space)?;
        Ok(Self { store, space, hostile, material: Material::default(), random })
    }

    /// Writes honestly, so that there is something to be changed.
    pub fn work(&mut self, statements: usize) -> Result<(), String> {
        for _ in 0..statements {
            let Some(drawn) = statement::draw(&self.space.schema(), &mut self.random, true) else { continue };
            if drawn.sql.contains("kept") {
                continue;
            }
            let statement = Statement { sql: drawn.sql, params: Params::One(Vec::new()) };
            let write = Write { edits: vec![statement].into(), ..Write::default() };
            let written: Result<Written, WriteError> =
                self.space.wait(|reply| self.space.write(write, reply));
            match written {
                Ok(_) | Err(WriteError::Refused(_)) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        self.hostile = Hostile::of_log(self.store.key(), &self.space)?;
        Ok(())
    }

    /// Forges so many transactions.
    pub fn forge(&mut self, count: u64) -> Result<Attack, String> {
        let authors: Vec<_> = self.space.membership().members().map(|member| member.author).collect();
        let mut attack = Attack::default();
        for number in 0..count {
            if number % LOOK == 0 {
                self.material.collect(&self.space)?;
            }
            let many = 1 + self.random.below(3);
            let ops = (0..many).map(|_| self.material.op(&self.space, &authors, &mut self.random));
            let ops = ops.collect::<Result<Vec<Op>, String>>()?;
            let held = self.space.vector();
            let forged = self.hostile.forge(ops, &held, now_ms(), &mut self.random);
            if self.receive(&forged)? {
                self.hostile.taken(&forged);
                attack.held.push(forged);
            } else {
                attack.refused.push((attack.held.len(), forged));
            }
        }
        Ok(attack)
    }

    /// Signs two transactions of one name: one lies in its log now, the other is for somebody else.
    pub fn fork(&mut self) -> Result<Forged, String> {
        self.material.collect(&self.space)?;
        let held = self.space.vector();
        let [told, kept] = [0, 1].map(|later| {
            let op = self.material.sample(&mut self.random);
            self.hostile.sign(vec![op], &held, now_ms() + later)
        });
        if !self.receive(&kept)? {
            return Err(format!("it does not take in its own: {}", kept.told));
        }
        Ok(told)
    }

    /// Whether its own program takes that in.
    fn receive(&self, forged: &Forged) -> Result<bool, String> {
        let received: Result<Received, ReceiveError> =
            self.space.wait(|reply| self.space.receive(block([forged]), reply));
        match received {
            Ok(received) => Ok(received.transactions > 0),
            Err(ReceiveError::Fault(_)) => Ok(false),
            Err(error) => Err(format!("{error}\nat {}", forged.told)),
        }
    }

    /// A file of these blocks that says to need nothing.
    pub fn bundle<'a>(
        &self,
        path: &Path,
        blocks: impl IntoIterator<Item = &'a [Forged]>,
    ) -> Result<(), String> {
        let header = BundleHeader {
            space: self.space.id(),
            space_name: self.space.name().to_owned(),
            from: self.store.author(),
            from_name: self.store.site_name(),
            to: None,
            since: Default::default(),
            until: Default::default(),
            created_ms: now_ms(),
        };
        let written = File::create(path).and_then(|file| {
            let mut bundle = BundleWriter::new(file, &header)?;
            blocks.into_iter().try_for_each(|forged| bundle.block(&block(forged)))?;
            bundle.finish()
        });
        written.map(drop).map_err(|error| error.to_string())
    }

    /// Closes the folder, so that its program can start.
    pub fn close(self) {
        self.store.close();
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_millis() as i64)
}
