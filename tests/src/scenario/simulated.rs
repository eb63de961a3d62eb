//! Sites without processes, threads or a network, on a time that passes by steps.

use std::collections::BTreeMap;

use tandem_protocol::cause::Param;
use tandem_protocol::conflict::{self, VersionContent};
use tandem_protocol::identity::{Author, AuthorKey};
use tandem_protocol::membership::Role;
use tandem_protocol::value::{Key, Value};
use tandem_protocol::version::VersionVector;
use tandem_store::simulated::{Answer, Founding, Request, Site, Survival, ViewLoss};
use tandem_store::{self as store, Params, Refusal, Resolution, Space, Statement, WriteError};
use tempfile::TempDir;

use super::script::Clock;
use super::stage::{Choice, Conflict, Refused, Stage, Version, Write};
use crate::simulator::scratch;

/// When stories begin: June 2025.
const BEGINNING_MS: i64 = 1_750_000_000_000;

/// What a step takes.
const STEP_MS: i64 = 1_000;

/// More than any story writes at once, so that what is larger than a block is carried in parts.
const BLOCK_BYTES: usize = 1 << 20;

/// See the module.
pub struct Simulated {
    folder: TempDir,
    now_ms: i64,
    sites: BTreeMap<String, Pc>,
    forms: BTreeMap<String, VersionVector>,
}

struct Pc {
    site: Site,
    clock: Option<Clock>,
    started_ms: i64,
}

impl Pc {
    fn space(&self) -> &Space {
        self.site.space().expect("this site was started")
    }

    /// A clock that is wrong begins at the same time at every start.
    fn wall_ms(&self, now_ms: i64) -> i64 {
        self.clock.as_ref().map_or(now_ms, |clock| clock.ms + now_ms - self.started_ms)
    }
}

impl Simulated {
    /// An empty stage.
    pub fn new() -> Self {
        let (sites, forms) = (BTreeMap::new(), BTreeMap::new());
        Self { folder: scratch(), now_ms: BEGINNING_MS, sites, forms }
    }

    fn key(&self) -> AuthorKey {
        AuthorKey::from_secret(&[self.sites.len() as u8 + 1; 32])
    }

    fn put(&mut self, name: &str, site: Site, clock: Option<&Clock>) {
        let pc = Pc { site, clock: clock.cloned(), started_ms: self.now_ms };
        self.sites.insert(name.to_owned(), pc);
    }

    fn space(&self, site: &str) -> &Space {
        self.sites[site].space()
    }

    fn pc(&mut self, site: &str) -> &mut Pc {
        self.now_ms += STEP_MS;
        self.sites.get_mut(site).expect("the script knows its sites")
    }

    fn ask(&mut self, site: &str, request: Request) -> Result<(), Refused> {
        let now_ms = self.now_ms + STEP_MS;
        let pc = self.pc(site);
        let wall_ms = pc.wall_ms(now_ms);
        match pc.site.run(vec![request], wall_ms).pop() {
            Some(Answer::Written(Ok(_)) | Answer::Received(Ok(_))) => Ok(()),
            Some(Answer::Written(Err(WriteError::Refused(refusal)))) => Err(refusal.into()),
            other => panic!("{site} answered {other:?}"),
        }
    }

    /// Gives a site all that another has and it lacks; whether there was anything.
    fn carry(&mut self, from: &str, to: &str) -> bool {
        let have = self.space(to).vector();
        let end = self.space(from).end();
        let (mut next, mut any) = (0, false);
        while next < end {
            let chunk = self.space(from).chunks().read(next, &have, BLOCK_BYTES).unwrap();
            next = chunk.next;
            if let Some(block) = chunk.block {
                any = true;
                self.ask(to, Request::Receive(block)).expect("what another site holds is taken in");
            }
        }
        any
    }

    fn figures(&self, site: &str) -> String {
        let (space, status) = (self.space(site), self.space(site).status());
        format!(
            "{:?}, fingerprint {}, conflicts {} {}, waiting {}",
            space.vector(),
            status.fingerprint,
            status.open_conflicts,
            status.conflict_fingerprint,
            status.parked
        )
    }

    fn name_of(&self, author: Author) -> String {
        let found = self.sites.iter().find(|(_, pc)| pc.site.me() == author);
        found.map_or_else(|| author.to_string(), |(name, _)| name.clone())
    }

    fn shows(&self, version: &conflict::Version) -> String {
        match &version.held {
            VersionContent::Value { value, .. } => value.value().unwrap().to_string(),
            VersionContent::Alive => "alive".into(),
            VersionContent::Deleted => "deleted".into(),
            VersionContent::Row(key) => texts(&Key::from_bytes(key).unwrap().0).join(","),
            VersionContent::Definition(sql) => sql.clone(),
            VersionContent::Transaction => self.name_of(version.by.author),
        }
    }
}

impl Default for Simulated {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage for Simulated {
    fn found(&mut self, site: &str, clock: Option<&Clock>, schema: &str) {
        let founding = Founding { space: "school", site, schema, nonce: [7; 16] };
        let now_ms = clock.map_or(self.now_ms, |clock| clock.ms);
        let founded = Site::found(self.key(), self.folder.path().join(site), founding, now_ms);
        self.put(site, founded.unwrap(), clock);
    }

    fn join(&mut self, site: &str, clock: Option<&Clock>, by: &str) {
        let id = self.sites[by].site.id();
        let joined = Site::adopt(self.key(), self.folder.path().join(site), id).unwrap();
        let admission = Request::Admit { author: joined.me(), name: site.to_owned(), role: Role::Member };
        self.put(site, joined, clock);
        self.ask(by, admission).expect("the founder admits");
        self.carry(by, site);
    }

    fn apply(&mut self, site: &str, sql: &str) -> Result<(), Refused> {
        self.ask(site, Request::ApplySchema(sql.to_owned()))
    }

    fn write(&mut self, site: &str, write: &Write) -> Result<(), Refused> {
        let statement = |sql: &String| Statement { sql: sql.clone(), params: Params::One(Vec::new()) };
        let write = store::Write {
            edits: store::Edits::Sql(write.statements.iter().map(statement).collect()),
            idempotency_key: write.key.clone(),
            basis: write.from.as_ref().map(|form| self.forms[form].clone()),
            ..store::Write::default()
        };
        self.ask(site, Request::Write(write))
    }

    fn remember(&mut self, form: &str, site: &str) {
        let seen = self.space(site).vector().as_ref().clone();
        self.forms.insert(form.to_owned(), seen);
    }

    fn query(&mut self, site: &str, sql: &str) -> Result<Vec<Vec<String>>, Refused> {
        let (rows, _) = self.space(site).query(sql, &[])?;
        Ok(rows.rows.iter().map(|row| texts(row)).collect())
    }

    // Nothing travels but in `sync`, which is told who reaches whom.
    fn cut(&mut self, _: &str, _: Option<&str>) {}

    fn heal(&mut self) {}

    fn sync(&mut self, groups: &[Vec<String>]) -> Result<(), String> {
        for group in groups {
            let pairs = || group.iter().flat_map(|from| group.iter().map(move |to| (from, to)));
            // Each of them all that any other has, whatever the order.
            while pairs().filter(|(from, to)| from != to && self.carry(from, to)).count() > 0 {}
            let first = self.figures(&group[0]);
            let unlike = group.iter().find(|site| self.figures(site) != first);
            if let Some(site) = unlike {
                return Err(format!("{}: {first}\n  {site}: {}", group[0], self.figures(site)));
            }
        }
        Ok(())
    }

    fn crash(&mut self, site: &str) {
        let nothing = Survival { changes: 0, torn: false };
        self.pc(site).site.crash(nothing, ViewLoss::Lost).unwrap();
    }

    fn start(&mut self, site: &str) {
        let now_ms = self.now_ms + STEP_MS;
        let pc = self.pc(site);
        pc.site.start().unwrap();
        pc.started_ms = now_ms;
    }

    fn conflicts(&mut self, site: &str) -> Vec<Conflict> {
        let open = self.space(site).conflicts().all().unwrap();
        let version =
            |one: &conflict::Version| Version { dot: one.dot().to_string(), shows: self.shows(one) };
        let conflict = |one: &conflict::Conflict| Conflict {
            id: one.id().to_string(),
            kind: one.kind.name().to_owned(),
            place: Conflict::place(&one.table, &one.columns),
            versions: one.versions.iter().map(version).collect(),
        };
        open.iter().map(conflict).collect()
    }

    fn resolve(&mut self, site: &str, conflict: &Conflict, choice: &Choice) -> Result<(), Refused> {
        let id = conflict.id.parse().expect("a conflict has an id");
        let open = self.space(site).conflicts().get(id).unwrap().expect("this conflict is open");
        let choice = match choice {
            Choice::Use(dot) => {
                let chosen =
                    open.versions.iter().map(conflict::Version::dot).find(|one| one.to_string() == *dot);
                store::Choice::Use(chosen.expect("the player took it from the list"))
            }
            Choice::Value(value) => store::Choice::Value(scalar(value)),
            Choice::KeepAll => store::Choice::KeepAll,
        };
        let resolution = Resolution { id, seen: open.versions_hash(), choice, by: None, message: None };
        self.ask(site, Request::Resolve(resolution))
    }

    fn verify(&mut self, site: &str) -> Result<(), String> {
        let report = self.space(site).verify(&self.folder.path().join("verify"));
        if report.problems.is_empty() { Ok(()) } else { Err(Param::from(report.problems).to_string()) }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code.to_owned(), message: refusal.to_string() }
    }
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(Value::to_string).collect()
}

fn scalar(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(is) => Value::Integer(i64::from(*is)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Real(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        other => Value::Text(other.to_string()),
    }
}
