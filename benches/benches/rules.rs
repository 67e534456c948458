//! `cargo bench -p karvan-benches --bench rules`: what rules cost in a plan, with 10,000 of them loaded.
//!
//! The built-in rules are copied until there are 10,000: half bind as their originals do, but each in one state
//! in turn (some hundred a state), half are of a cargo that is not carried. A search is timed with the built-in rules and with all; a whole plan with all; and
//! the making of the rule set alone.

use std::hint::black_box;
use std::time::Instant;

use karvan_benches::{QUESTIONS, builtin, request};
use karvan_model::Model;
use karvan_model::cell::{Id, List, Ref};
use karvan_model::rules::{RuleSet, Shipment};
use karvan_model::tables::{Effect, Rule, State};
use karvan_network::base::Base;

const RULES: usize = 10_000;

/// The model with rules added until there are 10,000.
fn loaded() -> Model {
    let mut model = builtin();
    let own: Vec<Rule> = model.tables.rule.iter().cloned().collect();
    let states: Vec<State> = model.tables.state.iter().cloned().collect();
    let mut rows = own.clone();
    let mut i = 0;
    while rows.len() < RULES {
        let mut r = own[i % own.len()].clone();
        r.id = Id(format!("{}.{i}", r.id));
        // Beside its original a permit changes no answer, nor does a paper; but both must be asked.
        r.effect = match r.effect {
            Effect::Forbid | Effect::Permit => Effect::Permit,
            _ => Effect::Paper,
        };
        r.paper = r.paper.or(Some("copy".to_owned()));
        r.quota = None;
        if i % 2 == 1 {
            r.hs = List(vec!["9999".to_owned()]);
        }
        if r.nodes.is_empty() {
            r.states = List(vec![Ref::new(states[i / 2 % states.len()].id.0.clone())]);
        }
        rows.push(r);
        i += 1;
    }
    model.tables.rule.raw_row = (0..rows.len() as u32).collect();
    model.tables.rule.rows = rows;
    model
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let (few, many) = (builtin(), loaded());
    let (base_few, base_many) = (Base::new(&few), Base::new(&many));
    println!(
        "{:<46} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "question", "search ms", "10,000 ms", "plan ms", "set ms", "share"
    );
    let (mut shares, mut added, mut whole) = (Vec::new(), 0.0, 0.0);
    for q in QUESTIONS {
        let (Ok(a), Ok(b)) = (request(&few, q), request(&many, q)) else { continue };
        let search = |m: &Model, base: &Base, r| {
            median(
                (0..15)
                    .map(|_| {
                        let t = Instant::now();
                        let _ = black_box(karvan_plan::search(m, base, r));
                        t.elapsed().as_secs_f64() * 1e3
                    })
                    .collect(),
            )
        };
        let (with_few, with_many) = (search(&few, &base_few, &a), search(&many, &base_many, &b));
        let plan = median(
            (0..5)
                .map(|_| {
                    let t = Instant::now();
                    let _ = black_box(karvan_plan::plan(&many, &base_many, &b, Default::default()));
                    t.elapsed().as_secs_f64() * 1e3
                })
                .collect(),
        );
        let set = median(
            (0..15)
                .map(|_| {
                    let cargo = &many.tables.cargo[b.cargo.ix()];
                    let state = |n: karvan_model::NodeIx| {
                        many.node(n).state.as_ref().and_then(|s| many.state_ix(s.as_str()))
                    };
                    let (origin, destination) = (state(b.from.main), state(b.to.main));
                    let t = Instant::now();
                    black_box(RuleSet::new(
                        &many,
                        &Shipment {
                            cargo,
                            origin,
                            destination,
                            tonnes: b.quantity.tonnes,
                            registration: origin,
                        },
                    ));
                    t.elapsed().as_secs_f64() * 1e3
                })
                .collect(),
        );
        let share = (with_many - with_few) / plan;
        shares.push(share);
        added += with_many - with_few;
        whole += plan;
        println!(
            "{:<46} {with_few:>9.2} {with_many:>9.2} {plan:>9.1} {set:>9.2} {:>6.1} %",
            format!("{} {} - {}", q.2, q.0, q.1),
            share * 100.0
        );
    }
    println!(
        "\nwhat {RULES} rules add to a plan with 10,000 draws an option: {:.1} % over all, median {:.1} %, most {:.1} %",
        added / whole * 100.0,
        median(shares.clone()) * 100.0,
        shares.iter().copied().fold(0.0, f64::max) * 100.0
    );
}
