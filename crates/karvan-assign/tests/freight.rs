//! The freight programme against hand, against a linear programme's solver, and against a conic one.

use std::ops::ControlFlow;

use good_lp::{Expression, Solution as _, SolverModel, Variable, constraint, microlp, variable, variables};
use karvan_assign::freight::*;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

fn quiet(_: &Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn solved(p: &Programme, gap: f64) -> Solution {
    let s =
        solve(p, &Settings { gap, most_evaluations: 50_000 }, None, &mut quiet).expect("a feasible point");
    assert!(s.certificate.feasible(1e-9), "{:?}", s.certificate);
    assert!(s.certificate.gap >= -1e-9, "{:?}", s.certificate);
    s
}

fn class(route: f64, nest: f64) -> Class {
    Class { route_scale: route, nest_scale: nest, carry_scale: nest }
}

fn alone(b: &mut Builder, cost: f32) -> Alternative {
    Alternative { route: b.route(&[]), units_per_t: 1.0, cost }
}

#[test]
fn three_routes_of_which_two_overlap() {
    // Three routes of 10 km; the second and third share 8 of them. By hand: PS is 1 for the first and 2/10 + 8/10/2 = 0.6
    // for the others; at equal cost they are chosen as 1 : 0.6 : 0.6, that is 5/11, 3/11, 3/11.
    let ps = ln_path_size(&[vec![(1, 10.0)], vec![(2, 8.0), (3, 2.0)], vec![(2, 8.0), (4, 2.0)]]);
    assert!((ps[0].exp() - 1.0).abs() < 1e-15 && (ps[1].exp() - 0.6).abs() < 1e-15);
    let theta = 0.1;
    let mut b = Builder::new();
    let c = b.class(class(theta, theta));
    b.group();
    let routes: Vec<Alternative> = ps.iter().map(|ln| alone(&mut b, (50.0 - ln / theta) as f32)).collect();
    b.flow(1100.0, c, f32::INFINITY, &[routes]);
    let s = solved(&b.build().expect("well formed"), 1e-9);
    for (f, by_hand) in s.flows.carried.iter().zip([500.0, 300.0, 300.0]) {
        assert!((f - by_hand).abs() < 1e-3, "{f} {by_hand}");
    }
}

#[test]
fn two_modes_one_with_two_routes() {
    // θ = 0.1, μ = 0.05. Rail 100 and 110, road 105 USD/t. By hand: within rail 1/(1 + e⁻¹) = 0.731059 take the first; the
    // log-sum of rail is 100 − 10·ln(1 + e⁻¹) = 96.867383; rail's share is 1/(1 + e^(−0.05·8.132617)) = 0.600290.
    let mut b = Builder::new();
    let c = b.class(class(0.1, 0.05));
    b.group();
    let rail = vec![alone(&mut b, 100.0), alone(&mut b, 110.0)];
    let road = vec![alone(&mut b, 105.0)];
    b.flow(1.0, c, f32::INFINITY, &[rail, road]);
    let s = solved(&b.build().expect("well formed"), 1e-12);
    let within = 1.0 / (1.0 + (-1.0f64).exp());
    let log_sum = 100.0 - 10.0 * (1.0 + (-1.0f64).exp()).ln();
    assert!((log_sum - 96.867383).abs() < 1e-6);
    let rail = 1.0 / (1.0 + (-0.05 * (105.0 - log_sum)).exp());
    let by_hand = [rail * within, rail * (1.0 - within), 1.0 - rail];
    for (f, by_hand) in s.flows.carried.iter().zip(by_hand) {
        assert!((f - by_hand).abs() < 1e-12, "{f} {by_hand}");
    }
}

#[test]
fn one_capacity_in_closed_form() {
    // Two routes of cost 10 and 20 at scale 0.2, 100 t, of which 40 may go by the first: its price y makes
    // 40/60 = e^(−0.2(10 + y − 20)), so y = 10 + 5·ln 1.5.
    let mut b = Builder::new();
    let c = b.class(class(0.2, 0.2));
    let row = b.row(Row::Capacity(40.0));
    b.group();
    let first = Alternative { route: b.route(&[(row, 1.0)]), units_per_t: 1.0, cost: 10.0 };
    let second = alone(&mut b, 20.0);
    b.flow(100.0, c, f32::INFINITY, &[vec![first, second]]);
    let s = solved(&b.build().expect("well formed"), 1e-10);
    assert!((s.prices[0] - (10.0 + 5.0 * 1.5f64.ln())).abs() < 1e-5, "{:?}", s.prices);
    assert!((s.flows.carried[0] - 40.0).abs() < 1e-6);
}

#[test]
fn a_queue_in_closed_form() {
    // One server, M/M/1, capacity 100 in 100 h, 1 USD an hour; 80 t, another way 4 USD dearer. With almost no dispersion the
    // wait settles at 4 h: ρ/(1−ρ) = 4, ρ = 0.8: exactly all go; at 3 USD, ρ = 0.75.
    let at = |dearer: f32| {
        let mut b = Builder::new();
        let c = b.class(class(2000.0, 2000.0));
        let row = b.row(Row::Queue(Queue {
            capacity: 100.0,
            interval_h: 1.0,
            servers: 1.0,
            variability: 1.0,
            usd_per_h: 1.0,
        }));
        b.group();
        let first = Alternative { route: b.route(&[(row, 1.0)]), units_per_t: 1.0, cost: 10.0 };
        let second = alone(&mut b, 10.0 + dearer);
        b.flow(90.0, c, f32::INFINITY, &[vec![first, second]]);
        solved(&b.build().expect("well formed"), 1e-9)
    };
    let s = at(3.0);
    assert!((s.flows.carried[0] - 75.0).abs() < 0.05, "{:?}", s.flows);
    assert!((s.prices[0] - 3.0).abs() < 0.01);
    assert!((at(4.0).flows.carried[0] - 80.0).abs() < 0.05);
}

/// Cost of a way and the rows it uses.
type Way = (f64, Vec<usize>);

/// A made instance: flows with alternatives over shared capacities, of which about half bind.
struct Made {
    rows: Vec<f64>,
    /// Demand; alternatives as cost and rows.
    flows: Vec<(f64, Vec<Way>)>,
}

fn made(seed: u64, rows: usize, flows: usize) -> Made {
    let mut r = ChaCha8Rng::seed_from_u64(seed);
    let flows: Vec<(f64, Vec<Way>)> = (0..flows)
        .map(|_| {
            let d = f64::from(r.random_range(20..200u32));
            let mut ways: Vec<Way> = (0..3)
                .map(|_| {
                    let mut uses: Vec<usize> = (0..3).map(|_| r.random_range(0..rows)).collect();
                    uses.sort_unstable();
                    uses.dedup();
                    (f64::from(r.random_range(100..1000u32)) / 10.0, uses)
                })
                .collect();
            // A dear way round everything, so that there is always a solution.
            ways.push((150.0 + f64::from(r.random_range(0..500u32)) / 10.0, vec![]));
            (d, ways)
        })
        .collect();
    let mut load = vec![0.0; rows];
    for (d, ways) in &flows {
        let best = ways.iter().min_by(|a, b| a.0.total_cmp(&b.0)).expect("ways");
        for r in &best.1 {
            load[*r] += d;
        }
    }
    let rows = load.iter().map(|l: &f64| (l * r.random_range(0.4..1.3)).max(10.0).round()).collect();
    Made { rows, flows }
}

impl Made {
    fn programme(&self, scale: f64) -> Programme {
        let mut b = Builder::new();
        let c = b.class(class(scale, scale));
        for k in &self.rows {
            b.row(Row::Capacity(*k));
        }
        for (d, ways) in &self.flows {
            b.group();
            let ways: Vec<Alternative> = ways
                .iter()
                .map(|(cost, uses)| {
                    let uses: Vec<(u32, f32)> = uses.iter().map(|r| (*r as u32, 1.0)).collect();
                    Alternative { route: b.route(&uses), units_per_t: 1.0, cost: *cost as f32 }
                })
                .collect();
            b.flow(*d, c, f32::INFINITY, &[ways]);
        }
        b.build().expect("well formed")
    }

    /// The linear programme by microlp: its optimum and, from its dual solved as a programme of its own, its prices.
    fn linear(&self) -> (f64, Vec<f64>) {
        let mut vars = variables!();
        let f: Vec<Vec<Variable>> = self
            .flows
            .iter()
            .map(|(_, ways)| ways.iter().map(|_| vars.add(variable().min(0.0))).collect())
            .collect();
        let cost = |c: f64| f64::from(c as f32);
        let objective: Expression = self
            .flows
            .iter()
            .zip(&f)
            .flat_map(|((_, ways), f)| ways.iter().zip(f).map(|((c, _), f)| cost(*c) * *f))
            .sum();
        let mut model = vars.minimise(objective.clone()).using(microlp);
        for ((d, _), f) in self.flows.iter().zip(&f) {
            model = model.with(constraint!(f.iter().copied().sum::<Expression>() == *d));
        }
        for (r, k) in self.rows.iter().enumerate() {
            let load: Expression = self
                .flows
                .iter()
                .zip(&f)
                .flat_map(|((_, ways), f)| {
                    ways.iter().zip(f).filter(|((_, u), _)| u.contains(&r)).map(|(_, f)| Expression::from(*f))
                })
                .sum();
            model = model.with(constraint!(load <= *k));
        }
        let value = model.solve().expect("solved").eval(objective);

        let mut vars = variables!();
        let y: Vec<Variable> = self.rows.iter().map(|_| vars.add(variable().min(0.0))).collect();
        let v: Vec<Variable> = self.flows.iter().map(|_| vars.add(variable())).collect();
        let objective: Expression = self.flows.iter().zip(&v).map(|((d, _), v)| *d * *v).sum::<Expression>()
            - self.rows.iter().zip(&y).map(|(k, y)| *k * *y).sum::<Expression>();
        let mut model = vars.maximise(objective.clone()).using(microlp);
        for ((_, ways), v) in self.flows.iter().zip(&v) {
            for (c, uses) in ways {
                let tolls: Expression = uses.iter().map(|r| Expression::from(y[*r])).sum();
                model = model.with(constraint!(*v - tolls <= cost(*c)));
            }
        }
        let s = model.solve().expect("solved");
        assert!((s.eval(objective) - value).abs() < 1e-6 * value);
        (value, y.iter().map(|y| s.value(*y)).collect())
    }
}

#[test]
fn without_dispersion_it_is_the_linear_programme() {
    for seed in 0..4 {
        let made = made(seed, 12, 40);
        let (value, prices) = made.linear();
        assert!(prices.iter().filter(|y| **y > 0.1).count() >= 3, "few capacities bind: {prices:?}");
        let mut start: Option<Vec<f64>> = None;
        let mut last = None;
        for scale in [0.1, 1.0, 10.0, 100.0] {
            let p = made.programme(scale);
            let s =
                solve(&p, &Settings { gap: 1e-6, most_evaluations: 50_000 }, start.as_deref(), &mut quiet)
                    .expect("feasible");
            start = Some(s.prices.clone());
            last = Some((p, s, scale));
        }
        let (p, s, scale) = last.expect("solved");
        assert!(s.certificate.gap < 3e-6, "{:?}", s.certificate);
        // The entropy of a flow with four ways lies between −ln 4 and 0 of its demand over the scale.
        let slack = p.demand.iter().sum::<f64>() * 4f64.ln() / scale;
        assert!(s.certificate.cost >= value * (1.0 - 1e-9), "{} {value}", s.certificate.cost);
        assert!(s.certificate.cost <= value + slack + 1e-5 * value, "{} {value}", s.certificate.cost);
        for (ours, theirs) in s.prices.iter().zip(&prices) {
            assert!((ours - theirs).abs() < 0.05 + 0.005 * theirs, "seed {seed}: {:?} {prices:?}", s.prices);
        }
    }
}

/// A small programme with everything in it: two modes, capacities, a queue, empties, a price of staying.
fn everything(bump: Option<(usize, f64)>) -> Programme {
    let mut r = ChaCha8Rng::seed_from_u64(11);
    let mut b = Builder::new();
    let classes = [b.class(class(0.2, 0.1)), b.class(class(0.08, 0.05))];
    let mut capacities = Vec::new();
    for i in 0..14 {
        let mut k = f64::from(r.random_range(150..450u32));
        if let Some((at, by)) = bump
            && at == i
        {
            k += by;
        }
        capacities.push(b.row(Row::Capacity(k)));
    }
    let queue = b.row(Row::Queue(Queue {
        capacity: 900.0,
        interval_h: 8760.0 / 900.0,
        servers: 2.0,
        variability: 0.8,
        usd_per_h: 0.5,
    }));
    let places: Vec<u32> = (0..5).map(|_| b.row(Row::Balance)).collect();
    for (i, from) in places.iter().enumerate() {
        for (j, to) in places.iter().enumerate() {
            if i != j {
                let over = capacities[(i + 2 * j) % 14];
                let uses = if (i + j) % 3 == 0 { vec![(over, 0.2)] } else { vec![] };
                b.empty_move(EmptyMove {
                    from: *from,
                    to: *to,
                    usd: 20.0 + 7.0 * (i as f64 - j as f64).abs(),
                    units_per_usd: 2.0,
                    uses,
                });
            }
        }
    }
    for f in 0..60 {
        b.group();
        let (o, d) = (f % 5, (f / 5 + 1 + f) % 5);
        let mut nest = |b: &mut Builder, n: usize, wagons: bool| -> Vec<Alternative> {
            (0..n)
                .map(|_| {
                    let mut uses: Vec<(u32, f32)> =
                        (0..2).map(|_| (capacities[r.random_range(0..14usize)], 1.0)).collect();
                    if r.random_range(0..3u32) == 0 {
                        uses.push((queue, 1.0));
                    }
                    if wagons && o != d {
                        uses.push((places[o], -0.4));
                        uses.push((places[d], 0.4));
                    }
                    Alternative {
                        route: b.route(&uses),
                        units_per_t: 0.5,
                        cost: f64::from(r.random_range(300..900u32)) as f32 / 10.0,
                    }
                })
                .collect()
        };
        let rail = nest(&mut b, 3, true);
        let mut road = nest(&mut b, 2, false);
        road.push(alone(&mut b, 170.0));
        // More goes to places of high number than comes back.
        b.flow(
            30.0 + (f % 7) as f64 * 10.0 + if d > o { 40.0 } else { 0.0 },
            classes[f % 2],
            260.0,
            &[rail, road],
        );
    }
    b.build().expect("well formed")
}

#[test]
fn a_conic_solver_finds_the_same() {
    // Relative entropy by exponential cones: (−t, f, F) in the cone says t ≥ f ln(f/F). The queue is left out, for it is none
    // of clarabel's cones.
    use clarabel::algebra::CscMatrix;
    use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, SupportedConeT::*};
    let mut p = everything(None);
    let queue = p.rows.iter().position(|r| matches!(r, Row::Queue(_))).expect("a queue");
    p.rows[queue] = Row::Capacity(520.0);
    let s = solved(&p, 1e-8);

    // Variables: f, t of each; F, T of each nest; q, s, tq, ts of each flow; u.
    let (na, nn, nf, nm) = (p.cost.len(), p.first_alternative.len() - 1, p.flows(), p.moves.len());
    let (t0, big, bt, q0, s0, tq, ts, u0) = (
        na,
        2 * na,
        2 * na + nn,
        2 * na + 2 * nn,
        2 * na + 2 * nn + nf,
        2 * na + 2 * nn + 2 * nf,
        2 * na + 2 * nn + 3 * nf,
        2 * na + 2 * nn + 4 * nf,
    );
    let n = u0 + nm;
    let mut q = vec![0.0; n];
    let mut hessian = vec![0.0; n];
    let (mut rows, mut rhs): (Vec<Vec<(usize, f64)>>, Vec<f64>) = (vec![], vec![]);
    for f in 0..nf {
        let c = p.classes[p.class[f] as usize];
        for a in p.alternatives(f) {
            q[a] = f64::from(p.cost[a]);
            q[t0 + a] = 1.0 / c.route_scale;
        }
        let mut sum = vec![(q0 + f, -1.0)];
        for n in p.nests(f) {
            q[bt + n] = 1.0 / c.nest_scale;
            let mut row: Vec<(usize, f64)> = p.alternatives_of(n).map(|a| (a, 1.0)).collect();
            row.push((big + n, -1.0));
            rows.push(row);
            rhs.push(0.0);
            sum.push((big + n, 1.0));
        }
        rows.push(sum);
        rhs.push(0.0);
        rows.push(vec![(q0 + f, 1.0), (s0 + f, 1.0)]);
        rhs.push(p.demand[f]);
        q[s0 + f] = f64::from(p.choke[f]);
        q[tq + f] = 1.0 / c.carry_scale;
        q[ts + f] = 1.0 / c.carry_scale;
    }
    let mut of_row: Vec<Vec<(usize, f64)>> = vec![vec![]; p.rows.len()];
    for a in 0..na {
        for (r, x) in p.uses(p.route[a]) {
            of_row[r as usize].push((a, x * f64::from(p.units_per_t[a])));
        }
    }
    for (i, m) in p.moves.iter().enumerate() {
        q[u0 + i] = m.usd;
        hessian[u0 + i] = 1.0 / m.units_per_usd;
        of_row[m.from as usize].push((u0 + i, -1.0));
        of_row[m.to as usize].push((u0 + i, 1.0));
        for (r, x) in &m.uses {
            of_row[*r as usize].push((u0 + i, f64::from(*x)));
        }
    }
    for (r, row) in p.rows.iter().enumerate() {
        if *row == Row::Balance {
            rows.push(of_row[r].clone());
            rhs.push(0.0);
        }
    }
    let equal = rows.len();
    let mut cones = vec![ZeroConeT(equal)];
    for (r, row) in p.rows.iter().enumerate() {
        if let Row::Capacity(k) = row {
            rows.push(of_row[r].clone());
            rhs.push(*k);
        }
    }
    for i in 0..nm {
        rows.push(vec![(u0 + i, -1.0)]);
        rhs.push(0.0);
    }
    cones.push(NonnegativeConeT(rows.len() - equal));
    // b − Ax in the cone: (−t, f, F).
    let mut relative = |t: usize, x: usize, y: Option<usize>, constant: f64| {
        rows.push(vec![(t, 1.0)]);
        rows.push(vec![(x, -1.0)]);
        rows.push(y.map_or(vec![], |y| vec![(y, -1.0)]));
        rhs.extend([0.0, 0.0, if y.is_some() { 0.0 } else { constant }]);
        cones.push(ExponentialConeT());
    };
    for f in 0..nf {
        for n in p.nests(f) {
            for a in p.alternatives_of(n) {
                relative(t0 + a, a, Some(big + n), 0.0);
            }
            relative(bt + n, big + n, Some(q0 + f), 0.0);
        }
        relative(tq + f, q0 + f, None, p.demand[f]);
        relative(ts + f, s0 + f, None, p.demand[f]);
    }
    let (mut i, mut j, mut v) = (vec![], vec![], vec![]);
    for (r, row) in rows.iter().enumerate() {
        for (c, x) in row {
            i.push(r);
            j.push(*c);
            v.push(*x);
        }
    }
    let a = CscMatrix::new_from_triplets(rows.len(), n, i, j, v);
    let diagonal: Vec<usize> = (0..n).collect();
    let hessian = CscMatrix::new_from_triplets(n, n, diagonal.clone(), diagonal, hessian);
    let settings = DefaultSettings { verbose: false, ..DefaultSettings::default() };
    let mut solver = DefaultSolver::new(&hessian, &q, &a, &rhs, &cones, settings).expect("set up");
    solver.solve();
    let theirs = solver.solution.obj_val;
    let gap = (s.certificate.primal - theirs).abs() / s.certificate.cost;
    assert!(gap < 1e-6, "{} {theirs} {:?} {:?}", s.certificate.primal, solver.solution.status, s.certificate);
    for (ours, theirs) in s.flows.carried.iter().zip(&solver.solution.x) {
        assert!((ours - theirs).abs() < 0.2, "{ours} {theirs}");
    }
    // Prices: multipliers of the capacities.
    let capacities: Vec<usize> =
        (0..p.rows.len()).filter(|r| matches!(p.rows[*r], Row::Capacity(_))).collect();
    for (k, r) in capacities.iter().enumerate() {
        let theirs = solver.solution.z[equal + k];
        assert!((s.prices[*r] - theirs).abs() < 0.02 + 0.002 * theirs, "{} {theirs}", s.prices[*r]);
    }
}

#[test]
fn a_shadow_price_lies_between_what_one_unit_less_costs_and_one_more_saves() {
    let base = solved(&everything(None), 1e-10);
    let mut binding = 0;
    for r in 0..14 {
        let less = solved(&everything(Some((r, -1.0))), 1e-10);
        let more = solved(&everything(Some((r, 1.0))), 1e-10);
        let noise = 2e-10 * base.certificate.cost * 2.0;
        let saves = base.certificate.primal - more.certificate.primal;
        let costs = less.certificate.primal - base.certificate.primal;
        let y = base.prices[r];
        assert!(saves <= y + noise && y <= costs + noise, "{r}: {saves} {y} {costs}");
        if y > 0.01 {
            binding += 1;
            assert!(
                costs - saves < 0.2 * y + noise,
                "{r}: the two are too far apart to say anything: {saves} {y} {costs}"
            );
        }
    }
    assert!(binding >= 10, "{:?}", &base.prices[..14]);
    assert!(base.certificate.gap <= 1e-9, "{:?}", base.certificate);
    // Empties run and are priced.
    assert!(base.flows.moved.iter().sum::<f64>() > 10.0, "{:?} {:?}", base.flows.moved, base.prices);
    let places = &base.prices[15..20];
    assert!(places.iter().any(|p| (p - places[0]).abs() > 1.0), "{places:?}");
}

#[test]
fn the_same_on_one_thread_and_on_many() {
    let at = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().expect("a pool");
        pool.install(|| solved(&everything(None), 1e-6))
    };
    let (one, many) = (at(1), at(5));
    assert_eq!(one.flows, many.flows);
    assert_eq!(one.prices, many.prices);
}

#[test]
fn demand_above_capacity_is_told_as_a_cut() {
    // Two ferries of 60 and 30 are the only ways of two flows of 80 and 50; a third flow goes round.
    let mut b = Builder::new();
    let c = b.class(class(0.1, 0.1));
    let (x, y) = (b.row(Row::Capacity(60.0)), b.row(Row::Capacity(30.0)));
    let other = b.row(Row::Capacity(500.0));
    for d in [80.0, 50.0] {
        b.group();
        let ways = [x, y].map(|r| Alternative {
            route: b.route(&[(r, 1.0), (other, 1.0)]),
            units_per_t: 1.0,
            cost: 10.0,
        });
        b.flow(d, c, f32::INFINITY, &[ways.to_vec()]);
    }
    b.group();
    let ways = [
        Alternative { route: b.route(&[(x, 1.0)]), units_per_t: 1.0, cost: 10.0 },
        Alternative { route: b.route(&[(other, 1.0)]), units_per_t: 1.0, cost: 90.0 },
    ];
    b.flow(100.0, c, f32::INFINITY, &[ways.to_vec()]);
    let p = b.build().expect("well formed");
    let s = least_shedding(&p, 1e-4);
    assert!((s.least_t - 40.0).abs() < 0.03, "{s:?}");
    assert!(s.found_t >= s.least_t - 1e-9 && s.found_t - s.least_t < 0.03, "{s:?}");
    let cut = s.cut.expect("a cut suffices");
    assert_eq!((cut.rows, cut.flows), (vec![0, 1], vec![0, 1]));
    assert_eq!((cut.needs, cut.has), (130.0, 90.0));
    assert!(solve(&p, &Settings { gap: 1e-4, most_evaluations: 300 }, None, &mut quiet).is_err());
}

#[test]
fn the_least_shedding_is_the_linear_programme_s() {
    for seed in 0..3 {
        let mut made = made(seed + 20, 8, 30);
        for (_, ways) in &mut made.flows {
            ways.pop();
        }
        for k in &mut made.rows {
            *k *= 0.6;
        }
        let p = made.programme(1.0);
        let s = least_shedding(&p, 1e-4);
        let mut vars = variables!();
        let f: Vec<Vec<Variable>> = made
            .flows
            .iter()
            .map(|(_, ways)| ways.iter().map(|_| vars.add(variable().min(0.0))).collect())
            .collect();
        let carried: Expression = f.iter().flatten().map(|f| Expression::from(*f)).sum();
        let mut model = vars.maximise(carried.clone()).using(microlp);
        for ((d, _), f) in made.flows.iter().zip(&f) {
            model = model.with(constraint!(f.iter().copied().sum::<Expression>() <= *d));
        }
        for (r, k) in made.rows.iter().enumerate() {
            let load: Expression = made
                .flows
                .iter()
                .zip(&f)
                .flat_map(|((_, ways), f)| {
                    ways.iter().zip(f).filter(|((_, u), _)| u.contains(&r)).map(|(_, f)| Expression::from(*f))
                })
                .sum();
            model = model.with(constraint!(load <= *k));
        }
        let total: f64 = p.demand.iter().sum();
        let exact = total - model.solve().expect("solved").eval(carried);
        assert!(exact > 0.01 * total, "nothing is shed");
        assert!(
            s.least_t <= exact + 1e-6 && s.found_t >= exact - 1e-6,
            "{} {exact} {}",
            s.least_t,
            s.found_t
        );
        assert!(s.found_t - s.least_t < 1e-3 * total, "{} {exact} {}", s.least_t, s.found_t);
    }
}

#[test]
fn a_capacity_that_cannot_bind_is_left_out_and_changes_nothing() {
    let mut p = everything(None);
    p.rows.push(Row::Capacity(1e9));
    let extra = p.rows.len() as u32 - 1;
    // Every route uses it as its last row.
    let (mut first, mut rows, mut amounts) = (vec![0u32], vec![], vec![]);
    for r in 0..p.first_use.len() - 1 {
        for (row, a) in p.uses(r as u32) {
            rows.push(row);
            amounts.push(a as f32);
        }
        rows.push(extra);
        amounts.push(1.0);
        first.push(rows.len() as u32);
    }
    (p.first_use, p.use_row, p.use_amount) = (first, rows, amounts);
    let (lean, kept) = p.clone().lean();
    assert!(lean.use_row.len() < p.use_row.len());
    assert!(!kept.contains(&extra));
    let (a, b) = (solved(&p, 1e-8), solved(&lean, 1e-8));
    assert!((a.certificate.primal - b.certificate.primal).abs() < 2e-8 * a.certificate.cost);
    for (r, price) in kept.iter().zip(&b.prices) {
        assert!((a.prices[*r as usize] - price).abs() < 0.05, "{r} {price}");
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Weak duality: no prices give a dual value above the value of feasible flows.
        #[test]
        fn no_prices_are_above_feasible_flows(seed in 0u64..1000, up in 0.0f64..80.0) {
            let p = made(seed, 8, 20).programme(0.1);
            let s = solved(&p, 1e-5);
            let mut r = ChaCha8Rng::seed_from_u64(seed);
            let prices: Vec<f64> = p.rows.iter().map(|_| r.random_range(0.0..=up)).collect();
            prop_assert!(dual_value(&p, &prices) <= s.certificate.primal + 1e-6);
            prop_assert!(s.certificate.gap <= 1.1e-5);
        }
    }
}
