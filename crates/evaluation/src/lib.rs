//! The tasks of ae eval, each in one file.
