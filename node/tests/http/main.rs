//! The HTTP interface of a real node, asked as any program would ask it.

mod site;

mod bundles;
mod carried;
mod events;
mod guard;
mod refusals;
mod requests;
