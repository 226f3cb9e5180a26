//! Examples of using the crates as libraries.
