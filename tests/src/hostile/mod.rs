//! A hostile member: it has a true key and signs correctly, and what it signs no honest site writes.
//!
//! A [`Campaign`] takes ops that honest sites wrote, or makes new ones, and changes them, as values
//! ([`rows`], [`schema`], [`member`]) and as bytes ([`bytes`]); [`author`] chains and signs them. Two
//! honest sites get them one by one and in blocks, in different orders, while their users go on. Then
//! they exchange what they hold, and must be equal, work, and open again ([`honest`]). [`folder`] is a
//! hostile member whose transactions reach real programs, in files and over a network.

mod author;
mod bytes;
mod campaign;
mod cost;
mod folder;
pub(crate) mod honest;
mod material;
mod member;
mod rows;
mod schema;
mod text;

#[cfg(test)]
mod tests;

pub use author::Forged;
pub use campaign::Campaign;
pub use cost::Cost;
pub use folder::{Attack, Folder};
pub use material::KEPT;
pub use text::PROOF;

use crate::simulator::{scratch, statement};

/// The tables of a space that is attacked.
pub fn tables() -> String {
    format!("{KEPT}{}", statement::SCHEMA)
}

/// Runs so many forged ops; what went wrong, and how to see it again.
pub fn run(seed: u64, ops: u64, cost: Cost) -> Result<Campaign, String> {
    let folder = scratch();
    let again = "cargo run --release -p tandem-tests --bin hostile -- --ops";
    let told = |error: String, at: u64| format!("{error}\nafter {at} ops; {again} {ops} --seed {seed}");
    let mut campaign = Campaign::new(seed, folder.path(), cost).map_err(|error| told(error, 0))?;
    match campaign.run(ops) {
        Ok(()) => Ok(campaign),
        Err(error) => Err(told(error, campaign.forged)),
    }
}
