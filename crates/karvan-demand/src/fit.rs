//! Step 3: estimation by relative entropy.
//!
//! Given flows `p`, weights `w` and totals `b` with standard deviations `s`, the flows `x` are sought that minimise
//!
//! ```text
//! Σ w (x ln(x/p) − x + p)  +  Σ (a·x − b)² / (2 s²)
//! ```
//!
//! which is strictly convex; a total with `s = 0` must be met. Near `p` the first sum is `w (x − p)² / 2p`: with
//! `w = 1 / (p σ²)` it weighs a flow by the standard deviation σ of its logarithm. With `w = 1` and hard totals it is the
//! problem of Furness (iterative proportional fitting): see Bregman (1967); Willumsen (1978) for totals that are link counts.
//!
//! Solved in the dual, one multiplier after the other: `x = p exp(−(Aᵀλ)/w)`, each step the root of a falling convex
//! function, found by Newton's method. The dual value is a lower bound, so the gap is a certificate.

/// A published total of flows.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// What was published, above 0.
    pub value: f64,
    /// Standard deviation, in the same unit; 0: must be met.
    pub sd: f64,
    /// Flows that it counts, by position, with the share of each that it counts, above 0.
    pub parts: Vec<(usize, f64)>,
}

/// The estimate with its certificate.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Flows.
    pub flows: Vec<f64>,
    /// Multipliers of the totals.
    pub multipliers: Vec<f64>,
    /// Value of the objective.
    pub objective: f64,
    /// Lower bound of any flows' objective.
    pub bound: f64,
    /// Largest relative miss of a total that must be met.
    pub miss: f64,
    /// Sweeps over the totals.
    pub sweeps: usize,
}

impl Fitted {
    /// `(objective − bound) / max(1, |objective|)`.
    pub fn gap(&self) -> f64 {
        (self.objective - self.bound) / self.objective.abs().max(1.0)
    }
}

/// Gap and miss at which the estimation ends.
pub const TOLERANCE: f64 = 1e-10;
/// Sweeps after which it gives up.
const MOST_SWEEPS: usize = 20_000;

/// The estimate. Totals without a part that has a flow are none of it, and keep multiplier 0. Whether it was reached
/// is for the caller to see from gap and miss: totals that must be met and contradict each other never are.
///
/// # Panics
/// If `prior` and `weight` differ in length, or a part names no flow.
pub fn fit(prior: &[f64], weight: &[f64], totals: &[Total]) -> Fitted {
    assert_eq!(prior.len(), weight.len(), "one weight for each flow");
    let mut x = prior.to_vec();
    let mut price = vec![0.0; prior.len()];
    let mut lambda = vec![0.0; totals.len()];
    let live: Vec<bool> =
        totals.iter().map(|t| t.parts.iter().any(|(i, a)| *a > 0.0 && prior[*i] > 0.0)).collect();
    let mut sweeps = 0;
    loop {
        let found = certified(prior, weight, totals, &live, &x, &lambda, sweeps);
        if (found.gap() <= TOLERANCE && found.miss <= TOLERANCE) || sweeps == MOST_SWEEPS {
            return found;
        }
        sweeps += 1;
        for (k, t) in totals.iter().enumerate().filter(|(k, _)| live[*k]) {
            // Newton's method for the multiplier's step: residual h falls and is convex in it.
            for _ in 0..60 {
                let (mut h, mut slope, mut steepest) =
                    (-t.value - t.sd * t.sd * lambda[k], t.sd * t.sd, 0.0f64);
                for (i, a) in &t.parts {
                    h += a * x[*i];
                    slope += a * a * x[*i] / weight[*i];
                    if prior[*i] > 0.0 {
                        steepest = steepest.max(a / weight[*i]);
                    }
                }
                if h.abs() <= 1e-14 * t.value || slope <= 0.0 {
                    break;
                }
                // No flow changes by more than e³ in a step, so that nothing overflows.
                let most = 3.0 / steepest;
                let step = (h / slope).clamp(-most, most);
                lambda[k] += step;
                for (i, a) in &t.parts {
                    price[*i] += a * step;
                    x[*i] = prior[*i] * (-price[*i] / weight[*i]).exp();
                }
            }
        }
    }
}

fn certified(
    prior: &[f64],
    weight: &[f64],
    totals: &[Total],
    live: &[bool],
    x: &[f64],
    lambda: &[f64],
    sweeps: usize,
) -> Fitted {
    let (mut objective, mut bound, mut miss) = (0.0, 0.0, 0.0f64);
    for ((p, w), x) in prior.iter().zip(weight).zip(x) {
        if *p > 0.0 {
            let entropy = if *x > 0.0 { x * (x / p).ln() } else { 0.0 };
            objective += w * (entropy - x + p);
            bound += w * (p - x);
        }
    }
    for (k, t) in totals.iter().enumerate().filter(|(k, _)| live[*k]) {
        let found: f64 = t.parts.iter().map(|(i, a)| a * x[*i]).sum();
        bound -= t.value * lambda[k] + 0.5 * t.sd * t.sd * lambda[k] * lambda[k];
        if t.sd > 0.0 {
            objective += (found - t.value).powi(2) / (2.0 * t.sd * t.sd);
        } else {
            miss = miss.max((found / t.value - 1.0).abs());
        }
    }
    Fitted { flows: x.to_vec(), multipliers: lambda.to_vec(), objective, bound, miss, sweeps }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cross(rows: &[f64], columns: &[f64]) -> Vec<Total> {
        let n = columns.len();
        let of = |value: f64, parts: Vec<(usize, f64)>| Total { value, sd: 0.0, parts };
        let by_row = rows.iter().enumerate().map(|(r, v)| of(*v, (0..n).map(|c| (r * n + c, 1.0)).collect()));
        let by_column = columns
            .iter()
            .enumerate()
            .map(|(c, v)| of(*v, (0..rows.len()).map(|r| (r * n + c, 1.0)).collect()));
        by_row.chain(by_column).collect()
    }

    /// Furness's method, written out: rows and columns scaled in turn.
    fn furness(p: &[f64], rows: &[f64], columns: &[f64]) -> Vec<f64> {
        let (mut x, n) = (p.to_vec(), columns.len());
        for _ in 0..5000 {
            for (r, v) in rows.iter().enumerate() {
                let k = v / x[r * n..(r + 1) * n].iter().sum::<f64>();
                x[r * n..(r + 1) * n].iter_mut().for_each(|f| *f *= k);
            }
            for (c, v) in columns.iter().enumerate() {
                let k = v / (0..rows.len()).map(|r| x[r * n + c]).sum::<f64>();
                (0..rows.len()).for_each(|r| x[r * n + c] *= k);
            }
        }
        x
    }

    #[test]
    fn hard_margins_are_the_furness_table() {
        let p = [10.0, 20.0, 5.0, 1.0, 40.0, 7.0];
        let (rows, columns) = ([50.0, 30.0], [20.0, 45.0, 15.0]);
        let f = fit(&p, &[1.0; 6], &cross(&rows, &columns));
        assert!(f.miss <= TOLERANCE && f.gap().abs() <= TOLERANCE, "{f:?}");
        for (a, b) in f.flows.iter().zip(furness(&p, &rows, &columns)) {
            assert!((a / b - 1.0).abs() < 1e-8, "{a} {b}");
        }
    }

    /// One flow and one soft total: the root of `ln(x/p)/σ²p = (b − x)/s²`, by bisection.
    #[test]
    fn a_single_flow_lies_between_what_is_known_of_it() {
        let (p, sigma, b, s) = (100.0, 0.5, 180.0, 9.0);
        let f = fit(&[p], &[1.0 / (p * sigma * sigma)], &[Total { value: b, sd: s, parts: vec![(0, 1.0)] }]);
        let (mut low, mut high) = (p, b);
        for _ in 0..200 {
            let x: f64 = 0.5 * (low + high);
            if (x / p).ln() / (sigma * sigma * p) < (b - x) / (s * s) { low = x } else { high = x }
        }
        assert!((f.flows[0] - low).abs() < 1e-6 && f.gap().abs() <= TOLERANCE, "{f:?} {low}");
        assert!(f.flows[0] > p && f.flows[0] < b);
    }

    #[test]
    fn the_surer_flow_moves_less() {
        let w = |sigma: f64| 1.0 / (100.0 * sigma * sigma);
        let total = Total { value: 300.0, sd: 0.0, parts: vec![(0, 1.0), (1, 1.0)] };
        let f = fit(&[100.0, 100.0], &[w(0.1), w(0.5)], &[total]);
        assert!(f.flows[0] < f.flows[1] && (f.flows[0] + f.flows[1] - 300.0).abs() < 1e-6);
        // Multipliers of one total act in proportion to the variance of the logarithm.
        let ratio = (f.flows[1] / 100.0).ln() / (f.flows[0] / 100.0).ln();
        assert!((ratio - 25.0).abs() < 1e-6, "{ratio}");
    }

    #[test]
    fn totals_that_contradict_are_seen_and_those_of_nothing_left_out() {
        let hard = |value| Total { value, sd: 0.0, parts: vec![(0, 1.0)] };
        assert!(fit(&[10.0], &[1.0], &[hard(5.0), hard(20.0)]).miss > 0.1);
        let f = fit(&[0.0, 3.0], &[1.0, 1.0], &[hard(5.0)]);
        assert_eq!((f.flows, f.multipliers[0]), (vec![0.0, 3.0], 0.0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        /// No other flows are better: the certificate holds at random flows too.
        #[test]
        fn the_bound_is_below_any_flows(
            p in prop::collection::vec(1.0..100.0f64, 6),
            sigma in prop::collection::vec(0.05..1.0f64, 6),
            factor in prop::collection::vec(0.3..3.0f64, 6),
            b in prop::collection::vec(10.0..500.0f64, 3),
        ) {
            let w: Vec<f64> = p.iter().zip(&sigma).map(|(p, s)| 1.0 / (p * s * s)).collect();
            let totals: Vec<Total> = b.iter().enumerate()
                .map(|(k, v)| Total { value: *v, sd: 0.1 * v, parts: (0..6).filter(|i| (i + k) % 3 != 0).map(|i| (i, 0.5 + 0.1 * i as f64)).collect() })
                .collect();
            let f = fit(&p, &w, &totals);
            prop_assert!(f.gap().abs() <= 1e-9, "{}", f.gap());
            let other: Vec<f64> = f.flows.iter().zip(&factor).map(|(x, k)| x * k).collect();
            let there = certified(&p, &w, &totals, &[true; 3], &other, &f.multipliers, 0);
            prop_assert!(there.objective >= f.objective - 1e-9 * f.objective.abs().max(1.0));
        }
    }
}
