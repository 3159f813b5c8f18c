//! The engine on an example saga: timelines, operators, and the laws in the lab. Not the product's
//! sagas, which bring the same two lines.

mod clocks;
mod decisions;
mod handler;
mod laws;
mod operators;
mod publish;
mod registered;
mod repeats;
mod rows;
mod timelines;
