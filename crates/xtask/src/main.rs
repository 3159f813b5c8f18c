//! Developer commands: up, test, check, install.
fn main() {}
