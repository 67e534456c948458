//! The formats that programs read: JSON with its schema, CSV, GeoJSON.

use karvan_plan::answer::{Answer, Itinerary, Leg, LegKind, Stop};
use karvan_plan::batch::BatchAnswer;
use karvan_plan::changes::RulesAnswer;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The answer as JSON, indented, keys in the order of the types.
pub fn json(answer: &Answer) -> String {
    let mut text = serde_json::to_string_pretty(answer).expect("an answer is plain data with text keys");
    text.push('\n');
    text
}

/// The JSON schema (draft 2020-12) of what [`json`] writes.
pub fn json_schema() -> String {
    schema_of::<Answer>()
}

/// The JSON schema of what applies, and of what changed.
pub fn rules_schema() -> String {
    schema_of::<RulesAnswer>()
}

/// The JSON schema of a batch's answer.
pub fn batch_schema() -> String {
    schema_of::<BatchAnswer>()
}

fn schema_of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<T>();
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain data with text keys");
    text.push('\n');
    text
}

const COLUMNS: [&str; 45] = [
    "rank",
    "option",
    "option_p10_h",
    "option_p50_h",
    "option_p90_h",
    "option_on_time_share",
    "option_cost_usd",
    "option_sourced_share",
    "option_co2e_kg",
    "option_generalised_usd",
    "leg",
    "kind",
    "title",
    "mode",
    "operator",
    "service",
    "state",
    "from_id",
    "from_name",
    "from_code",
    "from_lon_deg",
    "from_lat_deg",
    "to_id",
    "to_name",
    "to_code",
    "to_lon_deg",
    "to_lat_deg",
    "distance_km",
    "start_local",
    "end_local",
    "start_h",
    "end_h",
    "waiting_h",
    "sd_h",
    "equipment",
    "equipment_count",
    "equipment_load_t",
    "cost_low_usd",
    "cost_usd",
    "cost_high_usd",
    "cost_sourced_usd",
    "co2e_kg",
    "paid",
    "papers",
    "rules",
];

/// The answer as CSV, one row a leg; units stand in the names of columns. No option: the header alone.
pub fn csv(answer: &Answer) -> String {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
    let in_memory = "writing to memory";
    writer.write_record(COLUMNS).expect(in_memory);
    for option in &answer.options {
        for (i, leg) in option.legs.iter().enumerate() {
            writer.write_record(leg_record(option, i, leg)).expect(in_memory);
        }
    }
    let bytes = writer.into_inner().expect(in_memory);
    String::from_utf8(bytes).expect("made of UTF-8 texts")
}

fn leg_record(option: &Itinerary, i: usize, leg: &Leg) -> [String; COLUMNS.len()] {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let number = |v: f64| rounded(v, 6).to_string();
    let (low, best, high, sourced) = leg.prices.iter().fold((0.0, 0.0, 0.0, 0.0), |(l, b, h, s), p| {
        (l + p.usd.low, b + p.usd.best, h + p.usd.high, s + if p.sourced { p.usd.best } else { 0.0 })
    });
    let paid: Vec<String> = leg
        .prices
        .iter()
        .map(|p| format!("{}: {} USD ({}; {})", p.payee, rounded(p.usd.best, 2), p.row, p.published))
        .collect();
    [
        option.rank.to_string(),
        option.label.clone(),
        number(option.p10_h.get()),
        number(option.p50_h.get()),
        number(option.p90_h.get()),
        option.on_time.map(number).unwrap_or_default(),
        number(option.cost_usd.best),
        number(option.sourced_share),
        number(option.co2e_kg.get()),
        number(option.generalised_usd),
        (i + 1).to_string(),
        kind_word(leg.kind).into(),
        leg.title.clone(),
        text(&leg.mode),
        text(&leg.operator),
        text(&leg.service),
        text(&leg.state),
        leg.from.id.clone(),
        leg.from.name.clone(),
        text(&leg.from.code),
        number(leg.from.lon),
        number(leg.from.lat),
        leg.to.id.clone(),
        leg.to.name.clone(),
        text(&leg.to.code),
        number(leg.to.lon),
        number(leg.to.lat),
        number(leg.distance_km.get()),
        leg.start.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        leg.end.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        number(leg.start_h.get()),
        number(leg.end_h.get()),
        number(leg.waiting_h.get()),
        number(leg.sd_h.get()),
        leg.equipment.equipment.clone(),
        number(leg.equipment.count),
        number(leg.equipment.load_t),
        number(low),
        number(best),
        number(high),
        number(sourced),
        number(leg.co2e_kg.get()),
        paid.join("; "),
        leg.papers.join("; "),
        leg.rules.join("; "),
    ]
}

/// The answer as GeoJSON (RFC 7946): a line for each haul, a point for each stop of each option, credits in
/// the member `attribution`. No option: origin and destination, and the reason in the member `refusal`.
pub fn geojson(answer: &Answer) -> String {
    let mut features = Vec::new();
    for option in &answer.options {
        for (i, leg) in option.legs.iter().enumerate().filter(|(_, l)| l.kind == LegKind::Haul) {
            features.push(haul_feature(option, i, leg));
        }
        for (role, stop) in stops(option) {
            let mut p = stop_properties(stop);
            p.insert("rank".into(), json!(option.rank));
            p.insert("role".into(), json!(role));
            features.push(feature(point(stop), p));
        }
    }
    if answer.options.is_empty() {
        for (role, stop) in [("origin", &answer.question.from), ("destination", &answer.question.to)] {
            let mut p = stop_properties(stop);
            p.insert("role".into(), json!(role));
            features.push(feature(point(stop), p));
        }
    }
    let mut all = Map::new();
    all.insert("type".into(), json!("FeatureCollection"));
    all.insert("attribution".into(), json!(answer.attribution));
    all.insert("schema_version".into(), json!(answer.schema_version));
    all.insert("indicative".into(), json!(answer.indicative));
    if let Some(r) = &answer.refusal {
        all.insert("refusal".into(), json!(r.reason));
    }
    all.insert("features".into(), Value::Array(features));
    // One feature a line: large enough files stay readable and diffs small.
    let mut text = String::from("{\n");
    for (i, (name, value)) in all.iter().enumerate() {
        let comma = if i + 1 < all.len() { "," } else { "" };
        match value {
            Value::Array(items) if name == "features" => {
                let lines: Vec<String> = items.iter().map(|f| format!("  {f}")).collect();
                text.push_str(&format!("\"features\": [\n{}\n]{comma}\n", lines.join(",\n")));
            }
            _ => text.push_str(&format!("{}: {value}{comma}\n", json!(name))),
        }
    }
    text.push_str("}\n");
    text
}

fn haul_feature(option: &Itinerary, i: usize, leg: &Leg) -> Value {
    let (line, straight) = course(leg);
    let position = |p: &[f64; 2]| json!([rounded(p[0], 5), rounded(p[1], 5)]);
    let parts: Vec<Vec<Value>> =
        parts_of(&line).iter().map(|part| part.iter().map(position).collect()).collect();
    let geometry = match &parts[..] {
        [one] => json!({"type": "LineString", "coordinates": one}),
        many => json!({"type": "MultiLineString", "coordinates": many}),
    };
    let cost = |f: fn(&karvan_units::Estimate) -> f64| -> f64 {
        rounded(leg.prices.iter().map(|p| f(&p.usd)).sum(), 2)
    };
    let mut p = Map::new();
    p.insert("rank".into(), json!(option.rank));
    p.insert("option".into(), json!(option.label));
    p.insert("leg".into(), json!(i + 1));
    p.insert("title".into(), json!(leg.title));
    p.insert("mode".into(), json!(leg.mode));
    p.insert("operator".into(), json!(leg.operator));
    p.insert("service".into(), json!(leg.service));
    p.insert("state".into(), json!(leg.state));
    p.insert("from".into(), json!(leg.from.name));
    p.insert("to".into(), json!(leg.to.name));
    p.insert("distance_km".into(), json!(rounded(leg.distance_km.get(), 3)));
    p.insert("hours".into(), json!(rounded(leg.end_h.get() - leg.start_h.get(), 3)));
    p.insert("waiting_h".into(), json!(rounded(leg.waiting_h.get(), 3)));
    p.insert("cost_low_usd".into(), json!(cost(|e| e.low)));
    p.insert("cost_usd".into(), json!(cost(|e| e.best)));
    p.insert("cost_high_usd".into(), json!(cost(|e| e.high)));
    p.insert("co2e_kg".into(), json!(rounded(leg.co2e_kg.get(), 2)));
    p.insert("straight".into(), json!(straight));
    feature(geometry, p)
}

fn feature(geometry: Value, properties: Map<String, Value>) -> Value {
    json!({"type": "Feature", "geometry": geometry, "properties": properties})
}

fn point(stop: &Stop) -> Value {
    json!({"type": "Point", "coordinates": [rounded(stop.lon, 5), rounded(stop.lat, 5)]})
}

fn stop_properties(stop: &Stop) -> Map<String, Value> {
    let mut p = Map::new();
    p.insert("id".into(), json!(stop.id));
    p.insert("name".into(), json!(stop.name));
    p.insert("name_ru".into(), json!(stop.name_ru));
    p.insert("state".into(), json!(stop.state));
    p.insert("code".into(), json!(stop.code));
    p
}

/// The word a kind of leg is written as in data.
pub(crate) fn kind_word(kind: LegKind) -> &'static str {
    match kind {
        LegKind::Load => "load",
        LegKind::Haul => "haul",
        LegKind::Border => "border",
        LegKind::Transfer => "transfer",
        LegKind::Unload => "unload",
    }
}

/// The stops of an option in order, each once, with what they are in it.
pub(crate) fn stops(option: &Itinerary) -> Vec<(&'static str, &Stop)> {
    let mut all: Vec<(&'static str, &Stop)> = Vec::new();
    for leg in &option.legs {
        let role = match leg.kind {
            LegKind::Load => "origin",
            LegKind::Unload => "destination",
            LegKind::Border => "border",
            LegKind::Transfer => "transfer",
            LegKind::Haul => "passed",
        };
        for stop in [&leg.from, &leg.to] {
            match all.iter_mut().find(|(_, s)| s.id == stop.id) {
                // What is done at a stop says more than that a haul ends there.
                Some(known) if known.0 == "passed" => known.0 = role,
                Some(_) => {}
                None => all.push((role, stop)),
            }
        }
    }
    if let Some(first) = all.first_mut() {
        first.0 = "origin";
    }
    if let Some(last) = option.legs.last()
        && let Some(end) = all.iter_mut().find(|(_, s)| s.id == last.to.id)
        && end.0 != "origin"
    {
        end.0 = "destination";
    }
    all
}

/// A leg's course, and whether it is only a straight line for want of a known one.
pub(crate) fn course(leg: &Leg) -> (Vec<[f64; 2]>, bool) {
    if leg.line.len() >= 2 {
        (leg.line.clone(), false)
    } else {
        (vec![[leg.from.lon, leg.from.lat], [leg.to.lon, leg.to.lat]], true)
    }
}

/// A line cut where it crosses the antimeridian, so that no part jumps round the world.
pub(crate) fn parts_of(line: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut parts: Vec<Vec<[f64; 2]>> = vec![Vec::new()];
    for p in line {
        let part = parts.last_mut().expect("one part at least");
        if let Some(&q) = part.last()
            && (p[0] - q[0]).abs() > 180.0
        {
            let edge = if q[0] > 0.0 { 180.0 } else { -180.0 };
            let span = 360.0 - (p[0] - q[0]).abs();
            let share = if span > 0.0 { (edge - q[0]).abs() / span } else { 0.0 };
            let lat = q[1] + share * (p[1] - q[1]);
            part.push([edge, lat]);
            parts.push(vec![[-edge, lat], *p]);
        } else {
            part.push(*p);
        }
    }
    parts
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let k = 10f64.powi(decimals);
    let r = (value * k).round() / k;
    // A zero has no sign in print.
    if r == 0.0 { 0.0 } else { r }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_over_the_antimeridian_is_cut() {
        let parts = parts_of(&[[179.0, 10.0], [-179.0, 12.0], [-178.0, 12.0]]);
        assert_eq!(
            parts,
            [vec![[179.0, 10.0], [180.0, 11.0]], vec![[-180.0, 11.0], [-179.0, 12.0], [-178.0, 12.0]]]
        );
        assert_eq!(parts_of(&[[1.0, 2.0], [3.0, 4.0]]).len(), 1);
    }
}
