//! What this machine reaches at best: matrix products, and memory.

use crate::work::Work;
use ae_tensor::{Device, Kind, Tensor, device};
use serde::Serialize;
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Sides of the square matrices that are multiplied; the best of them counts.
const SIDES: [i64; 3] = [512, 1024, 2048];
/// Sizes of the memory that is copied within, source and target together, in MiB. The first ones fit into caches.
const BLOCKS_MIB: [usize; 6] = [1, 4, 16, 64, 256, 512];
/// How long one figure is measured, about.
const SPELL: Duration = Duration::from_millis(150);

/// Speed of copying within a block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Bandwidth {
    /// Size of the block.
    pub(crate) mib: usize,
    /// Bytes read and written per second, in GB.
    pub(crate) gb_per_second: f64,
}

/// The machine's peaks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Peaks {
    /// Threads that `gemm` and `bandwidth` were measured with.
    pub(crate) threads: usize,
    /// GFLOP/s of float32 matrix products on one thread.
    pub(crate) gemm_one_thread: f64,
    /// GFLOP/s of float32 matrix products on all threads.
    pub(crate) gemm: f64,
    /// By size, ascending.
    pub(crate) bandwidth: Vec<Bandwidth>,
}

impl Peaks {
    /// Measures them; `threads` of 0 means as many as libtorch chooses.
    pub(crate) fn measure(threads: usize) -> Self {
        device::set_threads(threads);
        let threads = device::threads();
        let all = gemm();
        device::set_threads(1);
        let gemm_one_thread = gemm();
        device::set_threads(threads);
        // Of two measurements of the same thing, the better one.
        let gemm = if threads == 1 { all.max(gemm_one_thread) } else { all };
        let bandwidth = BLOCKS_MIB
            .iter()
            .map(|&mib| Bandwidth { mib, gb_per_second: copying(mib << 20, threads) / 1e9 })
            .collect();
        Peaks { threads, gemm_one_thread, gemm, bandwidth }
    }

    /// The better of two measurements, figure by figure: a peak is what was reached at least once.
    pub(crate) fn better(&mut self, other: &Peaks) {
        self.gemm = self.gemm.max(other.gemm);
        self.gemm_one_thread = self.gemm_one_thread.max(other.gemm_one_thread);
        for (mine, theirs) in self.bandwidth.iter_mut().zip(&other.bandwidth) {
            mine.gb_per_second = mine.gb_per_second.max(theirs.gb_per_second);
        }
    }

    /// The least seconds that this work takes here: as matrix products at their peak, or as copies in the smallest
    /// block that holds it, whichever takes longer, since one can go on during the other.
    pub(crate) fn floor_seconds(&self, work: &Work) -> f64 {
        let arithmetic = work.flops / (1e9 * self.gemm);
        let holds = |bandwidth: &&Bandwidth| (bandwidth.mib << 20) as f64 >= work.held;
        let bandwidth = self.bandwidth.iter().find(holds).or(self.bandwidth.last());
        arithmetic.max(bandwidth.map_or(0.0, |it| work.bytes / (1e9 * it.gb_per_second)))
    }
}

/// The best speed of a square product, in GFLOP/s.
fn gemm() -> f64 {
    let mut best: f64 = 0.0;
    for side in SIDES {
        let matrix = || Tensor::ones([side, side], (Kind::Float, Device::Cpu));
        let (left, right) = (matrix(), matrix());
        let product = matrix();
        let flops = 2.0 * (side as f64).powi(3);
        let begun = Instant::now();
        while begun.elapsed() < SPELL {
            let since = Instant::now();
            let _same = left.matmul_out(&product, &right);
            best = best.max(flops / since.elapsed().as_secs_f64() / 1e9);
        }
    }
    best
}

/// The best speed of copying half of a block into the other half, cut into a part for each thread: bytes read and
/// written per second.
fn copying(bytes: usize, threads: usize) -> f64 {
    let part = bytes / 2 / threads.max(1);
    let barrier = Barrier::new(threads);
    // A pass takes a while, so that neither the clock nor the barrier counts.
    let repeats = ((64 << 20) / bytes).max(1);
    let one = |_| {
        let source = vec![1_u8; part];
        let mut target = vec![0_u8; part];
        let mut slowest_best = f64::INFINITY;
        // The same number of passes in each thread, because they wait for each other.
        for _ in 0..12 {
            barrier.wait();
            let since = Instant::now();
            for _ in 0..repeats {
                black_box(&mut target).copy_from_slice(black_box(&source));
            }
            barrier.wait();
            slowest_best = since.elapsed().as_secs_f64().min(slowest_best);
        }
        slowest_best
    };
    let seconds = thread::scope(|scope| {
        let one = &one;
        let handles: Vec<_> = (0..threads).map(|index| scope.spawn(move || one(index))).collect();
        let each = handles.into_iter().map(|handle| handle.join().expect("copying does not panic"));
        each.fold(0.0, f64::max)
    });
    (2 * part * threads * repeats) as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peaks() -> Peaks {
        let speed = |mib, gb_per_second| Bandwidth { mib, gb_per_second };
        Peaks {
            threads: 2,
            gemm_one_thread: 60.0,
            gemm: 100.0,
            bandwidth: vec![speed(1, 400.0), speed(16, 200.0), speed(256, 20.0)],
        }
    }

    #[test]
    fn the_floor_is_the_slower_of_arithmetic_and_memory() {
        let check = |flops, bytes, held, expected_ms: f64| {
            let seconds = peaks().floor_seconds(&Work { flops, bytes, held });
            assert!((1e3 * seconds - expected_ms).abs() < 1e-9, "{seconds}");
        };
        // A GFLOP at 100 GFLOP/s.
        check(1e9, 1e6, 1e5, 10.0);
        // A GB from the first cache, from memory, and from more memory than was measured.
        check(1e6, 1e9, 1e6, 2.5);
        check(1e6, 1e9, 5e7, 50.0);
        check(1e6, 1e9, 1e12, 50.0);
    }

    #[test]
    fn a_peak_is_the_best_that_was_seen() {
        let mut best = peaks();
        let mut other = peaks();
        (other.gemm, other.gemm_one_thread, other.bandwidth[2].gb_per_second) = (90.0, 70.0, 30.0);
        best.better(&other);
        let figures = (best.gemm, best.gemm_one_thread, best.bandwidth[2].gb_per_second);
        assert_eq!(figures, (100.0, 70.0, 30.0));
    }
}
