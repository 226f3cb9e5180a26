//! Fuzz targets for everything that parses what a user gives.
//!
//! Each target takes any bytes. Beyond not panicking, it asserts what must hold of the result: the same rows
//! in blocks and line by line, the same number as the standard library, the same array after writing it.
//! `tests/short.rs` runs the committed corpus and seeded mutations of it; `cargo xtask fuzz` runs libFuzzer.
//!
//! A new target is a function in `targets/`, a line in [`TARGETS`] and a folder of small valid inputs in
//! `corpus/`.

mod targets;

use peak_alloc::PeakAlloc;
use std::sync::Once;

/// Counts what is allocated, in whichever program runs the targets.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Longest input, in bytes: long enough for every branch of a parser.
pub const MAX_INPUT_BYTES: usize = 4096;

/// What a target may allocate for one input, in bytes.
pub const MAX_ALLOCATED_BYTES: usize = 64 << 20;

/// A parser, and what must hold of its results.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Also the name of its folder in `corpus/`.
    pub name: &'static str,
    /// Panics if something does not hold.
    run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "cell", run: targets::cells::number },
    Target { name: "stamp", run: targets::cells::stamp },
    Target { name: "table", run: targets::tables::delimited },
    Target { name: "json_lines", run: targets::tables::json_lines },
    Target { name: "windows", run: targets::tables::windows },
    Target { name: "number_table", run: targets::numbers::table },
    Target { name: "npy", run: targets::arrays::npy },
    Target { name: "npz", run: targets::arrays::npz },
    Target { name: "idx", run: targets::arrays::idx },
    Target { name: "content", run: targets::content::read },
    Target { name: "settings", run: targets::settings::load },
    Target { name: "tensors", run: targets::tensors::read },
    Target { name: "checkpoint", run: targets::tensors::checkpoint },
    Target { name: "schema", run: targets::schema::reader },
    Target { name: "window_state", run: targets::schema::window_state },
];

impl Target {
    /// The target with this name.
    pub fn find(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Runs one input. Panics if something does not hold, or if the input, of at most [`MAX_INPUT_BYTES`],
    /// makes the parser allocate more than [`MAX_ALLOCATED_BYTES`]. To be called from one thread only,
    /// because the allocations of all threads are counted.
    pub fn check(&self, input: &[u8]) {
        static WITHOUT_THREADS: Once = Once::new();
        WITHOUT_THREADS.call_once(|| {
            // What runs in parallel would run in another thread otherwise: slower, and in a different order
            // each time.
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
            pool.build_global().expect("no pool has been used so far");
        });
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        (self.run)(input);
        let allocated = ALLOCATED.peak_usage().saturating_sub(before);
        assert!(
            input.len() > MAX_INPUT_BYTES || allocated <= MAX_ALLOCATED_BYTES,
            "{} bytes of input made `{}` allocate {allocated} bytes",
            input.len(),
            self.name
        );
    }
}
