//! A prediction as parts whose durations have factors: what it says at given factors, how it moves with each of
//! them, and draws of it.

use karvan_model::calibration::Factor;
use karvan_model::observed::ProcessKind;
use karvan_network::compile::Process;
use karvan_plan::Movement;

/// Part of a duration.
#[derive(Clone, Debug)]
pub struct Part {
    /// Kind of process.
    pub process: ProcessKind,
    /// Keys that its factor is looked up for, the most specific first.
    pub places: Vec<String>,
    /// What it is, for print.
    pub name: String,
    /// Mean by the mean of its factor, h.
    pub mean: f64,
    /// Standard deviation from one to the next, h.
    pub sd: f64,
    /// Parts of one group vary together by this share of their variance.
    pub group: String,
    /// See `group`.
    pub rho: f64,
    /// The factor that is in the mean.
    pub factor: Factor,
}

/// One of the ways that a figure is a mean over: a day of departure, a crossing.
#[derive(Clone, Debug)]
pub struct Way {
    /// Share of the mean.
    pub weight: f64,
    /// Kilometres, where a speed is asked for.
    pub km: f64,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// What of the duration is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centre {
    /// Its mean.
    Mean,
    /// Its median.
    Median,
}

/// How what was observed differs from the centre.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noise {
    /// One journey: as journeys differ.
    Trip,
    /// A mean of some journeys of a period.
    Sample,
    /// What somebody says is usual, or plans.
    Statement,
}

/// Journeys that are drawn process by process.
pub struct Journey {
    /// The movement.
    pub movement: Movement,
    /// Its processes between the ends that were measured.
    pub processes: Vec<Process>,
}

/// What a model says to an observation.
pub struct Response {
    /// Ways.
    pub ways: Vec<Way>,
    /// Whether the figure is kilometres over hours.
    pub speed: bool,
    /// Mean or median.
    pub centre: Centre,
    /// Noise.
    pub noise: Noise,
    /// Standard deviation of the logarithm of the centre, besides the factors: of a price, or of a rate.
    pub unsure: f64,
    /// What a mean over a state's crossings holds besides.
    pub mix: Option<(ProcessKind, Vec<String>)>,
    /// Journeys, where a single one is compared.
    pub journeys: Vec<Journey>,
    /// Width within which what is compared is known, h: a day where only days are.
    pub rounding_h: f64,
    /// The way, in words.
    pub label: String,
    /// Rows and figures with the sources they rest on.
    pub claims: Vec<(String, Vec<String>)>,
    /// What a naive estimate counts.
    pub naive: Option<f64>,
}

/// Mean, second moment and kilometres at multiples of the parts' means.
struct Moments {
    mean: f64,
    square: f64,
    km: f64,
}

impl Way {
    /// Mean and variance at multiples of its parts.
    fn moments(&self, k: &dyn Fn(usize) -> f64) -> (f64, f64) {
        let k: Vec<f64> = (0..self.parts.len()).map(k).collect();
        let mean = self.parts.iter().zip(&k).map(|(p, k)| p.mean * k).sum();
        let mut var = 0.0;
        for i in 0..self.parts.len() {
            for j in 0..self.parts.len() {
                var += self.covariance(i, j) * k[i] * k[j];
            }
        }
        (mean, var)
    }

    fn covariance(&self, i: usize, j: usize) -> f64 {
        let (a, b) = (&self.parts[i], &self.parts[j]);
        let r = match i == j {
            true => 1.0,
            // Two posts of one crossing are one process.
            false if a.name == b.name => 1.0,
            false if a.group == b.group => a.rho,
            false => 0.0,
        };
        r * a.sd * b.sd
    }
}

impl Response {
    fn total(&self, k: &dyn Fn(usize, usize) -> f64) -> Moments {
        let mut m = Moments { mean: 0.0, square: 0.0, km: 0.0 };
        for (w, way) in self.ways.iter().enumerate() {
            let (mean, var) = way.moments(&|i| k(w, i));
            m.mean += way.weight * mean;
            m.square += way.weight * (var + mean * mean);
            m.km += way.weight * way.km;
        }
        m
    }

    /// Logarithm of the figure where part `i` of way `w` takes `k(w, i)` of its mean. The median is that of a
    /// lognormal of the same mean and variance (Fenton and Wilkinson's approximation of a sum).
    pub fn ln(&self, k: &dyn Fn(usize, usize) -> f64) -> f64 {
        let (h, km) = match self.centre {
            // How the parts vary together is not asked for.
            Centre::Mean => {
                let (mut mean, mut km) = (0.0, 0.0);
                for (w, way) in self.ways.iter().enumerate() {
                    mean +=
                        way.weight * way.parts.iter().enumerate().map(|(i, p)| p.mean * k(w, i)).sum::<f64>();
                    km += way.weight * way.km;
                }
                (mean.max(1e-9).ln(), km)
            }
            Centre::Median => {
                let m = self.total(k);
                (2.0 * m.mean.max(1e-9).ln() - 0.5 * m.square.max(1e-18).ln(), m.km)
            }
        };
        if self.speed { km.max(1e-9).ln() - h } else { h }
    }

    /// Derivative of [`Self::ln`] by the logarithm of the multiple of each part.
    pub fn slope(&self, k: &dyn Fn(usize, usize) -> f64) -> Vec<Vec<f64>> {
        let m = self.total(k);
        let sign = if self.speed { -1.0 } else { 1.0 };
        self.ways
            .iter()
            .enumerate()
            .map(|(w, way)| {
                let (mean, _) = way.moments(&|i| k(w, i));
                (0..way.parts.len())
                    .map(|i| {
                        let own = way.parts[i].mean * k(w, i);
                        let d_mean = way.weight * own / m.mean;
                        let d = match self.centre {
                            Centre::Mean => d_mean,
                            Centre::Median => {
                                let row: f64 =
                                    (0..way.parts.len()).map(|j| way.covariance(i, j) * k(w, j)).sum();
                                let d_square = way.weight * 2.0 * (k(w, i) * row + mean * own) / m.square;
                                2.0 * d_mean - 0.5 * d_square
                            }
                        };
                        sign * d
                    })
                    .collect()
            })
            .collect()
    }

    /// Standard deviation of the logarithm of one journey's duration.
    pub fn trip_sd(&self, k: &dyn Fn(usize, usize) -> f64) -> f64 {
        let m = self.total(k);
        (m.square / (m.mean * m.mean)).max(1.0).ln().sqrt()
    }

    /// The part that takes most of the mean, and its share.
    pub fn dominant(&self) -> Option<(String, f64)> {
        let total = self.total(&|_, _| 1.0).mean;
        let mut shares: Vec<(String, f64)> = Vec::new();
        for way in &self.ways {
            for p in &way.parts {
                let name = match p.places.first() {
                    Some(place) => format!("{} {place}", p.process),
                    None => p.name.clone(),
                };
                let share = way.weight * p.mean / total.max(1e-9);
                match shares.iter_mut().find(|s| s.0 == name) {
                    Some(s) => s.1 += share,
                    None => shares.push((name, share)),
                }
            }
        }
        shares.into_iter().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(centre: Centre, speed: bool) -> Response {
        let part = |name: &str, mean: f64, sd: f64, group: &str| Part {
            process: ProcessKind::RunRoad,
            places: vec![],
            name: name.into(),
            mean,
            sd,
            group: group.into(),
            rho: 0.3,
            factor: Factor::default(),
        };
        let way = |weight, km, more| Way {
            weight,
            km,
            parts: vec![part("a", 10.0, 4.0, "x"), part("b", more, 9.0, "x"), part("c", 3.0, 1.0, "y")],
        };
        Response {
            ways: vec![way(0.25, 300.0, 20.0), way(0.75, 500.0, 7.0)],
            speed,
            centre,
            noise: Noise::Trip,
            unsure: 0.0,
            mix: None,
            journeys: vec![],
            rounding_h: 0.0,
            label: String::new(),
            claims: vec![],
            naive: None,
        }
    }

    /// Slopes are those of finite differences.
    #[test]
    fn slopes_are_those_of_small_steps() {
        for centre in [Centre::Mean, Centre::Median] {
            for speed in [false, true] {
                let r = response(centre, speed);
                let at = |w: usize, i: usize| 1.0 + 0.1 * w as f64 + 0.2 * i as f64;
                let slopes = r.slope(&at);
                for (w, of) in slopes.iter().enumerate() {
                    for (i, slope) in of.iter().enumerate() {
                        let step = 1e-5;
                        let moved = |s: f64| {
                            r.ln(&|a, b| at(a, b) * if (a, b) == (w, i) { (s * step).exp() } else { 1.0 })
                        };
                        let by_steps = (moved(1.0) - moved(-1.0)) / (2.0 * step);
                        assert!((by_steps - slope).abs() < 1e-6, "{by_steps} {slope}");
                    }
                }
            }
        }
    }

    /// Closed form: two independent exponential-like parts add their variances, two of one group do not.
    #[test]
    fn a_group_varies_together() {
        let r = response(Centre::Mean, false);
        let (mean, var) = r.ways[0].moments(&|_| 1.0);
        assert!((mean - 33.0).abs() < 1e-12);
        assert!((var - (16.0 + 81.0 + 1.0 + 2.0 * 0.3 * 4.0 * 9.0)).abs() < 1e-9, "{var}");
    }
}
