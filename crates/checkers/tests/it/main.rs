//! The check of the checkers: clean histories pass, planted anomalies are found.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod directory;
mod planted;
mod world;
