//! Comparing two compressors by all their rates.

use crate::error::MetricError;

/// Points of the numerical integral.
const POINTS: usize = 2000;

/// The Bjøntegaard delta rate: by which share the rate of `test` differs from that of `anchor` at equal quality, on average
/// over the qualities that both reach; -0.3 is 30 % fewer bits (Bjøntegaard, "Calculation of average PSNR differences between
/// RD-curves", VCEG-M33, 2001).
///
/// Each curve is a list of points `(rate, quality)`, such as bits per pixel and PSNR, in any order. The logarithm of the
/// rate is interpolated over the quality by monotone cubics (Fritsch & Carlson, 1980; with the slopes of PCHIP), as the
/// standard bodies have done since 2010, because a polynomial of degree 3 overshoots between distant points.
///
/// # Errors
/// Fewer than two points in a curve, rates that are not above 0 or qualities that are not finite, two points of equal
/// quality, or curves without a common range of qualities.
pub fn bd_rate(anchor: &[(f64, f64)], test: &[(f64, f64)]) -> Result<f64, MetricError> {
    let (anchor, test) = (Curve::new(anchor)?, Curve::new(test)?);
    let (low, high) = (anchor.low().max(test.low()), anchor.high().min(test.high()));
    if low >= high {
        return Err(MetricError::NoCommonQuality);
    }
    let step = (high - low) / POINTS as f64;
    let differences =
        (0..POINTS).map(|at| low + (at as f64 + 0.5) * step).map(|at| test.at(at) - anchor.at(at));
    Ok((differences.sum::<f64>() / POINTS as f64).exp_m1())
}

/// The logarithm of the rate over the quality.
struct Curve {
    x: Vec<f64>,
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl Curve {
    fn new(points: &[(f64, f64)]) -> Result<Self, MetricError> {
        if points.len() < 2 {
            return Err(MetricError::TooFew {
                what: "a rate-distortion curve",
                needed: 2,
                got: points.len(),
            });
        }
        let mut points = points.to_vec();
        points.sort_by(|a, b| a.1.total_cmp(&b.1));
        let legal = |&(rate, quality): &(f64, f64)| rate > 0.0 && rate.is_finite() && quality.is_finite();
        if !points.iter().all(legal) || points.windows(2).any(|pair| pair[0].1 >= pair[1].1) {
            return Err(MetricError::NoCurve);
        }
        let x: Vec<f64> = points.iter().map(|point| point.1).collect();
        let y: Vec<f64> = points.iter().map(|point| point.0.ln()).collect();
        let slopes = slopes(&x, &y);
        Ok(Curve { x, y, slopes })
    }

    fn low(&self) -> f64 {
        self.x[0]
    }

    fn high(&self) -> f64 {
        self.x[self.x.len() - 1]
    }

    /// The cubic with the values and slopes at both ends of the interval.
    fn at(&self, x: f64) -> f64 {
        let end = self.x.partition_point(|&knot| knot < x).clamp(1, self.x.len() - 1);
        let (start, width) = (end - 1, self.x[end] - self.x[end - 1]);
        let t = (x - self.x[start]) / width;
        let (back, forth) = (t * t * (3.0 - 2.0 * t), t * (1.0 - t));
        self.y[start] * (1.0 - back)
            + self.y[end] * back
            + width * forth * ((1.0 - t) * self.slopes[start] - t * self.slopes[end])
    }
}

/// Slopes at the knots that keep the curve monotone where the points are (Fritsch & Butland, 1984; the ends as in PCHIP).
fn slopes(x: &[f64], y: &[f64]) -> Vec<f64> {
    let widths: Vec<f64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let secants: Vec<f64> =
        y.windows(2).zip(&widths).map(|(pair, width)| (pair[1] - pair[0]) / width).collect();
    if secants.len() == 1 {
        return vec![secants[0]; 2];
    }
    let inner = |at: usize| {
        let (before, after) = (secants[at], secants[at + 1]);
        if before * after <= 0.0 {
            return 0.0;
        }
        let (left, right) = (2.0 * widths[at + 1] + widths[at], widths[at + 1] + 2.0 * widths[at]);
        (left + right) / (left / before + right / after)
    };
    let end = |width: f64, next_width: f64, secant: f64, next: f64| {
        let slope = ((2.0 * width + next_width) * secant - width * next) / (width + next_width);
        if slope * secant <= 0.0 {
            0.0
        } else if secant * next < 0.0 && slope.abs() > 3.0 * secant.abs() {
            3.0 * secant
        } else {
            slope
        }
    };
    let last = secants.len() - 1;
    let mut all = vec![end(widths[0], widths[1], secants[0], secants[1])];
    all.extend((0..last).map(inner));
    all.push(end(widths[last], widths[last - 1], secants[last], secants[last - 1]));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(scale: f64) -> Vec<(f64, f64)> {
        [(0.2, 26.0), (0.5, 29.5), (1.1, 33.0), (2.0, 37.2)].map(|(rate, psnr)| (rate * scale, psnr)).into()
    }

    #[test]
    fn a_share_of_the_rate_is_found_again() {
        assert!(bd_rate(&curve(1.0), &curve(1.0)).unwrap().abs() < 1e-12);
        assert!((bd_rate(&curve(1.0), &curve(0.7)).unwrap() + 0.3).abs() < 1e-12);
        let mut shuffled = curve(0.7);
        shuffled.reverse();
        assert!((bd_rate(&curve(1.0), &shuffled).unwrap() + 0.3).abs() < 1e-12);
    }

    /// By `scipy.interpolate.pchip_interpolate` on 100,000 points.
    #[test]
    fn it_agrees_with_scipy() {
        let anchor = [(0.42, 19.68), (0.67, 21.52), (1.05, 23.85), (1.57, 26.87), (1.99, 29.29)];
        let test = [(0.237, 19.2), (0.446, 22.68), (0.807, 27.67), (1.429, 34.67)];
        let got = bd_rate(&anchor, &test).unwrap();
        assert!((got + 0.491_754).abs() < 1e-5, "{got}");
    }

    #[test]
    fn curves_that_cannot_be_compared_are_refused() {
        let far = curve(1.0).iter().map(|(rate, psnr)| (*rate, psnr + 20.0)).collect::<Vec<_>>();
        assert_eq!(bd_rate(&curve(1.0), &far), Err(MetricError::NoCommonQuality));
        assert!(matches!(bd_rate(&curve(1.0)[..1], &far), Err(MetricError::TooFew { got: 1, .. })));
        assert_eq!(bd_rate(&[(0.0, 1.0), (1.0, 2.0)], &far), Err(MetricError::NoCurve));
        assert_eq!(bd_rate(&[(0.5, 1.0), (1.0, 1.0)], &far), Err(MetricError::NoCurve));
    }
}
