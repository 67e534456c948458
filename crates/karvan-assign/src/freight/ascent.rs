//! Maximises a concave dual over prices, those of capacities and queues not below zero.
//!
//! Projected quasi-Newton: the two-metric projection of Bertsekas (*Projected Newton methods for optimization problems with
//! simple constraints*, SIAM Journal on Control and Optimization 20(2), 1982) with a limited-memory BFGS matrix on the
//! prices that are free to move, begun from the diagonal of second derivatives, and a search back along the projected arc.

use super::kernel::{Aim, Evaluation, Kernel, conjugate};
use super::programme::Row;

/// Pairs of steps and gradient changes that are kept.
const MEMORY: usize = 12;
/// Iterations after which the diagonal is worked out anew.
const REFRESH: usize = 20;
/// Least share of the decrease foreseen that a step has to bring.
const ARMIJO: f64 = 1e-4;

/// The state of a climb.
pub(crate) struct Ascent<'k, 'p> {
    kernel: &'k mut Kernel<'p>,
    aim: Aim,
    /// Capacities are multiplied by this.
    pub(crate) tight: f64,
    /// Prices.
    pub(crate) prices: Vec<f64>,
    /// Dual value at them, with capacities as tightened.
    pub(crate) value: f64,
    /// What flows take of rows at them.
    pub(crate) loads: Vec<f64>,
    /// Evaluations so far.
    pub(crate) evaluations: u64,
    gradient: Vec<f64>,
    diagonal: Vec<f64>,
    pairs: std::collections::VecDeque<(Vec<f64>, Vec<f64>)>,
    since_refresh: usize,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value rose.
    Risen,
    /// No step is found that raises it: the limit of double precision, or the top.
    Stuck,
}

impl<'k, 'p> Ascent<'k, 'p> {
    pub(crate) fn new(kernel: &'k mut Kernel<'p>, aim: Aim, tight: f64, prices: Vec<f64>) -> Self {
        let n = prices.len();
        let mut a = Self {
            kernel,
            aim,
            tight,
            prices,
            value: 0.0,
            loads: vec![0.0; n],
            evaluations: 0,
            gradient: vec![0.0; n],
            diagonal: vec![1.0; n],
            pairs: Default::default(),
            since_refresh: 0,
        };
        a.refresh();
        a
    }

    /// Whether a price may not fall below zero; a balance counts only where cost does.
    fn bounded(&self, r: usize) -> bool {
        self.kernel.programme.rows[r] != Row::Balance
    }

    fn fixed(&self, r: usize) -> bool {
        !self.bounded(r) && self.aim != Aim::Cost
    }

    /// Value and gradient at prices.
    fn evaluate(&mut self, prices: &[f64], curvature: bool, e: &mut Evaluation) -> (f64, Vec<f64>) {
        self.evaluations += 1;
        self.kernel.evaluate(prices, self.aim, curvature, None, e);
        let rows = &self.kernel.programme.rows;
        let mut value = e.value;
        let mut gradient = Vec::with_capacity(rows.len());
        for (r, row) in rows.iter().enumerate() {
            let (c, x, bend) = conjugate(row, self.tight, prices[r], self.aim);
            value -= c;
            gradient.push(e.loads[r] - x);
            if curvature {
                e.curvature[r] += if bend.is_finite() { bend } else { 0.0 };
            }
        }
        (value, gradient)
    }

    fn refresh(&mut self) {
        let mut e = Evaluation::default();
        let prices = self.prices.clone();
        let (value, gradient) = self.evaluate(&prices, true, &mut e);
        (self.value, self.gradient) = (value, gradient);
        let most = e.curvature.iter().copied().fold(0.0, f64::max).max(1e-300);
        self.diagonal = e.curvature.iter().map(|c| c.max(1e-7 * most)).collect();
        self.loads = e.loads;
        self.since_refresh = 0;
    }

    /// One step.
    pub(crate) fn step(&mut self) -> Step {
        if self.since_refresh >= REFRESH {
            self.refresh();
        }
        self.since_refresh += 1;
        let n = self.prices.len();
        // Prices at zero whose gradient holds them there do not move.
        let held: Vec<bool> = (0..n)
            .map(|r| self.fixed(r) || (self.bounded(r) && self.prices[r] <= 0.0 && self.gradient[r] <= 0.0))
            .collect();
        for attempt in 0..2 {
            let direction = self.direction(&held);
            if let Some(next) = self.search(&direction, &held) {
                let (prices, value, gradient, loads) = next;
                let s: Vec<f64> = (0..n).map(|r| prices[r] - self.prices[r]).collect();
                let z: Vec<f64> = (0..n).map(|r| self.gradient[r] - gradient[r]).collect();
                let (sz, ss, zz) = s
                    .iter()
                    .zip(&z)
                    .fold((0.0, 0.0, 0.0), |(a, b, c), (s, z)| (a + s * z, b + s * s, c + z * z));
                if sz > 1e-12 * (ss * zz).sqrt() {
                    if self.pairs.len() == MEMORY {
                        self.pairs.pop_front();
                    }
                    self.pairs.push_back((s, z));
                }
                self.prices = prices;
                self.value = value;
                self.gradient = gradient;
                self.loads = loads;
                return Step::Risen;
            }
            if attempt == 0 {
                self.pairs.clear();
                self.refresh();
            }
        }
        Step::Stuck
    }

    /// The two-loop recursion on the prices that may move.
    fn direction(&self, held: &[bool]) -> Vec<f64> {
        let dot = |a: &[f64], b: &[f64]| -> f64 {
            a.iter().zip(b).zip(held).map(|((a, b), h)| if *h { 0.0 } else { a * b }).sum()
        };
        let mut q: Vec<f64> =
            self.gradient.iter().zip(held).map(|(g, h)| if *h { 0.0 } else { *g }).collect();
        let mut used = Vec::new();
        for (s, z) in self.pairs.iter().rev() {
            let sz = dot(s, z);
            if sz <= 1e-12 * (dot(s, s) * dot(z, z)).sqrt() {
                continue;
            }
            let a = dot(s, &q) / sz;
            for (q, z) in q.iter_mut().zip(z) {
                *q -= a * z;
            }
            used.push((s, z, sz, a));
        }
        // The newest pair says how far the diagonal is from the whole matrix.
        let scale = used.first().map_or(1.0, |(_, z, sz, _)| {
            let zdz: f64 = z
                .iter()
                .zip(&self.diagonal)
                .zip(held)
                .map(|((z, d), h)| if *h { 0.0 } else { z * z / d })
                .sum();
            sz / zdz.max(1e-300)
        });
        for ((q, d), h) in q.iter_mut().zip(&self.diagonal).zip(held) {
            *q = if *h { 0.0 } else { *q * scale / d };
        }
        for (s, z, sz, a) in used.iter().rev() {
            let b = dot(z, &q) / sz;
            for ((q, s), h) in q.iter_mut().zip(*s).zip(held) {
                if !*h {
                    *q += (a - b) * s;
                }
            }
        }
        q
    }

    #[allow(clippy::type_complexity)]
    fn search(&mut self, direction: &[f64], held: &[bool]) -> Option<(Vec<f64>, f64, Vec<f64>, Vec<f64>)> {
        let n = self.prices.len();
        let up: f64 = direction.iter().zip(&self.gradient).map(|(d, g)| d * g).sum();
        if up.is_nan() || up <= 0.0 {
            return None;
        }
        let mut e = Evaluation::default();
        let mut step = 1.0;
        // Values differ by rounding when the top is near: a fall within it is none.
        let noise = 1e-14 * self.value.abs();
        for _ in 0..30 {
            let prices: Vec<f64> = (0..n)
                .map(|r| {
                    let y = self.prices[r] + step * direction[r];
                    if held[r] {
                        self.prices[r]
                    } else if self.bounded(r) {
                        y.max(0.0)
                    } else {
                        y
                    }
                })
                .collect();
            let foreseen: f64 = (0..n).map(|r| self.gradient[r] * (prices[r] - self.prices[r])).sum();
            if prices == self.prices {
                return None;
            }
            let (value, gradient) = self.evaluate(&prices, false, &mut e);
            let enough = value >= self.value + ARMIJO * foreseen - noise;
            // Within the noise of the value the gradient has the say: it has to have shrunk along the step.
            let near = (value - self.value).abs() <= noise;
            let after: f64 = (0..n).map(|r| gradient[r] * (prices[r] - self.prices[r])).sum();
            if value.is_finite() && enough && (!near || after.abs() < foreseen.abs()) {
                return Some((prices, value, gradient, std::mem::take(&mut e.loads)));
            }
            // Where the slope has turned, its zero between the two ends is a better guess than half.
            let turned = if after < 0.0 && foreseen > 0.0 { foreseen / (foreseen - after) } else { 0.5 };
            step *= turned.clamp(0.1, 0.5);
        }
        None
    }

    /// Greatest load above a tightened capacity, as a share of it, at the present prices.
    pub(crate) fn over(&self) -> f64 {
        self.kernel.programme.rows.iter().zip(&self.loads).fold(0.0, |most: f64, (row, x)| match row {
            Row::Capacity(k) if *k > 0.0 => most.max(x / (k * self.tight) - 1.0),
            Row::Queue(q) => most.max(x / (q.capacity * self.tight) - 1.0),
            _ => most,
        })
    }

    /// The flows at the present prices.
    pub(crate) fn flows(&mut self, carried: &mut [f64], shed: &mut [f64]) {
        let mut e = Evaluation::default();
        self.evaluations += 1;
        let out = super::kernel::Flows { carried, shed };
        self.kernel.evaluate(&self.prices, self.aim, false, Some(out), &mut e);
    }

    /// The dual value with capacities as they are.
    pub(crate) fn untightened(&self) -> f64 {
        let rows = &self.kernel.programme.rows;
        rows.iter().zip(&self.prices).fold(self.value, |v, (row, y)| match row {
            Row::Capacity(k) => v - k * (1.0 - self.tight) * y,
            _ => v,
        })
    }
}
