//! False-alarm budgets as people write them: `1 %`, `0.5 % of rows`, `2 per day`, `at most 2 events a week`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How many false alarms are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FalseAlarmBudget {
    /// A share of the rows, above 0 and below 1.
    Share(f64),
    /// A number of alarms per period.
    PerTime {
        /// Number of alarms, above 0.
        alarms: f64,
        /// The period.
        period: Period,
    },
    /// A number of events per period; flagged windows that follow each other are one event.
    Events {
        /// Number of events, above 0.
        events: f64,
        /// The period.
        period: Period,
    },
}

/// A period of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// 60 seconds.
    Minute,
    /// 3,600 seconds.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    Month,
    /// 365 days.
    Year,
}

/// An invalid budget.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BudgetError {
    /// Text that is not a budget.
    #[error(
        "`{0}` is not a false-alarm budget; write a share such as `1%`, alarms per period such as `2 per day`, or events \
         per period such as `2 events per week`"
    )]
    Unreadable(String),
    /// A share out of range.
    #[error("the share of false alarms must be above 0 and below 100 %, got {got} %")]
    Share {
        /// The share in per cent.
        got: f64,
    },
    /// A budget per period without known times of the rows.
    #[error(
        "a budget of {0} needs the time between two rows, but no timestamp column was found, or all its times are \
         equal; name it in input.timestamp (`--set input.timestamp=NAME`), or give a share such as `1%`"
    )]
    NoSpacing(FalseAlarmBudget),
    /// A spacing that is not a positive number.
    #[error("the time between two rows must be a positive number of seconds, got {0}")]
    Spacing(f64),
    /// At least as many alarms as rows.
    #[error(
        "a budget of {budget} allows an alarm on every row, as only {rows:.3} rows arrive in that time; \
         allow fewer alarms"
    )]
    Everything {
        /// The budget.
        budget: FalseAlarmBudget,
        /// Rows in the period.
        rows: f64,
    },
}

impl Period {
    const ALL: [(Period, &'static str, f64); 6] = [
        (Period::Minute, "minute", 60.0),
        (Period::Hour, "hour", 3600.0),
        (Period::Day, "day", 86_400.0),
        (Period::Week, "week", 604_800.0),
        (Period::Month, "month", 2_592_000.0),
        (Period::Year, "year", 31_536_000.0),
    ];

    fn entry(self) -> (&'static str, f64) {
        let found = Self::ALL.iter().find(|(period, ..)| *period == self);
        found.map_or(("day", 86_400.0), |&(_, name, seconds)| (name, seconds))
    }

    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        self.entry().1
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().0)
    }
}

impl FalseAlarmBudget {
    /// The share of normal rows that may raise an alarm, in (0, 1). `spacing` is the mean time between two
    /// rows in seconds.
    ///
    /// # Errors
    /// A budget per period without a spacing, a spacing that is not positive, or a budget of one alarm per
    /// row or more.
    pub fn rate(self, spacing: Option<f64>) -> Result<f64, BudgetError> {
        match self {
            FalseAlarmBudget::Share(share) => Ok(share),
            FalseAlarmBudget::PerTime { alarms, period }
            | FalseAlarmBudget::Events { events: alarms, period } => {
                let spacing = spacing.ok_or(BudgetError::NoSpacing(self))?;
                if !(spacing > 0.0 && spacing.is_finite()) {
                    return Err(BudgetError::Spacing(spacing));
                }
                let rows = period.seconds() / spacing;
                let rate = alarms / rows;
                if rate < 1.0 && rate > 0.0 {
                    Ok(rate)
                } else {
                    Err(BudgetError::Everything { budget: self, rows })
                }
            }
        }
    }
}

/// Words for events, the longest first.
const EVENTS: [&str; 4] = ["false events", "false event", "events", "event"];

impl FromStr for FalseAlarmBudget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Self, BudgetError> {
        let unreadable = || BudgetError::Unreadable(text.chars().take(60).collect());
        let words = text.trim().to_lowercase();
        let words = words.strip_prefix("at most").unwrap_or(&words).trim();
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        if let Some((share, rest)) = words.split_once('%') {
            let got = number(share).filter(|_| ["", "of rows", "of all rows"].contains(&rest.trim()));
            let got = got.ok_or_else(unreadable)?;
            let legal = got > 0.0 && got < 100.0;
            return if legal {
                Ok(FalseAlarmBudget::Share(got / 100.0))
            } else {
                Err(BudgetError::Share { got })
            };
        }
        let (alarms, period) = words
            .split_once('/')
            .or_else(|| words.split_once(" per "))
            .or_else(|| words.split_once(" a "))
            .or_else(|| words.split_once(" an "))
            .ok_or_else(unreadable)?;
        let alarms = alarms.trim();
        let of_events = EVENTS.iter().find_map(|word| alarms.strip_suffix(word));
        let alarms = of_events.or_else(|| alarms.strip_suffix("alarms")).unwrap_or(alarms);
        let alarms = number(alarms).filter(|&alarms| alarms > 0.0).ok_or_else(unreadable)?;
        let period = Period::ALL.iter().find(|(_, name, _)| *name == period.trim()).ok_or_else(unreadable)?.0;
        Ok(match of_events {
            Some(_) => FalseAlarmBudget::Events { events: alarms, period },
            None => FalseAlarmBudget::PerTime { alarms, period },
        })
    }
}

impl fmt::Display for FalseAlarmBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Rounded to what a user may have written.
            FalseAlarmBudget::Share(share) => write!(f, "{}%", (share * 1e14).round() / 1e12),
            FalseAlarmBudget::PerTime { alarms, period } => write!(f, "{alarms} per {}", period.entry().0),
            FalseAlarmBudget::Events { events, period } => {
                write!(f, "{events} events per {}", period.entry().0)
            }
        }
    }
}

impl From<FalseAlarmBudget> for String {
    fn from(budget: FalseAlarmBudget) -> Self {
        budget.to_string()
    }
}

impl TryFrom<String> for FalseAlarmBudget {
    type Error = BudgetError;

    fn try_from(text: String) -> Result<Self, BudgetError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_as_people_write_them() {
        let check = |text: &str, spacing: Option<f64>, expected: f64| {
            let budget: FalseAlarmBudget = text.parse().unwrap();
            let rate = budget.rate(spacing).unwrap();
            assert!((rate / expected - 1.0).abs() < 1e-12, "{text}: {rate}");
            assert_eq!(budget.to_string().parse::<FalseAlarmBudget>().unwrap(), budget, "{text}");
            let json = serde_json::to_string(&budget).unwrap();
            assert_eq!(serde_json::from_str::<FalseAlarmBudget>(&json).unwrap(), budget);
        };
        check("1%", None, 0.01);
        check(" 0.5 % ", None, 0.005);
        check("1 % of rows", Some(60.0), 0.01);
        check("2 per day", Some(60.0), 2.0 / 1440.0);
        check("At most 2 a day", Some(300.0), 2.0 / 288.0);
        check("3/hour", Some(1.0), 3.0 / 3600.0);
        check("0.5 per week", Some(3600.0), 0.5 / 168.0);
        check("1 an hour", Some(1.0), 1.0 / 3600.0);
        check("2 events per week", Some(3600.0), 2.0 / 168.0);
        check("at most 1 false event a day", Some(60.0), 1.0 / 1440.0);
        check("3 alarms per hour", Some(1.0), 3.0 / 3600.0);
        let events = "1 event/day".parse::<FalseAlarmBudget>().unwrap();
        assert!(matches!(events, FalseAlarmBudget::Events { .. }));
    }

    #[test]
    fn invalid_budgets_are_refused() {
        let check = |text: &str, spacing: Option<f64>, expected: &str| {
            let rate = text.parse::<FalseAlarmBudget>().and_then(|budget| budget.rate(spacing));
            let error = rate.unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        for text in [
            "",
            "0.01",
            "one per day",
            "2 per fortnight",
            "2 day",
            "1% of cows",
            "-1 per day",
            "inf/day",
            "NaN%",
            "1e400%",
        ] {
            check(text, Some(1.0), "is not a false-alarm budget");
        }
        check("0%", None, "above 0 and below 100 %, got 0 %");
        check("100%", None, "above 0 and below 100 %");
        check("2 per day", None, "needs the time between two rows");
        check("20 per day", None, "name it in input.timestamp (`--set input.timestamp=NAME`)");
        check("2 per day", Some(0.0), "positive number of seconds, got 0");
        check("2 per day", Some(f64::NAN), "positive number of seconds");
        check("2 per day", Some(43_200.0), "an alarm on every row");
    }
}
