//! Laws of rules on random rule sets: of groups that states join and leave, of quotas that are used up, and of
//! permissions. Against a second evaluation, written as the manual says it and without any index.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use karvan_model::raw::Manifest;
use karvan_model::rules::{Amounts, Movement, QuotaUse, RuleSet, Shipment};
use karvan_model::table::Row;
use karvan_model::tables::*;
use karvan_model::{Model, NodeIx, RuleIx, StateIx, TableOf, Tables};
use proptest::prelude::*;

const STATES: [&str; 3] = ["XA", "XB", "XC"];
const GROUPS: [&str; 2] = ["g", "h"];
const NODES: [&str; 2] = ["m", "n"];
const DAYS: i32 = 90;

fn day(n: i32) -> Date {
    date(2030, 11, 15).checked_add(n.days()).unwrap()
}

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

fn span() -> impl Strategy<Value = (Option<i32>, Option<i32>)> {
    (prop::option::of(0..DAYS), prop::option::of(1..40))
        .prop_map(|(f, n)| (f, n.map(|n| f.unwrap_or(20) + n)))
}

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => prop::sample::subsequence(words.to_vec(), 1..=words.len()).prop_map(|w| w.join(";")),
    ]
}

type Cells = Vec<(&'static str, String)>;

fn a_rule(effects: &'static [&'static str]) -> impl Strategy<Value = Cells> {
    let places = (some_of(&STATES), some_of(&GROUPS), some_of(&NODES), some_of(&["rail", "road"]));
    let ends = (some_of(&STATES), some_of(&GROUPS), some_of(&STATES), some_of(&GROUPS));
    let mass = (prop::option::of(1..200u32), prop::option::of(50..300u32));
    let carrier = (
        prop_oneof![2 => Just(String::new()), 1 => prop::sample::select(vec!["XA", "XB", "XB;XC"]).prop_map(str::to_owned)],
        prop_oneof![3 => Just((String::new(), String::new())), 1 => (some_of(&STATES), some_of(&GROUPS))],
        prop_oneof![3 => Just((String::new(), String::new())), 1 => (some_of(&STATES), some_of(&GROUPS))],
    );
    let quota = prop::option::of((
        0..250u32,
        prop::sample::select(vec!["t", "truck", "consignment"]),
        prop::sample::select(vec!["year", "month", "once"]),
    ));
    let what = (prop::sample::select(effects), prop::sample::select(vec!["carriage", "transit", "import"]));
    (places, ends, mass, span(), quota, what, carrier).prop_map(
        |(p, e, m, (from, till), q, (effect, governs), c)| {
            let mut cells: Cells = vec![
                ("what", "rule".into()),
                ("governs", governs.into()),
                ("states", p.0),
                ("state_groups", p.1),
                ("nodes", p.2),
                ("modes", p.3),
                ("origin", e.0),
                ("origin_groups", e.1),
                ("destination", e.2),
                ("destination_groups", e.3),
                // The price of carriage does not ask for what was passed before.
                ("passed", if matches!(effect, "waive" | "discount") { String::new() } else { c.0 }),
                ("registration", c.1.0),
                ("registration_groups", c.1.1),
                ("flag", c.2.0),
                ("flag_groups", c.2.1),
                ("min_t", m.0.map_or(String::new(), |t| t.to_string())),
                ("max_t", m.1.map_or(String::new(), |t| t.to_string())),
                ("from", from.map_or(String::new(), |n| day(n).to_string())),
                ("till", till.map_or(String::new(), |n| day(n).to_string())),
                ("effect", effect.into()),
                ("claim", "assumed: random".into()),
            ];
            if let Some((amount, unit, period)) = q.filter(|_| effect != "forbid") {
                cells.push(("quota", amount.to_string()));
                cells.push(("quota_unit", unit.into()));
                cells.push(("quota_period", period.into()));
            } else if effect == "ration" {
                cells.extend([
                    ("quota", "10".into()),
                    ("quota_unit", "t".into()),
                    ("quota_period", "year".into()),
                ]);
            }
            cells
        },
    )
}

fn a_member() -> impl Strategy<Value = (usize, usize, Option<i32>, Option<i32>)> {
    (0..GROUPS.len(), 0..STATES.len(), span()).prop_map(|(g, s, (f, t))| (g, s, f, t))
}

fn model(rules: &[Cells], members: &[(usize, usize, Option<i32>, Option<i32>)]) -> Model {
    let claim = || ("claim", "assumed: random".to_owned());
    let text = |n: Option<i32>| n.map_or(String::new(), |n| day(n).to_string());
    let tables = Tables {
        state: table(
            STATES
                .iter()
                .map(|s| {
                    row::<State>(&[
                        ("id", (*s).into()),
                        ("name_en", (*s).into()),
                        ("currency", "USD".into()),
                        ("time_zone", "UTC".into()),
                        claim(),
                    ])
                })
                .collect(),
        ),
        node: table(
            NODES
                .iter()
                .map(|n| {
                    row::<Node>(&[
                        ("id", (*n).into()),
                        ("kind", "border".into()),
                        ("name_en", (*n).into()),
                        ("lon", "0".into()),
                        ("lat", "0".into()),
                        claim(),
                    ])
                })
                .collect(),
        ),
        group: table(
            GROUPS
                .iter()
                .map(|g| row::<Group>(&[("id", (*g).into()), ("name", (*g).into()), claim()]))
                .collect(),
        ),
        member: table(
            members
                .iter()
                .map(|(g, s, f, t)| {
                    row::<Member>(&[
                        ("group", GROUPS[*g].into()),
                        ("state", STATES[*s].into()),
                        ("from", text(*f)),
                        ("till", text(*t)),
                        claim(),
                    ])
                })
                .collect(),
        ),
        rule: table(
            rules
                .iter()
                .enumerate()
                .map(|(i, cells)| {
                    let mut cells = cells.clone();
                    cells.push(("id", format!("r{i}")));
                    row::<Rule>(&cells)
                })
                .collect(),
        ),
        equipment: table(
            [("lorry", "truck", "road"), ("wagon", "covered_wagon", "rail")]
                .map(|(id, kind, mode)| {
                    row::<Equipment>(&[
                        ("id", id.into()),
                        ("kind", kind.into()),
                        ("name_en", id.into()),
                        ("mode", mode.into()),
                        ("unit", if mode == "road" { "truck".into() } else { "wagon".into() }),
                        claim(),
                    ])
                })
                .to_vec(),
        ),
        cargo: table(vec![row::<Cargo>(&[
            ("id", "tea".into()),
            ("name_en", "Tea".into()),
            ("hs", "0902".into()),
            ("kind", "general".into()),
            ("value_usd_per_t", "1000".into()),
            claim(),
            ("value_claim", "assumed: random".into()),
        ])]),
        ..Tables::default()
    };
    Model::new(Manifest::default(), tables)
}

fn shipment(m: &Model, tonnes: f64) -> Shipment<'_> {
    Shipment {
        cargo: &m.tables.cargo[0],
        origin: Some(StateIx::new(0)),
        destination: Some(StateIx::new(2)),
        tonnes: Some(tonnes),
        registration: Some(StateIx::new(1)),
    }
}

fn rule_set(m: &Model, tonnes: f64, used: &QuotaUse) -> RuleSet {
    let truck = Amounts {
        equipment: EquipmentKind::Truck,
        tonnes,
        wagons: None,
        teu: None,
        trucks: Some((tonnes / 20.0).ceil()),
    };
    let wagon =
        Amounts { equipment: EquipmentKind::CoveredWagon, wagons: truck.trucks, trucks: None, ..truck };
    RuleSet::new(m, &shipment(m, tonnes)).with_quotas(vec![truck, wagon], used.clone())
}

/// Movements of a consignment that has passed no state, and under a flag of one that has passed the first two.
fn movements(set: &RuleSet) -> Vec<Movement> {
    let mut out = Vec::new();
    let through = PASSED.iter().fold(0, |bits, s| bits | set.entered(Some(StateIx::new(*s))));
    for (flag, passed) in [(None, 0), (Some(StateIx::new(1)), through)] {
        usual(flag, passed, &mut out);
    }
    out
}

const PASSED: [usize; 2] = [0, 1];

fn usual(flag: Option<StateIx>, passed: u8, out: &mut Vec<Movement>) {
    for governs in [Governs::Carriage, Governs::Transit, Governs::Import] {
        for state in [None, Some(0), Some(1), Some(2)] {
            for node in [None, Some(0), Some(1)] {
                for (mode, equipment) in
                    [(Mode::Rail, EquipmentKind::CoveredWagon), (Mode::Road, EquipmentKind::Truck)]
                {
                    out.push(Movement {
                        governs,
                        state: state.map(StateIx::new),
                        node: node.map(NodeIx::new),
                        mode,
                        equipment,
                        flag,
                        passed,
                    });
                }
            }
        }
    }
}

/// The rule that forbids a movement on a day, found by reading every rule as the manual says it.
fn forbidden(m: &Model, move_: &Movement, tonnes: f64, used: &QuotaUse, on: Date) -> Option<RuleIx> {
    let member = |groups: &[karvan_model::cell::Ref<Group>], state: Option<&str>| {
        m.tables.member.iter().any(|r| {
            groups.iter().any(|g| g.as_str() == r.group.as_str())
                && Some(r.state.as_str()) == state
                && r.from.is_none_or(|f| f <= on)
                && r.till.is_none_or(|t| on < t)
        })
    };
    let state = |s: Option<StateIx>| s.map(|s| STATES[s.ix()]);
    let binds = |states: &[karvan_model::cell::Ref<State>], groups: &[karvan_model::cell::Ref<Group>], s| {
        states.is_empty() && groups.is_empty()
            || states.iter().any(|k| Some(k.as_str()) == s)
            || member(groups, s)
    };
    let rail = move_.mode == Mode::Rail;
    // The first kind of movements has passed nothing and has no flag.
    let passed: &[usize] = if move_.flag.is_some() { &PASSED } else { &[] };
    type Rank = (u32, Option<Date>, bool);
    let mut best: Option<(Rank, RuleIx)> = None;
    for (i, r) in m.tables.rule.iter().enumerate() {
        let at_node = match move_.node {
            Some(n) => {
                r.nodes.iter().any(|k| k.as_str() == NODES[n.ix()])
                    || r.nodes.is_empty() && move_.governs == Governs::Import
            }
            None => r.nodes.is_empty(),
        };
        let holds = r.governs == move_.governs
            && r.from.is_none_or(|f| f <= on)
            && r.till.is_none_or(|t| on < t)
            && binds(&r.states, &r.state_groups, state(move_.state))
            && binds(&r.origin, &r.origin_groups, Some("XA"))
            && binds(&r.destination, &r.destination_groups, Some("XC"))
            && at_node
            && (r.passed.is_empty()
                || passed.iter().any(|s| r.passed.iter().any(|k| k.as_str() == STATES[*s])))
            && (r.registration.is_empty() && r.registration_groups.is_empty()
                || !rail && binds(&r.registration, &r.registration_groups, Some("XB")))
            && binds(&r.flag, &r.flag_groups, state(move_.flag))
            && (r.modes.is_empty() || r.modes.contains(&move_.mode))
            && r.min_t.is_none_or(|t| t.get() <= tonnes)
            && r.max_t.is_none_or(|t| tonnes <= t.get());
        if !holds {
            continue;
        }
        let suffices = match (r.quota, r.quota_unit, r.quota_period) {
            (Some(amount), Some(unit), Some(period)) => {
                let needs = match unit {
                    QuotaUnit::Tonne => Some(tonnes),
                    QuotaUnit::Consignment => Some(1.0),
                    QuotaUnit::Truck => (!rail).then_some((tonnes / 20.0).ceil()),
                    QuotaUnit::Wagon | QuotaUnit::Teu => None,
                };
                let period = match period {
                    QuotaPeriod::Year => on.year().to_string(),
                    QuotaPeriod::Month => on.to_string()[..7].to_owned(),
                    QuotaPeriod::Once => "once".into(),
                };
                needs.map(|n| n <= amount - used.of(RuleIx::new(i), &period) + 1e-9)
            }
            _ => Some(true),
        };
        let counts = match r.effect {
            Effect::Forbid | Effect::Permit => suffices == Some(true),
            Effect::Ration => suffices == Some(false),
            _ => false,
        };
        let conditions = [
            !r.states.is_empty() || !r.state_groups.is_empty(),
            !r.nodes.is_empty(),
            !r.modes.is_empty(),
            !r.origin.is_empty() || !r.origin_groups.is_empty(),
            !r.destination.is_empty() || !r.destination_groups.is_empty(),
            r.min_t.is_some() || r.max_t.is_some(),
            !r.passed.is_empty(),
            !r.registration.is_empty() || !r.registration_groups.is_empty(),
            !r.flag.is_empty() || !r.flag_groups.is_empty(),
        ];
        let rank = (conditions.iter().filter(|c| **c).count() as u32, r.from, r.effect != Effect::Permit);
        if counts && best.as_ref().is_none_or(|(b, _)| rank > *b) {
            best = Some((rank, RuleIx::new(i)));
        }
    }
    best.filter(|(rank, _)| rank.2).map(|(_, ix)| ix)
}

fn some_use() -> impl Strategy<Value = Vec<(usize, usize, u32)>> {
    prop::collection::vec((0..8usize, 0..6usize, 1..200u32), 0..6)
}

fn used(rows: &[(usize, usize, u32)]) -> QuotaUse {
    let mut out = QuotaUse::default();
    for (rule, period, amount) in rows {
        let period = ["once", "2030", "2031", "2030-12", "2031-01", "2031-02"][*period];
        out.add(RuleIx::new(*rule), period, f64::from(*amount));
    }
    out
}

const EFFECTS: &[&str] = &["forbid", "forbid", "permit", "ration", "waive", "paper", "discount"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn day_by_day_is_as_by_interval_and_as_the_manual_says(
        rules in prop::collection::vec(a_rule(EFFECTS), 0..8),
        members in prop::collection::vec(a_member(), 0..5),
        rows in some_use(),
        tonnes in 1..250u32,
    ) {
        let m = model(&rules, &members);
        let (tonnes, used) = (f64::from(tonnes), used(&rows));
        let set = rule_set(&m, tonnes, &used);
        let (first, last) = (day(-5), day(DAYS + 45));
        for move_ in movements(&set) {
            let breaks = set.breaks(&move_, first, last);
            let mut since = None;
            let mut on = first;
            while on <= last {
                let today = set.evaluate(&move_, on);
                if breaks.contains(&on) {
                    since = Some(today.clone());
                }
                prop_assert_eq!(since.as_ref(), Some(&today), "{:?} on {}", move_, on);
                prop_assert_eq!(today.blocker, forbidden(&m, &move_, tonnes, &used, on), "{:?} on {}", move_, on);
                on = on.tomorrow().unwrap();
            }
        }
    }

    #[test]
    fn a_permission_more_forbids_nothing(
        rules in prop::collection::vec(a_rule(EFFECTS), 0..8),
        permission in a_rule(&["permit"]),
        members in prop::collection::vec(a_member(), 0..5),
        rows in some_use(),
        tonnes in 1..250u32,
    ) {
        let mut more = rules.clone();
        more.push(permission);
        let (tonnes, used) = (f64::from(tonnes), used(&rows));
        let (m, n) = (model(&rules, &members), model(&more, &members));
        let (before, after) = (rule_set(&m, tonnes, &used), rule_set(&n, tonnes, &used));
        for (old, new) in movements(&before).into_iter().zip(movements(&after)) {
            for k in (-5..DAYS + 45).step_by(3) {
                if before.evaluate(&old, day(k)).blocker.is_none() {
                    prop_assert_eq!(after.evaluate(&new, day(k)).blocker, None, "{:?} on {}", new, day(k));
                }
            }
        }
    }

    #[test]
    fn what_others_have_used_opens_nothing(
        rules in prop::collection::vec(a_rule(&["forbid", "ration"]), 0..8),
        rows in some_use(),
        tonnes in 1..250u32,
    ) {
        let m = model(&rules, &[]);
        let tonnes = f64::from(tonnes);
        let (fresh, late) = (rule_set(&m, tonnes, &QuotaUse::default()), rule_set(&m, tonnes, &used(&rows)));
        for move_ in movements(&fresh) {
            for k in (-5..DAYS + 45).step_by(7) {
                if fresh.evaluate(&move_, day(k)).blocker.is_some() {
                    prop_assert!(late.evaluate(&move_, day(k)).blocker.is_some());
                }
            }
        }
    }
}
