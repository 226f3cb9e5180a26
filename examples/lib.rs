//! Empty, because a package needs a target; the examples are the other files of this folder.
