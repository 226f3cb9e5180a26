//! Differences between colours.

use palette::Lab;
use palette::color_difference::Ciede2000;
use palette::white_point::D65;

/// The difference CIEDE2000 (CIE 142-2001) between two colours, each `[L*, a*, b*]`. 0 for equal colours; about 1 is the
/// least that can be seen, and black and white are 100 apart.
pub fn ciede2000(one: [f64; 3], other: [f64; 3]) -> f64 {
    let colour = |[l, a, b]: [f64; 3]| Lab::<D65, f64>::new(l, a, b);
    colour(one).difference(colour(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs 1, 7, 17 and 25 of table 1 in Sharma, Wu & Dalal (2005), "The CIEDE2000 color-difference formula".
    #[test]
    fn published_pairs_have_their_differences() {
        for (one, other, expected) in [
            ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
            ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
            ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
            ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ] {
            let got = ciede2000(one, other);
            assert!((got - expected).abs() < 1e-4, "{got} instead of {expected}");
        }
        assert_eq!(ciede2000([20.0, 3.0, -4.0], [20.0, 3.0, -4.0]), 0.0);
    }
}
