//! Everything from outside: real `tandem` processes, on networks of their own.
//!
//! Run by `./test`; needs root, iproute2 and faketime. `TANDEM_FULL=1` runs the long forms (100,000
//! rows, 1,000,000 counter deltas, 200 kills, 1,000 power cuts), `TANDEM_SEED=n` repeats the chance
//! of a failed test.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

mod accounts;
mod apart;
mod attached;
mod away;
mod bundles;
mod circles;
mod clocks;
mod conflicts;
mod counters;
mod demo;
mod disk;
mod django;
mod dumps;
mod discovery;
mod forks;
mod frameworks;
mod hostile;
mod import;
mod invitations;
mod kill;
mod large;
mod log;
mod notes;
mod openings;
mod owners;
mod postgres;
mod postgres_faults;
mod powercut;
mod programs;
mod requests;
mod scenarios;
mod schema;
mod sockets;
mod strangers;
mod tills;

use std::sync::Arc;

use tandem_tests::lan::Lan;
use tandem_tests::school;
use tandem_tests::site::Site;
use tandem_tests::wait;

/// A shop in one table: enough for most tests.
const SHOP: &str = "CREATE TABLE items (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, shelf TEXT, price DECIMAL(10,2) CHECK (price >= 0),
  stock COUNTER NOT NULL DEFAULT 0, code TEXT UNIQUE, photo BLOB, updated_at STAMP);";

/// A running site with a space.
fn founder(lan: &Arc<Lan>, name: &str, schema: &str) -> Site {
    let site = Site::on(&lan.host(), name);
    school::found_with(&site, schema);
    site.start();
    site
}

/// A running site that has joined the founder's space.
fn member(lan: &Arc<Lan>, name: &str, founder: &Site) -> Site {
    let site = Site::on(&lan.host(), name);
    site.join(&founder.invite());
    site.start();
    site
}

/// Two running sites that hold the same space and are connected.
fn pair(lan: &Arc<Lan>, schema: &str) -> (Site, Site) {
    let office = founder(lan, "office", schema);
    let classroom = member(lan, "classroom", &office);
    wait::connected(&[&office, &classroom]);
    (office, classroom)
}
