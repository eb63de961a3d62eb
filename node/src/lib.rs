//! One site, running: its data folder, the network to the other sites, and the interfaces through
//! which people and programs use it. Everything here is wiring; what things mean is decided in
//! `tandem-protocol` and `tandem-store`.

mod certificate;
pub mod config;

pub mod sync;
pub mod net;

pub mod api;
pub mod http;

mod node;
mod running;
mod signals;

pub use certificate::GivenCertificate;
pub use config::Settings;
pub use node::{Https, Node};
pub use running::Running;
pub use signals::asked_to_stop;
