//! Waiting in a queue as a function of how much passes, its integral and the conjugate of that.
//!
//! The mean wait before service of a station with Poisson-like arrivals is taken from Allen and Cunneen with Sakasegawa's
//! exponent (H. Sakasegawa, *An approximation formula L_q ≈ α·ρ^β/(1−ρ)*, Annals of the Institute of Statistical
//! Mathematics 29, 1977):
//!
//! ```text
//! W(x) = v · (h/K) · ρ^a / (1 − ρ),   ρ = x/K,   a = √(2(c + 1)) − 1
//! ```
//!
//! with capacity `K` a period of `h` hours, `c` servers, and `v` half the sum of the squared coefficients of variation of
//! arrivals and service: 1 for M/M/c, ½ for M/D/c. With one server it is exact (Pollaczek and Khinchine). It grows
//! without bound towards the capacity, so the capacity itself is never exceeded.

/// A queue and what an hour in it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Queue {
    /// Most that can pass in a period, units.
    pub capacity: f64,
    /// Hours between two units at capacity: of a period of `h` hours, `h/K`. It stays as it is where lanes are added that work as
    /// fast as those there are, which makes the integral of the price convex in flow and capacity together.
    pub interval_h: f64,
    /// Servers side by side.
    pub servers: f64,
    /// Half the sum of the squared coefficients of variation of arrivals and service.
    pub variability: f64,
    /// Cost of an hour's wait of one unit, US dollars.
    pub usd_per_h: f64,
}

/// Gauss–Legendre nodes and weights on (0, 1), ten points.
const GAUSS: [(f64, f64); 10] = [
    (0.013046735741414128, 0.03333567215434407),
    (0.06746831665550773, 0.0747256745752903),
    (0.16029521585048778, 0.10954318125799103),
    (0.2833023029353764, 0.13463335965499817),
    (0.4255628305091844, 0.14776211235737644),
    (0.5744371694908156, 0.14776211235737644),
    (0.7166976970646236, 0.13463335965499817),
    (0.8397047841495122, 0.10954318125799103),
    (0.9325316833444923, 0.0747256745752903),
    (0.9869532642585859, 0.03333567215434407),
];

impl Queue {
    fn exponent(&self) -> f64 {
        (2.0 * (self.servers + 1.0)).sqrt() - 1.0
    }

    /// Factor of `ρ^a/(1−ρ)` in the price of a unit's wait, US dollars.
    fn factor(&self) -> f64 {
        self.usd_per_h * self.variability * self.interval_h
    }

    /// Mean wait of a unit when `x` units pass, h; infinite at capacity.
    pub fn wait_h(&self, x: f64) -> f64 {
        let rho = (x / self.capacity).max(0.0);
        if rho >= 1.0 {
            return f64::INFINITY;
        }
        self.variability * self.interval_h * rho.powf(self.exponent()) / (1.0 - rho)
    }

    /// Price of a unit's wait when `x` units pass, US dollars.
    pub fn price(&self, x: f64) -> f64 {
        self.usd_per_h * self.wait_h(x)
    }

    /// Integral of the price from nothing to `x`, US dollars; infinite at capacity.
    pub fn integral(&self, x: f64) -> f64 {
        let rho = (x / self.capacity).max(0.0);
        if rho >= 1.0 {
            return f64::INFINITY;
        }
        // ∫ u^a/(1−u) = −ln(1−ρ) − ∫ (1−u^a)/(1−u): the second integrand is bounded. With u = ρs² it is smooth at 0 too.
        let a = self.exponent();
        let bounded: f64 = (0..4)
            .flat_map(|part| GAUSS.iter().map(move |(s, w)| ((f64::from(part) + s) / 4.0, w / 4.0)))
            .map(|(s, w)| {
                let u = rho * s * s;
                // (1 − u^a)/(1 − u) by expm1, so that nothing cancels near 1.
                let ln = u.ln();
                w * 2.0 * rho * s * (a * ln).exp_m1() / ln.exp_m1()
            })
            .sum();
        self.factor() * self.capacity * (-(-rho).ln_1p() - bounded)
    }

    /// By how much the integral falls with one unit more of capacity when `x` units pass, US dollars: lanes are added that work as
    /// fast, so with `G` the integral over the utilisation it is `K·G(x/K)`.
    pub fn worth(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { (x * self.price(x) - self.integral(x)) / self.capacity }
    }

    /// How much passes at a price of the wait: the inverse of [`Queue::price`].
    pub fn flow_at(&self, price: f64) -> f64 {
        let factor = self.factor();
        if price <= 0.0 {
            return 0.0;
        }
        if factor <= 0.0 {
            return self.capacity;
        }
        let t = price / factor;
        let a = self.exponent();
        // ρ^a = t(1 − ρ): the left side rises and the right falls, so the root is between 0 and 1.
        let (mut low, mut high) = (0.0f64, 1.0f64);
        let mut rho = (t / (1.0 + t)).powf(1.0 / a.max(1.0)).min(1.0 - 1e-16);
        for _ in 0..200 {
            let f = rho.powf(a) - t * (1.0 - rho);
            if f > 0.0 {
                high = rho
            } else {
                low = rho
            }
            let slope = a * rho.powf(a - 1.0) + t;
            let newton = rho - f / slope;
            let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
            if (next - rho).abs() <= 1e-16 * rho.max(1e-300) || next == low || next == high {
                rho = next;
                break;
            }
            rho = next;
        }
        rho * self.capacity
    }

    /// Conjugate of the integral at a price: the greatest of price times flow less the integral.
    pub fn conjugate(&self, price: f64) -> f64 {
        if price <= 0.0 {
            return 0.0;
        }
        let x = self.flow_at(price);
        if x >= self.capacity {
            // So dear that the wait is beyond double precision: the conjugate is then the capacity's own bound.
            return price * self.capacity;
        }
        price * x - self.integral(x)
    }

    /// Slope of the price at `x`.
    pub fn slope(&self, x: f64) -> f64 {
        let rho = (x / self.capacity).clamp(0.0, 1.0 - 1e-15);
        let a = self.exponent();
        let p = rho.max(1e-12).powf(a - 1.0);
        self.factor() / self.capacity * p * (a * (1.0 - rho) + rho) / ((1.0 - rho) * (1.0 - rho))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(servers: f64, variability: f64) -> Queue {
        Queue { capacity: 240.0, interval_h: 0.1, servers, variability, usd_per_h: 3.0 }
    }

    /// Probability of waiting of M/M/c, by its recurrence (Erlang B, then C).
    fn erlang_c(servers: u32, offered: f64) -> f64 {
        let b = (1..=servers).fold(1.0, |b, n| offered * b / (f64::from(n) + offered * b));
        let rho = offered / f64::from(servers);
        b / (1.0 - rho * (1.0 - b))
    }

    #[test]
    fn one_server_is_pollaczek_khinchine() {
        // M/M/1 with 10 an hour served and 8 an hour arriving waits 0.4 h; M/D/1 half of it.
        assert!((queue(1.0, 1.0).wait_h(192.0) - 0.4).abs() < 1e-12);
        assert!((queue(1.0, 0.5).wait_h(192.0) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn several_servers_are_near_erlang_c() {
        for servers in [2u32, 3, 5, 10] {
            for rho in [0.5, 0.7, 0.9, 0.97] {
                let rate = 10.0 / f64::from(servers);
                let exact =
                    erlang_c(servers, rho * f64::from(servers)) / (f64::from(servers) * rate * (1.0 - rho));
                let ours = queue(f64::from(servers), 1.0).wait_h(rho * 240.0);
                // Where it matters, near capacity, within a tenth; elsewhere within a thirtieth of a service.
                let service = 1.0 / rate;
                assert!(
                    (ours - exact).abs() < 0.1 * exact + service / 30.0,
                    "{servers} {rho}: {ours} {exact}"
                );
            }
        }
    }

    #[test]
    fn worth_is_the_slope_in_capacity_and_the_integral_is_convex_in_both() {
        for servers in [1.0, 3.0] {
            let q = queue(servers, 0.7);
            let at = |capacity: f64, x: f64| Queue { capacity, ..q }.integral(x);
            for x in [40.0, 180.0, 239.0] {
                let d = 1e-3;
                let slope = (at(240.0 - d, x) - at(240.0 + d, x)) / (2.0 * d);
                assert!((q.worth(x) / slope - 1.0).abs() < 1e-5, "{servers} {x}: {} {slope}", q.worth(x));
                for (k, y) in [(10.0, -20.0), (-5.0, -3.0), (30.0, 29.0), (60.0, 1.0)] {
                    let ends = at(240.0 + k, x + y) + at(240.0 - k / 2.0, x - y / 2.0) * 2.0;
                    if ends.is_finite() {
                        assert!(3.0 * at(240.0, x) <= ends * (1.0 + 1e-12), "{servers} {x} {k} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_integral_is_that_of_the_price() {
        for servers in [1.0, 2.0, 4.0] {
            let q = queue(servers, 0.7);
            for x in [3.0, 100.0, 200.0, 239.0] {
                let n = 200_000;
                let sum: f64 =
                    (0..n).map(|i| q.price(x * (i as f64 + 0.5) / n as f64)).sum::<f64>() * x / n as f64;
                assert!((q.integral(x) / sum - 1.0).abs() < 1e-6, "{servers} {x} {} {sum}", q.integral(x));
            }
        }
        // One server in closed form: K(−ln(1−ρ) − ρ).
        let q = queue(1.0, 1.0);
        let closed = 3.0 * 24.0 * (-(1.0f64 - 0.75).ln() - 0.75);
        assert!((q.integral(180.0) / closed - 1.0).abs() < 1e-12);
    }

    #[test]
    fn price_and_flow_are_inverse_and_the_conjugate_is_tight() {
        for servers in [1.0, 3.0] {
            let q = queue(servers, 1.0);
            for price in [1e-6, 0.01, 1.0, 40.0, 1e6] {
                let x = q.flow_at(price);
                assert!((q.price(x) / price - 1.0).abs() < 1e-7, "{servers} {price} {x}");
                let at = |x: f64| price * x - q.integral(x);
                let c = q.conjugate(price);
                assert!(c >= at(x * 0.99) && c >= at((x * 1.01).min(239.999)), "{price}");
            }
        }
    }
}
