//! Factors on durations, as estimated from observations.

use std::collections::BTreeMap;

use crate::Tables;
use crate::observed::ProcessKind;

/// What multiplies the duration of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Factor {
    /// Logarithm of the mean of what is believed.
    pub ln: f64,
    /// Standard deviation of the logarithm.
    pub sd: f64,
    /// Row it comes from; `None` where the model states none and the duration stands as it is.
    row: Option<u32>,
}

impl Factor {
    /// The mean factor, which durations are multiplied by. Draws multiply this by [`Self::draw`], whose mean
    /// is 1: not to know a figure well makes no journey longer on average.
    pub fn mean(&self) -> f64 {
        self.ln.exp()
    }

    /// What is not known of the factor, at a standard normal variate, relative to the mean.
    pub fn draw(&self, z: f64) -> f64 {
        (self.sd * z - self.sd * self.sd / 2.0).exp()
    }

    /// Name of the stream of random numbers of what is not known: one for all that share the row.
    pub fn stream(&self) -> Option<String> {
        self.row.filter(|_| self.sd > 0.0).map(|r| format!("calibration/{r}"))
    }
}

/// The factors of a model.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    by: BTreeMap<(ProcessKind, String), Factor>,
}

impl Factors {
    /// The factors of the rows of a fold; `None`: those that plans use.
    pub fn of(tables: &Tables, fold: Option<u32>) -> Self {
        let rows = tables.calibration.iter().filter(|r| r.fold == fold);
        Self::from_rows(rows.map(|r| (r.process, r.place.as_deref().unwrap_or(""), r.factor, r.spread)))
    }

    /// Factors by process and place (empty: all), as mean and standard deviation of the logarithm.
    pub fn from_rows<'a>(rows: impl Iterator<Item = (ProcessKind, &'a str, f64, f64)>) -> Self {
        let by = rows
            .filter(|r| r.2 > 0.0)
            .enumerate()
            .map(|(i, (process, place, factor, sd))| {
                (
                    (process, place.to_owned()),
                    Factor { ln: factor.ln(), sd: sd.max(0.0), row: Some(i as u32) },
                )
            })
            .collect();
        Self { by }
    }

    /// The factor of a process at places, the most specific first.
    pub fn get(&self, process: ProcessKind, places: &[&str]) -> Factor {
        if self.by.is_empty() {
            return Factor::default();
        }
        places
            .iter()
            .chain([&""])
            .find_map(|p| self.by.get(&(process, (*p).to_owned())))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_row_counts() {
        let rows = [(ProcessKind::ExitRoad, "", 1.5, 0.6), (ProcessKind::ExitRoad, "XA", 3.0, 0.3)];
        let f = Factors::from_rows(rows.into_iter());
        assert_eq!(f.get(ProcessKind::ExitRoad, &["node", "XA"]).ln, 3f64.ln());
        assert_eq!(f.get(ProcessKind::ExitRoad, &["node", "XB"]).ln, 1.5f64.ln());
        assert_eq!(f.get(ProcessKind::RunRoad, &["XA"]), Factor::default());
    }

    /// Closed form: the mean of a lognormal.
    #[test]
    fn draws_keep_the_mean() {
        let f =
            Factors::from_rows([(ProcessKind::Roll, "", 2.0, 0.5)].into_iter()).get(ProcessKind::Roll, &[]);
        assert!((f.mean() - 2.0).abs() < 1e-12);
        let n = 20_000;
        let q = |i: usize| karvan_units::standard_normal_quantile((i as f64 + 0.5) / n as f64);
        let mean = (0..n).map(|i| f.draw(q(i))).sum::<f64>() / n as f64;
        assert!((mean - 1.0).abs() < 1e-3, "{mean}");
    }
}
