//! Real processes, each on a PC of its own, joined by a switch.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::script::Clock;
use super::stage::{Choice, Conflict, Refused, Stage, Version, Write};
use crate::http::{Http, NoAnswer, Reply};
use crate::lan::Lan;
use crate::school;
use crate::site::Site;
use crate::wait;

/// See the module.
pub struct Real {
    lan: Arc<Lan>,
    sites: BTreeMap<String, Site>,
    /// Version tokens.
    forms: BTreeMap<String, String>,
}

impl Real {
    /// A network without PCs.
    pub fn new() -> Self {
        Self { lan: Lan::new(), sites: BTreeMap::new(), forms: BTreeMap::new() }
    }

    fn pc(&self, name: &str, clock: Option<&Clock>) -> Site {
        let site = Site::on(&self.lan.host(), name);
        site.set_clock(clock.map(|clock| format!("@{}", clock.text.replace('T', " "))).as_deref());
        site
    }

    fn site(&self, name: &str) -> &Site {
        &self.sites[name]
    }

    fn ask(
        &self,
        site: &str,
        talk: impl FnOnce(&Http) -> Result<Reply, NoAnswer> + Send,
    ) -> Result<Value, Refused> {
        let (status, reply) = self.site(site).http(talk).unwrap();
        if status == 200 {
            return Ok(reply);
        }
        let text = |name: &str| reply[name].as_str().unwrap_or_default().to_owned();
        Err(Refused { code: text("code"), message: text("detail") })
    }
}

impl Default for Real {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage for Real {
    fn found(&mut self, site: &str, clock: Option<&Clock>, schema: &str) {
        let founder = self.pc(site, clock);
        school::found_with(&founder, schema);
        founder.start();
        self.sites.insert(site.to_owned(), founder);
    }

    fn join(&mut self, site: &str, clock: Option<&Clock>, by: &str) {
        let joining = self.pc(site, clock);
        joining.join(&self.site(by).invite());
        joining.start();
        self.sites.insert(site.to_owned(), joining);
    }

    fn apply(&mut self, site: &str, sql: &str) -> Result<(), Refused> {
        let site = self.site(site);
        let file = site.file("more.sql", sql);
        let answer = site.tandem(&["schema", "apply", file.to_str().unwrap()]);
        if answer.exit == Some(0) {
            return Ok(());
        }
        let error = answer.error();
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        Err(Refused { code: text("code"), message: text("message") })
    }

    fn write(&mut self, site: &str, write: &Write) -> Result<(), Refused> {
        let Write { statements, key, from } = write;
        let basis = from.as_ref().map(|form| self.forms[form].as_str());
        self.ask(site, |http| match (key, basis) {
            (None, None) => http.transact(statements),
            (Some(key), None) => http.transact_once(key, statements),
            (None, Some(basis)) => http.transact_on(basis, statements),
            (Some(_), Some(_)) => panic!("a write with a key and a form is not told of real sites yet"),
        })?;
        Ok(())
    }

    fn remember(&mut self, form: &str, site: &str) {
        let seen = self.site(site).http(Http::version).unwrap();
        self.forms.insert(form.to_owned(), seen);
    }

    fn query(&mut self, site: &str, sql: &str) -> Result<Vec<Vec<String>>, Refused> {
        let answer = self.ask(site, |http| http.post("/v1/spaces/school/queries", &json!({ "sql": sql })))?;
        let rows: Vec<Vec<Value>> = serde_json::from_value(answer["rows"].clone()).unwrap();
        Ok(rows.iter().map(|row| row.iter().map(text).collect()).collect())
    }

    fn cut(&mut self, one: &str, other: Option<&str>) {
        let one = self.site(one).host();
        match other.map(|other| self.site(other).host()) {
            None => one.unplug(),
            Some(other) => {
                one.shun(other);
                other.shun(one);
            }
        }
    }

    fn heal(&mut self) {
        for site in self.sites.values() {
            site.host().plug();
            site.host().shun_nobody();
        }
    }

    fn sync(&mut self, groups: &[Vec<String>]) -> Result<(), String> {
        for group in groups {
            let sites: Vec<&Site> = group.iter().map(|site| self.site(site)).collect();
            wait::equal(&sites);
        }
        Ok(())
    }

    fn crash(&mut self, site: &str) {
        self.site(site).kill();
    }

    fn start(&mut self, site: &str) {
        self.site(site).start();
    }

    fn conflicts(&mut self, site: &str) -> Vec<Conflict> {
        self.site(site).conflicts().iter().map(conflict).collect()
    }

    fn resolve(&mut self, site: &str, conflict: &Conflict, choice: &Choice) -> Result<(), Refused> {
        let path = format!("/v1/spaces/school/conflicts/{}/resolution", conflict.id);
        let choice = match choice {
            Choice::Use(dot) => json!({ "use": dot }),
            Choice::Value(value) => json!({ "value": value }),
            Choice::KeepAll => json!({ "keep_all": true }),
        };
        self.ask(site, |http| http.post(&path, &choice))?;
        Ok(())
    }

    fn verify(&mut self, site: &str) -> Result<(), String> {
        self.site(site).verify();
        Ok(())
    }
}

fn conflict(told: &Value) -> Conflict {
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let columns: Vec<String> = serde_json::from_value(told["columns"].clone()).unwrap();
    let version = |one: &Value| Version { dot: one["dot"].as_str().unwrap().to_owned(), shows: shows(one) };
    Conflict {
        id: text("id"),
        kind: text("kind"),
        place: Conflict::place(&text("table"), &columns),
        versions: told["versions"].as_array().unwrap().iter().map(version).collect(),
    }
}

fn shows(version: &Value) -> String {
    let held = |name: &str| version.get(name);
    if let Some(value) = held("value") {
        return text(value);
    }
    if let Some(row) = held("row").and_then(Value::as_object) {
        return row.values().map(text).collect::<Vec<_>>().join(",");
    }
    match held("deleted").and_then(Value::as_bool) {
        Some(true) => "deleted".into(),
        Some(false) => "alive".into(),
        None => text(held("definition").unwrap_or(&version["site_name"])),
    }
}

/// As the simulated sites tell it.
fn text(cell: &Value) -> String {
    match cell {
        Value::Null => "NULL".into(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}
