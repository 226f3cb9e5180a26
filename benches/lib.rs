//! Empty, because a package needs a target; the benchmarks are the other files of this folder.
