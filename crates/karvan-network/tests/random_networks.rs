//! Random networks against independent answers: petgraph's Dijkstra for the quickest way, all simple ways for
//! the Pareto set, and the laws that permissions obey.

use std::collections::BTreeMap;

use karvan_model::money::ExchangeRates;
use karvan_model::raw::Manifest;
use karvan_model::table::Row;
use karvan_model::tables::*;
use karvan_model::{CargoIx, Model, NodeIx, TableOf, Tables};
use karvan_network::base::Base;
use karvan_network::compile::{Blocker, Network, Question};
use karvan_network::loads::Loads;
use karvan_network::rates::Pricer;
use karvan_network::search::{CRITERIA, Settings};
use petgraph::graph::UnGraph;
use proptest::prelude::*;

/// A row of a table from its non-empty cells.
fn row<T: Row>(cells: &[(&str, String)]) -> T {
    let columns = T::columns();
    for (name, _) in cells {
        assert!(columns.iter().any(|c| c.name == *name), "{} has no column {name}", T::TABLE);
    }
    let find = |i: usize| cells.iter().find(|(n, _)| *n == columns[i].name).map_or("", |(_, v)| v.as_str());
    T::read(&find).unwrap_or_else(|p| panic!("{}: {p:?}", T::TABLE))
}

fn table<T>(rows: Vec<T>) -> TableOf<T> {
    TableOf { raw_row: (0..rows.len() as u32).collect(), rows }
}

fn s(v: impl ToString) -> String {
    v.to_string()
}

/// A link of a random network: ends, kilometres, by rail or road.
#[derive(Clone, Debug)]
struct Edge {
    a: usize,
    b: usize,
    km: f64,
    rail: bool,
}

/// `n` nodes, the first half in XA and the second in XB, joined by a border node where a link crosses; no passage
/// at the border nodes of the links in `forbid`.
fn model(n: usize, edges: &[Edge], forbid: &[usize]) -> Model {
    let rules = forbid
        .iter()
        .map(|k| {
            row::<Rule>(&[
                ("id", format!("r{k}")),
                ("what", s("no")),
                ("governs", s("carriage")),
                ("nodes", format!("b{k}")),
                ("effect", s("forbid")),
                ("claim", s("assumed: random")),
            ])
        })
        .collect();
    model_of(n, &["XA", "XB"], edges, rules)
}

/// `n` nodes, in equal parts in the states in their order, joined by a border node where a link crosses.
fn model_of(n: usize, states: &[&'static str], edges: &[Edge], rules: Vec<Rule>) -> Model {
    let claim = ("claim", s("assumed: random"));
    let state = |i: usize| states[i / n.div_ceil(states.len())];
    let mut nodes = Vec::new();
    for i in 0..n {
        nodes.push(row::<Node>(&[
            ("id", format!("n{i}")),
            ("kind", s("terminal")),
            ("name_en", format!("N{i}")),
            ("state", s(state(i))),
            ("lon", s(i)),
            ("lat", s(0)),
            claim.clone(),
        ]));
    }
    let (mut links, mut borders) = (Vec::new(), Vec::new());
    for (k, e) in edges.iter().enumerate() {
        let mode = if e.rail { "rail" } else { "road" };
        let mut link = |id: String, a: String, b: String, state: &str, km: f64| {
            let mut cells = vec![
                ("id", id),
                ("from", a),
                ("to", b),
                ("mode", s(mode)),
                ("state", s(state)),
                ("length_km", s(km)),
                ("one_way", s("no")),
                claim.clone(),
            ];
            if e.rail {
                cells.push(("gauge_mm", s(1435)));
            }
            links.push(row::<Link>(&cells));
        };
        let (a, b) = (format!("n{}", e.a), format!("n{}", e.b));
        if state(e.a) == state(e.b) {
            link(format!("l{k}"), a, b, state(e.a), e.km);
        } else {
            let bcp = format!("b{k}");
            nodes.push(row::<Node>(&[
                ("id", bcp.clone()),
                ("kind", s("border")),
                ("name_en", bcp.clone()),
                ("state", s(state(e.a.min(e.b)))),
                ("lon", s(0)),
                ("lat", s(k)),
                claim.clone(),
            ]));
            link(format!("l{k}a"), a, bcp.clone(), state(e.a), e.km / 2.0);
            link(format!("l{k}b"), bcp.clone(), b, state(e.b), e.km / 2.0);
            borders.push(row::<Border>(&[
                ("id", bcp.clone()),
                ("node", bcp),
                ("mode", s(mode)),
                ("state_a", s(state(e.a.min(e.b)))),
                ("state_b", s(state(e.a.max(e.b)))),
                ("status", s("open")),
                ("procedure", s("full")),
                ("duration_ab_h", s("5")),
                ("duration_ba_h", s("7")),
                ("charge_ab", s("30")),
                ("charge_ba", s("10")),
                ("currency", s("USD")),
                ("price_year", s(2025)),
                ("per", s("consignment")),
                claim.clone(),
                ("duration_claim", s("assumed: random")),
                ("charge_claim", s("assumed: random")),
            ]));
        }
    }
    let equipment = |id: &str, kind: &str, mode: &str, unit: &str, gauge: &str| {
        row::<Equipment>(&[
            ("id", s(id)),
            ("kind", s(kind)),
            ("name_en", s(id)),
            ("mode", s(mode)),
            ("unit", s(unit)),
            ("gauge_mm", s(gauge)),
            claim.clone(),
        ])
    };
    let operation = |id: &str, what: &str, from: &str, to: &str, h: &str, usd: &str| {
        row::<Terminal>(&[
            ("id", s(id)),
            ("node_kinds", s("terminal")),
            ("operation", s(what)),
            ("from_equipment", s(from)),
            ("to_equipment", s(to)),
            ("both_ways", s("yes")),
            ("duration_h", s(h)),
            ("charge", s(usd)),
            ("currency", s("USD")),
            ("price_year", s(2025)),
            ("per", s("consignment")),
            claim.clone(),
            ("duration_claim", s("assumed: random")),
            ("charge_claim", s("assumed: random")),
        ])
    };
    let speed = |id: &str, mode: &str, v: f64, cv: f64| {
        row::<Performance>(&[
            ("id", s(id)),
            ("mode", s(mode)),
            ("speed_kmh", s(v)),
            ("cv", s(cv)),
            claim.clone(),
        ])
    };
    let tariff = |id: &str, mode: &str, v: f64| {
        row::<Tariff>(&[
            ("id", s(id)),
            ("mode", s(mode)),
            ("value", s(v)),
            ("currency", s("USD")),
            ("price_year", s(2025)),
            ("per", s("t_km")),
            claim.clone(),
        ])
    };
    let emission = |id: &str, kind: &str, v: f64| {
        row::<Emission>(&[("id", s(id)), ("equipment", s(kind)), ("value", s(v)), claim.clone()])
    };
    let place = |id: &str| {
        row::<State>(&[
            ("id", s(id)),
            ("name_en", s(id)),
            ("currency", s("USD")),
            ("time_zone", s("UTC")),
            claim.clone(),
        ])
    };
    let tables = Tables {
        state: table(states.iter().map(|id| place(id)).collect()),
        node: table(nodes),
        link: table(links),
        border: table(borders),
        rule: table(rules),
        equipment: table(vec![
            equipment("wagon", "covered_wagon", "rail", "wagon", "1435"),
            equipment("lorry", "truck", "road", "truck", ""),
        ]),
        cargo: table(vec![row::<Cargo>(&[
            ("id", s("tea")),
            ("name_en", s("tea")),
            ("hs", s("0902")),
            ("kind", s("general")),
            ("value_usd_per_t", s(1000)),
            claim.clone(),
            ("value_claim", s("assumed: random")),
        ])]),
        load: table(
            ["wagon", "lorry"]
                .map(|e| {
                    row::<Load>(&[("cargo", s("tea")), ("equipment", s(e)), ("load_t", s(20)), claim.clone()])
                })
                .to_vec(),
        ),
        terminal: table(vec![
            operation("load", "load", "", "covered_wagon;truck", "2", "10"),
            operation("unload", "unload", "covered_wagon;truck", "", "1", "10"),
            operation("transload", "transload", "covered_wagon", "truck", "6", "25"),
        ]),
        performance: table(vec![speed("rail", "rail", 25.0, 0.3), speed("road", "road", 45.0, 0.2)]),
        tariff: table(vec![tariff("rail", "rail", 0.03), tariff("road", "road", 0.07)]),
        emission: table(vec![emission("rail", "covered_wagon", 20.0), emission("road", "truck", 90.0)]),
        ..Tables::default()
    };
    Model::new(Manifest::default(), tables)
}

fn question(model: &Model, to: usize) -> Question {
    Question {
        cargo: CargoIx(0),
        loads: Loads::all(model, CargoIx(0), 100.0),
        load_into: Vec::new(),
        from: vec![(NodeIx(0), 0.0)],
        to: vec![(NodeIx::new(to), 0.0)],
        depart: "2026-01-05T00:00:00Z".parse().unwrap(),
        as_of: None,
        horizon_days: 100,
        avoid_nodes: Vec::new(),
        avoid_states: Vec::new(),
        avoid_modes: Vec::new(),
        via: Vec::new(),
        explain: false,
        registration: base_state(model, NodeIx(0)),
        used: Default::default(),
        lift: Vec::new(),
    }
}

fn compile<'m>(model: &'m Model, base: &'m Base, q: &Question) -> Network<'m> {
    let pricer = Pricer {
        model,
        rates: ExchangeRates::new(model),
        cargo: &model.tables.cargo[0],
        day: "2026-01-05".parse().unwrap(),
        origin: base_state(model, q.from[0].0),
        destination: base_state(model, q.to[0].0),
    };
    Network::compile(base, pricer, q)
}

fn base_state(model: &Model, n: NodeIx) -> Option<karvan_model::StateIx> {
    model.node(n).state.as_ref().and_then(|s| model.state_ix(s.as_str()))
}

const EXACT: Settings = Settings { criteria: [true; CRITERIA], epsilon: 0.0, max_labels: 1_000_000 };

/// Costs of all ways that visit no vertex twice.
fn all_ways(net: &Network) -> Vec<[f64; CRITERIA]> {
    fn walk(
        net: &Network,
        v: u32,
        seen: &mut Vec<u32>,
        cost: [f64; CRITERIA],
        out: &mut Vec<[f64; CRITERIA]>,
    ) {
        if v == net.sink {
            out.push(cost);
            return;
        }
        for a in net.arcs_of(v) {
            if seen.contains(&a.to) {
                continue;
            }
            seen.push(a.to);
            let step = [a.h, a.sd, a.usd, a.co2e].map(f64::from);
            walk(net, a.to, seen, std::array::from_fn(|k| cost[k] + step[k]), out);
            seen.pop();
        }
    }
    let mut out = Vec::new();
    walk(net, net.source, &mut vec![net.source], [0.0; CRITERIA], &mut out);
    out
}

fn pareto_of(ways: &[[f64; CRITERIA]]) -> Vec<[i64; CRITERIA]> {
    // To the hundredth, so that sums of f32 in another order do not tell ways apart.
    let mut rounded: Vec<[i64; CRITERIA]> =
        ways.iter().map(|w| w.map(|x| (x * 100.0).round() as i64)).collect();
    rounded.sort();
    rounded.dedup();
    let worse = |a: &[i64; CRITERIA], b: &[i64; CRITERIA]| (0..CRITERIA).all(|k| b[k] <= a[k] + 1);
    rounded.iter().filter(|a| !rounded.iter().any(|b| b != *a && worse(a, b))).copied().collect()
}

fn edges(n: usize, most: usize) -> impl Strategy<Value = Vec<Edge>> {
    prop::collection::vec((0..n, 0..n, 20.0f64..900.0, any::<bool>()), n..most).prop_map(|v| {
        v.into_iter()
            .filter(|(a, b, ..)| a != b)
            .map(|(a, b, km, rail)| Edge { a, b, km: km.round(), rail })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The quickest way by one mode agrees with petgraph's Dijkstra over the raw links.
    #[test]
    fn quickest_way_agrees_with_petgraph(edges in edges(30, 90)) {
        let rail: Vec<Edge> = edges.into_iter().map(|e| Edge { rail: true, ..e }).collect();
        let m = model(30, &rail, &[]);
        let base = Base::new(&m);
        let net = compile(&m, &base, &question(&m, 29));
        let (found, _) = net.pareto(&Settings { criteria: [true, false, false, false], ..EXACT });

        let mut g: UnGraph<(), f64> = UnGraph::default();
        let nodes: Vec<_> = (0..30).map(|_| g.add_node(())).collect();
        for e in &rail {
            // A border takes 5 h one way and 7 the other; 25 km/h make that 125 km, and 175 are never better.
            let crosses = (e.a < 15) != (e.b < 15);
            g.add_edge(nodes[e.a], nodes[e.b], e.km / 25.0 + if crosses { 5.0 } else { 0.0 });
        }
        let dist = petgraph::algo::dijkstra(&g, nodes[0], Some(nodes[29]), |e| *e.weight());
        match (found.first(), dist.get(&nodes[29])) {
            (Some(f), Some(d)) => {
                // petgraph's graph is undirected and knows 5 h only: a way that crosses back pays 2 h more here,
                // so ours may be longer by these, and never shorter.
                let ours = f64::from(f.costs[0]) - 3.0;
                prop_assert!(ours >= d - 0.01, "{ours} {d}");
                let back = ours - d;
                prop_assert!(back < 0.01 || back <= 2.0 * 15.0 + 0.01, "{ours} {d}");
            }
            (None, None) => {}
            (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
        }
    }

    /// The Pareto set is that of all ways.
    #[test]
    fn pareto_set_agrees_with_all_ways(edges in edges(5, 9)) {
        let m = model(5, &edges, &[]);
        let base = Base::new(&m);
        let net = compile(&m, &base, &question(&m, 4));
        let ways = all_ways(&net);
        let (found, effort) = net.pareto(&EXACT);
        prop_assert!(!effort.cut_short);
        let ours = pareto_of(&found.iter().map(|f| f.costs.map(f64::from)).collect::<Vec<_>>());
        let theirs = pareto_of(&ways);
        prop_assert_eq!(ours.len(), theirs.len(), "{:?} {:?}", &ours, &theirs);
        for (a, b) in ours.iter().zip(&theirs) {
            for k in 0..CRITERIA {
                prop_assert!((a[k] - b[k]).abs() <= 2, "{:?} {:?}", a, b);
            }
        }
    }

    /// With a tolerance, every way is within it (compounded along the way) of one that was kept.
    #[test]
    fn a_coarse_set_covers_all_ways(edges in edges(5, 9)) {
        let m = model(5, &edges, &[]);
        let base = Base::new(&m);
        let net = compile(&m, &base, &question(&m, 4));
        let (found, _) = net.pareto(&Settings { epsilon: 0.02, ..EXACT });
        let slack = 1.02f64.powi(12);
        for w in all_ways(&net) {
            let covered = found.iter().any(|f| (0..CRITERIA).all(|k| f64::from(f.costs[k]) <= w[k] * slack + 0.01));
            prop_assert!(covered, "{:?}", w);
        }
    }

    /// Lifting a prohibition never removes a way: what was best before is still there or beaten.
    #[test]
    fn lifting_a_prohibition_never_worsens(edges in edges(8, 16), lifted in 0usize..16) {
        let crossing: Vec<usize> =
            edges.iter().enumerate().filter(|(_, e)| (e.a < 4) != (e.b < 4)).map(|(k, _)| k).collect();
        let (strict, loose): (Vec<usize>, Vec<usize>) = {
            let keep: Vec<usize> = crossing.iter().copied().filter(|k| k % 2 == 0).collect();
            let fewer = keep.iter().copied().filter(|k| *k != lifted).collect();
            (keep, fewer)
        };
        let solve = |forbid: &[usize]| {
            let m = model(8, &edges, forbid);
            let base = Base::new(&m);
            let net = compile(&m, &base, &question(&m, 7));
            net.pareto(&EXACT).0.into_iter().map(|f| f.costs).collect::<Vec<_>>()
        };
        let (before, after) = (solve(&strict), solve(&loose));
        for b in before {
            prop_assert!(after.iter().any(|a| (0..CRITERIA).all(|k| a[k] <= b[k] + 1e-3)), "{b:?} {after:?}");
        }
    }

    /// The sets of blockers are the minimal ones: against every subset of the prohibitions, by brute force.
    #[test]
    fn blocker_sets_are_minimal(edges in edges(6, 11), free in 0usize..4) {
        let crossing: Vec<usize> =
            edges.iter().enumerate().filter(|(_, e)| (e.a < 3) != (e.b < 3)).map(|(k, _)| k).take(7).collect();
        // Some crossings are open, so that there may be a way already.
        let forbidden: Vec<usize> = crossing.iter().copied().skip(free).collect();
        const MARGIN: f32 = 0.1;
        let weigh = |f: &[f32; CRITERIA]| f[2] + 3.0 * f[0];
        let best = |forbid: &[usize]| -> Option<f32> {
            let m = model(6, &edges, forbid);
            let base = Base::new(&m);
            let net = compile(&m, &base, &question(&m, 5));
            net.pareto(&EXACT).0.iter().map(|f| weigh(&f.costs)).min_by(f32::total_cmp)
        };
        let today = best(&forbidden);
        let good = |lifted: &[usize]| {
            let rest: Vec<usize> = forbidden.iter().copied().filter(|k| !lifted.contains(k)).collect();
            match (best(&rest), today) {
                (Some(then), Some(now)) => then <= now * (1.0 - MARGIN),
                (Some(_), None) => true,
                (None, _) => false,
            }
        };
        let subsets: Vec<Vec<usize>> = (1u32..1 << forbidden.len())
            .map(|set| (0..forbidden.len()).filter(|i| set >> i & 1 == 1).map(|i| forbidden[i]).collect())
            .collect();
        let opening: Vec<&Vec<usize>> = subsets.iter().filter(|s| good(s)).collect();
        let mut minimal: Vec<Vec<usize>> = opening
            .iter()
            .filter(|s| !opening.iter().any(|o| o.len() < s.len() && o.iter().all(|x| s.contains(x))))
            .map(|s| (*s).clone())
            .collect();
        minimal.sort();

        // All crossings are of the whole territory's border, so rules at their nodes are the only blockers.
        let m = model(6, &edges, &forbidden);
        let base = Base::new(&m);
        let net = compile(&m, &base, &Question { explain: true, ..question(&m, 5) });
        let mut ours: Vec<Vec<usize>> = net
            .blocker_sets(3.0, 0.0, MARGIN, 7, 1000)
            .iter()
            .map(|set| {
                let mut ks: Vec<usize> = set
                    .iter()
                    .map(|b| match b {
                        Blocker::Rule(r) => m.tables.rule[r.ix()].id.as_str()[1..].parse().unwrap(),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                ks.sort();
                ks
            })
            .collect();
        ours.sort();
        prop_assert_eq!(&ours, &minimal);

        // And lifting a set in the question itself opens what was promised.
        for set in net.blocker_sets(3.0, 0.0, MARGIN, 7, 1000) {
            let lifted = compile(&m, &base, &Question { lift: set, ..question(&m, 5) });
            prop_assert!(!lifted.pareto(&EXACT).0.is_empty());
        }
    }

    /// The blockers that are reported are those whose lifting opens a way, and no smaller number would.
    #[test]
    fn reported_blockers_are_the_fewest(edges in edges(6, 12)) {
        let crossing: Vec<usize> =
            edges.iter().enumerate().filter(|(_, e)| (e.a < 3) != (e.b < 3)).map(|(k, _)| k).collect();
        let m = model(6, &edges, &crossing);
        let base = Base::new(&m);
        let net = compile(&m, &base, &question(&m, 5));
        prop_assert!(net.pareto(&EXACT).0.is_empty(), "every crossing is forbidden");
        let explained = compile(&m, &base, &Question { explain: true, ..question(&m, 5) });
        let open = |forbid: &[usize]| {
            let m = model(6, &edges, forbid);
            let base = Base::new(&m);
            !compile(&m, &base, &question(&m, 5)).pareto(&EXACT).0.is_empty()
        };
        match explained.least_blocked() {
            None => prop_assert!(!open(&[])),
            Some(blockers) => {
                let lifted: Vec<usize> = blockers
                    .iter()
                    .map(|b| match b {
                        Blocker::Rule(r) => m.tables.rule[r.ix()].id.as_str()[1..].parse().unwrap(),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let without = |gone: &[usize]| {
                    open(&crossing.iter().copied().filter(|k| !gone.contains(k)).collect::<Vec<_>>())
                };
                prop_assert!(without(&lifted), "lifting them opens a way");
                // Brute force: no smaller set does.
                for set in 0u32..1 << crossing.len().min(10) {
                    if (set.count_ones() as usize) < lifted.len() {
                        let gone: Vec<usize> =
                            (0..crossing.len()).filter(|i| set >> i & 1 == 1).map(|i| crossing[i]).collect();
                        prop_assert!(!without(&gone), "{gone:?} would do instead of {lifted:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn units_are_whole_and_prices_follow_them() {
    let m = model(2, &[Edge { a: 0, b: 1, km: 100.0, rail: false }], &[]);
    let by: BTreeMap<&str, f64> = Loads::all(&m, CargoIx(0), 101.0)
        .iter()
        .map(|l| (m.tables.equipment[l.equipment.ix()].id.as_str(), l.count))
        .collect();
    assert_eq!(by["wagon"], 6.0, "101 t at 20 t each are 6 wagons");
    let base = Base::new(&m);
    let net = compile(&m, &base, &question(&m, 1));
    let (found, _) = net.pareto(&EXACT);
    // 10 to load, 10 to unload, 30 at the border, 100 t over 100 km at 0.07.
    assert_eq!(found.len(), 1);
    assert!((found[0].costs[2] - 750.0).abs() < 0.01, "{:?}", found[0].costs);
    // 2 h and 1 h, 5 h at the border, 100 km at 45 km/h.
    assert!((found[0].costs[0] - (8.0 + 100.0 / 45.0)).abs() < 1e-3);
}

const FOUR: [&str; 4] = ["XA", "XB", "XC", "XD"];

/// A rule of a state on goods in transit, with the states of previous transit it asks for: effect, state, states.
type Passing = (&'static str, usize, Vec<usize>);

fn passing_rule() -> impl Strategy<Value = Passing> {
    let effect = prop::sample::select(vec!["forbid", "forbid", "permit", "charge", "delay", "inspect"]);
    (effect, 1usize..3, prop::sample::subsequence(vec![1usize, 2, 3], 0..3)).prop_map(
        |(effect, state, mut passed)| {
            passed.retain(|s| *s != state);
            (effect, state, passed)
        },
    )
}

fn passing_rules(rules: &[Passing]) -> Vec<Rule> {
    let one = |(k, (effect, state, passed)): (usize, &Passing)| {
        let passed: Vec<&str> = passed.iter().map(|s| FOUR[*s]).collect();
        let mut cells = vec![
            ("id", format!("p{k}")),
            ("what", s("of goods that have come through")),
            ("governs", s("transit")),
            ("states", s(FOUR[*state])),
            ("passed", passed.join(";")),
            ("effect", s(effect)),
            ("claim", s("assumed: random")),
        ];
        match *effect {
            "charge" => cells.extend([("value", s(500)), ("currency", s("USD")), ("per", s("consignment"))]),
            "delay" => cells.push(("delay_h", s(9))),
            "inspect" => cells.extend([("delay_h", s(24)), ("probability", s(0.25))]),
            _ => {}
        }
        row::<Rule>(&cells)
    };
    rules.iter().enumerate().map(one).collect()
}

/// The least time or cost by lorry, over the raw links and all that may have been passed: petgraph's Dijkstra over
/// pairs of a node and a set of states. A border node is two nodes, one a side: a lorry may turn at it.
fn by_all_passed(n: usize, edges: &[Edge], rules: &[Passing], cost: bool) -> Option<f64> {
    let state = |i: usize| i / n.div_ceil(4);
    let (origin, destination) = (state(0), state(n - 1));
    let mut g: petgraph::graph::DiGraph<(), f64> = Default::default();
    let at: Vec<_> = (0..(n + 2 * edges.len()) * 16).map(|_| g.add_node(())).collect();
    let applies = |rule: &Passing, to: usize, passed: usize| {
        rule.1 == to && (rule.2.is_empty() || rule.2.iter().any(|s| passed >> s & 1 == 1))
    };
    let run = |km: f64| if cost { km * 0.07 * 100.0 } else { km / 45.0 };
    // What crossing into a state adds, and what has been passed from then on; none: it is forbidden.
    let cross = |from: usize, to: usize, passed: usize| -> Option<(f64, usize)> {
        let mut weight = match (cost, from < to) {
            (false, true) => 5.0,
            (false, false) => 7.0,
            (true, true) => 30.0,
            (true, false) => 10.0,
        };
        if to != origin && to != destination {
            let binding: Vec<&Passing> = rules.iter().filter(|r| applies(r, to, passed)).collect();
            let rank = |effect: &str| {
                binding.iter().filter(|r| r.0 == effect).map(|r| 1 + u32::from(!r.2.is_empty())).max()
            };
            if rank("forbid").is_some() && rank("forbid") >= rank("permit") {
                return None;
            }
            for r in binding {
                weight += match (r.0, cost) {
                    ("charge", true) => 500.0,
                    ("delay", false) => 9.0,
                    ("inspect", false) => 6.0,
                    _ => 0.0,
                };
            }
        }
        Some((weight, if to == origin { passed } else { passed | 1 << to }))
    };
    for passed in 0..16usize {
        for (k, e) in edges.iter().enumerate() {
            let mut both_ways = |x: usize, y: usize, weight: f64| {
                g.add_edge(at[x * 16 + passed], at[y * 16 + passed], weight);
                g.add_edge(at[y * 16 + passed], at[x * 16 + passed], weight);
            };
            if state(e.a) == state(e.b) {
                both_ways(e.a, e.b, run(e.km));
                continue;
            }
            let sides = [(n + 2 * k, e.a), (n + 2 * k + 1, e.b)];
            sides.iter().for_each(|(side, end)| both_ways(*side, *end, run(e.km / 2.0)));
            for ((out, from), (into, to)) in [(sides[0], sides[1]), (sides[1], sides[0])] {
                if let Some((weight, next)) = cross(state(from), state(to), passed) {
                    g.add_edge(at[out * 16 + passed], at[into * 16 + next], weight);
                }
            }
        }
    }
    let dist = petgraph::algo::dijkstra(&g, at[0], None, |e| *e.weight());
    let ends = (0..16).filter_map(|passed| dist.get(&at[(n - 1) * 16 + passed]));
    // Loading and unloading.
    ends.copied().reduce(f64::min).map(|d| d + if cost { 20.0 } else { 3.0 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Rules on goods that have come through a state: the best way is that over all sets of states passed before,
    /// a permission more takes none away, and lifting what is named as standing in the way opens one.
    #[test]
    fn previous_transit_agrees_with_all_that_may_have_been_passed(
        edges in edges(12, 40),
        rules in prop::collection::vec(passing_rule(), 1..6),
        permission in passing_rule(),
    ) {
        let roads: Vec<Edge> = edges.into_iter().map(|e| Edge { rail: false, ..e }).collect();
        let best = |rules: &[Passing], k: usize| {
            let m = model_of(12, &FOUR, &roads, passing_rules(rules));
            let base = Base::new(&m);
            let net = compile(&m, &base, &question(&m, 11));
            let mut criteria = [false; CRITERIA];
            criteria[k] = true;
            let (found, _) = net.pareto(&Settings { criteria, ..EXACT });
            found.iter().map(|f| f64::from(f.costs[k])).reduce(f64::min)
        };
        let mut more = rules.clone();
        more.push(("permit", permission.1, permission.2));
        for k in [0, 2] {
            let (ours, theirs) = (best(&rules, k), by_all_passed(12, &roads, &rules, k == 2));
            match (ours, theirs) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-3 * b, "{k}: {a} {b}"),
                (a, b) => prop_assert_eq!(a, b),
            }
            if let Some(before) = ours {
                prop_assert!(best(&more, k).is_some_and(|after| after <= before * (1.0 + 1e-5)));
            }
        }
        // All criteria at once: the ends of the set are the single best.
        let m = model_of(12, &FOUR, &roads, passing_rules(&rules));
        let base = Base::new(&m);
        let (found, _) = compile(&m, &base, &question(&m, 11)).pareto(&EXACT);
        for k in [0, 2] {
            let least = found.iter().map(|f| f64::from(f.costs[k])).reduce(f64::min);
            let single = best(&rules, k);
            prop_assert!(least.zip(single).is_none_or(|(a, b)| (a - b).abs() < 1e-3 * b), "{least:?} {single:?}");
            prop_assert_eq!(least.is_some(), single.is_some());
        }
        if found.is_empty() && by_all_passed(12, &roads, &[], false).is_some() {
            let explained = compile(&m, &base, &Question { explain: true, ..question(&m, 11) });
            let sets = explained.blocker_sets(1.0, 0.0, 0.1, 6, 20);
            prop_assert!(!sets.is_empty());
            let fewest = explained.least_blocked().map(|b| b.len());
            prop_assert_eq!(fewest, sets.iter().map(Vec::len).min());
            for lift in sets {
                let opened = compile(&m, &base, &Question { lift, ..question(&m, 11) });
                prop_assert!(!opened.pareto(&EXACT).0.is_empty());
            }
        }
    }
}

/// A ban behind a ban: both have to be lifted, and both are named.
#[test]
fn every_ban_in_the_way_is_named() {
    let mut m = model(2, &[Edge { a: 0, b: 1, km: 100.0, rail: false }], &[0]);
    let mut wider = m.tables.rule[0].clone();
    wider.id = karvan_model::cell::Id("wider".into());
    wider.nodes = Default::default();
    wider.governs = Governs::Import;
    let mut narrow = wider.clone();
    narrow.id = karvan_model::cell::Id("narrow".into());
    narrow.modes = karvan_model::cell::List(vec![Mode::Road]);
    m.tables.rule.rows.extend([wider, narrow]);
    let base = Base::new(&m);
    let explained = compile(&m, &base, &Question { explain: true, ..question(&m, 1) });
    let sets = explained.blocker_sets(1.0, 0.0, 0.1, 6, 10);
    assert_eq!(sets.len(), 1);
    let all: Vec<Blocker> = (0..3).map(|i| Blocker::Rule(karvan_model::RuleIx(i))).collect();
    assert_eq!(sets[0], all);
    let open = |lift: &[Blocker]| {
        let q = Question { lift: lift.to_vec(), ..question(&m, 1) };
        !compile(&m, &base, &q).pareto(&EXACT).0.is_empty()
    };
    assert!(open(&all));
    assert!(!open(&all[..2]) && !open(&all[1..]), "none of them in vain");
}
