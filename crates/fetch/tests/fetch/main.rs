//! Fetching: from a local server that misbehaves, from mirror folders, to destinations of all kinds.

mod common;
mod files;
mod urls;
