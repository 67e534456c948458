//! What a link costs at a flow.
//!
//! A [`LinkCost`] is a fixed part plus a part that grows with the flow: the BPR function (Bureau of Public Roads,
//! *Traffic Assignment Manual*, 1964) or a table. Each is continuous and never falls, so that the equilibrium is the
//! optimum of a convex programme (Beckmann, McGuire and Winsten 1956) whose objective is the sum of
//! [`LinkCost::integral`].

/// The cost of one link as a function of its flow.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkCost {
    /// What does not depend on the flow, such as a toll or a charge by distance, in the unit of the costs.
    fixed: f64,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    /// `free + gain · flow^power`.
    Power { free: f64, gain: f64, power: f64 },
    /// Straight between points, and on along the last stretch.
    Table(Box<[Point]>),
}

/// One point of a tabulated cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Flow.
    pub flow: f64,
    /// Cost at that flow.
    pub cost: f64,
}

/// A cost of the form `base + gain · flow^power`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Cost at flow 0.
    pub base: f64,
    /// Factor.
    pub gain: f64,
    /// Power, at least 1.
    pub power: f64,
}

/// Why a cost was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CostError {
    /// A number that is not finite, or negative where it must not be.
    #[error("{name} is {given}; {allowed}")]
    OutOfRange {
        /// Which number.
        name: &'static str,
        /// What was given.
        given: f64,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A table whose flows do not rise or whose costs fall.
    #[error(
        "point {at} of the table has flow {flow} and cost {cost}; flows must rise from 0 and costs must not fall"
    )]
    NotRising {
        /// Which point, counted from 1.
        at: usize,
        /// Its flow.
        flow: f64,
        /// Its cost.
        cost: f64,
    },
    /// A table with fewer than two points.
    #[error("a table of {0} points; at least two are needed")]
    TooShort(usize),
}

fn at_least_zero(name: &'static str, given: f64) -> Result<f64, CostError> {
    if given.is_finite() && given >= 0.0 {
        Ok(given)
    } else {
        Err(CostError::OutOfRange { name, given, allowed: "it must be a finite number, at least 0" })
    }
}

impl LinkCost {
    /// A cost that does not depend on the flow.
    ///
    /// # Errors
    /// If `cost` is negative or not finite.
    pub fn constant(cost: f64) -> Result<LinkCost, CostError> {
        let free = at_least_zero("the cost", cost)?;
        Ok(LinkCost { fixed: 0.0, shape: Shape::Power { free, gain: 0.0, power: 1.0 } })
    }

    /// The BPR function `free · (1 + b · (flow / capacity)^power)`. With `b`, `power` or `free` 0 the cost does not
    /// depend on the flow, whatever the capacity; with power 0 it is `free · (1 + b)`.
    ///
    /// # Errors
    /// If a number is negative or not finite, a capacity that matters is 0, or the power lies strictly between 0 and 1
    /// (its slope at flow 0 is infinite).
    pub fn bpr(free: f64, b: f64, capacity: f64, power: f64) -> Result<LinkCost, CostError> {
        let free = at_least_zero("the free-flow time", free)?;
        let b = at_least_zero("B", b)?;
        let power = at_least_zero("the power", power)?;
        if power == 0.0 {
            return LinkCost::constant(free * (1.0 + b));
        }
        if power < 1.0 {
            return Err(CostError::OutOfRange {
                name: "the power",
                given: power,
                allowed: "it must be 0 or at least 1",
            });
        }
        if b == 0.0 || free == 0.0 {
            return LinkCost::constant(free);
        }
        let gain = free * b / capacity.powf(power);
        if !(capacity > 0.0 && gain.is_finite()) {
            return Err(CostError::OutOfRange {
                name: "the capacity",
                given: capacity,
                allowed: "it must be above 0 where the cost grows with the flow",
            });
        }
        Ok(LinkCost { fixed: 0.0, shape: Shape::Power { free, gain, power } })
    }

    /// A power function.
    ///
    /// # Errors
    /// If a number is negative or not finite, or the power below 1.
    pub fn power(Power { base, gain, power }: Power) -> Result<LinkCost, CostError> {
        let free = at_least_zero("the base", base)?;
        let gain = at_least_zero("the gain", gain)?;
        if !(power >= 1.0 && power.is_finite()) {
            return Err(CostError::OutOfRange {
                name: "the power",
                given: power,
                allowed: "it must be at least 1",
            });
        }
        Ok(LinkCost { fixed: 0.0, shape: Shape::Power { free, gain, power } })
    }

    /// A cost given by points, straight between them and beyond the last along the last stretch.
    ///
    /// # Errors
    /// If there are fewer than two points, the first is not at flow 0, flows do not rise or costs fall.
    pub fn table(points: &[Point]) -> Result<LinkCost, CostError> {
        if points.len() < 2 {
            return Err(CostError::TooShort(points.len()));
        }
        for (k, p) in points.iter().enumerate() {
            let rises = match k.checked_sub(1).map(|j| points[j]) {
                None => p.flow == 0.0 && p.cost >= 0.0,
                Some(before) => p.flow > before.flow && p.cost >= before.cost,
            };
            if !(rises && p.flow.is_finite() && p.cost.is_finite()) {
                return Err(CostError::NotRising { at: k + 1, flow: p.flow, cost: p.cost });
            }
        }
        Ok(LinkCost { fixed: 0.0, shape: Shape::Table(points.into()) })
    }

    /// The same with `fixed` more at every flow, as a toll or a charge by distance.
    ///
    /// # Errors
    /// If the fixed part becomes negative or is not finite.
    pub fn plus(mut self, fixed: f64) -> Result<LinkCost, CostError> {
        self.fixed = at_least_zero("the fixed cost", self.fixed + fixed)?;
        Ok(self)
    }

    /// The cost as a power of the flow; `None` if it is tabulated.
    pub fn as_power(&self) -> Option<Power> {
        match self.shape {
            Shape::Power { free, gain, power } => Some(Power { base: self.fixed + free, gain, power }),
            Shape::Table(_) => None,
        }
    }

    /// The cost and its slope at a flow of at least 0.
    #[inline]
    pub fn at(&self, flow: f64) -> (f64, f64) {
        match &self.shape {
            Shape::Power { free, gain, power } => {
                let (value, slope) = power_at(*gain, *power, flow);
                (self.fixed + free + value, slope)
            }
            Shape::Table(points) => {
                let (from, slope) = stretch(points, flow);
                (self.fixed + from.cost + slope * (flow - from.flow), slope)
            }
        }
    }

    /// The integral of the cost from 0 to a flow of at least 0.
    pub fn integral(&self, flow: f64) -> f64 {
        match &self.shape {
            Shape::Power { free, gain, power } => {
                (self.fixed + free) * flow + power_at(*gain, *power, flow).0 * flow / (power + 1.0)
            }
            Shape::Table(points) => {
                let mut sum = self.fixed * flow;
                for (k, p) in points.iter().enumerate() {
                    let end = points.get(k + 1).map_or(f64::INFINITY, |q| q.flow).min(flow);
                    if end <= p.flow {
                        break;
                    }
                    let (_, slope) = stretch(points, p.flow);
                    let run = end - p.flow;
                    sum += (p.cost + 0.5 * slope * run) * run;
                }
                sum
            }
        }
    }
}

/// `gain · flow^power` and its slope.
#[inline]
fn power_at(gain: f64, power: f64, flow: f64) -> (f64, f64) {
    if gain == 0.0 {
        return (0.0, 0.0);
    }
    // Four is what nearly every published network has; three multiplications are a tenth of a logarithm.
    let below = if power == 4.0 { flow * flow * flow } else { flow.powf(power - 1.0) };
    (gain * below * flow, power * gain * below)
}

/// The point at or before a flow, and the slope of the stretch that begins there.
fn stretch(points: &[Point], flow: f64) -> (Point, f64) {
    let after = points.partition_point(|p| p.flow <= flow).clamp(1, points.len() - 1);
    let (a, b) = (points[after - 1], points[after]);
    (a, (b.cost - a.cost) / (b.flow - a.flow))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0), "{a} is not {b}");
    }

    #[test]
    fn bpr_by_hand() {
        let c = LinkCost::bpr(6.0, 0.15, 100.0, 4.0).unwrap().plus(2.0).unwrap();
        let (value, slope) = c.at(200.0);
        close(value, 2.0 + 6.0 * (1.0 + 0.15 * 16.0));
        close(slope, 6.0 * 0.15 * 4.0 * 8.0 / 100.0);
        close(c.integral(200.0), 8.0 * 200.0 + 6.0 * 0.15 * 16.0 * 200.0 / 5.0);
    }

    #[test]
    fn traps_of_published_networks_are_constants() {
        // Power 0 with B 0 (Winnipeg), no free-flow time (Berlin), a capacity that does not matter.
        assert_eq!(LinkCost::bpr(0.78, 0.0, 1.0, 0.0).unwrap().at(50.0), (0.78, 0.0));
        assert_eq!(LinkCost::bpr(0.0, 0.15, 10.0, 4.0).unwrap().at(50.0), (0.0, 0.0));
        assert_eq!(LinkCost::bpr(3.0, 0.0, 0.0, 4.0).unwrap().at(50.0), (3.0, 0.0));
        assert_eq!(LinkCost::bpr(3.0, 1.0, 0.0, 0.0).unwrap().at(50.0), (6.0, 0.0));
    }

    #[test]
    fn a_table_is_straight_between_its_points_and_beyond() {
        let points = [
            Point { flow: 0.0, cost: 1.0 },
            Point { flow: 10.0, cost: 1.0 },
            Point { flow: 20.0, cost: 3.0 },
        ];
        let c = LinkCost::table(&points).unwrap();
        assert_eq!(c.at(5.0), (1.0, 0.0));
        assert_eq!(c.at(15.0), (2.0, 0.2));
        assert_eq!(c.at(30.0), (5.0, 0.2));
        close(c.integral(30.0), 10.0 + 20.0 + 40.0);
    }

    #[test]
    fn what_is_no_cost_is_refused() {
        assert!(LinkCost::bpr(1.0, 0.15, 0.0, 4.0).is_err());
        assert!(LinkCost::bpr(1.0, 0.15, 10.0, 0.5).is_err());
        assert!(LinkCost::bpr(-1.0, 0.15, 10.0, 4.0).is_err());
        assert!(LinkCost::constant(f64::NAN).is_err());
        assert!(LinkCost::constant(1.0).unwrap().plus(-2.0).is_err());
        assert_eq!(LinkCost::table(&[Point { flow: 0.0, cost: 1.0 }]), Err(CostError::TooShort(1)));
        let falls = [Point { flow: 0.0, cost: 1.0 }, Point { flow: 1.0, cost: 0.5 }];
        assert_eq!(LinkCost::table(&falls), Err(CostError::NotRising { at: 2, flow: 1.0, cost: 0.5 }));
    }
}
