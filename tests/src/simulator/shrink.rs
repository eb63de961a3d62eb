//! A shorter story that ends as badly.

use super::outcome::Broken;
use super::plan::Plan;
use super::run;
use super::world::NAMES;

/// Runs that a search may cost.
const TRIES: usize = 60;

/// Cuts a failing plan down: fewer transactions, fewer sites, fewer kinds of faults, as long as it
/// still fails. Gives the shortest plan found, and how it fails.
pub fn shrink(plan: &Plan, broken: Broken) -> (Plan, Broken) {
    let (mut best, mut broken) = (plan.clone(), broken);
    let mut tries = 0;
    loop {
        let shorter = candidates(&best).into_iter().find_map(|candidate| {
            if tries >= TRIES {
                return None;
            }
            tries += 1;
            let broken = run(&candidate, 0).broken.filter(|found| kind(found) == kind(&broken));
            broken.map(|broken| (candidate, broken))
        });
        match shorter {
            Some((plan, how)) => (best, broken) = (plan, how),
            None => return (best, broken),
        }
    }
}

/// What is said of a failure, whatever the site, the row and the number.
fn kind(broken: &Broken) -> Vec<&str> {
    let first = broken.0.lines().next().unwrap_or_default();
    let said = first.split_whitespace().filter(|word| word.chars().all(char::is_alphabetic));
    said.filter(|word| !NAMES.contains(word)).collect()
}

fn candidates(plan: &Plan) -> Vec<Plan> {
    let mut candidates = Vec::new();
    for transactions in [plan.transactions / 8, plan.transactions / 2, plan.transactions * 3 / 4] {
        if transactions > 0 && transactions < plan.transactions {
            candidates.push(Plan { transactions, ..plan.clone() });
        }
    }
    if plan.sites > 2 {
        let sites = plan.sites - 1;
        candidates.push(Plan { sites, late: plan.late.min(sites - 2), ..plan.clone() });
    }
    if plan.late > 0 {
        candidates.push(Plan { late: 0, ..plan.clone() });
    }
    for fault in &plan.faults {
        let mut fewer = plan.clone();
        fewer.faults.remove(fault);
        candidates.push(fewer);
    }
    candidates
}
