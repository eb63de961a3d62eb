//! `tandem doctor`: what is wrong, and which command mends it.

use clap::Args;
use serde_json::json;
use tandem_node::Running;

use crate::check::{self, Check, Level};
use crate::client::Client;
use crate::context::Context;
use crate::failure::Failure;
use crate::failure::Outcome;
use crate::this_pc::this_pc;

#[derive(Args)]
pub struct Doctor;

impl Doctor {
    pub fn run(&self, context: &Context) -> Outcome {
        let checks = checks(context);
        let count = |level| checks.iter().filter(|check| check.level == level).count();
        let (warnings, problems) = (count(Level::Warning), count(Level::Problem));
        let report = json!({ "ok": problems == 0, "checks": checks });
        context.print(&report, |_| {
            let verdict = match (problems, warnings) {
                (0, 0) => t!("doctor.healthy"),
                (0, _) => t!("doctor.warned", warnings = warnings),
                _ => t!("doctor.ill", problems = problems, warnings = warnings),
            };
            told(&checks) + "\n" + &verdict
        })?;
        if problems == 0 { Ok(()) } else { Err(Failure::Said) }
    }
}

fn checks(context: &Context) -> Vec<Check> {
    match look(context) {
        Ok(checks) => checks,
        // Not even the folder can be looked into: that is what is wrong.
        Err(failure) => {
            let (message, hints) = failure.told();
            vec![Check::problem("folder", message, hints.join(" "))]
        }
    }
}

fn look(context: &Context) -> Result<Vec<Check>, Failure> {
    let client = context.client()?;
    let mut status = client.status()?;
    if let Some(name) = &context.settings.space.value {
        status.spaces.retain(|space| space.name == *name);
    }
    let data = &status.site.data;
    let site = match status.site.name.as_str() {
        "" => Check::ok("site", t!("doctor.site_unnamed", name = this_pc(), data = data)),
        name => Check::ok("site", t!("doctor.site", site = name, data = data)),
    };
    let mut checks = vec![site];
    match (&client, &status.node) {
        (Client::Node(node), Some(running)) => {
            checks.push(Check::ok("node", t!("doctor.running", url = node.url(), pid = running.pid)));
            checks.extend(check::site::version(running));
        }
        _ => checks.push(match Running::read(&context.settings.data.value) {
            Some(_) => Check::warning("node", t!("doctor.killed"), t!("doctor.start")),
            None => Check::warning("node", t!("doctor.not_running"), t!("doctor.start")),
        }),
    }
    checks.extend(check::site::all(&status));
    for space in &status.spaces {
        let found = check::site::rows(&client.verify_rows(&space.name)?);
        checks.push(Check { space: Some(space.name.clone()), ..found });
    }
    Ok(checks)
}

fn told(checks: &[Check]) -> String {
    let name = |level: Level| match level {
        Level::Ok => t!("doctor.ok"),
        Level::Warning => t!("doctor.warning"),
        Level::Problem => t!("doctor.problem"),
    };
    let width = checks.iter().map(|check| name(check.level).chars().count()).max().unwrap_or(0);
    let several = checks
        .iter()
        .filter_map(|check| check.space.as_ref())
        .any(|space| checks.iter().filter_map(|check| check.space.as_ref()).any(|other| other != space));
    let mut text = String::new();
    for check in checks {
        let space = check.space.as_ref().filter(|_| several).map(|space| format!("{space}: "));
        text += &format!("{:width$}  {}{}\n", name(check.level), space.unwrap_or_default(), check.message);
        if let Some(next) = &check.next {
            text += &format!("{:width$}  → {next}\n", "");
        }
    }
    text
}
