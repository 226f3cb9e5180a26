//! What becomes of a panic. Libtorch reports that memory is exhausted by one: that is an error like any other. Every
//! other panic is a bug.

use crate::failure::Failure;
use std::backtrace::Backtrace;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Mutex;

/// The last panic, in words. Nothing is printed before it is clear that nobody catches it: a model from a damaged
/// file is tried, and what libtorch says of it is part of an error.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// What libtorch, CUDA and the standard library say if the system has no more memory or threads to give.
const EXHAUSTED: [&str; 6] = [
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "ThreadPoolBuildError",
    "failed to spawn thread",
];

/// From now on panics are kept instead of printed.
pub(crate) fn collect() {
    panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let text = format!("{info}\n{}", Backtrace::capture());
        *LAST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(text);
    }));
}

/// Runs the program; a panic becomes a failure.
pub(crate) fn caught<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let last = LAST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let text = last.unwrap_or_default();
        match EXHAUSTED.iter().any(|words| text.contains(words)) {
            true => Err(Failure::new(
                "the system gives this program no more memory or threads; use a smaller model, batch or file, fewer \
                 --threads, or raise its limits",
            )),
            false => Err(Failure::bug(format!(
                "{}\nthis is a bug in autoencoders; please report it with the command that led to it",
                text.trim_end()
            ))),
        }
    })
}
