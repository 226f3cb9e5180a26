//! Whose mistake an error is.

/// An error that may be the user's mistake: a wrong argument, setting or file of the user's own. A program ends with another
/// exit code then.
pub trait Blame: std::fmt::Display {
    /// Whether the arguments or the configuration are wrong, rather than that something failed.
    fn is_usage(&self) -> bool;
}
