//! The benchmarks are the other files of this folder; this one is empty because a package needs a target.
