//! Expected results of a preset, and whether a run meets them.

use ae_records::record::Expectation;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;

/// A result that a preset should reach: a reference value with its tolerance, a bound, or both; all must
/// hold.
///
/// ```toml
/// [[expected]]
/// metric = "test/negative_elbo"
/// value = 105.3
/// tolerance = 0.3
/// better = "lower"
/// source = "PyTorch 2.11, same preset, seeds 0-2: 105.1-105.5"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", default, deny_unknown_fields)]
pub struct Expected {
    /// Name of a metric: `test/…` and `validation/…` are recorded by every run, `<measure>/…` by a measure
    /// that the preset lists.
    pub metric: String,
    /// The reference result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// How much worse than `value`, in its unit, still counts as reached; absent: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// Which results are better than `value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// Upper bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
    /// Lower bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Where value and bounds come from: paper and table, or program, version and seeds.
    pub source: String,
}

/// Which results are better than a reference value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Anything below it, as for errors.
    Lower,
    /// Anything above it, as for accuracies.
    Higher,
    /// Nothing: the result must lie within the tolerance on either side.
    Equal,
}

/// Runs the checks that serde cannot do.
impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let this = Self::deserialize(deserializer)?;
        this.check().map_err(de::Error::custom)?;
        Ok(this)
    }
}

impl Serialize for Expected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl Expected {
    /// Refuses an expectation that cannot be judged; the message continues after the configuration key.
    fn check(&self) -> Result<(), String> {
        let Expected { metric, value, tolerance, better, at_most, at_least, .. } = self;
        if !metric.contains('/') {
            return Err(format!(
                "must name a metric such as test/mse or pca/ratio, got `metric = \"{metric}\"`"
            ));
        }
        if value.is_none() && at_most.is_none() && at_least.is_none() {
            return Err("must have a `value`, or a bound `at_most` or `at_least`".into());
        }
        if value.is_some() && better.is_none() {
            return Err(
                "must say what is better than its value: better = \"lower\", \"higher\" or \"equal\"".into(),
            );
        }
        if value.is_none() && (tolerance.is_some() || better.is_some()) {
            return Err("must have a `value` for `tolerance` and `better` to refer to".into());
        }
        if let Some(tolerance) = tolerance
            && !(*tolerance >= 0.0 && tolerance.is_finite())
        {
            return Err(format!("must have a tolerance of 0 or more, got {tolerance}"));
        }
        if [value, at_most, at_least].into_iter().flatten().any(|number| !number.is_finite()) {
            return Err("must hold finite numbers only".into());
        }
        Ok(())
    }

    /// The measure that computes the metric; `None` if every run records it.
    pub fn measure(&self) -> Option<&str> {
        let (group, _) = self.metric.split_once('/')?;
        (!["train", "validation", "test"].contains(&group)).then_some(group)
    }

    /// Whether a result is within the tolerance of the reference or better, and within the bounds. NaN never
    /// is.
    pub fn is_met_by(&self, obtained: f64) -> bool {
        let tolerance = self.tolerance.unwrap_or(0.0);
        let by_value = self.value.is_none_or(|value| match self.better {
            Some(Better::Lower) => obtained <= value + tolerance,
            Some(Better::Higher) => obtained >= value - tolerance,
            Some(Better::Equal) | None => (obtained - value).abs() <= tolerance,
        });
        let finite = obtained.is_finite();
        let below = self.at_most.is_none_or(|bound| obtained <= bound);
        finite && by_value && below && self.at_least.is_none_or(|bound| obtained >= bound)
    }

    /// Human-readable: `105.3 ± 0.3 or lower`, `≤ 106`.
    pub fn to_text(&self) -> String {
        let mut parts = Vec::new();
        if let Some(value) = self.value {
            let tolerance = self.tolerance.map_or(String::new(), |tolerance| format!(" ± {tolerance}"));
            let better = match self.better {
                Some(Better::Lower) => " or lower",
                Some(Better::Higher) => " or higher",
                Some(Better::Equal) | None => "",
            };
            parts.push(format!("{value}{tolerance}{better}"));
        }
        if let Some(bound) = self.at_least {
            parts.push(format!("≥ {bound}"));
        }
        if let Some(bound) = self.at_most {
            parts.push(format!("≤ {bound}"));
        }
        parts.join(" and ")
    }

    /// Compares this with what a run obtained.
    pub fn compare(&self, metrics: &BTreeMap<String, f64>) -> Expectation {
        let obtained = metrics.get(&self.metric).copied();
        Expectation {
            metric: self.metric.clone(),
            obtained,
            expected: self.to_text(),
            source: self.source.clone(),
            met: obtained.is_some_and(|value| self.is_met_by(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Expected, String> {
        toml::from_str(&format!("metric = 'test/mse'\n{text}")).map_err(|e| e.message().to_string())
    }

    fn check(text: &str, told: &str, met: &[f64], missed: &[f64]) {
        let expected = parse(text).unwrap();
        assert_eq!(expected.to_text(), told);
        let holds = |value: f64| {
            let it = expected.compare(&BTreeMap::from([("test/mse".into(), value)]));
            assert_eq!(it.obtained.map(f64::to_bits), Some(value.to_bits()));
            it.met
        };
        assert!(met.iter().all(|&value| holds(value)), "{text}: {met:?}");
        assert!(!missed.iter().any(|&value| holds(value)), "{text}: {missed:?}");
        assert!(!holds(f64::NAN) && !holds(f64::INFINITY) && !holds(f64::NEG_INFINITY));
        assert!(!expected.compare(&BTreeMap::new()).met, "what was not measured is not met");
        let again: Expected = toml::from_str(&toml::to_string(&expected).unwrap()).unwrap();
        assert_eq!(again, expected);
    }

    #[test]
    fn a_result_is_met_within_the_tolerance_or_better() {
        check(
            "value = 5.0\ntolerance = 0.5\nbetter = 'lower'",
            "5 ± 0.5 or lower",
            &[-9.0, 5.0, 5.5],
            &[5.6, 1e9],
        );
        check("value = 5.0\nbetter = 'higher'", "5 or higher", &[5.0, 9.0], &[4.999]);
        check("value = 5.0\ntolerance = 0.5\nbetter = 'equal'", "5 ± 0.5", &[4.5, 5.5], &[4.4, 5.6]);
        check("at_most = 2.0", "≤ 2", &[2.0, -1.0], &[2.1]);
        check("at_least = 1.0\nat_most = 2.0", "≥ 1 and ≤ 2", &[1.0, 2.0], &[0.9, 2.1]);
        check(
            "value = 3.0\nbetter = 'lower'\nat_least = 1.0",
            "3 or lower and ≥ 1",
            &[1.0, 3.0],
            &[0.9, 3.1],
        );
    }

    #[test]
    fn what_cannot_be_judged_is_refused_with_what_would_be_right() {
        let refused = |text: &str, words: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        };
        refused("", "a `value`, or a bound");
        refused("value = 1.0", "better = \"lower\"");
        refused("tolerance = 1.0\nat_most = 1.0", "must have a `value` for");
        refused("value = 1.0\nbetter = 'lower'\ntolerance = -1.0", "0 or more, got -1");
        refused("value = nan\nbetter = 'lower'", "finite");
        refused("value = 1.0\nbetter = 'smaller'", "unknown variant `smaller`");
        refused("at_mots = 1.0", "unknown field `at_mots`");
        let error = toml::from_str::<Expected>("metric = 'mse'\nat_most = 1.0").unwrap_err();
        assert!(error.message().contains("such as test/mse"), "{error}");
    }

    #[test]
    fn the_measure_is_read_from_the_name() {
        let measure = |metric: &str| {
            let expected = Expected { metric: metric.into(), ..Default::default() };
            expected.measure().map(str::to_owned)
        };
        assert_eq!(measure("pca/ratio").as_deref(), Some("pca"));
        assert_eq!(measure("test/mse"), None);
        assert_eq!(measure("validation/kl"), None);
    }
}
