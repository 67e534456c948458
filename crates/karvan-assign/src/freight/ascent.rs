//! Maximises a concave dual over prices, those of capacities and queues not below zero.
//!
//! Projected truncated Newton: on the prices that are free to move, the step solves the Newton equations by conjugate
//! gradients, as exactly as the distance from the top asks for (Dembo and Steihaug, *Truncated-Newton algorithms for
//! large-scale unconstrained optimization*, Mathematical Programming 26, 1983); prices that a step of their own would bring to
//! zero go by that step alone (the two-metric projection of Bertsekas, *Projected Newton methods for optimization problems
//! with simple constraints*, SIAM Journal on Control and Optimization 20(2), 1982); a search back along the projected arc ends it.
//! The second derivatives of a log-sum are known from the flows, so one product with them costs less than an evaluation; the part
//! of empty moves has a kink, on whose sides they differ, which Newton's method bears (Qi and Sun, *A nonsmooth version of
//! Newton's method*, Mathematical Programming 58, 1993).

use super::kernel::{Aim, Evaluation, Flows, Kernel, conjugate};
use super::programme::Row;

/// Least share of the increase foreseen that a step has to bring.
const ARMIJO: f64 = 1e-4;
/// Products with the second derivatives in one step, at most.
const PRODUCTS: usize = 60;

/// The state of a climb.
pub(crate) struct Ascent<'k, 'p> {
    kernel: &'k mut Kernel<'p>,
    aim: Aim,
    /// Capacities are multiplied by this.
    tight: f64,
    /// Prices.
    pub(crate) prices: Vec<f64>,
    /// Dual value at them, with capacities as tightened.
    pub(crate) value: f64,
    /// Evaluations so far, and products with the second derivatives.
    pub(crate) evaluations: u64,
    gradient: Vec<f64>,
    diagonal: Vec<f64>,
    at: Evaluation,
    /// Flows at the prices by alternative, and not carried by flow.
    carried: Vec<f64>,
    shed: Vec<f64>,
    /// Share of the diagonal that is added to the second derivatives, so that flat directions have a length.
    damping: f64,
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
        let p = kernel.programme;
        let n = prices.len();
        let mut a = Self {
            aim,
            tight,
            prices,
            value: 0.0,
            evaluations: 0,
            gradient: vec![0.0; n],
            diagonal: vec![1.0; n],
            at: Evaluation::default(),
            carried: vec![0.0; p.cost.len()],
            shed: vec![0.0; p.flows()],
            damping: 1.0,
            kernel,
        };
        a.refresh();
        // A queue begins at the wait of the load it has, if that is near what it will have.
        if aim == Aim::Cost {
            let mut moved = false;
            for (r, row) in p.rows.iter().enumerate() {
                if let Row::Queue(q) = row
                    && a.prices[r] == 0.0
                    && a.at.loads[r] > 0.0
                {
                    a.prices[r] = q.price(a.at.loads[r].min(0.8 * q.capacity));
                    moved = true;
                }
            }
            if moved {
                a.refresh();
            }
        }
        a
    }

    /// Whether a price may not fall below zero.
    fn bounded(&self, r: usize) -> bool {
        self.kernel.programme.rows[r] != Row::Balance
    }

    /// Whether a price does not move: a balance counts only where cost does.
    fn fixed(&self, r: usize) -> bool {
        !self.bounded(r) && self.aim != Aim::Cost
    }

    /// Value and gradient at prices; loads, curvatures and flows are left in `self`.
    fn evaluate(&mut self, prices: &[f64]) -> (f64, Vec<f64>) {
        self.evaluations += 1;
        let flows = Flows { carried: &mut self.carried, shed: &mut self.shed };
        let e = &mut self.at;
        self.kernel.evaluate(prices, self.aim, true, Some(flows), e);
        let rows = &self.kernel.programme.rows;
        let mut value = e.value;
        let mut gradient = Vec::with_capacity(rows.len());
        for (r, row) in rows.iter().enumerate() {
            let (c, x) = conjugate(row, self.tight, prices[r], self.aim);
            value -= c;
            gradient.push(e.loads[r] - x);
        }
        (value, gradient)
    }

    fn refresh(&mut self) {
        let prices = std::mem::take(&mut self.prices);
        let (value, gradient) = self.evaluate(&prices);
        self.accept(prices, value, gradient);
    }

    fn accept(&mut self, prices: Vec<f64>, value: f64, gradient: Vec<f64>) {
        (self.prices, self.value, self.gradient) = (prices, value, gradient);
        for r in 0..self.prices.len() {
            self.at.curvature[r] += self.bend(r);
        }
        // Rows that nothing uses at these prices have next to none; a step of theirs is then bounded by that of the typical row.
        let mut some: Vec<f64> = self.at.curvature.iter().copied().filter(|c| *c > 0.0).collect();
        some.sort_unstable_by(f64::total_cmp);
        let typical = some.get(some.len() / 2).copied().unwrap_or(1.0);
        self.diagonal = self.at.curvature.iter().map(|c| c.max(1e-6 * typical)).collect();
    }

    /// Second derivative of a queue's conjugate at the present price.
    fn bend(&self, r: usize) -> f64 {
        match (&self.kernel.programme.rows[r], self.aim) {
            // A queue that is all but empty answers to any price; its slope is taken where it begins to be felt.
            (Row::Queue(q), Aim::Cost) => {
                let x = q.flow_at(self.prices[r]).clamp(0.01 * q.capacity, (1.0 - 1e-9) * q.capacity);
                1.0 / q.slope(x).max(1e-300)
            }
            _ => 0.0,
        }
    }

    /// One step.
    pub(crate) fn step(&mut self) -> Step {
        let n = self.prices.len();
        for _ in 0..6 {
            let held: Vec<bool> = (0..n)
                .map(|r| {
                    let alone = self.prices[r] + self.gradient[r] / self.diagonal[r];
                    self.fixed(r) || (self.bounded(r) && self.gradient[r] <= 0.0 && alone <= 0.0)
                })
                .collect();
            let direction = self.direction(&held);
            match self.search(&direction) {
                Some((step, prices, value, gradient)) => {
                    self.accept(prices, value, gradient);
                    let by = if step >= 0.9 {
                        0.25
                    } else if step < 0.2 {
                        4.0
                    } else {
                        1.0
                    };
                    self.damping = (self.damping * by).clamp(1e-6, 1e3);
                    return Step::Risen;
                }
                None => {
                    self.refresh();
                    if self.damping >= 1e3 {
                        break;
                    }
                    self.damping = (self.damping * 100.0).min(1e3);
                }
            }
        }
        Step::Stuck
    }

    /// Conjugate gradients on the Newton equations, with the diagonal before them.
    fn direction(&mut self, held: &[bool]) -> Vec<f64> {
        let n = self.prices.len();
        let diagonal: Vec<f64> = self.diagonal.iter().map(|d| d * (1.0 + self.damping)).collect();
        let bend: Vec<f64> = (0..n).map(|r| self.bend(r)).collect();
        let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let mut x = vec![0.0; n];
        let mut rest: Vec<f64> =
            self.gradient.iter().zip(held).map(|(g, h)| if *h { 0.0 } else { *g }).collect();
        let precondition = |r: &[f64]| -> Vec<f64> { r.iter().zip(&diagonal).map(|(r, d)| r / d).collect() };
        let mut z = precondition(&rest);
        let mut along = z.clone();
        let mut rz = dot(&rest, &z);
        let first = rz;
        let mut product = vec![0.0; n];
        // The nearer the top, the more exactly: a tenth far off, far less close by.
        let scale = (first / self.value.abs().max(f64::MIN_POSITIVE)).sqrt();
        let enough = first * scale.clamp(1e-4, 0.1).powi(2);
        for _ in 0..PRODUCTS {
            if rz <= enough || rz == 0.0 {
                break;
            }
            self.evaluations += 1;
            self.kernel.product(&self.prices, self.aim, &self.carried, &self.shed, &along, &mut product);
            for r in 0..n {
                product[r] = if held[r] {
                    0.0
                } else {
                    product[r] + (bend[r] + self.damping * self.diagonal[r]) * along[r]
                };
            }
            let curve = dot(&along, &product);
            if curve <= 0.0 {
                break;
            }
            let a = rz / curve;
            for r in 0..n {
                x[r] += a * along[r];
                rest[r] -= a * product[r];
            }
            z = precondition(&rest);
            let next = dot(&rest, &z);
            let b = next / rz;
            rz = next;
            for r in 0..n {
                along[r] = z[r] + b * along[r];
            }
        }
        for r in 0..n {
            if held[r] && !self.fixed(r) {
                x[r] = self.gradient[r] / self.diagonal[r];
            }
        }
        x
    }

    /// The first step along the projected arc that brings enough: its length, and what is there.
    fn search(&mut self, direction: &[f64]) -> Option<(f64, Vec<f64>, f64, Vec<f64>)> {
        let n = self.prices.len();
        let up: f64 = direction.iter().zip(&self.gradient).map(|(d, g)| d * g).sum();
        if up.is_nan() || up <= 0.0 {
            return None;
        }
        let mut step = 1.0;
        // Values differ by rounding when the top is near: a fall within it is none.
        let noise = 1e-14 * self.value.abs();
        for _ in 0..12 {
            let prices: Vec<f64> = (0..n)
                .map(|r| {
                    let y = self.prices[r] + step * direction[r];
                    if self.bounded(r) { y.max(0.0) } else { y }
                })
                .collect();
            if prices == self.prices {
                return None;
            }
            let foreseen: f64 = (0..n).map(|r| self.gradient[r] * (prices[r] - self.prices[r])).sum();
            let (value, gradient) = self.evaluate(&prices);
            let enough = value >= self.value + ARMIJO * foreseen - noise;
            // Within the noise of the value the gradient has the say: it has to have shrunk along the step.
            let near = (value - self.value).abs() <= noise;
            let after: f64 = (0..n).map(|r| gradient[r] * (prices[r] - self.prices[r])).sum();
            if value.is_finite() && enough && (!near || after.abs() < foreseen.abs()) {
                return Some((step, prices, value, gradient));
            }
            // Where the slope has turned, its zero between the two ends is a better guess than half.
            let turned = if after < 0.0 && foreseen > 0.0 { foreseen / (foreseen - after) } else { 0.5 };
            step *= turned.clamp(0.1, 0.5);
        }
        None
    }

    /// Greatest load above a tightened capacity, as a share of it, at the present prices.
    pub(crate) fn over(&self) -> f64 {
        self.kernel.programme.rows.iter().zip(&self.at.loads).fold(0.0, |most: f64, (row, x)| match row {
            Row::Capacity(k) if *k > 0.0 => most.max(x / (k * self.tight) - 1.0),
            Row::Queue(q) => most.max(x / (q.capacity * self.tight) - 1.0),
            _ => most,
        })
    }

    /// The flows at the present prices: by alternative, and not carried.
    pub(crate) fn flows(&self) -> (&[f64], &[f64]) {
        (&self.carried, &self.shed)
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
