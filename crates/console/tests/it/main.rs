//! The console as a client without a script gets it, over the demo in memory. Not what it looks like:
//! the browser tests look.

#[path = "../../demo/mod.rs"]
mod demo;

mod pages;
mod sagas;
mod support;
