//! What a consignor knows when he chooses: what is booked on every way, and which ports are shut.
//!
//! Whoever sets out books all that he will wait for, on the day on which he should be there: requests for wagons and space
//! aboard are made ahead, and whoever takes them knows of all. A booking ends when it is served; one that was not
//! served on its day stands over to the next, so what is due is the queue with all that is late for it. Who
//! comes next is told the wait that follows if all come on their days and as much is served a day as can be: no luck of
//! anyone, no later booking, no closure that has not begun.

use karvan_model::tables::Departure;

use super::spec::{Draw, Part, Spec, Step};

/// What a use of a way waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum For {
    /// A turn, with its work: position in [`Ledgers`].
    Turn(u32, f32),
    /// The weather: position in [`Spec::weather`].
    Weather(u32),
}

/// Something on a way that may have to be waited for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Use {
    /// What for.
    pub what: For,
    /// Mean hours from being ready until it is reached, if nothing has a queue.
    pub at_h: f32,
    /// Step of the way.
    pub step: u16,
}

/// Where the ledgers of each kind of thing begin: gates, lines, boardings, pools.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    lines: u32,
    boardings: u32,
    pools: u32,
    all: u32,
}

impl Numbers {
    /// Of a spec.
    pub fn of(spec: &Spec) -> Self {
        let lines = spec.gates.len() as u32;
        let boardings = lines + spec.lines.len() as u32;
        let pools = boardings + spec.boardings.len() as u32;
        Self { lines, boardings, pools, all: pools + spec.pools.len() as u32 }
    }
    /// Of a line.
    pub fn line(&self, l: u32) -> u32 {
        self.lines + l
    }
    /// Of a boarding.
    pub fn boarding(&self, b: u32) -> u32 {
        self.boardings + b
    }
    /// Of a pool.
    pub fn pool(&self, p: u32) -> u32 {
        self.pools + p
    }
}

/// What there is to wait for on each way, in the order in which it is met. Work is in hours of a lane, of a section and
/// of a piece of equipment, and in units of a departure.
pub fn uses(spec: &Spec, way: usize) -> Vec<Use> {
    let numbers = Numbers::of(spec);
    let way = &spec.ways[way];
    let mean = |d: &Draw| spec.quantiles[d.quantiles as usize].mean() * f64::from(d.times);
    // What a plan expects to wait for departures is not among the steps; all of them have an equal part of it.
    let lasts = |s: &Step| match s {
        Step::Stay(d, _) | Step::Haul { draw: d, .. } | Step::Board { draw: d, .. } => mean(d),
        Step::Gate { draw, work, .. } => mean(draw).max(work.h()),
        _ => 0.0,
    };
    let departures = way.steps.iter().filter(|s| matches!(s, Step::Board { .. })).count();
    let moved: f64 = way.steps.iter().map(lasts).sum();
    let departs = (way.mean_h - moved).max(0.0) / departures.max(1) as f64;
    let mut at = 0.0;
    let mut all: Vec<Use> = Vec::new();
    let mut taken: Vec<(u32, usize, f64)> = Vec::new();
    for (i, s) in way.steps.iter().enumerate() {
        let one = |what, at_h: f64| Use { what, at_h: at_h as f32, step: i as u16 };
        match *s {
            Step::Gate { gate, work, .. } => all.push(one(For::Turn(gate, work.h() as f32), at)),
            Step::Haul { path, wagons, full, .. } => {
                let path = &spec.paths[path as usize];
                let train = f64::from(wagons) / f64::from(full.max(1));
                let kmh = spec.motion_kmh;
                let (mut km, lasts) = (0.0, lasts(s));
                for p in &path.parts {
                    let there = at + lasts * km / path.km.max(1e-9);
                    match *p {
                        Part::Free { km: k } => km += k,
                        Part::Paths { gate, work } => {
                            all.push(one(For::Turn(gate, (work.h() * train) as f32), there));
                        }
                        Part::Single { line, km: k, .. } => {
                            let section = k / kmh / spec.lines[line as usize].sections as f64;
                            all.push(one(For::Turn(numbers.line(line), (section * train) as f32), there));
                            km += k;
                        }
                    }
                }
            }
            Step::Board { boarding, units, .. } => {
                at += departs;
                all.push(one(For::Turn(numbers.boarding(boarding), units as f32), at));
                if let Some(w) = spec.boardings[boarding as usize].weather {
                    all.push(one(For::Weather(w), at));
                }
            }
            Step::Weather(w) => all.push(one(For::Weather(w), at)),
            Step::Take { pool, .. } => {
                taken.push((pool, all.len(), at));
                all.push(one(For::Turn(numbers.pool(pool), 0.0), at));
            }
            Step::Give { pool, units, back } => {
                if let Some(i) = taken.iter().position(|t| t.0 == pool) {
                    let (_, of, since) = taken.remove(i);
                    let held = f64::from(units) * (at - since + back.h());
                    all[of].what = For::Turn(numbers.pool(pool), held as f32);
                }
            }
            Step::Stay(..) | Step::Accept(_) | Step::Enter { .. } | Step::Leave { .. } => {}
        }
        at += lasts(s);
    }
    all
}

/// What is booked on one thing, by day of the run.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// What it can do a day; not finite: it is never short.
    per_day: f64,
    /// What others than those who book take of it a day.
    others: f64,
    /// What was booked for days before this one, and is still to be done.
    due: f64,
    /// What is booked for each day.
    days: Vec<f64>,
    /// The most that was ever booked for a day.
    most: f64,
    /// Work booked that trains brought, and trains: those that leave before they are full take as much as full ones.
    trains: (f64, f64),
}

impl Ledger {
    fn new(per_day: f64, others: f64, days: usize) -> Self {
        let days = if per_day.is_finite() { vec![0.0; days + 1] } else { Vec::new() };
        Self { per_day, others, due: 0.0, days, most: 0.0, trains: (1.0, 1.0) }
    }

    /// Books work for an hour of the run; the day.
    fn book(&mut self, h: f64, work: f64) -> u16 {
        let last = self.days.len().saturating_sub(1);
        let day = ((h / 24.0).max(0.0) as usize).min(last);
        if let Some(d) = self.days.get_mut(day) {
            *d += work;
            self.most = self.most.max(*d);
        }
        day as u16
    }

    /// Hours to wait at an hour of the run, seen from another.
    fn wait_h(&self, now_h: f64, at_h: f64) -> f64 {
        if !self.per_day.is_finite() || self.per_day <= 0.0 {
            return 0.0;
        }
        let can = self.per_day * (self.trains.0 / self.trains.1);
        let (today, at) = (now_h / 24.0, (at_h / 24.0).max(now_h / 24.0));
        let (mut queue, mut t, mut day) = (self.due, today, today as usize);
        while t < at {
            let Some(booked) = self.days.get(day) else { break };
            let end = ((day + 1) as f64).min(at);
            // What is left of this day's bookings comes evenly over what is left of it.
            let part = (end - t) / ((day + 1) as f64 - t).max(1e-9);
            queue = (queue + booked * part + (self.others - can) * (end - t)).max(0.0);
            (t, day) = (end, day + 1);
            // No later day brings more than can be done in it: most things are never short.
            if queue == 0.0 && self.most <= can - self.others {
                return 0.0;
            }
        }
        queue / can * 24.0
    }
}

/// All that is booked.
#[derive(Clone, Debug)]
pub struct Ledgers {
    rows: Vec<Ledger>,
    today: usize,
}

/// What a fleet's vessels and berths can take away from an end a day, in thousandths of units.
fn fleet_a_day(spec: &Spec, fleet: u32, b: u32) -> f64 {
    let fleet = &spec.fleets[fleet as usize];
    let alongside = |end: usize| {
        let berth = fleet.berths[end].map(|i| &spec.berths[i as usize]);
        berth.map_or((0.0, f64::INFINITY), |b| {
            let h = spec.quantiles[b.alongside as usize].mean();
            (h, f64::from(b.count) * 24.0 / (2.0 * h).max(1e-9))
        })
    };
    let run = |end: usize| {
        let run = spec.boardings[fleet.ends[end] as usize].run;
        run.map_or(0.0, |d| spec.quantiles[d.quantiles as usize].mean() * f64::from(d.times))
    };
    // Unloaded and loaded at each end.
    let round = (0..2).map(|e| run(e) + 2.0 * alongside(e).0).sum::<f64>();
    let departures = f64::from(fleet.vessels) * 24.0 / round.max(1e-9);
    let berths = (0..2).map(|e| alongside(e).1).fold(f64::INFINITY, f64::min);
    departures.min(berths) * f64::from(spec.boardings[b as usize].capacity)
}

/// What a stop of a service can take away a day, in thousandths of units.
fn boarding_a_day(spec: &Spec, b: u32) -> f64 {
    let row = &spec.boardings[b as usize];
    let capacity = f64::from(row.capacity);
    let vessels = row.fleet.map_or(f64::INFINITY, |f| fleet_a_day(spec, f, b));
    let departures = match row.departure {
        Departure::Timetable => row.times.len() as f64 / 7.0,
        Departure::Headway => 24.0 / row.headway.h(),
        Departure::WhenFull | Departure::OnDemand if row.fleet.is_some() => f64::INFINITY,
        Departure::WhenFull | Departure::OnDemand => 24.0 / row.headway.h(),
    };
    (departures * capacity).min(vessels)
}

impl Ledgers {
    /// Empty ones.
    pub fn new(spec: &Spec) -> Self {
        let days = spec.days as usize;
        let gates = spec.gates.iter().map(|g| {
            let open = g.hours.map_or(24.0, |(a, z)| (z - a).rem_euclid(24.0));
            Ledger::new(f64::from(g.lanes) * if open == 0.0 { 24.0 } else { open }, 0.0, days)
        });
        let lines = spec.lines.iter().map(|_| Ledger::new(24.0, 0.0, days));
        let boardings = spec.boardings.iter().enumerate().map(|(b, row)| {
            Ledger::new(boarding_a_day(spec, b as u32), row.background * 24.0 * 1000.0, days)
        });
        let pools = spec.pools.iter().map(|p| Ledger::new(f64::from(p.count) * 24.0, 0.0, days));
        let rows: Vec<Ledger> = gates.chain(lines).chain(boardings).chain(pools).collect();
        debug_assert_eq!(rows.len(), Numbers::of(spec).all as usize);
        Self { rows, today: 0 }
    }

    /// Hours to wait for a turn at an hour of the run, seen from another.
    pub fn wait_h(&self, ledger: u32, now_h: f64, at_h: f64) -> f64 {
        self.rows[ledger as usize].wait_h(now_h, at_h)
    }

    /// Books work for an hour of the run; the day, by which it is served.
    pub fn book(&mut self, ledger: u32, h: f64, work: f64) -> u16 {
        self.rows[ledger as usize].book(h, work)
    }

    /// What was booked for a day is served.
    pub fn served(&mut self, ledger: u32, day: u16, work: f64) {
        let row = &mut self.rows[ledger as usize];
        if usize::from(day) < self.today {
            row.due = (row.due - work).max(0.0);
        } else if let Some(d) = row.days.get_mut(usize::from(day)) {
            *d = (*d - work).max(0.0);
        }
    }

    /// One that did not book waits.
    pub fn waits(&mut self, ledger: u32, work: f64) {
        self.rows[ledger as usize].due += work;
    }

    /// One that did not book waits no longer.
    pub fn waits_no_longer(&mut self, ledger: u32, work: f64) {
        let row = &mut self.rows[ledger as usize];
        row.due = (row.due - work).max(0.0);
    }

    /// A train took a turn for work that was booked as parts of full ones.
    pub fn train(&mut self, ledger: u32, work: f64, full: f64) {
        let (a, b) = &mut self.rows[ledger as usize].trains;
        (*a, *b) = (*a + work, *b + full);
    }

    /// A day is over: what was booked for it and not served is due.
    pub fn next_day(&mut self) {
        for row in &mut self.rows {
            if let Some(left) = row.days.get_mut(self.today) {
                row.due += std::mem::take(left);
            }
        }
        self.today += 1;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All that is booked on a thing and not served; none where nothing is kept, since it is never short.
    pub fn outstanding(&self, ledger: u32) -> Option<f64> {
        let row = &self.rows[ledger as usize];
        row.per_day.is_finite().then(|| row.due + row.days.iter().sum::<f64>())
    }
}

/// Shares of ways by a logit on their cost relative to the least without queues, and last the share that does not move.
///
/// `stays_at`: cost above that least at which half of the cargo stays; it is told apart to a twentieth of that.
pub fn shares(costs: &[f64], least: f64, scale: f64, stays_at: Option<f64>) -> Vec<f64> {
    let now = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let mut shares: Vec<f64> = costs.iter().map(|c| (-scale * (c - now) / least.max(1e-9)).exp()).collect();
    let total: f64 = shares.iter().sum();
    let stays = stays_at.map_or(0.0, |v| 1.0 / (1.0 + (20.0 / v.max(1e-9) * (least + v - now)).exp()));
    shares.iter_mut().for_each(|s| *s *= (1.0 - stays) / total);
    shares.push(stays);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten a day, fifty due: whoever comes at once waits for five days, whoever comes in three for two, in six for none.
    #[test]
    fn what_is_due_is_worked_off_before_one_comes() {
        let mut l = Ledger::new(10.0, 0.0, 30);
        l.due = 50.0;
        for (at, wait) in [(0.0, 120.0), (72.0, 48.0), (144.0, 0.0)] {
            assert!((l.wait_h(0.0, at) - wait).abs() < 1e-9, "{at}: {}", l.wait_h(0.0, at));
        }
        // Others take four of the ten.
        l.others = 4.0;
        assert!((l.wait_h(0.0, 72.0) - (50.0 - 18.0) / 10.0 * 24.0).abs() < 1e-9);
    }

    /// Thirty come on the second day: they are no wait for who comes on the first, and two days for who comes on the third.
    #[test]
    fn bookings_count_from_their_day_on() {
        let mut all = Ledgers { rows: vec![Ledger::new(10.0, 0.0, 30)], today: 0 };
        let day = all.book(0, 30.0, 30.0);
        assert_eq!(day, 1);
        assert!(all.wait_h(0, 0.0, 20.0).abs() < 1e-9);
        assert!((all.wait_h(0, 0.0, 48.0) - 48.0).abs() < 1e-9);
        assert!((all.wait_h(0, 0.0, 72.0) - 24.0).abs() < 1e-9);
        // Not served on its day, it is due on the next.
        all.next_day();
        all.next_day();
        assert!((all.wait_h(0, 48.0, 48.0) - 72.0).abs() < 1e-9);
        all.served(0, day, 30.0);
        assert_eq!(all.outstanding(0), Some(0.0));
    }

    #[test]
    fn who_would_pay_more_than_the_cargo_is_worth_stays() {
        let s = shares(&[100.0, 110.0], 100.0, 15.0, Some(1000.0));
        assert!((s[0] / s[1] - 1.5f64.exp()).abs() < 1e-9 && s[2] < 1e-8);
        let s = shares(&[1100.0, 1100.0], 100.0, 15.0, Some(1000.0));
        assert!((s[2] - 0.5).abs() < 1e-9 && (s[0] - 0.25).abs() < 1e-9);
        assert_eq!(shares(&[100.0], 100.0, 15.0, None), [1.0, 0.0]);
    }
}
