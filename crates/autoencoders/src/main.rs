//! The `ae` program.
fn main() {}
