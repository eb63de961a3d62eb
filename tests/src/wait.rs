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

/// Waits until all sites hold the same transactions and show the same rows.
pub fn equal(sites: &[&Site]) {
    until("equal", sites, || {
        let all: Vec<_> = sites.iter().map(|site| site.space()).collect();
        let same = |field: &str| all.iter().all(|space| space[field] == all[0][field]);
        let agree = ["version_vector", "transactions", "fingerprint", "tables"].into_iter().all(same);
        let none_waits = all.iter().all(|space| space["waiting"] == 0);
        if agree && none_waits { Ok(()) } else { Err(seen(&all)) }
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
            "transactions {} waiting {} fingerprint {} vector {} peers {}\n",
            space["transactions"],
            space["waiting"],
            space["fingerprint"],
            space["version_vector"],
            space["peers"]
        )
    };
    spaces.iter().map(line).collect()
}
