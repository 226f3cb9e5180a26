//! Who does the work: a trait, because a program that also runs libtorch should use libtorch's threads.

use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// A pool of threads.
///
/// No result depends on which thread does which task.
pub trait Threads: Sync {
    /// How many work at a time, at least 1.
    fn count(&self) -> usize;

    /// Calls `task` once for each number below `n`, in any order, on any thread, and returns when all are done.
    fn each(&self, n: usize, task: &(dyn Fn(usize) + Sync));
}

/// The calling thread alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Threads for Alone {
    fn count(&self) -> usize {
        1
    }

    fn each(&self, n: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n).for_each(task);
    }
}

/// The pool of [`rayon`] that the caller is in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rayon;

impl Threads for Rayon {
    fn count(&self) -> usize {
        rayon::current_num_threads()
    }

    fn each(&self, n: usize, task: &(dyn Fn(usize) + Sync)) {
        match n {
            0 | 1 => Alone.each(n, task),
            _ => (0..n).into_par_iter().for_each(task),
        }
    }
}

/// Memory that is used again: made when all of it is in use.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool::new()
    }
}

impl<T> Pool<T> {
    pub(crate) const fn new() -> Self {
        Pool(Mutex::new(Vec::new()))
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    pub(crate) fn give(&self, memory: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }
}

impl Pool<Vec<f32>> {
    /// Memory for at least `len` values, whatever they are now: what is used again is neither cleared nor made shorter.
    pub(crate) fn at_least(&self, len: usize) -> Vec<f32> {
        let mut memory = self.take().unwrap_or_default();
        if memory.len() < len {
            memory.resize(len, 0.0);
        }
        memory
    }
}
