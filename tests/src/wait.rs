//! Waiting for something to become true, never longer than a deadline, and saying what was seen
//! instead.

use std::time::{Duration, Instant};

use crate::site::Site;

/// Far longer than anything takes; a test that reaches it has failed.
pub const PATIENCE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks again and again until `check` gives a value. `Err` says what is seen so far; the last one
/// is shown, with the sites' logs, if the deadline passes.
pub fn until<T>(what: &str, sites: &[&Site], check: impl FnMut() -> Result<T, String>) -> T {
    within(PATIENCE, what, sites, check)
}

/// [`until`] with a deadline of its own.
pub fn within<T>(
    patience: Duration,
    what: &str,
    sites: &[&Site],
    mut check: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        let seen = match check() {
            Ok(value) => return value,
            Err(seen) => seen,
        };
        if Instant::now() >= deadline {
            let logs: String = sites.iter().map(|site| site.log_tail()).collect();
            panic!("not {what} within {patience:?}; seen instead:\n{seen}\n{logs}");
        }
        std::thread::sleep(PAUSE);
    }
}

/// Waits until all sites hold the same transactions, show the same rows and list the same
/// conflicts, and nothing waits for what it builds on.
pub fn equal(sites: &[&Site]) {
    alike(sites, |space| space["waiting"] == 0);
}

/// [`equal`] for sites that hold what they cannot show: of two tables of one name, one's rows.
pub fn equal_but_for_waiting(sites: &[&Site]) {
    alike(sites, |_| true);
}

fn alike(sites: &[&Site], also: impl Fn(&serde_json::Value) -> bool) {
    const FIELDS: [&str; 7] = [
        "version_vector",
        "transactions",
        "fingerprint",
        "tables",
        "waiting",
        "open_conflicts",
        "conflict_fingerprint",
    ];
    until("equal", sites, || {
        let all: Vec<_> = sites.iter().map(|site| site.space()).collect();
        let agree = FIELDS.iter().all(|field| all.iter().all(|space| space[*field] == all[0][*field]));
        if agree && all.iter().all(&also) { Ok(()) } else { Err(seen(&all)) }
    });
}

/// Waits until each site says of each other that it is connected.
pub fn connected(sites: &[&Site]) {
    until("connected", sites, || {
        let all: Vec<_> = sites.iter().map(|site| site.space()).collect();
        let others = sites.len() - 1;
        let near = |space: &serde_json::Value| {
            space["peers"].as_array().unwrap().iter().filter(|peer| peer["connected"] == true).count()
        };
        if all.iter().all(|space| near(space) >= others) { Ok(()) } else { Err(seen(&all)) }
    });
}

fn seen(spaces: &[serde_json::Value]) -> String {
    let line = |space: &serde_json::Value| {
        format!(
            "transactions {} waiting {} fingerprint {} conflicts {} {} vector {} peers {}\n",
            space["transactions"],
            space["waiting"],
            space["fingerprint"],
            space["open_conflicts"],
            space["conflict_fingerprint"],
            space["version_vector"],
            space["peers"]
        )
    };
    spaces.iter().map(line).collect()
}
