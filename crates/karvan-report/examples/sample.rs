//! Prints a report of the tests' invented answers, to look at: `cargo run -p karvan-report --example sample -- FORMAT ANSWER [LANG]`.
#![allow(missing_docs, reason = "a program")]

#[path = "../tests/common/mod.rs"]
mod common;

use karvan_report::Lang;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let word = |i: usize| args.get(i).map_or("", String::as_str);
    let answer = match word(1) {
        "containers" => common::containers(),
        "refused" => common::refused(),
        "many" => common::many(),
        _ => common::petrol(),
    };
    let lang = if word(2) == "ru" { Lang::Ru } else { Lang::En };
    let text = match word(0) {
        "json" => karvan_report::json(&answer),
        "schema" => karvan_report::json_schema(),
        "csv" => karvan_report::csv(&answer),
        "geojson" => karvan_report::geojson(&answer),
        "html" => karvan_report::html(&answer, lang),
        "all" => karvan_report::table(&answer, karvan_report::Legs::All, 100, false),
        _ => karvan_report::table(&answer, karvan_report::Legs::Best, 100, true),
    };
    print!("{text}");
}
