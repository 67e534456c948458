//! Distributions of a duration, as written in a table's cell.
//!
//! Syntax (all parameters in hours, except weights and the Weibull shape):
//!
//! | Written | Means |
//! | --- | --- |
//! | `12` | always 12 h |
//! | `uniform(low, high)` | equally likely between |
//! | `triangular(low, mode, high)` | |
//! | `lognormal(mean, sd)` | by its own mean and standard deviation |
//! | `lognormal(p50=6, p90=20)` | by two percentiles |
//! | `gamma(mean, sd)` | |
//! | `weibull(scale, shape)` | |
//! | `empirical(3, 5, 9)` | one of the observed values, interpolated between |
//! | `mix(0.9*D1, 0.1*D2)` | `D1` nine times in ten; weights add to 1 |
//! | `4 + D` | at least 4 h, and `D` on top |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Gamma, Normal, Weibull};

/// A distribution of a duration in hours; never negative.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Const(f64),
    /// Equally likely between low and high.
    Uniform(f64, f64),
    /// Triangle of low, mode and high.
    Triangular(f64, f64, f64),
    /// Lognormal by mean and standard deviation (of the duration, not of its logarithm).
    Lognormal {
        /// Mean, h.
        mean: f64,
        /// Standard deviation, h.
        sd: f64,
    },
    /// Lognormal by its median and ninetieth percentile.
    LognormalP {
        /// Median, h.
        p50: f64,
        /// Ninetieth percentile, h.
        p90: f64,
    },
    /// Gamma by mean and standard deviation.
    Gamma {
        /// Mean, h.
        mean: f64,
        /// Standard deviation, h.
        sd: f64,
    },
    /// Weibull by scale (h) and shape.
    Weibull {
        /// Scale, h.
        scale: f64,
        /// Shape, a pure number.
        shape: f64,
    },
    /// Observed values in ascending order; quantiles are interpolated linearly between them.
    Empirical(Vec<f64>),
    /// Weighted mixture.
    Mix(Vec<(f64, Dist)>),
    /// A fixed part and a random one on top.
    Shift(f64, Box<Dist>),
}

/// Why a text is no distribution: what was found, and what stands where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DistError(String);

/// The standard normal's cumulative distribution function.
pub fn standard_normal_cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The standard normal's quantile; `p` in (0, 1).
pub fn standard_normal_quantile(p: f64) -> f64 {
    Normal::standard().inverse_cdf(p)
}

const Z90: f64 = 1.281_551_565_544_600_4;

impl Dist {
    /// The mean, h.
    pub fn mean(&self) -> f64 {
        match self {
            Dist::Const(v) => *v,
            Dist::Uniform(a, b) => (a + b) / 2.0,
            Dist::Triangular(a, m, b) => (a + m + b) / 3.0,
            Dist::Lognormal { mean, .. } | Dist::Gamma { mean, .. } => *mean,
            Dist::LognormalP { p50, p90 } => {
                let s = (p90 / p50).ln() / Z90;
                p50 * (s * s / 2.0).exp()
            }
            Dist::Weibull { scale, shape } => scale * statrs::function::gamma::gamma(1.0 + 1.0 / shape),
            Dist::Empirical(v) => {
                // The mean of the interpolated quantile function: the trapezium rule over the values.
                if v.len() == 1 {
                    v[0]
                } else {
                    v.windows(2).map(|w| (w[0] + w[1]) / 2.0).sum::<f64>() / (v.len() - 1) as f64
                }
            }
            Dist::Mix(parts) => parts.iter().map(|(w, d)| w * d.mean()).sum(),
            Dist::Shift(k, d) => k + d.mean(),
        }
    }

    /// The second moment, h².
    fn second_moment(&self) -> f64 {
        let with_sd = |mean: f64, sd: f64| mean * mean + sd * sd;
        match self {
            Dist::Const(v) => v * v,
            Dist::Uniform(a, b) => (a * a + a * b + b * b) / 3.0,
            Dist::Triangular(a, m, b) => (a * a + m * m + b * b + a * m + a * b + m * b) / 6.0,
            Dist::Lognormal { mean, sd } | Dist::Gamma { mean, sd } => with_sd(*mean, *sd),
            Dist::LognormalP { p50, p90 } => {
                let s = (p90 / p50).ln() / Z90;
                p50 * p50 * (2.0 * s * s).exp()
            }
            Dist::Weibull { scale, shape } => {
                scale * scale * statrs::function::gamma::gamma(1.0 + 2.0 / shape)
            }
            Dist::Empirical(v) => {
                if v.len() == 1 {
                    v[0] * v[0]
                } else {
                    v.windows(2).map(|w| (w[0] * w[0] + w[0] * w[1] + w[1] * w[1]) / 3.0).sum::<f64>()
                        / (v.len() - 1) as f64
                }
            }
            Dist::Mix(parts) => parts.iter().map(|(w, d)| w * d.second_moment()).sum(),
            Dist::Shift(k, d) => k * k + 2.0 * k * d.mean() + d.second_moment(),
        }
    }

    /// The standard deviation, h.
    pub fn sd(&self) -> f64 {
        (self.second_moment() - self.mean().powi(2)).max(0.0).sqrt()
    }

    /// Probability that the duration is at most `x` h.
    pub fn cdf(&self, x: f64) -> f64 {
        match self {
            Dist::Const(v) => f64::from(x >= *v),
            Dist::Uniform(a, b) => {
                if a == b {
                    f64::from(x >= *a)
                } else {
                    ((x - a) / (b - a)).clamp(0.0, 1.0)
                }
            }
            Dist::Triangular(a, m, b) => {
                if x < *a {
                    0.0
                } else if x >= *b {
                    1.0
                } else if x < *m {
                    (x - a).powi(2) / ((b - a) * (m - a))
                } else {
                    1.0 - (b - x).powi(2) / ((b - a) * (b - m))
                }
            }
            Dist::Lognormal { .. } | Dist::LognormalP { .. } => {
                let (mu, s) = self.log_parameters();
                if x <= 0.0 {
                    0.0
                } else if s == 0.0 {
                    f64::from(x.ln() >= mu)
                } else {
                    standard_normal_cdf((x.ln() - mu) / s)
                }
            }
            Dist::Gamma { mean, sd } => {
                if *sd == 0.0 {
                    f64::from(x >= *mean)
                } else {
                    let shape = (mean / sd).powi(2);
                    Gamma::new(shape, shape / mean).map_or(0.0, |g| g.cdf(x.max(0.0)))
                }
            }
            Dist::Weibull { scale, shape } => Weibull::new(*shape, *scale).map_or(0.0, |w| w.cdf(x.max(0.0))),
            Dist::Empirical(v) => {
                let n = v.len();
                if x < v[0] {
                    return 0.0;
                }
                if x >= v[n - 1] {
                    return 1.0;
                }
                let i = v.partition_point(|y| *y <= x) - 1;
                let width = v[i + 1] - v[i];
                (i as f64 + if width > 0.0 { (x - v[i]) / width } else { 0.0 }) / (n - 1) as f64
            }
            Dist::Mix(parts) => parts.iter().map(|(w, d)| w * d.cdf(x)).sum(),
            Dist::Shift(k, d) => d.cdf(x - k),
        }
    }

    /// The duration not exceeded with probability `p`, h; `p` in (0, 1).
    pub fn quantile(&self, p: f64) -> f64 {
        match self {
            Dist::Const(v) => *v,
            Dist::Uniform(a, b) => a + p * (b - a),
            Dist::Triangular(a, m, b) => {
                let pm = if b > a { (m - a) / (b - a) } else { 0.0 };
                if p < pm {
                    a + (p * (b - a) * (m - a)).sqrt()
                } else {
                    b - ((1.0 - p) * (b - a) * (b - m)).sqrt()
                }
            }
            Dist::Lognormal { .. } | Dist::LognormalP { .. } => {
                let (mu, s) = self.log_parameters();
                (mu + s * standard_normal_quantile(p)).exp()
            }
            Dist::Weibull { scale, shape } => scale * (-(1.0 - p).ln()).powf(1.0 / shape),
            Dist::Empirical(v) => {
                let pos = p * (v.len() - 1) as f64;
                let i = (pos as usize).min(v.len() - 1);
                let j = (i + 1).min(v.len() - 1);
                v[i] + (pos - i as f64) * (v[j] - v[i])
            }
            Dist::Shift(k, d) => k + d.quantile(p),
            Dist::Gamma { .. } | Dist::Mix(_) => self.quantile_by_bisection(p),
        }
    }

    fn quantile_by_bisection(&self, p: f64) -> f64 {
        if self.cdf(0.0) >= p {
            return 0.0;
        }
        let mut high = self.mean().max(1e-6);
        while self.cdf(high) < p && high < 1e12 {
            high *= 2.0;
        }
        let mut low = 0.0;
        for _ in 0..80 {
            let mid = 0.5 * (low + high);
            if self.cdf(mid) < p { low = mid } else { high = mid }
        }
        high
    }

    /// Mean and standard deviation of the logarithm, of a lognormal.
    fn log_parameters(&self) -> (f64, f64) {
        match self {
            Dist::Lognormal { mean, sd } => {
                let s2 = (1.0 + (sd / mean).powi(2)).ln();
                (mean.ln() - s2 / 2.0, s2.sqrt())
            }
            Dist::LognormalP { p50, p90 } => (p50.ln(), (p90 / p50).ln() / Z90),
            _ => unreachable!("asked of lognormals only"),
        }
    }

    /// The same distribution with every duration multiplied by `k` (> 0).
    pub fn scale(&self, k: f64) -> Dist {
        match self {
            Dist::Const(v) => Dist::Const(v * k),
            Dist::Uniform(a, b) => Dist::Uniform(a * k, b * k),
            Dist::Triangular(a, m, b) => Dist::Triangular(a * k, m * k, b * k),
            Dist::Lognormal { mean, sd } => Dist::Lognormal { mean: mean * k, sd: sd * k },
            Dist::LognormalP { p50, p90 } => Dist::LognormalP { p50: p50 * k, p90: p90 * k },
            Dist::Gamma { mean, sd } => Dist::Gamma { mean: mean * k, sd: sd * k },
            Dist::Weibull { scale, shape } => Dist::Weibull { scale: scale * k, shape: *shape },
            Dist::Empirical(v) => Dist::Empirical(v.iter().map(|x| x * k).collect()),
            Dist::Mix(p) => Dist::Mix(p.iter().map(|(w, d)| (*w, d.scale(k))).collect()),
            Dist::Shift(s, d) => Dist::Shift(s * k, Box::new(d.scale(k))),
        }
    }
}

impl fmt::Display for Dist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dist::Const(v) => write!(f, "{v}"),
            Dist::Uniform(a, b) => write!(f, "uniform({a}, {b})"),
            Dist::Triangular(a, m, b) => write!(f, "triangular({a}, {m}, {b})"),
            Dist::Lognormal { mean, sd } => write!(f, "lognormal({mean}, {sd})"),
            Dist::LognormalP { p50, p90 } => write!(f, "lognormal(p50={p50}, p90={p90})"),
            Dist::Gamma { mean, sd } => write!(f, "gamma({mean}, {sd})"),
            Dist::Weibull { scale, shape } => write!(f, "weibull({scale}, {shape})"),
            Dist::Empirical(v) => {
                let v: Vec<String> = v.iter().map(f64::to_string).collect();
                write!(f, "empirical({})", v.join(", "))
            }
            Dist::Mix(parts) => {
                let v: Vec<String> = parts.iter().map(|(w, d)| format!("{w}*{d}")).collect();
                write!(f, "mix({})", v.join(", "))
            }
            Dist::Shift(k, d) => write!(f, "{k} + {d}"),
        }
    }
}

impl FromStr for Dist {
    type Err = DistError;
    fn from_str(s: &str) -> Result<Self, DistError> {
        parse(s, 0)
    }
}

const KNOWN: &str = "a number, uniform(low, high), triangular(low, mode, high), lognormal(mean, sd), \
lognormal(p50=…, p90=…), gamma(mean, sd), weibull(scale, shape), empirical(v, …), mix(w*D, …) or 4 + D";

fn fail<T>(what: impl Into<String>) -> Result<T, DistError> {
    Err(DistError(what.into()))
}

fn number(s: &str) -> Result<f64, DistError> {
    match s.trim().parse::<f64>() {
        Ok(v) if v.is_finite() && v >= 0.0 => Ok(v),
        Ok(_) => fail(format!("a duration is finite and not negative, `{}` is not", s.trim())),
        Err(_) => fail(KNOWN),
    }
}

/// Splits at `sep` outside parentheses.
fn split_top(s: &str, sep: char) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0i32, 0, Vec::new());
    for (i, c) in s.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            c if c == sep && depth == 0 => {
                out.push(&s[start..i]);
                start = i + c.len_utf8();
            }
            _ => {}
        }
    }
    out.push(&s[start..]);
    out
}

fn parse(s: &str, depth: usize) -> Result<Dist, DistError> {
    if depth > 8 {
        return fail("a distribution nested at most eight deep");
    }
    let s = s.trim();
    let terms = split_top(s, '+');
    if terms.len() == 2 {
        return Ok(Dist::Shift(number(terms[0])?, Box::new(parse(terms[1], depth + 1)?)));
    }
    if terms.len() > 2 {
        return fail("one fixed part and one distribution: 4 + D");
    }
    let Some((name, rest)) = s.split_once('(') else { return Ok(Dist::Const(number(s)?)) };
    let Some(inner) = rest.strip_suffix(')') else { return fail("a closing parenthesis at the end") };
    let args = split_top(inner, ',');
    let numbers = || args.iter().map(|a| number(a)).collect::<Result<Vec<f64>, _>>();
    match name.trim() {
        "uniform" => match numbers()?[..] {
            [a, b] if a <= b => Ok(Dist::Uniform(a, b)),
            _ => fail("uniform(low, high) with low at most high"),
        },
        "triangular" => match numbers()?[..] {
            [a, m, b] if a <= m && m <= b && a < b => Ok(Dist::Triangular(a, m, b)),
            _ => fail("triangular(low, mode, high) in ascending order"),
        },
        "lognormal" => {
            let named: Vec<(&str, &str)> = args.iter().filter_map(|a| a.split_once('=')).collect();
            if let [(a, x), (b, y)] = named[..] {
                let (p50, p90) = (number(x)?, number(y)?);
                if a.trim() == "p50" && b.trim() == "p90" && 0.0 < p50 && p50 <= p90 {
                    return Ok(Dist::LognormalP { p50, p90 });
                }
                return fail("lognormal(p50=…, p90=…) with 0 < p50 <= p90");
            }
            match numbers()?[..] {
                [mean, sd] if mean > 0.0 => Ok(Dist::Lognormal { mean, sd }),
                _ => fail("lognormal(mean, sd) with a mean above 0"),
            }
        }
        "gamma" => match numbers()?[..] {
            [mean, sd] if mean > 0.0 => Ok(Dist::Gamma { mean, sd }),
            _ => fail("gamma(mean, sd) with a mean above 0"),
        },
        "weibull" => match numbers()?[..] {
            [scale, shape] if scale > 0.0 && shape > 0.0 => Ok(Dist::Weibull { scale, shape }),
            _ => fail("weibull(scale, shape), both above 0"),
        },
        "empirical" => {
            let mut v = numbers()?;
            v.sort_by(f64::total_cmp);
            Ok(Dist::Empirical(v))
        }
        "mix" => {
            let mut parts = Vec::new();
            for a in &args {
                let Some((w, d)) = a.split_once('*') else {
                    return fail("mix(w*D, …): a weight, a star, a distribution");
                };
                parts.push((number(w)?, parse(d, depth + 1)?));
            }
            let total: f64 = parts.iter().map(|p| p.0).sum();
            if (total - 1.0).abs() > 1e-6 {
                return fail(format!("weights that add to 1; these add to {total}"));
            }
            Ok(Dist::Mix(parts))
        }
        _ => fail(KNOWN),
    }
}

impl Serialize for Dist {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Dist {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = String::deserialize(d)?;
        s.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLES: &[&str] = &[
        "12",
        "uniform(2, 8)",
        "triangular(1, 2, 9)",
        "lognormal(10, 5)",
        "lognormal(p50=6, p90=20)",
        "gamma(10, 4)",
        "weibull(10, 1.5)",
        "empirical(3, 5, 9)",
        "mix(0.9*2, 0.1*gamma(48, 24))",
        "4 + lognormal(6, 3)",
    ];

    #[test]
    fn reads_what_it_writes() {
        for s in SAMPLES {
            assert_eq!(s.parse::<Dist>().unwrap().to_string(), *s);
        }
        for s in
            ["", "uniform(8, 2)", "mix(0.5*2, 0.6*3)", "lognormal(", "normal(1, 2)", "-3", "inf", "1+2+3"]
        {
            assert!(s.parse::<Dist>().is_err(), "{s}");
        }
    }

    #[test]
    fn mean_and_sd_agree_with_the_integral_of_the_quantile_function() {
        for s in SAMPLES {
            let d: Dist = s.parse().unwrap();
            let n = 400_000;
            let (mut m1, mut m2) = (0.0, 0.0);
            let step = if s.contains("mix") || s.contains("gamma") { 40 } else { 1 };
            let n = n / step;
            for i in 0..n {
                let q = d.quantile((i as f64 + 0.5) / n as f64);
                m1 += q / n as f64;
                m2 += q * q / n as f64;
            }
            assert!((m1 - d.mean()).abs() < 0.005 * (1.0 + d.mean()), "{s}: {m1} {}", d.mean());
            let sd = (m2 - m1 * m1).max(0.0).sqrt();
            assert!((sd - d.sd()).abs() < 0.02 * (1.0 + d.sd()), "{s}: {sd} {}", d.sd());
        }
    }

    proptest! {
        #[test]
        fn percentiles_are_monotone(i in 0..SAMPLES.len(), p in 0.01f64..0.98, dp in 0.001f64..0.01) {
            let d: Dist = SAMPLES[i].parse().unwrap();
            prop_assert!(d.quantile(p) <= d.quantile(p + dp) + 1e-9);
        }

        #[test]
        fn no_text_panics(s in "[a-z0-9(),.*+= -]{0,40}") {
            let _ = s.parse::<Dist>();
        }
    }
}
