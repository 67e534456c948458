//! Laws of rules, held on whole plans of the invented corridor with random rules, groups and memberships.

mod common;

use karvan_model::scenario::{Action, Assign, Edit, Said, Scenario, apply_scenario};
use karvan_model::{Model, Tables};
use karvan_network::base::Base;
use karvan_plan::answer::{Answer, Provenance};
use karvan_plan::plan;
use proptest::prelude::*;

use common::{Ask, raw, request, tonnes};

fn said(text: &str) -> Said {
    Said { text: text.into(), at: Default::default() }
}

fn add(table: &str, cells: &[(&str, &str)]) -> Edit {
    let assign = |(column, value): &(&str, &str)| Assign { column: said(column), value: said(value) };
    Edit {
        at: Default::default(),
        action: Action::Add { table: said(table), row: cells.iter().map(assign).collect() },
    }
}

fn remove(table: &str, key: &str) -> Edit {
    Edit { at: Default::default(), action: Action::Remove { table: said(table), key: said(key) } }
}

fn model(edits: &[Edit]) -> Model {
    let mut raw = raw();
    let mut problems = Vec::new();
    let scenario = Scenario { name: "random".into(), as_of: None, edits: edits.to_vec() };
    apply_scenario(&mut raw, &scenario, &mut problems);
    let tables = Tables::read(&raw, &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    Model::new(raw.manifest, tables)
}

fn answer(model: &Model, why_not: Option<f64>) -> Answer {
    let ask = Ask {
        from: "Orlo",
        to: "Dorn",
        cargo: "tea",
        quantity: tonnes(100.0),
        depart: "2031-07-01T08:00:00",
    };
    let mut request = request(model, &ask);
    // So many that none found is left out.
    (request.options, request.draws, request.why_not) = (60, Some(64), why_not);
    plan(model, &Base::new(model), &request, Provenance::default()).unwrap()
}

/// A rule: what it does, of what kind of movement, whom it binds, by which modes, since when, for goods to whom.
#[derive(Clone, Debug)]
struct Random {
    effect: &'static str,
    governs: &'static str,
    states: &'static str,
    group: bool,
    modes: &'static str,
    from: &'static str,
    till: &'static str,
    to_group: bool,
}

fn random(effects: &'static [&'static str]) -> impl Strategy<Value = Random> {
    let pick = |of: &'static [&'static str]| prop::sample::select(of.to_vec());
    (
        pick(effects),
        pick(&["transit", "import", "export", "carriage"]),
        pick(&["", "XA", "XB", "XC", "XA;XC"]),
        any::<bool>(),
        pick(&["", "rail", "road", "sea", "rail;sea"]),
        pick(&["", "2030-01-01", "2031-07-03"]),
        pick(&["", "2031-08-01", "2032-01-01"]),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(effect, governs, states, group, modes, from, till, to_group)| Random {
            effect,
            governs,
            states,
            group,
            modes,
            from,
            till,
            to_group,
        })
}

fn rule(id: &str, r: &Random) -> Edit {
    add(
        "rule",
        &[
            ("id", id),
            ("what", "At random"),
            ("governs", r.governs),
            ("states", r.states),
            ("state_groups", if r.group { "pact" } else { "" }),
            ("modes", r.modes),
            ("from", r.from),
            ("till", r.till),
            ("destination_groups", if r.to_group { "pact" } else { "" }),
            ("effect", r.effect),
            ("claim", "assumed: random"),
        ],
    )
}

/// A group of its own with members that come and go.
fn pact() -> impl Strategy<Value = Vec<Edit>> {
    let member = (
        prop::sample::select(vec!["XA", "XB", "XC"]),
        prop::sample::select(vec![
            ("", ""),
            ("2031-07-02", ""),
            ("", "2031-07-04"),
            ("2020-01-01", "2030-01-01"),
        ]),
    );
    prop::collection::vec(member, 0..3).prop_map(|mut members| {
        members.sort();
        members.dedup_by_key(|m| m.0);
        let group = add("group", &[("id", "pact"), ("name", "Pact"), ("claim", "invented")]);
        let row = |(state, (from, till)): (&str, (&str, &str))| {
            add(
                "member",
                &[("group", "pact"), ("state", state), ("from", from), ("till", till), ("claim", "invented")],
            )
        };
        std::iter::once(group).chain(members.into_iter().map(row)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A permission more takes no way away: whatever could be gone before is still there, or something as good.
    #[test]
    fn adding_a_permission_never_removes_a_feasible_itinerary(
        pact in pact(),
        rules in prop::collection::vec(random(&["forbid", "forbid", "permit"]), 0..5),
        permit in random(&["permit"]),
    ) {
        let mut edits = pact;
        edits.extend(rules.iter().enumerate().map(|(k, r)| rule(&format!("r{k}"), r)));
        let before = answer(&model(&edits), None);
        edits.push(rule("more", &permit));
        let after = answer(&model(&edits), None);
        for o in &before.options {
            // The search covers each way within a share of 2 % in each criterion.
            let near = |a: f64, b: f64| a <= b * 1.03 + 1e-6;
            let as_good = after.options.iter().any(|p| {
                near(p.mean_h.get(), o.mean_h.get())
                    && near(p.cost_usd.best, o.cost_usd.best)
                    && near(p.co2e_kg.get(), o.co2e_kg.get())
            });
            prop_assert!(as_good, "{} is lost", o.label);
        }
    }

    /// Lifting all that a set names opens what was promised, and lifting all but one of them does not.
    #[test]
    fn lifting_a_why_not_set_opens_what_it_promised(
        pact in pact(),
        rules in prop::collection::vec(random(&["forbid", "forbid", "forbid", "permit"]), 1..5),
    ) {
        let mut edits = pact;
        edits.extend(rules.iter().enumerate().map(|(k, r)| rule(&format!("r{k}"), r)));
        let asked = answer(&model(&edits), Some(0.05));
        for opening in asked.why_not.iter().flatten() {
            let keys: Vec<&str> = opening.lift.iter().filter_map(|b| b.row.strip_prefix("rule/")).collect();
            if keys.len() < opening.lift.len() {
                continue;
            }
            let lifting = |left: Option<usize>| {
                let mut edits = edits.clone();
                let lifted = keys.iter().enumerate().filter(|(k, _)| Some(*k) != left);
                edits.extend(lifted.map(|(_, key)| remove("rule", key)));
                answer(&model(&edits), None)
            };
            let then = lifting(None);
            let is_there = then.options.iter().any(|o| {
                o.label == opening.label
                    && (o.cost_usd.best - opening.cost_usd.best).abs() < 0.01
                    && (o.p50_h.get() - opening.p50_h.get()).abs() < 0.01
            });
            prop_assert!(is_there, "{} is not there without {keys:?}", opening.label);
            if asked.options.is_empty() {
                for (k, key) in keys.iter().enumerate() {
                    prop_assert!(lifting(Some(k)).options.is_empty(), "{key} was lifted in vain");
                }
            }
        }
    }
}
