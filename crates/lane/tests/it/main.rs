//! The command runtime from outside: what callers are promised, what a key promises.

mod commands;
mod fences;
mod support;
