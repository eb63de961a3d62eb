//! The program as people run it: what it prints, in both languages, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends right there")]

mod program;

mod admitted;
mod circled;
mod configured;
mod conflicts;
mod diagnosed;
mod counted;
mod dumped;
mod exchanged;
mod helped;
mod imported;
mod opened;
mod refused;
mod running;
mod shown;
mod tokens;
mod written;
