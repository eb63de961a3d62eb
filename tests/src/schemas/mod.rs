//! Schemas that grow apart: whatever two or three sites declare without knowing of each other, in
//! whatever order it comes together, all of them show the same, and open again.
//!
//! [`grammar`] draws the changes ([`names`], [`expressions`]) over a [`base`] that may lack just one of
//! what a bound allows; [`law`] plays them, [`carried`] brings them to others in every order; [`orders`]
//! walks through all orders in `protocol` alone, and [`declared`] says by brute force what must come of
//! it; [`views`] does both for views.

mod base;
mod carried;
mod declared;
mod expressions;
mod grammar;
mod law;
mod names;
mod orders;
mod views;

#[cfg(test)]
mod tests;

pub use law::run;
