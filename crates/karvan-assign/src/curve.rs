//! Costs of all links as a computation needs them: compact, with the objective and background flows worked in.

use crate::cost::{LinkCost, Power};
use crate::equilibrium::{AssignError, Objective, Problem};

/// A cost of the form `base + gain · (flow + background)^power`.
#[derive(Clone, Copy, Debug)]
struct Curve {
    base: f64,
    gain: f64,
    power: f64,
    background: f64,
}

/// The cost of each link at its flow: marginal cost where the system optimum is looked for.
#[derive(Clone, Debug)]
pub(crate) struct Curves {
    curves: Vec<Curve>,
    /// Tabulated costs, where there are any; a power that is not a number stands for them.
    tables: Vec<Option<LinkCost>>,
}

impl Curves {
    pub(crate) fn new(problem: &Problem) -> Result<Curves, AssignError> {
        let links = problem.network.links();
        let check = |name, list: &[f64], infinite: bool| {
            if list.len() != links.len() {
                return Err(AssignError::Length { name, given: list.len(), links: links.len() });
            }
            match list.iter().position(|&x| !(x >= 0.0 && (infinite || x.is_finite()))) {
                Some(link) => Err(AssignError::Negative { name, given: list[link], link }),
                None => Ok(()),
            }
        };
        for class in &problem.classes {
            class.extra.as_ref().map_or(Ok(()), |e| check("the extra cost", e, true))?;
        }
        problem.background.as_ref().map_or(Ok(()), |b| check("the background flow", b, false))?;
        let mut curves = Vec::with_capacity(links.len());
        let mut tables = Vec::new();
        for (k, link) in links.iter().enumerate() {
            let background = problem.background.as_ref().map_or(0.0, |b| b[k]);
            let curve = match (link.cost.as_power(), problem.objective) {
                (Some(Power { base, gain, power }), Objective::UserEquilibrium) => {
                    Curve { base, gain, power, background }
                }
                // d/dx of x · (base + gain x^power).
                (Some(Power { base, gain, power }), Objective::SystemOptimum) => {
                    Curve { base, gain: gain * (power + 1.0), power, background }
                }
                (None, Objective::SystemOptimum) => {
                    return Err(AssignError::TableHasNoMarginalCost { link: k });
                }
                (None, Objective::UserEquilibrium) => {
                    tables.resize(k, None);
                    tables.push(Some(link.cost.clone()));
                    Curve { base: 0.0, gain: 0.0, power: f64::NAN, background }
                }
            };
            curves.push(curve);
        }
        Ok(Curves { curves, tables })
    }

    /// Cost and slope of a link at a flow; a flow that rounding made negative counts as none.
    #[inline]
    pub(crate) fn at(&self, link: usize, flow: f64) -> [f64; 2] {
        let c = &self.curves[link];
        let x = if flow > 0.0 { flow + c.background } else { c.background };
        // Four is what nearly every published network has.
        if c.power == 4.0 {
            let below = c.gain * (x * x * x);
            return [c.base + below * x, 4.0 * below];
        }
        if c.gain > 0.0 {
            let below = c.gain * x.powf(c.power - 1.0);
            return [c.base + below * x, c.power * below];
        }
        match self.tables.get(link) {
            Some(Some(table)) => table.at(x).into(),
            _ => [c.base, 0.0],
        }
    }

    /// Costs and slopes of all links.
    pub(crate) fn fill(&self, flows: &[f64], costs: &mut [[f64; 2]]) {
        for (k, (x, c)) in flows.iter().zip(costs).enumerate() {
            *c = self.at(k, *x);
        }
    }

    /// The integral of a link's cost over the flow beyond the background.
    pub(crate) fn integral(&self, link: usize, flow: f64) -> f64 {
        let c = &self.curves[link];
        let (low, high) = (c.background, c.background + flow);
        if let Some(Some(table)) = self.tables.get(link) {
            return table.integral(high) - table.integral(low);
        }
        if c.gain == 0.0 {
            return c.base * flow;
        }
        let power = c.power + 1.0;
        let grown = if low == 0.0 { high.powf(power) } else { high.powf(power) - low.powf(power) };
        c.base * flow + c.gain / power * grown
    }
}
