//! Drawing an itinerary many times, so that its duration is a distribution.
//!
//! One stream of random numbers a process and one a group of processes, each addressed by its name: two options
//! that share a ferry meet the same ferry in the same draw (common random numbers), and a draw in which
//! the sea is bad is bad for all that sails. Inside a group the standard normal variates of the processes have
//! correlation ρ, the group's parameter (Gaussian copula).

use std::collections::HashMap;
use std::rc::Rc;

use karvan_network::compile::{Process, Timing};
use karvan_network::streams::stream;
use karvan_network::waits::next_departure;
use rand_distr::{Distribution, StandardNormal};

/// Draws of all processes of one question.
pub struct Draws {
    seed: u64,
    /// Number of draws.
    pub n: usize,
    normals: HashMap<String, Rc<Vec<f32>>>,
    combined: HashMap<String, Rc<Vec<f32>>>,
}

impl Draws {
    /// Draws by a seed.
    pub fn new(seed: u64, n: usize) -> Self {
        Self { seed, n, normals: HashMap::new(), combined: HashMap::new() }
    }

    fn normals(&mut self, name: &str) -> Rc<Vec<f32>> {
        if let Some(known) = self.normals.get(name) {
            return known.clone();
        }
        let mut rng = stream(self.seed, name);
        let drawn: Vec<f32> = (0..self.n).map(|_| StandardNormal.sample(&mut rng)).collect();
        let drawn = Rc::new(drawn);
        self.normals.insert(name.to_owned(), drawn.clone());
        drawn
    }

    /// Standard normal variates of a process, correlated with those of its group.
    fn of(&mut self, p: &Process, rho: f64) -> Rc<Vec<f32>> {
        if let Some(known) = self.combined.get(&p.key) {
            return known.clone();
        }
        let own = self.normals(&p.key);
        let shared = self.normals(&format!("group/{}/{}", p.group.0, p.group.1));
        let (a, b) = (rho.clamp(0.0, 1.0).sqrt() as f32, (1.0 - rho.clamp(0.0, 1.0)).sqrt() as f32);
        let z: Rc<Vec<f32>> = Rc::new(shared.iter().zip(own.iter()).map(|(g, o)| a * g + b * o).collect());
        self.combined.insert(p.key.clone(), z.clone());
        z
    }

    /// Durations of an itinerary, one a draw, in the order of the draws.
    ///
    /// `hour_of_week` is that of departure, `months` the month (0 to 11) of each day since, `rho` the correlation
    /// of a kind of process.
    pub fn durations(
        &mut self,
        processes: &[Process],
        hour_of_week: f64,
        months: &[u8],
        rho: &dyn Fn(&str) -> f64,
    ) -> Vec<f32> {
        let mut t = vec![0f32; self.n];
        self.go_on(&mut t, processes, hour_of_week, months, rho);
        t
    }

    /// The same from durations so far, one a draw, to which those of further processes are added.
    pub fn go_on(
        &mut self,
        t: &mut [f32],
        processes: &[Process],
        hour_of_week: f64,
        months: &[u8],
        rho: &dyn Fn(&str) -> f64,
    ) {
        for p in processes {
            // What is not known of the factor is one number a journey, for all processes that share it.
            let unsure = p.factor.stream().map(|s| self.normals(&s));
            let factor = |i: usize| unsure.as_ref().map_or(1.0, |z| p.factor.draw(f64::from(z[i])));
            match &p.time {
                Timing::Timetable(hours) => {
                    for t in t.iter_mut() {
                        *t += next_departure(hours, hour_of_week + f64::from(*t)) as f32;
                    }
                }
                Timing::Fixed(q) => {
                    let z = self.of(p, rho(p.group.0));
                    for (i, (t, z)) in t.iter_mut().zip(z.iter()).enumerate() {
                        *t += (q.at(f64::from(*z)) * factor(i)) as f32;
                    }
                }
                Timing::Weather(w) => {
                    let z = self.of(p, rho(p.group.0));
                    for (t, z) in t.iter_mut().zip(z.iter()) {
                        let day = ((*t / 24.0).max(0.0) as usize).min(months.len().saturating_sub(1));
                        let month = months.get(day).copied().unwrap_or(0) as usize;
                        if let Some(q) = &w.months[month] {
                            *t += q.at(f64::from(*z)) as f32;
                        }
                    }
                }
            }
        }
    }
}

/// The value not exceeded by a share `p` of ascending values (interpolated, Hyndman and Fan's type 7).
pub fn percentile(ascending: &[f32], p: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let pos = p.clamp(0.0, 1.0) * last as f64;
    let i = (pos as usize).min(last);
    let j = (i + 1).min(last);
    f64::from(ascending[i]) + (pos - i as f64) * f64::from(ascending[j] - ascending[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use karvan_network::waits::Quantiles;

    fn process(key: &str, dist: &str) -> Process {
        Process {
            key: key.into(),
            group: ("rail", "XA".into()),
            time: Timing::Fixed(Quantiles::of(&dist.parse().unwrap())),
            process: karvan_model::observed::ProcessKind::Given,
            factor: karvan_model::calibration::Factor::default(),
            places: Vec::new(),
        }
    }

    fn sorted(mut v: Vec<f32>) -> Vec<f32> {
        v.sort_by(f32::total_cmp);
        v
    }

    /// Closed form: percentiles of a lognormal.
    #[test]
    fn one_lognormal_has_its_own_percentiles() {
        let mut d = Draws::new(7, 40_000);
        let t = sorted(d.durations(&[process("a", "lognormal(p50=6, p90=20)")], 0.0, &[0], &|_| 0.3));
        assert!((percentile(&t, 0.5) - 6.0).abs() < 0.15, "{}", percentile(&t, 0.5));
        assert!((percentile(&t, 0.9) - 20.0).abs() < 0.6, "{}", percentile(&t, 0.9));
    }

    /// Closed form: two independent gammas of one scale add to a gamma of the summed shapes.
    #[test]
    fn independent_gammas_add_to_a_gamma() {
        // Shape 4 and scale 2.5 each: together shape 8, mean 20, sd 7.07.
        let mut d = Draws::new(7, 40_000);
        let parts = [process("a", "gamma(10, 5)"), process("b", "gamma(10, 5)")];
        let t = sorted(d.durations(&parts, 0.0, &[0], &|_| 0.0));
        let whole: karvan_units::Dist = format!("gamma(20, {})", 50f64.sqrt()).parse().unwrap();
        for p in [0.1, 0.5, 0.9] {
            let (got, want) = (percentile(&t, p), whole.quantile(p));
            assert!((got - want).abs() < 0.02 * want, "{p}: {got} {want}");
        }
    }

    /// Fully correlated processes add their quantiles.
    #[test]
    fn comonotone_processes_add_their_quantiles() {
        let mut d = Draws::new(7, 40_000);
        let parts = [process("a", "lognormal(10, 5)"), process("b", "lognormal(30, 15)")];
        let t = sorted(d.durations(&parts, 0.0, &[0], &|_| 1.0));
        let whole: karvan_units::Dist = "lognormal(40, 20)".parse().unwrap();
        for p in [0.1, 0.5, 0.9] {
            let (got, want) = (percentile(&t, p), whole.quantile(p));
            assert!((got - want).abs() < 0.02 * want, "{p}: {got} {want}");
        }
    }

    #[test]
    fn the_same_process_draws_the_same_in_two_options() {
        let mut d = Draws::new(7, 100);
        let ferry = process("ferry", "lognormal(30, 20)");
        let a = d.durations(std::slice::from_ref(&ferry), 0.0, &[0], &|_| 0.3);
        let b = d.durations(&[process("rail", "12"), ferry], 0.0, &[0], &|_| 0.3);
        assert!(a.iter().zip(&b).all(|(a, b)| (a + 12.0 - b).abs() < 1e-3));
    }
}
