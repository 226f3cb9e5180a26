//! Paths between two codes.

use ae_tensor::{Kind, Tensor};
use std::fmt::{self, Display, Formatter};

/// The path from one code to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The straight line: `(1 - t) a + t b`.
    Linear,
    /// Along the great circle:
    /// `sin((1 - t) θ) / sin θ · a + sin(t θ) / sin θ · b`, where `θ` is the angle between `a` and `b` (Shoemake, SIGGRAPH
    /// 1985, section 3.3; White, 2016, "Sampling Generative Networks", section 2.1). In many dimensions draws of N(0, I) lie
    /// near a sphere, and so does this path; the middle of a straight line lies within, where the decoder has seen
    /// little.
    Spherical,
}

/// Below this sine of the angle, the directions are so near or so opposite that the great circle is not defined; the path is
/// straight then.
const MIN_SINE: f64 = 1e-4;

impl Interpolation {
    /// `steps` codes `[steps, …]` at even shares of the path from `from` to `to`, each `[1, …]`; both ends are included if there
    /// are at least two.
    pub fn path(self, from: &Tensor, to: &Tensor, steps: i64) -> Tensor {
        let places = Tensor::linspace(0.0, 1.0, steps, (Kind::Float, from.device()));
        let places = places.view([vec![steps], vec![1; from.dim() - 1]].concat().as_slice());
        let [start, end] = match self {
            Interpolation::Linear => [1.0 - &places, places],
            Interpolation::Spherical => great_circle(from, to, &places),
        };
        from * start + to * end
    }
}

/// What both ends are multiplied by at these places.
fn great_circle(from: &Tensor, to: &Tensor, places: &Tensor) -> [Tensor; 2] {
    let double = |tensor: &Tensor| tensor.to_kind(Kind::Double).flatten(0, -1);
    let (a, b) = (double(from), double(to));
    let lengths = (a.norm() * b.norm()).double_value(&[]);
    let cosine = if lengths > 0.0 { a.dot(&b).double_value(&[]) / lengths } else { 1.0 };
    let angle = cosine.clamp(-1.0, 1.0).acos();
    if angle.sin() < MIN_SINE {
        return [1.0 - places, places.shallow_clone()];
    }
    let share = |place: Tensor| (place * angle).sin() / angle.sin();
    [share(1.0 - places), share(places.shallow_clone())]
}

/// As on the command line.
impl Display for Interpolation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Interpolation::Linear => "linear",
            Interpolation::Spherical => "spherical",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ae_tensor::array;

    fn check(path: Interpolation, from: &[f32], to: &[f32], expected: &[f64]) {
        let ends = [from, to].map(|values| Tensor::from_slice(values).unsqueeze(0));
        let obtained = array::to_vec(&path.path(&ends[0], &ends[1], 3));
        let off = obtained.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(obtained.len() == expected.len() && off < 1e-6, "{path}: {obtained:?}");
    }

    #[test]
    fn both_ends_are_on_the_path_and_its_middle_is_where_it_should_be() {
        let half = std::f64::consts::FRAC_1_SQRT_2;
        check(Interpolation::Linear, &[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0, 0.5, 0.5, 0.0, 1.0]);
        check(Interpolation::Spherical, &[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0, half, half, 0.0, 1.0]);
    }

    #[test]
    fn where_no_great_circle_is_defined_the_path_is_straight() {
        check(Interpolation::Spherical, &[1.0, 1.0], &[3.0, 3.0], &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        check(Interpolation::Spherical, &[1.0, 0.0], &[-1.0, 0.0], &[1.0, 0.0, 0.0, 0.0, -1.0, 0.0]);
        check(Interpolation::Spherical, &[0.0, 0.0], &[2.0, 0.0], &[0.0, 0.0, 1.0, 0.0, 2.0, 0.0]);
    }
}
