//! Schemas that grow apart: whatever two or three sites declare without knowing of each other, in
//! whatever order it comes together, all of them show the same, and open again.
//!
//! [`grammar`] draws the changes, [`law`] plays them.

mod grammar;
mod law;

#[cfg(test)]
mod tests;

pub use law::run;
