//! Autoencoders in Rust: train, evaluate and run every classic family, reproducibly.
