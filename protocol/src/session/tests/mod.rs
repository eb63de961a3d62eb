//! What a session promises, told as stories of two and three sites.

mod driver;
mod forks;
mod golden;
mod greeting;
mod hostile;
mod random;
mod syncing;
mod time;
