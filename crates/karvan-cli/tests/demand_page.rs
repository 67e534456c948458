//! Demand of the built-in model: what must hold of it, and the figures of `docs/demand.md`, which are made here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use karvan_study::{Run, Table};

fn thousands(tonnes: f64) -> String {
    let kt = tonnes / 1000.0;
    if kt >= 100.0 {
        format!("{kt:.0}")
    } else {
        format!("{kt:.3}").chars().take(4).collect::<String>().trim_end_matches('.').to_owned()
    }
}

/// The page with the part after `<!-- generated: NAME -->` renewed.
fn renewed(page: &str, name: &str, part: &str) -> String {
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = page.split_once(&start).expect("the part's start");
    let (_, after) = rest.split_once("<!-- end -->").expect("the part's end");
    format!("{before}{start}{part}<!-- end -->{after}")
}

#[test]
fn demand_of_the_built_in_model_and_its_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("run");
    let status = Command::new(env!("CARGO_BIN_EXE_karvan"))
        .args(["demand", "build", "--year", "2019..2025", "--output"])
        .arg(&dir)
        .status()
        .expect("the program starts");
    assert!(status.success());
    let table = |stage, name| Run::table(&dir, stage, name).expect("a table");
    let (cells, fit, totals, flows, od) = (
        table("trade", "cells"),
        table("fit", "cells"),
        table("fit", "totals"),
        table("zones", "flows"),
        table("demand", "od"),
    );
    let texts = |t: &Table, c: &str| t.texts(c).expect("text").to_vec();
    let numbers = |t: &Table, c: &str| t.numbers(c).expect("numbers").to_vec();
    let wholes = |t: &Table, c: &str| t.wholes(c).expect("whole").to_vec();
    let (from, to, cargo, year) =
        (texts(&cells, "from"), texts(&cells, "to"), texts(&cells, "cargo"), wholes(&cells, "year"));
    let (prior, fitted) = (numbers(&fit, "prior"), numbers(&fit, "fitted"));

    // Tonnes by cell are the sum over places.
    let mut by_cell = vec![0.0; cells.rows()];
    for (c, t) in wholes(&od, "cell").iter().zip(numbers(&od, "tonnes")) {
        by_cell[usize::try_from(*c).expect("a cell")] += t;
    }
    for i in (0..cells.rows()).filter(|i| (2019..=2025).contains(&year[*i])) {
        assert!(
            (by_cell[i] / fitted[i] - 1.0).abs() < 1e-9,
            "{} {} {} {}",
            from[i],
            to[i],
            cargo[i],
            year[i]
        );
    }
    // What no total counts is left as it was, but for rounding.
    let moved = (0..cells.rows()).filter(|i| (fitted[*i] / prior[*i] - 1.0).abs() > 1e-9).count();
    assert!(moved > 0 && moved < cells.rows() / 10, "{moved} of {} cells moved", cells.rows());
    // Sourced tonnes come through: Kazakhstan's wheat to Uzbekistan, FAOSTAT 2021.
    let at = |f: &str, t: &str, c: &str, y: i64| {
        (0..cells.rows())
            .find(|i| (from[*i].as_str(), to[*i].as_str(), cargo[*i].as_str(), year[*i]) == (f, t, c, y))
    };
    let wheat = at("KZ", "UZ", "wheat", 2021).expect("wheat");
    assert_eq!((prior[wheat], texts(&cells, "basis")[wheat].as_str()), (2_760_000.0, "sourced"));
    // Fitting brings every total nearer, and none beyond what was published.
    let (published, low, high) =
        (numbers(&totals, "published"), numbers(&totals, "low"), numbers(&totals, "high"));
    let (before, after, left_out) =
        (numbers(&totals, "prior"), numbers(&totals, "fitted"), numbers(&totals, "left_out"));
    let miss = |x: f64, k: usize| (x / published[k]).ln().abs();
    let mean = |x: &[f64]| (0..x.len()).map(|k| miss(x[k], k)).sum::<f64>() / x.len() as f64;
    assert!(mean(&after) < 0.5 * mean(&before), "{} {}", mean(&after), mean(&before));
    assert!(flows.rows() < 150_000, "{} flows", flows.rows());

    let mut part = String::from(
        "| Total | Period | Published | Trade alone | Fitted | Left out |\n| --- | --- | ---: | ---: | ---: | ---: |\n",
    );
    for k in 0..totals.rows() {
        let _ = writeln!(
            part,
            "| `{}` | {} to {} | {} ({} to {}) | {} | {} | {} |",
            texts(&totals, "id")[k],
            texts(&totals, "first")[k],
            texts(&totals, "last")[k],
            thousands(published[k]),
            thousands(low[k]),
            thousands(high[k]),
            thousands(before[k]),
            thousands(after[k]),
            thousands(left_out[k])
        );
    }
    let _ = writeln!(
        part,
        "\nMean factor by which a total is missed: {:.2} by trade alone, {:.2} left out, {:.2} fitted.\n",
        mean(&before).exp(),
        mean(&left_out).exp(),
        mean(&after).exp()
    );
    let basis = texts(&cells, "basis");
    let of = |b: &str| {
        let of_2023 = (0..cells.rows()).filter(|i| year[*i] == 2023 && basis[*i] == b);
        of_2023.map(|i| fitted[i]).sum::<f64>() / 1e6
    };
    let _ = writeln!(
        part,
        "Of the tonnes of 2023 are sourced {:.0} Mt, derived {:.0} Mt, assumed {:.0} Mt.\n",
        of("sourced"),
        of("derived"),
        of("assumed")
    );
    let mut largest: BTreeMap<(&str, &str, &str), [f64; 7]> = BTreeMap::new();
    for i in 0..cells.rows() {
        if let Ok(y) = usize::try_from(year[i] - 2019)
            && y < 7
        {
            largest.entry((&from[i], &to[i], &cargo[i])).or_insert([0.0; 7])[y] = fitted[i];
        }
    }
    let mut order: Vec<_> = largest.iter().collect();
    order.sort_by(|a, b| b.1.iter().sum::<f64>().total_cmp(&a.1.iter().sum::<f64>()).then(a.0.cmp(b.0)));
    let mut sums = String::from(
        "| From | To | Cargo | 2019 | 2020 | 2021 | 2022 | 2023 | 2024 | 2025 |\n| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for ((f, t, c), years) in order.into_iter().take(40) {
        let shown: Vec<String> = years.iter().map(|x| thousands(*x)).collect();
        let _ = writeln!(sums, "| {f} | {t} | {c} | {} |", shown.join(" | "));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/demand.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let made = renewed(&renewed(&page, "totals", &part), "largest", &sums);
    if std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always") {
        std::fs::write(&path, &made).expect("written");
    } else {
        assert!(
            made == page,
            "docs/demand.md: INSTA_UPDATE=always cargo nextest run -p karvan-cli --test demand_page"
        );
    }
}
