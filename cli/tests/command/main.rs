//! The program as people run it: what it prints, in both languages, and how it ends.

mod program;

mod configured;
mod helped;
mod refused;
mod running;
mod written;
