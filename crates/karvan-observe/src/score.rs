//! Scores of predictive distributions: errors, coverage of intervals, the continuous ranked probability score.

use schemars::JsonSchema;
use serde::Serialize;
use statrs::distribution::{Beta, ContinuousCDF};

/// The continuous ranked probability score of a sample (ascending) against what was observed, in its unit:
/// E|X − y| − ½ E|X − X′|. It is the mean absolute error of a forecast that is a point (Gneiting and Raftery,
/// Journal of the American Statistical Association 102, 2007).
pub fn crps(ascending: &[f64], observed: f64) -> f64 {
    let n = ascending.len() as f64;
    if ascending.is_empty() {
        return 0.0;
    }
    let distance = ascending.iter().map(|x| (x - observed).abs()).sum::<f64>() / n;
    // Of ascending values, value i is the greater of i pairs and the lesser of n − 1 − i.
    let pairs: f64 = ascending.iter().enumerate().map(|(i, x)| x * (2.0 * i as f64 + 1.0 - n)).sum::<f64>()
        * 2.0
        / (n * n);
    distance - 0.5 * pairs
}

/// A share with the central 95 % of what it may be (Clopper and Pearson's exact binomial interval).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// Successes.
    pub of: u32,
    /// Trials.
    pub n: u32,
    /// Share.
    pub share: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// Successes of trials.
    pub fn new(of: usize, n: usize) -> Self {
        let quantile = |a: f64, b: f64, p: f64| Beta::new(a, b).map_or(0.0, |d| d.inverse_cdf(p));
        let (k, m) = (of as f64, n as f64);
        Self {
            of: of as u32,
            n: n as u32,
            share: if n == 0 { 0.0 } else { k / m },
            low: if of == 0 { 0.0 } else { quantile(k, m - k + 1.0, 0.025) },
            high: if of == n { 1.0 } else { quantile(k + 1.0, m - k, 0.975) },
        }
    }
}

/// The middle value; of an even number, the mean of the two.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut v: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    v.sort_by(f64::total_cmp);
    let n = v.len();
    (n > 0).then(|| if n % 2 == 1 { v[n / 2] } else { (v[n / 2 - 1] + v[n / 2]) / 2.0 })
}

/// A quantile of ascending values, interpolated.
pub fn quantile(ascending: &[f64], p: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let pos = p.clamp(0.0, 1.0) * last as f64;
    let i = (pos as usize).min(last);
    let j = (i + 1).min(last);
    ascending[i] + (pos - i as f64) * (ascending[j] - ascending[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Closed form of a normal: σ (z (2Φ(z) − 1) + 2φ(z) − 1/√π).
    #[test]
    fn crps_of_a_normal() {
        let n = 20_000;
        let sample: Vec<f64> = (0..n)
            .map(|i| 3.0 + 2.0 * karvan_units::standard_normal_quantile((i as f64 + 0.5) / n as f64))
            .collect();
        let z: f64 = (4.0 - 3.0) / 2.0;
        let phi = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let exact = 2.0
            * (z * (2.0 * karvan_units::standard_normal_cdf(z) - 1.0) + 2.0 * phi
                - 1.0 / std::f64::consts::PI.sqrt());
        assert!((crps(&sample, 4.0) - exact).abs() < 1e-3, "{} {exact}", crps(&sample, 4.0));
        assert_eq!(crps(&[5.0], 7.0), 2.0);
    }

    /// R: binom.test(7, 10)$conf.int is 0.3475471, 0.9332605; of none of 5, 0 and 0.5218238.
    #[test]
    fn binomial_intervals() {
        let s = Share::new(7, 10);
        assert!((s.low - 0.347_547_1).abs() < 1e-5 && (s.high - 0.933_260_5).abs() < 1e-5, "{s:?}");
        let s = Share::new(0, 5);
        assert!(s.low == 0.0 && (s.high - 0.521_823_8).abs() < 1e-5, "{s:?}");
    }
}
