//! Random numbers: those of libtorch's generator on a CPU, with the processor's vectors.

use crate::dense::add;
use crate::simd::{Kernel, Processor, Simd, dispatch};
use crate::slices::Slices;
use crate::threads::{Alone, Threads};
use std::mem;

/// Words of the generator's state.
const STATE: usize = 624;
/// How far behind a word the other one lies that it is mixed with.
const MIDDLE: usize = 397;
/// How far apart the two uniform draws lie that become two normal ones; twice as many values are transformed together.
const PAIRED: usize = 8;
/// Values of a task.
const PART: usize = 1 << 12;
/// Values that are worth waking a thread.
const WORTH: usize = 1 << 14;

/// Independent draws from U[0, 1), multiples of 2⁻²⁴: those of libtorch's `uniform_` with a new generator of this seed, of which
/// it uses the lower 32 bits.
pub fn uniform(seed: u64, to: &mut [f32], processor: Processor) {
    // SAFETY: the kernel works on slices.
    unsafe { dispatch(processor, Uniform { twister: &mut Twister::new(seed), to }) };
}

/// Independent draws from N(0, 1) by the transform of Box & Muller (1958): those of libtorch's `normal_` with a new generator of
/// this seed, but for rounding. Panics for fewer than 16 values, which libtorch draws in another way.
///
/// The uniform draws behind them come one after another, and take less time than the transform, which threads share.
pub fn normal(seed: u64, to: &mut [f32], processor: Processor, threads: &dyn Threads) {
    let len = to.len();
    assert!(len >= 2 * PAIRED, "at least {} values, not {len}", 2 * PAIRED);
    let mut twister = Twister::new(seed);
    // SAFETY: the kernels work on slices.
    unsafe { dispatch(processor, Uniform { twister: &mut twister, to }) };
    let threads = if len < WORTH { &Alone } else { threads };
    let whole = len - len % (2 * PAIRED);
    let parts = Slices::new(&mut to[..whole], PART);
    threads.each(whole.div_ceil(PART), &|part| {
        // SAFETY: each task has its own part; the kernel works on slices.
        unsafe { dispatch(processor, BoxMuller(parts.get(part))) };
    });
    if whole < len {
        // The last values are drawn once more, with some of those before them.
        let last = &mut to[len - 2 * PAIRED..];
        // SAFETY: the kernels work on slices.
        unsafe {
            dispatch(processor, Uniform { twister: &mut twister, to: last });
            dispatch(processor, BoxMuller(last));
        }
    }
}

/// The Mersenne twister MT19937 (Matsumoto & Nishimura, 1998).
struct Twister {
    state: [u32; STATE],
    /// The state before, in whose place the next is made.
    before: [u32; STATE],
    /// Words of the state that are used.
    used: usize,
}

impl Twister {
    fn new(seed: u64) -> Self {
        let mut state = [seed as u32; STATE];
        for place in 1..STATE {
            let word = state[place - 1];
            state[place] = (word ^ (word >> 30)).wrapping_mul(1_812_433_253).wrapping_add(place as u32);
        }
        Twister { state, before: [0; STATE], used: STATE }
    }

    /// Makes the next state. No word depends on one that is a vector or less behind it.
    #[inline(always)]
    fn turn(&mut self) {
        mem::swap(&mut self.state, &mut self.before);
        let (old, new) = (&self.before, &mut self.state);
        let first = STATE - MIDDLE;
        twist(&mut new[..first], &old[MIDDLE..], old);
        let (done, rest) = new.split_at_mut(first);
        twist(&mut rest[..first], done, &old[first..]);
        let (done, rest) = new.split_at_mut(2 * first);
        let last = STATE - 1 - 2 * first;
        twist(&mut rest[..last], &done[first..], &old[2 * first..]);
        new[STATE - 1] = new[MIDDLE - 1] ^ twisted(old[STATE - 1], new[0]);
        self.used = 0;
    }
}

/// New words from those a distance behind, and from old ones, of which there is one more.
#[inline(always)]
fn twist(new: &mut [u32], behind: &[u32], old: &[u32]) {
    let pairs = old.iter().zip(&old[1..]);
    for ((new, behind), (word, next)) in new.iter_mut().zip(behind).zip(pairs) {
        *new = behind ^ twisted(*word, *next);
    }
}

#[inline(always)]
fn twisted(word: u32, next: u32) -> u32 {
    let mixed = (word & 0x8000_0000) | (next & 0x7fff_ffff);
    (mixed >> 1) ^ ((next & 1).wrapping_neg() & 0x9908_b0df)
}

#[inline(always)]
fn tempered(word: u32) -> u32 {
    let word = word ^ (word >> 11);
    let word = word ^ ((word << 7) & 0x9d2c_5680);
    let word = word ^ ((word << 15) & 0xefc6_0000);
    word ^ (word >> 18)
}

struct Uniform<'a> {
    twister: &'a mut Twister,
    to: &'a mut [f32],
}

impl Kernel for Uniform<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Uniform { twister, mut to } = self;
        while !to.is_empty() {
            if twister.used == STATE {
                twister.turn();
            }
            let n = to.len().min(STATE - twister.used);
            let (now, later) = to.split_at_mut(n);
            for (to, word) in now.iter_mut().zip(&twister.state[twister.used..]) {
                *to = (tempered(*word) & 0xff_ffff) as i32 as f32 / 16_777_216.0;
            }
            twister.used += n;
            to = later;
        }
    }
}

/// Uniform draws become normal ones, in place.
struct BoxMuller<'a>(&'a mut [f32]);

impl Kernel for BoxMuller<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        for pairs in self.0.chunks_exact_mut(2 * PAIRED) {
            let (one, other) = pairs.split_at_mut(PAIRED);
            for (x, y) in one.iter_mut().zip(other) {
                let radius = (-2.0 * ln::<S>(1.0 - *x)).sqrt();
                let [cos, sin] = turned::<S>(*y);
                (*x, *y) = (radius * cos, radius * sin);
            }
        }
    }
}

/// The natural logarithm of a positive number that is not denormal, within 2 units in the last place (Cephes).
#[inline(always)]
fn ln<S: Simd>(x: f32) -> f32 {
    /// The bits of √½.
    const ROOT: u32 = 0x3f35_04f3;
    let exponent = (x.to_bits().wrapping_sub(ROOT) as i32) >> 23;
    let f = f32::from_bits(x.to_bits().wrapping_sub((exponent << 23) as u32)) - 1.0;
    let n = exponent as f32;
    let square = f * f;
    let series = add::<S>(f, 7.037_683_6e-2, -1.151_461e-1);
    let series = add::<S>(f, series, 1.167_699_87e-1);
    let series = add::<S>(f, series, -1.242_014_1e-1);
    let series = add::<S>(f, series, 1.424_932_3e-1);
    let series = add::<S>(f, series, -1.666_805_8e-1);
    let series = add::<S>(f, series, 2.000_071_5e-1);
    let series = add::<S>(f, series, -2.499_999_4e-1);
    let series = add::<S>(f, series, 3.333_333e-1);
    let small = add::<S>(n, -2.121_944_4e-4, f * square * series);
    add::<S>(n, 0.693_359_4, f + add::<S>(-0.5, square, small))
}

/// Cosine and sine of a part of a whole turn, in [0, 1). The nearest quarter is taken off without rounding.
#[inline(always)]
fn turned<S: Simd>(part: f32) -> [f32; 2] {
    /// The sum with it is rounded to a whole number, which its last bits hold.
    const ROUND: f32 = 12_582_912.0;
    let rounded = add::<S>(4.0, part, ROUND);
    let quarter = rounded.to_bits() & 3;
    let angle = std::f32::consts::TAU * (part - 0.25 * (rounded - ROUND));
    let square = angle * angle;
    let series = add::<S>(square, -1.951_529_6e-4, 8.332_161e-3);
    let series = add::<S>(square, series, -1.666_665_5e-1);
    let sin = add::<S>(square * angle, series, angle);
    let series = add::<S>(square, 2.443_315_7e-5, -1.388_731_6e-3);
    let series = add::<S>(square, series, 4.166_664_6e-2);
    let cos = add::<S>(square * square, series, add::<S>(-0.5, square, 1.0));
    let is_odd = quarter & 1 == 1;
    let (x, y) = if is_odd { (sin, cos) } else { (cos, sin) };
    let sign = |value: f32, is_negative: u32| f32::from_bits(value.to_bits() ^ (is_negative << 31));
    [sign(x, (quarter ^ (quarter >> 1)) & 1), sign(y, quarter >> 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rayon;

    /// The published first and ten-thousandth word of the published seed.
    #[test]
    fn words_are_those_of_the_paper() {
        let mut twister = Twister::new(5489);
        twister.turn();
        assert_eq!(tempered(twister.state[0]), 3_499_211_612);
        (0..9_999 / STATE).for_each(|_| twister.turn());
        assert_eq!(tempered(twister.state[9_999 % STATE]), 4_123_659_995);
    }

    #[test]
    fn uniform_draws_are_the_same_everywhere_and_cover_the_range() {
        let mut expected = vec![0.0; 3 * STATE + 5];
        uniform(7, &mut expected, Processor::available()[0]);
        for processor in Processor::available() {
            let mut ours = vec![0.0; expected.len()];
            uniform(7, &mut ours, processor);
            assert_eq!(ours, expected, "{processor}");
            uniform(7 + (1 << 32), &mut ours, processor);
            assert_eq!(ours, expected, "the upper bits");
            uniform(8, &mut ours, processor);
            assert_ne!(ours, expected);
        }
        assert!(expected.iter().all(|x| (0.0..1.0).contains(x)));
        let mean = expected.iter().sum::<f32>() / expected.len() as f32;
        assert!((mean - 0.5).abs() < 0.03, "{mean}");
    }

    #[test]
    fn normal_draws_are_the_formulas() {
        for processor in Processor::available() {
            for len in [16, 37, if cfg!(miri) { 48 } else { 40_000 }] {
                let (mut uniforms, mut ours) = (vec![0.0; len], vec![0.0; len]);
                uniform(3, &mut uniforms, processor);
                normal(3, &mut ours, processor, &Alone);
                let drawn_again = if len % 16 == 0 { 0 } else { 16 };
                for (ours, uniforms) in
                    ours[..len - drawn_again].chunks_exact(16).zip(uniforms.chunks_exact(16))
                {
                    for pair in 0..8 {
                        let [one, other] = [uniforms[pair], uniforms[pair + 8]].map(f64::from);
                        let (radius, angle) =
                            ((-2.0 * (1.0 - one).ln()).sqrt(), std::f64::consts::TAU * other);
                        for (ours, exact) in [(ours[pair], angle.cos()), (ours[pair + 8], angle.sin())] {
                            let error = (f64::from(ours) - radius * exact).abs();
                            assert!(error < 1e-6, "{processor} {one} {other}: {ours}");
                        }
                    }
                }
            }
        }
    }

    /// Uniform draws may be 0, of whose complement the logarithm is 0, and the greatest is the largest radius.
    #[test]
    fn the_ends_of_the_range_are_finite() {
        for processor in Processor::available() {
            let greatest = 1.0 - f32::EPSILON / 2.0;
            let mut values = [0.0, 0.25, 0.5, 0.75, 0.125, 0.375, greatest, greatest].repeat(2);
            // SAFETY: the kernel works on slices.
            unsafe { dispatch(processor, BoxMuller(&mut values)) };
            assert!(values.iter().all(|x| x.abs() < 5.77), "{processor} {values:?}");
            assert_eq!((values[0], values[8]), (0.0, 0.0));
        }
    }

    #[test]
    fn threads_change_no_bit() {
        let len = if cfg!(miri) { PART + 21 } else { 5 * PART + 21 };
        for processor in Processor::available() {
            let (mut alone, mut together) = (vec![0.0; len], vec![0.0; len]);
            normal(1, &mut alone, processor, &Alone);
            normal(1, &mut together, processor, &Rayon);
            assert_eq!(alone, together, "{processor}");
        }
    }

    #[test]
    #[should_panic(expected = "at least 16 values, not 15")]
    fn few_values_are_left_to_libtorch() {
        normal(0, &mut [0.0; 15], Processor::of_this_machine(), &Alone);
    }
}
