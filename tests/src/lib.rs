//! What the end-to-end tests stand on: networks of their own, and real tandem processes on them.
//!
//! A [`Lan`](lan::Lan) joins [`Host`](lan::Host)s, each a network namespace, by a switch that
//! carries multicast; a [`Site`](site::Site) is the real `tandem` program with a data folder of
//! its own on such a host. Cables can be pulled, addresses changed, processes killed; everything
//! is gone when the values are dropped. Linux only, as root, with iproute2 and faketime.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

pub mod answer;
pub mod arguments;
pub mod django;
pub mod faketime;
pub mod hostile;
pub mod http;
pub mod lan;
pub mod mount;
pub mod oracle;
pub mod postgres;
pub mod powercut;
pub mod random;
pub mod reference;
pub mod rental_dump;
pub mod scenario;
pub mod schemas;
pub mod school;
pub mod sheets;
pub mod siege;
pub mod simulator;
pub mod site;
pub mod structure;
pub mod wait;
