//! What a disk may hold after a power cut: the record of a program's writes (made by
//! `tandem-powercut`), played back up to any moment.

mod disk;
mod trace;

pub use disk::{Disk, Survival};
pub use trace::{Entry, read};
