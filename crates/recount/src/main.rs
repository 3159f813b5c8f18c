//! The product: picks adapters, registers contexts, starts roles.
fn main() {}
