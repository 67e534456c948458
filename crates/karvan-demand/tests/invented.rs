//! Demand of the invented corridor: its own regions, trade and totals, no change of code.

use std::path::Path;

use karvan_demand::{Basis, Demand, DemandError, build, of_year};
use karvan_model::raw::{Problem, Severity};
use karvan_model::{Model, Tables, check};
use proptest::prelude::*;

fn read(edit: impl Fn(&str, String) -> String) -> (Model, Vec<Problem>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../karvan-cli/tests/corridor2");
    let files = karvan_io::files_of_folder(&folder).expect("the corridor");
    let edited = files.into_iter().map(|(n, b)| {
        let text = String::from_utf8(b).expect("UTF-8");
        let text = edit(&n, text);
        (n, text.into_bytes())
    });
    let read = karvan_io::read_files("corridor2/", edited.collect());
    let mut problems = read.problems;
    let tables = Tables::read(&read.raw, &mut problems);
    problems.extend(check::check(&read.raw, &tables));
    problems.retain(|p| p.severity == Severity::Error);
    (Model::new(read.raw.manifest, tables), problems)
}

fn corridor() -> Model {
    let (model, problems) = read(|_, t| t);
    assert!(problems.is_empty(), "{problems:?}");
    model
}

/// Tonnes before and after the fit.
#[track_caller]
fn cell(m: &Model, d: &Demand, from: &str, to: &str, cargo: &str, year: u32) -> (f64, f64, Basis) {
    let c = m.cargo_ix(cargo).expect("a cargo");
    let i =
        d.cells.iter().position(|x| (x.from.as_str(), x.to.as_str(), x.cargo, x.year) == (from, to, c, year));
    let i = i.expect("a cell");
    (d.cells[i].tonnes, d.fitted[i], d.cells[i].basis)
}

#[test]
fn rows_become_tonnes_by_rank_price_and_index() {
    let m = corridor();
    let d = build(&m, &[2030, 2031, 2032]).expect("demand");
    // The lowest rank counts, whatever else stands beside it.
    assert_eq!(cell(&m, &d, "XA", "XC", "ore", 2030), (40_000.0, 40_000.0, Basis::Sourced));
    // Carried by the value of all goods: 100 to 120 million.
    let (tonnes, _, basis) = cell(&m, &d, "XA", "XC", "ore", 2031);
    assert!((tonnes - 48_000.0).abs() < 1e-6 && basis == Basis::Derived, "{tonnes} {basis:?}");
    // 2033 is nearer to 2032 than 2030 is, and says that nothing moved.
    assert!(d.cells.iter().all(|c| c.year != 2032 || m.tables.cargo[c.cargo.ix()].id.as_str() != "ore"));
    // By value, at the cargo's price, which is assumed.
    assert_eq!(cell(&m, &d, "XA", "XC", "tea", 2030).0, 2000.0);
    assert_eq!(cell(&m, &d, "XA", "overseas", "containers", 2030), (4000.0, 4000.0, Basis::Assumed));
    // No total of the pair is known: unchanged, and that is assumed.
    assert_eq!(cell(&m, &d, "XC", "XA", "petrol", 2030), (20_000.0, 20_000.0, Basis::Assumed));
}

#[test]
fn zones_share_a_cell_without_loss() {
    let m = corridor();
    let d = build(&m, &[2030, 2031]).expect("demand");
    for (i, c) in d.cells.iter().enumerate() {
        let shares: f64 = d.flows.iter().filter(|f| f.cell == i).map(|f| f.share).sum();
        assert!((shares - 1.0).abs() < 1e-12, "{c:?}: {shares}");
    }
    let of = |from: &str, to: &str, cargo: &str| {
        let id = |n: karvan_model::NodeIx| m.node(n).id.as_str();
        let od = d.od().into_iter().filter(|o| o.year == 2030);
        od.filter(|o| (id(o.from), id(o.to), m.tables.cargo[o.cargo.ix()].id.as_str()) == (from, to, cargo))
            .map(|o| o.tonnes)
            .sum::<f64>()
    };
    // Ore starts at the mine alone; boxes in towns by their inhabitants over the root of the distance.
    assert_eq!(of("tarn_mine", "town_dorn_xc", "ore"), 40_000.0);
    let km = |a: &str, b: &str| {
        let at = |k: &str| m.node(m.node_ix(k).expect("a node"));
        let (a, b) = (at(a), at(b));
        let (la, lb) = (a.lat.to_radians(), b.lat.to_radians());
        let cos = la.sin() * lb.sin() + la.cos() * lb.cos() * (b.lon - a.lon).to_radians().cos();
        6371.0 * cos.acos()
    };
    let weight = |town: &str, inhabitants: f64| inhabitants / km(town, "gw_far_market").sqrt();
    let (orlo, kess) = (weight("town_orlo_xa", 420.0), weight("town_kess_xa", 90.0));
    let told = of("town_orlo_xa", "gw_far_market", "containers");
    assert!((told - 4000.0 * orlo / (orlo + kess)).abs() < 1e-3, "{told}");
    // Tea to Belmar: 2,600 t among four pairs of towns; three have less than 500 t and go with the largest.
    assert_eq!(of("town_kess_xa", "town_sela_xb", "tea"), 0.0);
    assert_eq!(of("town_orlo_xa", "town_sela_xb", "tea"), 0.0);
    assert!((of("town_orlo_xa", "town_vara_xb", "tea") - 2600.0).abs() < 1e-6);
}

#[test]
fn rows_of_a_partner_hold_for_the_trade_with_it_alone() {
    let row = "XA,town_kess_xa,origin,containers,overseas,1,invented\n";
    let (m, problems) = read(|n, t| if n == "zone_weight.csv" { t + row } else { t });
    assert!(problems.is_empty(), "{problems:?}");
    let d = build(&m, &[2030]).expect("demand");
    let boxes = m.cargo_ix("containers").expect("a cargo");
    let from_kess = |o: &karvan_demand::Od| m.node(o.from).id.as_str() == "town_kess_xa";
    for o in d.od().iter().filter(|o| o.cargo == boxes) {
        let c = &d.cells[o.cell.expect("a cell")];
        if (c.from.as_str(), c.to.as_str()) == ("XA", "overseas") {
            assert!(from_kess(o), "{o:?}");
        }
    }
    // Of another partner's cells nothing changes.
    let before = build(&corridor(), &[2030]).expect("demand");
    let others = |d: &Demand| {
        let od = d.od().into_iter().filter(|o| {
            let c = &d.cells[o.cell.expect("a cell")];
            (c.from.as_str(), c.to.as_str(), c.cargo) != ("XA", "overseas", boxes)
        });
        od.map(|o| (o.from, o.to, o.cargo, o.tonnes)).collect::<Vec<_>>()
    };
    assert_eq!(others(&d), others(&before));
    let (_, problems) =
        read(|n, t| if n == "zone_weight.csv" { t + &row.replace("overseas", "oversea") } else { t });
    let told = problems.iter().map(ToString::to_string).collect::<String>();
    assert!(told.contains("region `oversea` has no row in `zone`"), "{told}");
}

#[test]
fn totals_move_what_is_least_sure_and_a_scored_total_has_not_been_seen() {
    let m = corridor();
    let d = build(&m, &[2031]).expect("demand");
    assert!(d.gap.abs() <= 1e-10, "{}", d.gap);
    let t = &d.totals[0];
    // 48,000 t of ore, carried over a year, and 90,000 t of crude oil against 150,000 t published.
    assert!((t.prior - 138_000.0).abs() < 1e-6);
    assert!(t.prior < t.fitted && t.fitted < t.published, "{t:?}");
    let (ore, crude) = (cell(&m, &d, "XA", "XC", "ore", 2031), cell(&m, &d, "XA", "XC", "crude", 2031));
    assert!(ore.1 / ore.0 > crude.1 / crude.0, "the carried figure moves more: {ore:?} {crude:?}");
    // The other page says less of crude oil: without this one the demand is lower.
    assert!(t.left_out < t.prior, "{t:?}");
    let other = &d.totals[1];
    assert_eq!((t.page.as_str(), other.page.as_str()), ("invented", "assumed:winter_2031"));
    // A period over the turn of the year takes its days of both.
    let share = 61.0 / 365.0 + 60.0 / 366.0;
    assert!((other.prior / 90_000.0 - share).abs() < 1e-12, "{}", other.prior);
}

#[test]
fn a_year_is_the_same_whichever_others_are_asked_for() {
    let m = corridor();
    // All but the number of the cell.
    let of = |od: Vec<karvan_demand::Od>| {
        let of_2031 = od.into_iter().filter(|o| o.year == 2031);
        of_2031.map(|o| karvan_demand::Od { cell: None, ..o }).collect::<Vec<_>>()
    };
    let alone = of(build(&m, &[2031]).expect("demand").od());
    assert_eq!(alone, of(build(&m, &[2033, 2031, 2030]).expect("demand").od()));
    assert_eq!(alone, of(of_year(&m, 2031).expect("demand")));
}

#[test]
fn stated_demand_takes_the_place_of_trade() {
    let m = corridor();
    let od = of_year(&m, 2035).expect("demand");
    assert_eq!(
        (od.len(), od[0].tonnes, od[0].range, od[0].basis),
        (1, 1500.0, (1200.0, 2000.0), Basis::Given)
    );
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let wrong = |file: &str, was: &str, is: &str| {
        let (_, problems) = read(|n, t| {
            if n == file {
                assert!(t.contains(was));
                t.replacen(was, is, 1)
            } else {
                t
            }
        });
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let told = wrong("trade.csv", "XA,XB,tea,2030,1,2600", "XA,XBB,tea,2030,1,-2600");
    assert!(
        told.contains(
            "corridor2/trade.csv:9:4: error: region `XBB` has no row in `zone`\n  hint: did you mean `XB`?"
        ),
        "{told}"
    );
    assert!(
        told.contains("corridor2/trade.csv:9:19: error: `trade` column `quantity`: -2600 goes below 0"),
        "{told}"
    );
    let told = wrong("trade.csv", "XA,XC,,2030,1,100000000,usd", "XA,XA,,2030,1,100000000,t");
    assert!(told.contains("trade.csv:2:4: error: `XA` trades with itself"), "{told}");
    assert!(told.contains("trade.csv:2:25: error: the total of all goods is given in tonnes"), "{told}");
    let told = wrong("trade_total.csv", "2031-12-31", "2030-12-31");
    assert!(told.contains("the period ends on 2030-12-31 and begins on 2031-01-01"), "{told}");
    let told = wrong("zone_weight.csv", "XA,tarn_mine", "XB,tarn_mine");
    assert!(told.contains("zone_weight.csv:2:4: error: `tarn_mine` is no zone of region `XB`"), "{told}");
    let told = wrong("zone.csv", "XC,town_dorn_xc,780000", "XC,town_dorn_xc,0");
    assert!(told.contains("the zones of `XC` have no weight"), "{told}");
}

#[test]
fn a_model_without_what_is_needed_says_what() {
    let (m, _) = read(|n, t| {
        if n == "trade.csv" || n == "demand.csv" {
            t.lines().next().unwrap_or("").to_owned() + "\n"
        } else {
            t
        }
    });
    assert_eq!(build(&m, &[2031]).map(|_| ()), Err(DemandError::NoTrade));
    let (m, _) = read(|n, t| if n == "parameter.csv" { t.replace("demand_sd_year", "something") } else { t });
    assert_eq!(build(&m, &[2031]).map(|_| ()), Err(DemandError::Parameter("demand_sd_year")));
    let m = corridor();
    assert_eq!(
        build(&m, &[1999]).map(|_| ()),
        Err(DemandError::Year { given: 1999, first: 2029, last: 2036 })
    );
}

#[test]
fn totals_of_the_network_are_met_through_shares_and_left_out_by_page() {
    let m = corridor();
    let d = build(&m, &[2031]).expect("demand");
    // A counter at the mine's gate: half of the ore passes it, and nothing else.
    let mine = m.node_ix("tarn_mine").expect("the mine");
    let share =
        |f: &karvan_demand::Flow| if f.from == mine && d.cells[f.cell].year == 2031 { 0.5 } else { 0.0 };
    let gate = d.network_total("gate", 30_000.0, 0.0, share);
    let ore =
        d.cells.iter().position(|c| c.year == 2031 && m.tables.cargo[c.cargo.ix()].id.as_str() == "ore");
    let ore = ore.expect("ore");
    let tonnes = d.refit(std::slice::from_ref(&gate), None).expect("a fit");
    assert!((tonnes[ore] - 60_000.0).abs() < 1e-3, "{}", tonnes[ore]);
    let of_mine: f64 = d.od_of(&tonnes).iter().filter(|o| o.from == mine).map(|o| o.tonnes).sum();
    assert!((of_mine - 60_000.0).abs() < 1e-3);
    // Left out, it has changed nothing.
    assert_eq!(d.refit(std::slice::from_ref(&gate), Some("gate")).expect("a fit"), d.fitted);
    // Two gates that must be met and cannot both be.
    let other = d.network_total("other", 90_000.0, 0.0, share);
    assert!(matches!(d.refit(&[gate, other], None), Err(DemandError::NotConverged { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    /// Whatever weights and quantities: places share each cell without loss, and a cell's tonnes are the sum of its flows.
    #[test]
    fn margins_are_kept(
        weights in prop::collection::vec(0.0..1e6f64, 8),
        quantities in prop::collection::vec(1.0..1e8f64, 10),
        least in 1.0..1e6f64,
    ) {
        let mut m = corridor();
        for (z, w) in m.tables.zone.rows.iter_mut().zip(&weights) {
            z.weight = *w + 1.0;
        }
        for (t, q) in m.tables.trade.rows.iter_mut().zip(&quantities) {
            t.quantity = karvan_units::Estimate::exact(*q);
        }
        for p in m.tables.parameter.rows.iter_mut().filter(|p| p.id.as_str() == "demand_least_t") {
            p.value = karvan_units::Estimate::exact(least);
        }
        let d = build(&m, &[2030, 2031, 2032]).expect("demand");
        let mut by_cell = vec![0.0; d.cells.len()];
        for o in d.od() {
            prop_assert!(o.tonnes > 0.0 && o.from != o.to);
            by_cell[o.cell.expect("a cell")] += o.tonnes;
        }
        for (i, c) in d.cells.iter().enumerate().filter(|(_, c)| d.years.contains(&c.year)) {
            prop_assert!((by_cell[i] / d.fitted[i] - 1.0).abs() < 1e-9, "{c:?} {} {}", by_cell[i], d.fitted[i]);
        }
    }
}
