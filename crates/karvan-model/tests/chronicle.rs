//! Laws of the chronicle's filters: each condition alone, one after the other or all at once leave the same events.

use jiff::ToSpan;
use jiff::civil::{Date, date};
use karvan_model::chronicle::{CargoAsked, Filter, PlaceAsked};
use karvan_model::raw::Manifest;
use karvan_model::table::Row;
use karvan_model::tables::*;
use karvan_model::{Model, StateIx, TableOf, Tables};
use proptest::prelude::*;

const STATES: [&str; 3] = ["XA", "XB", "XC"];
const PLACES: [&str; 4] = ["Kess", "Kess - Vara", "Port of Vara; Halm", ""];
const CARGOES: [&str; 4] = ["copper ore", "petrol", "all", ""];

fn row<T: Row>(cells: &[(&str, &str)]) -> T {
    let columns = T::columns();
    for (name, _) in cells {
        assert!(columns.iter().any(|c| c.name == *name), "{} has no column {name}", T::TABLE);
    }
    let find = |i: usize| cells.iter().find(|(n, _)| *n == columns[i].name).map_or("", |(_, v)| v);
    T::read(&find).unwrap_or_else(|p| panic!("{}: {p:?}", T::TABLE))
}

fn table<T>(rows: Vec<T>) -> TableOf<T> {
    TableOf { raw_row: (0..rows.len() as u32).collect(), rows }
}

type Told = (i32, usize, usize, Vec<usize>, usize, usize, bool);

fn model(events: &[Told]) -> Model {
    let event = |(i, (day, precision, class, states, place, cargo, ruled)): (usize, &Told)| {
        let day = date(2030, 1, 1).checked_add(day.days()).unwrap();
        let precision = Precision::ALL[*precision];
        let day = match precision {
            Precision::Day => day,
            Precision::Month => day.first_of_month(),
            Precision::Year => day.first_of_year(),
        };
        let states: Vec<&str> = states.iter().map(|s| STATES[*s]).collect();
        row::<Event>(&[
            ("id", &format!("e{i}")),
            ("date", &day.to_string()),
            ("precision", precision.word()),
            ("kind", "decision"),
            ("class", EventClass::ALL[*class].word()),
            ("states", &states.join(";")),
            ("place", PLACES[*place]),
            ("cargo", CARGOES[*cargo]),
            ("what", ["ferries sail", "a ferry stops", "nothing moves"][i % 3]),
            ("rules", if *ruled { "ban" } else { "" }),
            ("reason", "invented"),
            ("claim", "assumed: invented"),
        ])
    };
    let node = |id, name| {
        let c = [("kind", "port"), ("lon", "1"), ("lat", "1"), ("claim", "assumed: invented")];
        row::<Node>(&[&[("id", id), ("name_en", name)][..], &c].concat())
    };
    let state = |id: &&str| {
        row::<State>(&[
            ("id", id),
            ("name_en", id),
            ("currency", "USD"),
            ("time_zone", "UTC"),
            ("claim", "assumed: invented"),
        ])
    };
    let cargo = |id, hs| {
        row::<Cargo>(&[
            ("id", id),
            ("name_en", id),
            ("hs", hs),
            ("kind", "dry_bulk"),
            ("value_usd_per_t", "1"),
            ("claim", "assumed: invented"),
            ("value_claim", "assumed: invented"),
        ])
    };
    let ban = row::<Rule>(&[
        ("id", "ban"),
        ("what", "no ore"),
        ("governs", "export"),
        ("nodes", "vara"),
        ("hs", "2603"),
        ("effect", "forbid"),
        ("claim", "assumed: invented"),
    ]);
    let tables = Tables {
        state: table(STATES.iter().map(state).collect()),
        node: table(vec![node("kess", "Kess"), node("vara", "Vara")]),
        cargo: table(vec![cargo("copper_ore", "2603"), cargo("petrol", "2710")]),
        rule: table(vec![ban]),
        chronicle: table(events.iter().enumerate().map(event).collect()),
        ..Tables::default()
    };
    Model::new(Manifest::default(), tables)
}

fn told() -> impl Strategy<Value = Told> {
    (
        0..900,
        0..3usize,
        0..5usize,
        prop::collection::vec(0..3usize, 0..3),
        0..4usize,
        0..4usize,
        any::<bool>(),
    )
}

type Asked = (
    Option<(i32, i32)>,
    Vec<usize>,
    Option<&'static str>,
    Option<&'static str>,
    Vec<usize>,
    Option<&'static str>,
);

fn asked() -> impl Strategy<Value = Asked> {
    (
        prop::option::of((0..900, 0..900)),
        prop::collection::vec(0..3usize, 0..2),
        prop::option::of(prop::sample::select(&["Kess", "vara", "Halm", "Nowhere"][..])),
        prop::option::of(prop::sample::select(&["copper ore", "2710", "26", "all"][..])),
        prop::collection::vec(0..5usize, 0..3),
        prop::option::of(prop::sample::select(&["ferr", "ferry stops", "decision"][..])),
    )
}

fn filter(m: &Model, a: &Asked) -> Filter {
    let day = |n: i32| -> Date { date(2030, 1, 1).checked_add(n.days()).unwrap() };
    Filter {
        between: a.0.map(|(x, y)| (day(x.min(y)), day(x.max(y)))),
        states: a.1.iter().map(|s| StateIx::new(*s)).collect(),
        place: a.2.map(|p| PlaceAsked::new(m, p)),
        cargo: a.3.map(|c| CargoAsked::new(m, c)),
        classes: a.4.iter().map(|c| EventClass::ALL[*c]).collect(),
        search: a.5.map(str::to_owned),
    }
}

fn keys(m: &Model, f: &Filter) -> Vec<String> {
    f.select(m).iter().map(|e| e.id.0.clone()).collect()
}

proptest! {
    #[test]
    fn filters_compose(events in prop::collection::vec(told(), 0..25), a in asked()) {
        let m = model(&events);
        let whole = filter(&m, &a);
        let none = Filter::default();
        let alone = [
            Filter { between: whole.between, ..none.clone() },
            Filter { states: whole.states.clone(), ..none.clone() },
            Filter { place: whole.place.clone(), ..none.clone() },
            Filter { cargo: whole.cargo.clone(), ..none.clone() },
            Filter { classes: whole.classes.clone(), ..none.clone() },
            Filter { search: whole.search.clone(), ..none.clone() },
        ];
        // One after the other: what a filter leaves, asked of the next.
        let mut left = keys(&m, &none);
        prop_assert_eq!(left.len(), events.len());
        for f in &alone {
            let next = keys(&m, f);
            left.retain(|k| next.contains(k));
        }
        prop_assert_eq!(keys(&m, &whole), left);
    }

    #[test]
    fn a_list_of_states_is_each_state_after_the_other(events in prop::collection::vec(told(), 0..25)) {
        let m = model(&events);
        let of = |s: &[usize]| {
            let states = s.iter().map(|s| StateIx::new(*s)).collect();
            keys(&m, &Filter { states, ..Filter::default() })
        };
        let both: Vec<String> = of(&[0]).into_iter().filter(|k| of(&[1]).contains(k)).collect();
        prop_assert_eq!(of(&[0, 1]), both);
    }
}

#[test]
fn a_month_is_all_its_days() {
    let m = model(&[(45, 1, 0, vec![], 0, 0, false)]);
    let in_days = |a, b| keys(&m, &Filter { between: Some((a, b)), ..Filter::default() }).len();
    assert_eq!(in_days(date(2030, 2, 28), date(2030, 3, 10)), 1);
    assert_eq!(in_days(date(2030, 3, 1), date(2030, 3, 10)), 0);
    assert_eq!(in_days(date(2030, 1, 1), date(2030, 1, 31)), 0);
}

#[test]
fn a_place_is_found_by_its_name_and_by_the_rows_at_it() {
    // Named; named by another; reached by its rule; neither.
    let m = model(&[
        (1, 0, 0, vec![], 2, 0, false),
        (2, 0, 0, vec![], 0, 0, false),
        (3, 0, 0, vec![], 3, 0, true),
        (4, 0, 0, vec![], 3, 0, false),
    ]);
    let at = |p: &str| keys(&m, &Filter { place: Some(PlaceAsked::new(&m, p)), ..Filter::default() });
    assert_eq!(at("Vara"), ["e0", "e2"]);
    assert_eq!(at("Halm"), ["e0"]);
    assert_eq!(at("Hal"), Vec::<String>::new());
    let of = |c: &str| keys(&m, &Filter { cargo: Some(CargoAsked::new(&m, c)), ..Filter::default() });
    assert_eq!(of("2603"), ["e0", "e1", "e2", "e3"]);
    assert_eq!(of("petrol"), Vec::<String>::new());
}
