//! libtorch's threads, for our own kernels: between two operations of libtorch its threads are awake and waiting, and
//! others would have to share the cores with them.

use ae_kernels::{Alone, Rayon, Threads};
use std::ffi::{c_char, c_uint, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The threads of libtorch's OpenMP, as many as libtorch uses; those of [`rayon`] if it has another kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Libtorch;

/// `void GOMP_parallel(void (*f)(void*), void* data, unsigned threads, unsigned flags)`: what a compiler makes of
/// `#pragma omp parallel`.
type Parallel = unsafe extern "C" fn(unsafe extern "C" fn(*mut c_void), *mut c_void, c_uint, c_uint);

struct Work<'a> {
    next: AtomicUsize,
    n: usize,
    task: &'a (dyn Fn(usize) + Sync),
}

impl Threads for Libtorch {
    fn count(&self) -> usize {
        crate::device::threads()
    }

    fn each(&self, n: usize, task: &(dyn Fn(usize) + Sync)) {
        let threads = self.count().min(n);
        if threads < 2 {
            return Alone.each(n, task);
        }
        let Some(parallel) = parallel() else { return Rayon.each(n, task) };
        let work = Work { next: AtomicUsize::new(0), n, task };
        // SAFETY: the function returns when all threads have returned from `run`, which only reads `work`.
        unsafe { parallel(run, (&raw const work).cast_mut().cast(), threads as c_uint, 0) };
    }
}

/// Each thread takes the next task until none is left. A panic in a task ends the program: it cannot cross OpenMP.
unsafe extern "C" fn run(work: *mut c_void) {
    // SAFETY: it comes from `each`, and lives until all threads have returned.
    let work = unsafe { &*work.cast::<Work<'_>>() };
    loop {
        let index = work.next.fetch_add(1, Ordering::Relaxed);
        if index >= work.n {
            return;
        }
        (work.task)(index);
    }
}

/// The function in the libraries that this program has loaded: libtorch brings its own.
fn parallel() -> Option<Parallel> {
    static FOUND: OnceLock<Option<Parallel>> = OnceLock::new();
    let find = || {
        let name = c"GOMP_parallel".as_ptr().cast::<c_char>();
        // SAFETY: a lookup by name; the function has this signature since version 4.0 of its library.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, name);
            (!found.is_null()).then(|| std::mem::transmute::<*mut c_void, Parallel>(found))
        }
    };
    *FOUND.get_or_init(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_is_done_once() {
        for n in [0, 1, 2, 3, 100] {
            let counts: Vec<AtomicUsize> = (0..n).map(|_| AtomicUsize::new(0)).collect();
            Libtorch.each(n, &|index| {
                counts[index].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn libtorch_has_its_threads_where_they_are_looked_for() {
        let _loaded = crate::device::threads();
        assert!(parallel().is_some());
    }
}
