use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A figure with the range it is thought to lie in.
///
/// Written `12` where the range is not stated, `12 [8..20]` where it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Estimate {
    /// The low end.
    pub low: f64,
    /// The figure that is used.
    pub best: f64,
    /// The high end.
    pub high: f64,
}

/// Why a text is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a number such as 12, or a number with its range such as 12 [8..20]")]
pub struct EstimateError;

impl Estimate {
    /// A figure without a range.
    pub fn exact(best: f64) -> Self {
        Self { low: best, best, high: best }
    }
    /// The same range in another unit.
    pub fn scale(self, k: f64) -> Self {
        Self { low: self.low * k, best: self.best * k, high: self.high * k }
    }
    /// The sum of two figures, low with low and high with high.
    pub fn plus(self, o: Self) -> Self {
        Self { low: self.low + o.low, best: self.best + o.best, high: self.high + o.high }
    }
}

impl FromStr for Estimate {
    type Err = EstimateError;
    fn from_str(s: &str) -> Result<Self, EstimateError> {
        let number = |t: &str| -> Result<f64, EstimateError> {
            t.trim().parse::<f64>().ok().filter(|v| v.is_finite()).ok_or(EstimateError)
        };
        let Some((best, range)) = s.split_once('[') else { return Ok(Self::exact(number(s)?)) };
        let range = range.trim_end().strip_suffix(']').ok_or(EstimateError)?;
        let (low, high) = range.split_once("..").ok_or(EstimateError)?;
        let e = Self { low: number(low)?, best: number(best)?, high: number(high)? };
        if e.low <= e.best && e.best <= e.high { Ok(e) } else { Err(EstimateError) }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.best && self.high == self.best {
            write!(f, "{}", self.best)
        } else {
            write!(f, "{} [{}..{}]", self.best, self.low, self.high)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for s in ["12", "12 [8..20]", "-1.5 [-2..0]"] {
            assert_eq!(s.parse::<Estimate>().unwrap().to_string(), s);
        }
        for s in ["", "12 [20..8]", "12 [8..20", "nan", "12 [8]"] {
            assert!(s.parse::<Estimate>().is_err(), "{s}");
        }
    }
}
