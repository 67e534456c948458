//! The programme's data, in compact arrays, and how it is put together.

use super::queue::Queue;

/// How sharply shippers of a class choose. A scale is the inverse of a spread, 1/USD a tonne: at scale 0.1 two options
/// that differ by 10 US dollars a tonne are chosen as e to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Between alternatives of one nest (mode): θ.
    pub route_scale: f64,
    /// Between nests: μ. Not above θ, if the choice is to be one of greatest utility.
    pub nest_scale: f64,
    /// Between being carried and not: ν.
    pub carry_scale: f64,
}

/// What couples the flows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row {
    /// At most so much a period.
    Capacity(f64),
    /// A queue, whose wait is priced.
    Queue(Queue),
    /// Comes and goes in equal number: empty equipment at a place.
    Balance,
}

/// An empty piece of equipment may be moved from one balance row to another.
#[derive(Clone, Debug, PartialEq)]
pub struct EmptyMove {
    /// Balance row it leaves.
    pub from: u32,
    /// Balance row it arrives at.
    pub to: u32,
    /// Cost of the first unit, US dollars.
    pub usd: f64,
    /// Units by which the cost of one more rises by one US dollar.
    pub units_per_usd: f64,
    /// What it takes of rows of capacity and queues, a unit.
    pub uses: Vec<(u32, f32)>,
}

/// The programme. See the module's documentation for its statement.
#[derive(Clone, Debug, Default)]
pub struct Programme {
    /// Rows.
    pub rows: Vec<Row>,
    /// Classes.
    pub classes: Vec<Class>,
    /// Demand of each flow a period, t.
    pub demand: Vec<f64>,
    /// Class of each flow.
    pub class: Vec<u16>,
    /// Cost of not being carried of each flow, USD/t; infinite where it has to be.
    pub choke: Vec<f32>,
    /// First nest of each flow.
    pub first_nest: Vec<u32>,
    /// First alternative of each nest.
    pub first_alternative: Vec<u32>,
    /// Generalised cost of each alternative, constants included, USD/t.
    pub cost: Vec<f32>,
    /// Route of each alternative.
    pub route: Vec<u32>,
    /// What multiplies the route's use of its rows for a tonne of this alternative.
    pub units_per_t: Vec<f32>,
    /// First use of each route.
    pub first_use: Vec<u32>,
    /// Rows used.
    pub use_row: Vec<u32>,
    /// By so many units, times the alternative's multiplier.
    pub use_amount: Vec<f32>,
    /// First flow of each group: flows of a group share routes, of two groups none.
    pub group_flow: Vec<u32>,
    /// First route of each group.
    pub group_route: Vec<u32>,
    /// Empty moves.
    pub moves: Vec<EmptyMove>,
}

/// An alternative while a programme is put together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// Route, as [`Builder::route`] gave it in this group.
    pub route: u32,
    /// Units of the route's rows for a tonne.
    pub units_per_t: f32,
    /// Generalised cost, USD/t.
    pub cost: f32,
}

/// A programme that is not well formed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProgrammeError {
    /// Nothing can carry a flow that has to be.
    #[error("flow {0} has no alternative and has to be carried; give it one, or a price at which it stays")]
    NoAlternative(u32),
    /// A number that is none.
    #[error("{what} of flow {flow} is {value}; it has to be a finite number{}", if *.positive { " above 0" } else { "" })]
    Number {
        /// Which.
        what: &'static str,
        /// Flow.
        flow: u32,
        /// Given.
        value: f64,
        /// Whether it has to be positive.
        positive: bool,
    },
    /// A row with a capacity below nothing.
    #[error("row {row} has the capacity {value}; it has to be a number of 0 or more")]
    Capacity {
        /// Row.
        row: u32,
        /// Given.
        value: f64,
    },
    /// An index out of range.
    #[error("{what} {given} does not exist; there are {count}")]
    Index {
        /// Of what.
        what: &'static str,
        /// Given.
        given: u32,
        /// How many there are.
        count: u32,
    },
    /// A scale that is none.
    #[error("class {0} has a scale that is not a positive number")]
    Scale(u16),
    /// An empty move that does not join two balance rows, uses one, or has no positive number of units per dollar.
    #[error(
        "empty move {0} has to join two balance rows, use none besides, cost 0 or more and rise by a positive number of units"
    )]
    Move(u32),
}

/// Puts a programme together, group by group.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    programme: Programme,
}

impl Builder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            programme: Programme {
                first_nest: vec![0],
                first_alternative: vec![0],
                first_use: vec![0],
                ..Programme::default()
            },
        }
    }

    /// A class.
    pub fn class(&mut self, class: Class) -> u16 {
        self.programme.classes.push(class);
        (self.programme.classes.len() - 1) as u16
    }

    /// A row.
    pub fn row(&mut self, row: Row) -> u32 {
        self.programme.rows.push(row);
        self.programme.rows.len() as u32 - 1
    }

    /// An empty move.
    pub fn empty_move(&mut self, m: EmptyMove) {
        self.programme.moves.push(m);
    }

    /// Begins a group: flows that may share routes.
    pub fn group(&mut self) {
        self.programme.group_flow.push(self.programme.demand.len() as u32);
        self.programme.group_route.push(self.programme.first_use.len() as u32 - 1);
    }

    /// A route of the group: the rows it uses and by how much. Uses of one row are added.
    pub fn route(&mut self, uses: &[(u32, f32)]) -> u32 {
        let p = &mut self.programme;
        let first = p.use_row.len();
        for (row, amount) in uses {
            match (first..p.use_row.len()).find(|i| p.use_row[*i] == *row) {
                Some(i) => p.use_amount[i] += amount,
                None => {
                    p.use_row.push(*row);
                    p.use_amount.push(*amount);
                }
            }
        }
        p.first_use.push(p.use_row.len() as u32);
        p.first_use.len() as u32 - 2
    }

    /// A flow of the group, with its alternatives by nest.
    pub fn flow(&mut self, demand_t: f64, class: u16, choke: f32, nests: &[Vec<Alternative>]) -> u32 {
        let p = &mut self.programme;
        p.demand.push(demand_t);
        p.class.push(class);
        p.choke.push(choke);
        for nest in nests.iter().filter(|n| !n.is_empty()) {
            for a in nest {
                p.cost.push(a.cost);
                p.route.push(a.route);
                p.units_per_t.push(a.units_per_t);
            }
            p.first_alternative.push(p.cost.len() as u32);
        }
        p.first_nest.push(p.first_alternative.len() as u32 - 1);
        p.demand.len() as u32 - 1
    }

    /// The programme, if it is well formed.
    ///
    /// # Errors
    /// The first thing that is not.
    pub fn build(mut self) -> Result<Programme, ProgrammeError> {
        let p = &mut self.programme;
        p.group_flow.push(p.demand.len() as u32);
        p.group_route.push(p.first_use.len() as u32 - 1);
        check(p)?;
        Ok(self.programme)
    }
}

fn check(p: &Programme) -> Result<(), ProgrammeError> {
    for (i, c) in p.classes.iter().enumerate() {
        let ok = |s: f64| s.is_finite() && s > 0.0;
        if !(ok(c.route_scale) && ok(c.nest_scale) && ok(c.carry_scale)) {
            return Err(ProgrammeError::Scale(i as u16));
        }
    }
    for (i, r) in p.rows.iter().enumerate() {
        let value = match r {
            Row::Capacity(k) => *k,
            Row::Queue(q) => {
                if !(q.capacity > 0.0
                    && q.usd_per_h >= 0.0
                    && q.variability >= 0.0
                    && q.servers >= 1.0
                    && q.interval_h > 0.0)
                {
                    return Err(ProgrammeError::Capacity { row: i as u32, value: q.capacity });
                }
                q.capacity
            }
            Row::Balance => 0.0,
        };
        if !(value.is_finite() && value >= 0.0) {
            return Err(ProgrammeError::Capacity { row: i as u32, value });
        }
    }
    let rows = p.rows.len() as u32;
    if let Some(r) = p.use_row.iter().find(|r| **r >= rows) {
        return Err(ProgrammeError::Index { what: "row", given: *r, count: rows });
    }
    for (i, m) in p.moves.iter().enumerate() {
        let balance = |r: u32| matches!(p.rows.get(r as usize), Some(Row::Balance));
        let ok = balance(m.from)
            && balance(m.to)
            && m.from != m.to
            && m.usd >= 0.0
            && m.units_per_usd > 0.0
            && m.units_per_usd.is_finite()
            && m.uses.iter().all(|(r, a)| *r < rows && !balance(*r) && *a >= 0.0);
        if !ok {
            return Err(ProgrammeError::Move(i as u32));
        }
    }
    for g in 0..p.groups() {
        let routes = p.group_route[g]..p.group_route[g + 1];
        for f in p.group_flow[g]..p.group_flow[g + 1] {
            let i = f as usize;
            if p.class[i] as usize >= p.classes.len() {
                return Err(ProgrammeError::Index {
                    what: "class",
                    given: u32::from(p.class[i]),
                    count: p.classes.len() as u32,
                });
            }
            let number = |what, value: f64, positive: bool| {
                if value.is_finite() && (!positive || value > 0.0) {
                    Ok(())
                } else {
                    Err(ProgrammeError::Number { what, flow: f, value, positive })
                }
            };
            number("demand", p.demand[i], true)?;
            if p.choke[i].is_nan() {
                number("price of not being carried", f64::NAN, false)?;
            }
            let alternatives = p.alternatives(i);
            if alternatives.is_empty() && p.choke[i].is_infinite() {
                return Err(ProgrammeError::NoAlternative(f));
            }
            for a in alternatives {
                number("cost", f64::from(p.cost[a]), false)?;
                number("units a tonne", f64::from(p.units_per_t[a]), false)?;
                if !routes.contains(&p.route[a]) {
                    return Err(ProgrammeError::Index {
                        what: "route of the group",
                        given: p.route[a],
                        count: routes.end,
                    });
                }
            }
        }
    }
    // Uses of capacities are not negative, or a capacity would be made by carrying.
    for (r, a) in p.use_row.iter().zip(&p.use_amount) {
        if !a.is_finite() || (*a < 0.0 && p.rows[*r as usize] != Row::Balance) {
            return Err(ProgrammeError::Capacity { row: *r, value: f64::from(*a) });
        }
    }
    Ok(())
}

impl Programme {
    /// Number of flows.
    pub fn flows(&self) -> usize {
        self.demand.len()
    }

    /// Number of groups.
    pub fn groups(&self) -> usize {
        self.group_flow.len() - 1
    }

    /// Nests of a flow.
    pub fn nests(&self, flow: usize) -> std::ops::Range<usize> {
        self.first_nest[flow] as usize..self.first_nest[flow + 1] as usize
    }

    /// Alternatives of a nest.
    pub fn alternatives_of(&self, nest: usize) -> std::ops::Range<usize> {
        self.first_alternative[nest] as usize..self.first_alternative[nest + 1] as usize
    }

    /// Alternatives of a flow.
    pub fn alternatives(&self, flow: usize) -> std::ops::Range<usize> {
        let nests = self.nests(flow);
        self.first_alternative[nests.start] as usize..self.first_alternative[nests.end] as usize
    }

    /// Uses of a route: row and amount.
    pub fn uses(&self, route: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let at = self.first_use[route as usize] as usize..self.first_use[route as usize + 1] as usize;
        self.use_row[at.clone()].iter().zip(&self.use_amount[at]).map(|(r, a)| (*r, f64::from(*a)))
    }

    /// Bytes of its arrays.
    pub fn bytes(&self) -> usize {
        self.demand.len() * (8 + 2 + 4 + 4)
            + self.first_alternative.len() * 4
            + self.cost.len() * 12
            + self.first_use.len() * 4
            + self.use_row.len() * 8
    }

    /// A bound on what could ever load each row of capacity or queue: all of a group by its route that uses the row most. A
    /// capacity above that cannot bind. Rows that empty moves use are infinite.
    pub fn most_loads(&self) -> Vec<f64> {
        let mut most = vec![0.0; self.rows.len()];
        let mut here = vec![0.0f64; self.rows.len()];
        let mut touched = Vec::new();
        for g in 0..self.groups() {
            let units: f64 = (self.group_flow[g] as usize..self.group_flow[g + 1] as usize)
                .map(|f| {
                    let most =
                        self.alternatives(f).map(|a| f64::from(self.units_per_t[a])).fold(0.0, f64::max);
                    self.demand[f] * most
                })
                .sum();
            for route in self.group_route[g]..self.group_route[g + 1] {
                for (row, amount) in self.uses(route) {
                    let h = &mut here[row as usize];
                    if *h == 0.0 {
                        touched.push(row as usize);
                    }
                    *h = h.max(amount);
                }
            }
            for row in touched.drain(..) {
                most[row] += here[row] * units;
                here[row] = 0.0;
            }
        }
        for m in &self.moves {
            for (r, _) in &m.uses {
                most[*r as usize] = f64::INFINITY;
            }
        }
        most
    }

    /// The same programme without the rows that nothing uses or that cannot bind; and of each row left, its number here.
    /// Shadow prices of the others are nothing.
    pub fn lean(mut self) -> (Programme, Vec<u32>) {
        let most = self.most_loads();
        let mut used = vec![false; self.rows.len()];
        for r in &self.use_row {
            used[*r as usize] = true;
        }
        for m in &self.moves {
            used[m.from as usize] = true;
            used[m.to as usize] = true;
            for (r, _) in &m.uses {
                used[*r as usize] = true;
            }
        }
        let mut number = vec![u32::MAX; self.rows.len()];
        let mut kept = Vec::new();
        for (r, row) in self.rows.iter().enumerate() {
            if used[r] && !matches!(row, Row::Capacity(k) if most[r] <= *k) {
                number[r] = kept.len() as u32;
                kept.push(r as u32);
            }
        }
        let mut at = 0;
        let mut first = Vec::with_capacity(self.first_use.len());
        first.push(0u32);
        for route in 0..self.first_use.len() - 1 {
            for i in self.first_use[route] as usize..self.first_use[route + 1] as usize {
                let row = number[self.use_row[i] as usize];
                if row != u32::MAX {
                    self.use_row[at] = row;
                    self.use_amount[at] = self.use_amount[i];
                    at += 1;
                }
            }
            first.push(at as u32);
        }
        self.use_row.truncate(at);
        self.use_amount.truncate(at);
        self.use_row.shrink_to_fit();
        self.use_amount.shrink_to_fit();
        self.first_use = first;
        self.rows = kept.iter().map(|r| self.rows[*r as usize]).collect();
        for m in &mut self.moves {
            m.from = number[m.from as usize];
            m.to = number[m.to as usize];
            for (r, _) in &mut m.uses {
                *r = number[*r as usize];
            }
        }
        (self, kept)
    }
}

/// Path-size correction of a set of overlapping routes, ln PS (Ben-Akiva and Bierlaire 1999): each route's
/// `PS = Σ_s (l_s/L) / N_s` over its segments `s` of length `l_s`, where `N_s` is the number of routes that use the segment
/// and `L` the route's length. Taken off a route's cost as `ln PS / θ`.
///
/// `routes` holds each route as its segments and their lengths, which have to be positive in sum.
pub fn ln_path_size(routes: &[Vec<(u64, f64)>]) -> Vec<f64> {
    let mut users: std::collections::BTreeMap<u64, f64> = Default::default();
    for r in routes {
        for (s, _) in r {
            *users.entry(*s).or_insert(0.0) += 1.0;
        }
    }
    routes
        .iter()
        .map(|r| {
            let length: f64 = r.iter().map(|(_, l)| l).sum();
            if length <= 0.0 {
                return 0.0;
            }
            r.iter().map(|(s, l)| l / length / users[s]).sum::<f64>().ln()
        })
        .collect()
}
