//! The map of the options: courses and stops over land, lakes and boundaries, as SVG.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::LazyLock;

use geo::{
    BooleanOps, Coord, Densify, Distance, Euclidean, Haversine, Intersects, LineString, MultiLineString,
    Point, Polygon, Rect, Simplify,
};
use karvan_plan::answer::{Answer, Itinerary, LegKind, Stop};
use proj4rs::Proj;
use proj4rs::transform::transform;
use serde::Deserialize;

use crate::machine::{course, parts_of, stops};
use crate::num::Style;
use crate::svg::{em_width, escape, path, px, step};
use crate::text::Text;

/// Width of the drawing, px.
const WIDTH: f64 = 1040.0;
/// Height over width, at least and at most.
const ASPECT: (f64, f64) = (0.40, 0.66);
/// Lines are simplified to this, px.
const FINENESS: f64 = 0.35;
/// Straight lines of degrees longer than this get points between, so that they bend with the projection.
const BEND_DEG: f64 = 1.0;
/// A map shows at least so much, m.
const LEAST_SPAN_M: f64 = 150_000.0;

/// Natural Earth, as `examples/basemap.rs` writes it.
#[derive(Deserialize)]
struct BaseMap {
    fine: Layer,
    coarse: Layer,
}

#[derive(Deserialize)]
struct Layer {
    /// West, south, east, north.
    extent: [f64; 4],
    /// Degrees that one step is worth.
    unit: f64,
    land: Vec<Vec<Vec<i32>>>,
    lakes: Vec<Vec<Vec<i32>>>,
    firm: Vec<Vec<i32>>,
    open: Vec<Vec<i32>>,
}

// Both files are part of the program: a test reads them.
static BASE: LazyLock<BaseMap> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../assets/basemap.json")).expect("the embedded base map is JSON")
});
static LABELS: LazyLock<Vec<Label>> = LazyLock::new(|| {
    csv::Reader::from_reader(include_str!("../assets/labels.csv").as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("the embedded labels are CSV")
});

#[derive(Deserialize)]
struct Label {
    kind: String,
    name_en: String,
    name_ru: String,
    lon: f64,
    lat: f64,
    /// 1 for what is named on any map, 3 for what only a near one has room for.
    size: u8,
}

impl Layer {
    fn points(&self, steps: &[i32]) -> LineString {
        let (mut x, mut y) = (0i32, 0i32);
        steps
            .chunks_exact(2)
            .map(|d| {
                (x, y) = (x.saturating_add(d[0]), y.saturating_add(d[1]));
                Coord { x: f64::from(x) * self.unit, y: f64::from(y) * self.unit }
            })
            .collect()
    }
}

/// From degrees to px and back.
struct Projection {
    degrees: Proj,
    plane: Proj,
    /// Left and upper edge, m.
    corner: (f64, f64),
    /// px to a metre.
    scale: f64,
    height: f64,
}

impl Projection {
    /// A frame round some places; none where there are none or they cannot be drawn.
    fn around(places: &[[f64; 2]]) -> Option<Self> {
        let sane = |p: &&[f64; 2]| p[0].abs() <= 180.0 && p[1].abs() <= 89.0;
        let places: Vec<[f64; 2]> = places.iter().filter(sane).copied().collect();
        let (west, east) = span(places.iter().map(|p| p[0]))?;
        let (south, north) = span(places.iter().map(|p| p[1]))?;
        let (lat, lon) = ((south + north) / 2.0, (west + east) / 2.0);
        // Conic in the temperate belt, where corridors lie; cylindrical where the world is shown.
        let definition = if east - west < 140.0 && (south > 8.0 || north < -8.0) {
            let sixth = ((north - south) / 6.0).max(0.5);
            format!(
                "+proj=lcc +lat_1={} +lat_2={} +lat_0={lat} +lon_0={lon} +R=6371000",
                south + sixth,
                north - sixth
            )
        } else {
            let ts = lat.abs().clamp(15.0, 40.0);
            format!("+proj=eqc +lat_ts={ts} +lon_0=0 +R=6371000")
        };
        let degrees = Proj::from_proj_string("+proj=longlat +R=6371000").ok()?;
        let plane = Proj::from_proj_string(&definition).ok()?;
        let mut this = Self { degrees, plane, corner: (0.0, 0.0), scale: 1.0, height: 0.0 };
        let metres: Vec<(f64, f64)> = places.iter().filter_map(|p| this.metres(p[0], p[1])).collect();
        let (left, right) = span(metres.iter().map(|m| m.0))?;
        let (low, high) = span(metres.iter().map(|m| m.1))?;
        let mut wide = ((right - left) * 1.18).max(LEAST_SPAN_M);
        let mut tall = ((high - low) * 1.22).max(LEAST_SPAN_M * ASPECT.0);
        wide = wide.max(tall / ASPECT.1);
        tall = tall.max(wide * ASPECT.0);
        this.scale = WIDTH / wide;
        this.height = (tall * this.scale).round();
        this.corner = ((left + right - wide) / 2.0, (low + high + tall) / 2.0);
        Some(this)
    }

    fn metres(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let mut p = (lon.to_radians(), lat.to_radians(), 0.0);
        transform(&self.degrees, &self.plane, &mut p).ok()?;
        (p.0.is_finite() && p.1.is_finite()).then_some((p.0, p.1))
    }

    fn px(&self, lon: f64, lat: f64) -> Option<(f64, f64)> {
        let (x, y) = self.metres(lon, lat)?;
        Some(((x - self.corner.0) * self.scale, (self.corner.1 - y) * self.scale))
    }

    fn degrees(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        let mut p = (x / self.scale + self.corner.0, self.corner.1 - y / self.scale, 0.0);
        transform(&self.plane, &self.degrees, &mut p).ok()?;
        let (lon, lat) = (p.0.to_degrees(), p.1.to_degrees());
        (lon.is_finite() && lat.is_finite()).then_some((lon, lat))
    }

    /// West, south, east, north of what the frame shows.
    fn shown(&self) -> [f64; 4] {
        let edge = (0..=16).flat_map(|i| {
            let (x, y) = (WIDTH * f64::from(i) / 16.0, self.height * f64::from(i) / 16.0);
            [(x, 0.0), (x, self.height), (0.0, y), (WIDTH, y)]
        });
        let seen: Vec<(f64, f64)> = edge.filter_map(|(x, y)| self.degrees(x, y)).collect();
        let lon = span(seen.iter().map(|p| p.0)).unwrap_or((-180.0, 180.0));
        let lat = span(seen.iter().map(|p| p.1)).unwrap_or((-90.0, 90.0));
        [lon.0.max(-180.0), lat.0.max(-90.0), lon.1.min(180.0), lat.1.min(90.0)]
    }

    fn line(&self, line: &LineString) -> LineString {
        line.coords().filter_map(|c| self.px(c.x, c.y)).map(|(x, y)| Coord { x, y }).collect()
    }
}

fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |s: Option<(f64, f64)>, v| Some(s.map_or((v, v), |(a, b)| (a.min(v), b.max(v)))))
}

/// A rectangle on the drawing, px.
#[derive(Clone, Copy)]
struct Area {
    x0: f64,
    y0: f64,
    x1: f64,
    y1: f64,
}

impl Area {
    fn meets(&self, o: &Area) -> bool {
        self.x0 < o.x1 && o.x0 < self.x1 && self.y0 < o.y1 && o.y0 < self.y1
    }
    fn holds(&self, p: (f64, f64)) -> bool {
        p.0 > self.x0 && p.0 < self.x1 && p.1 > self.y0 && p.1 < self.y1
    }
    fn inside(&self, width: f64, height: f64) -> bool {
        self.x0 >= 4.0 && self.y0 >= 4.0 && self.x1 <= width - 4.0 && self.y1 <= height - 4.0
    }
}

/// A stop of some options.
struct Mark<'a> {
    stop: &'a Stop,
    role: &'static str,
    ranks: Vec<u32>,
    at: (f64, f64),
}

/// How much a stop wants its name on the map; the least first.
fn weight(role: &str) -> u8 {
    match role {
        "origin" | "destination" => 0,
        "transfer" => 1,
        "border" => 2,
        _ => 3,
    }
}

/// The map as an `svg` element; empty where no place can be drawn.
pub(crate) fn map(answer: &Answer, text: &Text) -> String {
    let mut places: Vec<[f64; 2]> =
        [&answer.question.from, &answer.question.to].map(|s| [s.lon, s.lat]).to_vec();
    for leg in answer.options.iter().flat_map(|o| &o.legs).filter(|l| l.kind == LegKind::Haul) {
        places.extend(course(leg).0);
    }
    let Some(to) = Projection::around(&places) else { return String::new() };
    let name = |s: &Stop| stop_name(s, text);
    let (from_name, to_name) = (name(&answer.question.from), name(&answer.question.to));
    let desc = if answer.options.is_empty() { "map.desc_refused" } else { "map.desc" };
    let count = answer.options.len().to_string();
    let desc = text.fill(desc, &[("n", &count), ("from", &from_name), ("to", &to_name)]);

    let mut out = String::new();
    let h = px(to.height);
    let _ = write!(
        out,
        r#"<svg class="map" viewBox="0 0 {WIDTH} {h}" role="img" aria-labelledby="map-t map-d"><title id="map-t">{}</title><desc id="map-d">{}</desc><defs><clipPath id="map-clip"><rect width="{WIDTH}" height="{h}" rx="6"/></clipPath></defs><g clip-path="url(#map-clip)"><rect class="sea" width="{WIDTH}" height="{h}"/>"#,
        escape(text.get("map.title")),
        escape(&desc)
    );
    base(&to, &mut out);

    let mut drawn: Vec<(f64, f64)> = Vec::new();
    let mut trodden = Trodden::default();
    let drawings: Vec<Drawing> =
        answer.options.iter().map(|o| Drawing::of(o, &to, text, &mut trodden, &mut drawn)).collect();
    // Where options share a course the better lies on top and the next shows as an edge on both sides.
    let wider = (9.0 / answer.options.len().max(2) as f64).clamp(1.7, 3.4);
    let width = |level: u8| 2.6 + wider * f64::from(level.min(6));
    let mut casing = String::new();
    let mut lines = String::new();
    for (i, (option, drawing)) in answer.options.iter().zip(&drawings).enumerate().rev() {
        let _ = write!(lines, r#"<g class="opt o{}" data-rank="{}">"#, tone(i), option.rank);
        for leg in &drawing.legs {
            let _ = write!(lines, r#"<g class="{}"><title>{}</title>"#, leg.class, escape(&leg.words));
            for (level, d) in &leg.runs {
                let _ = write!(lines, r#"<path stroke-width="{}" d="{d}"/>"#, px(width(*level)));
                let _ = write!(casing, r#"<path stroke-width="{}" d="{d}"/>"#, px(width(*level) + 2.4));
            }
            lines.push_str("</g>");
        }
        lines.push_str("</g>");
    }
    let _ = write!(out, r#"<g class="casing">{casing}</g><g class="courses">{lines}</g>"#);

    marks(answer, text, &to, &drawn, &mut out);
    scale_bar(&to, text, &mut out);
    out.push_str("</g></svg>");
    out
}

fn base(to: &Projection, out: &mut String) {
    let shown = to.shown();
    let within = |e: &[f64; 4]| shown[0] >= e[0] && shown[1] >= e[1] && shown[2] <= e[2] && shown[3] <= e[3];
    let layer = if within(&BASE.fine.extent) { &BASE.fine } else { &BASE.coarse };
    // A little more than is shown, so that the cut never lies in the picture.
    let cut = Rect::new(
        Coord { x: (shown[0] - 1.0).max(-180.0), y: (shown[1] - 1.0).max(-90.0) },
        Coord { x: (shown[2] + 1.0).min(180.0), y: (shown[3] + 1.0).min(90.0) },
    );
    let window = cut.to_polygon();
    for (class, polygons) in [("land", &layer.land), ("lake", &layer.lakes)] {
        let mut d = String::new();
        for rings in polygons {
            let mut rings = rings.iter().map(|r| layer.points(r));
            let Some(outer) = rings.next() else { continue };
            let polygon = Polygon::new(outer, rings.collect());
            if !polygon.exterior().intersects(&cut) && !polygon.intersects(&cut) {
                continue;
            }
            for part in polygon.intersection(&window) {
                for ring in std::iter::once(part.exterior()).chain(part.interiors()) {
                    let flat = to.line(&Euclidean.densify(ring, BEND_DEG)).simplify(FINENESS);
                    if flat.0.len() > 3 {
                        path(flat.coords().map(|c| (c.x, c.y)), true, &mut d);
                    }
                }
            }
        }
        let _ = write!(out, r#"<path class="{class}" d="{d}"/>"#);
    }
    for (class, lines) in [("boundary", &layer.firm), ("boundary open", &layer.open)] {
        let mut d = String::new();
        let lines = lines.iter().map(|l| layer.points(l)).filter(|l| l.0.len() > 1 && l.intersects(&cut));
        for line in window.clip(&MultiLineString::new(lines.collect()), false) {
            let flat = to.line(&Euclidean.densify(&line, BEND_DEG)).simplify(FINENESS);
            path(flat.coords().map(|c| (c.x, c.y)), false, &mut d);
        }
        let _ = write!(out, r#"<path class="{class}" d="{d}"/>"#);
    }
}

/// Where courses have been drawn, and how many options lie on each other there.
#[derive(Default)]
struct Trodden(BTreeMap<(i64, i64), u8>);

impl Trodden {
    /// Side of a square of the drawing, px.
    const SIDE: f64 = 2.4;

    fn cell(c: Coord) -> (i64, i64) {
        ((c.x / Self::SIDE).floor() as i64, (c.y / Self::SIDE).floor() as i64)
    }
    /// How many lie here already.
    fn level(&self, c: Coord) -> u8 {
        let (x, y) = Self::cell(c);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy)));
        around.filter_map(|k| self.0.get(&k)).max().copied().unwrap_or(0)
    }
}

/// An option's courses on the drawing.
struct Drawing {
    legs: Vec<DrawnLeg>,
}

struct DrawnLeg {
    class: &'static str,
    words: String,
    /// Parts of the course: over how many better options they lie, and their path.
    runs: Vec<(u8, String)>,
}

impl Drawing {
    fn of(
        option: &Itinerary,
        to: &Projection,
        text: &Text,
        trodden: &mut Trodden,
        drawn: &mut Vec<(f64, f64)>,
    ) -> Self {
        let mut own: Vec<((i64, i64), u8)> = Vec::new();
        let mut legs = Vec::new();
        for leg in option.legs.iter().filter(|l| l.kind == LegKind::Haul) {
            let mut runs = Vec::new();
            for part in parts_of(&course(leg).0) {
                let part: LineString = part.into_iter().map(|p| Coord { x: p[0], y: p[1] }).collect();
                let flat = to.line(&part).simplify(FINENESS);
                let points = Euclidean.densify(&flat, Trodden::SIDE).0;
                drawn.extend(points.iter().map(|c| (c.x, c.y)));
                let levels = smooth(points.iter().map(|c| trodden.level(*c)).collect());
                own.extend(points.iter().zip(&levels).map(|(c, l)| (Trodden::cell(*c), l + 1)));
                let mut from = 0;
                while from + 1 < points.len() {
                    let level = levels[from];
                    let same = levels[from..].iter().take_while(|l| **l == level).count();
                    // One point of the next part, so that no gap shows.
                    let till = (from + same).min(points.len() - 1);
                    let run = LineString::new(points[from..=till].to_vec()).simplify(FINENESS);
                    let mut d = String::new();
                    path(run.coords().map(|c| (c.x, c.y)), false, &mut d);
                    runs.push((level, d));
                    from = till;
                }
            }
            let mode = leg.mode.as_deref().unwrap_or("other");
            let words = format!("{}: {}", option.rank, leg_words(leg, text));
            legs.push(DrawnLeg { class: mode_class(mode), words, runs });
        }
        for (cell, level) in own {
            let known = trodden.0.entry(cell).or_default();
            *known = (*known).max(level);
        }
        Self { legs }
    }
}

/// Levels without the short runs that a mere crossing makes.
fn smooth(mut levels: Vec<u8>) -> Vec<u8> {
    const SHORTEST: usize = 10;
    let mut from = 0;
    while from < levels.len() {
        let level = levels[from];
        let till = from + levels[from..].iter().take_while(|l| **l == level).count();
        if till - from < SHORTEST && from > 0 {
            let before = levels[from - 1];
            levels[from..till].fill(before);
        }
        from = till;
    }
    levels
}

fn marks<'a>(answer: &'a Answer, text: &Text, to: &Projection, drawn: &[(f64, f64)], out: &mut String) {
    let mut marks: Vec<Mark<'a>> = Vec::new();
    let mut add = |role: &'static str, stop: &'a Stop, rank: Option<u32>| match marks
        .iter_mut()
        .find(|m| m.stop.id == stop.id)
    {
        Some(m) => {
            m.ranks.extend(rank.filter(|r| !m.ranks.contains(r)));
            if weight(role) < weight(m.role) {
                m.role = role;
            }
        }
        None => {
            if let Some(at) = to.px(stop.lon, stop.lat) {
                marks.push(Mark { stop, role, ranks: rank.into_iter().collect(), at });
            }
        }
    };
    for option in &answer.options {
        for (role, stop) in stops(option) {
            add(role, stop, Some(option.rank));
        }
    }
    if answer.options.is_empty() {
        add("origin", &answer.question.from, None);
        add("destination", &answer.question.to, None);
    }
    marks.sort_by_key(|m| weight(m.role));

    let radius = |m: &Mark| match weight(m.role) {
        0 => 6.5,
        1 => 4.8,
        _ => 3.6,
    };
    let mut taken: Vec<Area> = marks
        .iter()
        .map(|m| {
            let r = radius(m);
            Area { x0: m.at.0 - r, y0: m.at.1 - r, x1: m.at.0 + r, y1: m.at.1 + r }
        })
        .collect();
    // The corner of the scale bar.
    taken.push(Area { x0: 0.0, y0: to.height - 34.0, x1: 190.0, y1: to.height });
    let mut names = String::new();
    for m in &marks {
        let size = if weight(m.role) == 0 { 15.0 } else { 12.5 };
        let name = map_name(&stop_name(m.stop, text));
        if let Some((x, y, anchor, area)) = spot(m.at, radius(m) + 3.5, &name, size, to.height, &taken, drawn)
        {
            taken.push(area);
            let ranks = ranks(&m.ranks);
            let _ = write!(
                names,
                r#"<text class="place w{}" data-ranks="{ranks}" x="{}" y="{}" text-anchor="{anchor}" font-size="{size}">{}</text>"#,
                weight(m.role),
                px(x),
                px(y),
                escape(&name)
            );
        }
    }
    let ground = ground(text, to, &mut taken, drawn);
    let _ = write!(out, r#"<g aria-hidden="true">{ground}</g><g class="marks">"#);
    for m in marks.iter().rev() {
        let title = [Some(stop_name(m.stop, text)), m.stop.state.clone(), m.stop.code.clone()];
        let title: Vec<String> = title.into_iter().flatten().collect();
        let _ = write!(
            out,
            r#"<circle class="mark w{}" data-ranks="{}" cx="{}" cy="{}" r="{}"><title>{}</title></circle>"#,
            weight(m.role),
            ranks(&m.ranks),
            px(m.at.0),
            px(m.at.1),
            px(radius(m)),
            escape(&title.join(", "))
        );
    }
    let _ = write!(out, "</g><g>{names}</g>");
}

/// Names of states and seas where nothing else stands.
fn ground(text: &Text, to: &Projection, taken: &mut Vec<Area>, drawn: &[(f64, f64)]) -> String {
    let km_per_px = 1.0 / to.scale / 1000.0;
    let finest = match km_per_px {
        k if k > 9.0 => 1,
        k if k > 4.0 => 2,
        _ => 3,
    };
    let mut ground = String::new();
    let mut written: Vec<&str> = Vec::new();
    for l in LABELS.iter().filter(|l| l.size <= finest) {
        let name = if text.russian { &l.name_ru } else { &l.name_en };
        let Some((x, y)) = to.px(l.lon, l.lat).filter(|_| !written.contains(&name.as_str())) else {
            continue;
        };
        let sea = l.kind == "sea";
        let size = if sea { 13.0 } else { 12.5 };
        // States are letter-spaced, seas in italics.
        let half = em_width(name) * size * if sea { 0.5 } else { 0.66 };
        let area = Area { x0: x - half, y0: y - size * 0.8, x1: x + half, y1: y + size * 0.4 };
        if area.inside(WIDTH, to.height)
            && !taken.iter().any(|t| t.meets(&area))
            && !drawn.iter().any(|p| area.holds(*p))
        {
            taken.push(area);
            written.push(name);
            let _ = write!(
                ground,
                r#"<text class="{}" x="{}" y="{}" text-anchor="middle" font-size="{size}">{}</text>"#,
                if sea { "sea-name" } else { "state-name" },
                px(x),
                px(y),
                escape(name)
            );
        }
    }
    ground
}

fn ranks(ranks: &[u32]) -> String {
    ranks.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

/// Where a name stands: x, y, which end of it lies there, and what it covers.
type Spot = (f64, f64, &'static str, Area);

/// Where a name may stand beside its mark: the free place that covers least of the courses.
fn spot(
    at: (f64, f64),
    gap: f64,
    name: &str,
    size: f64,
    height: f64,
    taken: &[Area],
    drawn: &[(f64, f64)],
) -> Option<Spot> {
    let width = em_width(name) * size + 2.0;
    let (up, down) = (size * 0.78, size * 0.24);
    let mut best: Option<(usize, Spot)> = None;
    for ring in [1.0, 2.2, 3.6] {
        let g = gap * ring;
        let d = g * 0.75;
        let choices = [
            (at.0 + g, at.1 + size * 0.32, "start"),
            (at.0 - g, at.1 + size * 0.32, "end"),
            (at.0, at.1 - g - down, "middle"),
            (at.0, at.1 + g + up, "middle"),
            (at.0 + d, at.1 - d, "start"),
            (at.0 + d, at.1 + d + up, "start"),
            (at.0 - d, at.1 - d, "end"),
            (at.0 - d, at.1 + d + up, "end"),
        ];
        for (x, y, anchor) in choices {
            let x0 = match anchor {
                "start" => x,
                "end" => x - width,
                _ => x - width / 2.0,
            };
            let area = Area { x0: x0 - 1.0, y0: y - up, x1: x0 + width, y1: y + down };
            if !area.inside(WIDTH, height) || taken.iter().any(|t| t.meets(&area)) {
                continue;
            }
            let over = drawn.iter().filter(|p| area.holds(**p)).count();
            if best.as_ref().is_none_or(|(b, _)| over < *b) {
                best = Some((over, (x, y, anchor, area)));
            }
        }
        if best.as_ref().is_some_and(|(over, _)| *over == 0) {
            break;
        }
    }
    best.map(|(_, s)| s)
}

fn scale_bar(to: &Projection, text: &Text, out: &mut String) {
    let y = to.height - 14.0;
    let (Some(a), Some(b)) =
        (to.degrees(WIDTH / 2.0, to.height / 2.0), to.degrees(WIDTH / 2.0 + 100.0, to.height / 2.0))
    else {
        return;
    };
    let km_per_px = Haversine.distance(Point::new(a.0, a.1), Point::new(b.0, b.1)) / 1000.0 / 100.0;
    let km = step(km_per_px * 130.0, 1.3);
    let long = km / km_per_px;
    if !(20.0..=400.0).contains(&long) {
        return;
    }
    let _ = write!(
        out,
        r#"<g class="scale" aria-hidden="true"><path d="M16 {y0}v5h{long}v-5"/><text x="{x}" y="{ty}" font-size="11">{km} {unit}</text></g>"#,
        y0 = px(y - 5.0),
        long = px(long),
        x = px(16.0 + long + 6.0),
        ty = px(y + 1.0),
        km = Style::of(text).short(km, 1),
        unit = escape(text.get("map.scale")),
    );
}

/// The name of a stop in the language of the page.
pub(crate) fn stop_name(stop: &Stop, text: &Text) -> String {
    match &stop.name_ru {
        Some(name) if text.russian => name.clone(),
        _ => stop.name.clone(),
    }
}

/// A name as it stands on the map: without what follows in brackets, and not too long.
fn map_name(name: &str) -> String {
    let bare = match name.find(" (") {
        Some(i) if i > 0 && name.ends_with(')') => &name[..i],
        _ => name,
    };
    fitting(bare, 17.0)
}

/// A text cut to a width in em.
pub(crate) fn fitting(text: &str, most_em: f64) -> String {
    if em_width(text) <= most_em {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if em_width(&cut) > most_em - 1.0 {
            cut.pop();
            break;
        }
    }
    format!("{}…", cut.trim_end())
}

/// A haul in a few words: mode, from, to.
pub(crate) fn leg_words(leg: &karvan_plan::answer::Leg, text: &Text) -> String {
    let what = match leg.kind {
        LegKind::Haul => text.word("mode", leg.mode.as_deref().unwrap_or("other")),
        other => text.word("kind", crate::machine::kind_word(other)),
    };
    let (from, to) = (stop_name(&leg.from, text), stop_name(&leg.to, text));
    if leg.from.id == leg.to.id { format!("{what}, {from}") } else { format!("{what}, {from} → {to}") }
}

/// The colour of the option at an index, 1 to 6; beyond, they repeat and the number tells.
pub(crate) fn tone(i: usize) -> usize {
    i % 6 + 1
}

/// The class of a mode; only known words become one.
pub(crate) fn mode_class(mode: &str) -> &'static str {
    match mode {
        "rail" => "rail",
        "road" => "road",
        "sea" => "sea-way",
        "inland_water" => "inland",
        "pipeline" => "pipeline",
        "power" => "power",
        _ => "other",
    }
}

/// Traffic of a course.
pub(crate) struct Traffic<'a> {
    /// Degrees east and north.
    pub(crate) course: &'a [[f64; 2]],
    /// Mode.
    pub(crate) mode: &'a str,
    /// Tonnes, both ways.
    pub(crate) tonnes: f64,
    /// What it is, in words.
    pub(crate) words: String,
}

/// A place with a name that a map of traffic tries to write; those given first go first.
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) at: [f64; 2],
}

/// Width of the greatest traffic, px.
const WIDEST: f64 = 13.0;
/// What is drawn thinner than this is left out, px.
const THINNEST: f64 = 0.25;
/// Courses that answer to the pointer.
const TOLD: usize = 250;

/// A map of traffic as an `svg` element, courses as wide as the square root of their tonnes; empty where there is nothing to
/// draw. It shows where nineteen twentieths of the tonne-kilometres on land lie.
pub(crate) fn traffic(all: &[Traffic], names: &[Named], text: &Text) -> String {
    let most = all.iter().map(|t| t.tonnes).fold(0.0, f64::max);
    let width = |t: f64| WIDEST * (t / most).sqrt();
    let Some(to) = frame(all).filter(|_| most > 0.0) else { return String::new() };
    let mut out = String::new();
    let h = px(to.height);
    let _ = write!(
        out,
        r#"<svg class="map" viewBox="0 0 {WIDTH} {h}" role="img" aria-labelledby="map-t map-d"><title id="map-t">{}</title><desc id="map-d">{}</desc><defs><clipPath id="map-clip"><rect width="{WIDTH}" height="{h}" rx="6"/></clipPath></defs><g clip-path="url(#map-clip)"><rect class="sea" width="{WIDTH}" height="{h}"/>"#,
        escape(text.get("assignment.map")),
        escape(text.get("assignment.map_note"))
    );
    base(&to, &mut out);
    let mut order: Vec<&Traffic> = all.iter().filter(|t| width(t.tonnes) >= THINNEST).collect();
    order.sort_by(|a, b| a.tonnes.total_cmp(&b.tonnes));
    let told = order.len().saturating_sub(TOLD);
    let mut drawn: Vec<(f64, f64)> = Vec::new();
    // What is thin stands together: a path each mode and half a pixel.
    let mut thin: BTreeMap<(i64, &'static str), String> = BTreeMap::new();
    let mut wide = String::new();
    for (i, t) in order.iter().enumerate() {
        let mut d = String::new();
        for part in parts_of(t.course) {
            let part: LineString = part.into_iter().map(|p| Coord { x: p[0], y: p[1] }).collect();
            let flat = to.line(&Euclidean.densify(&part, BEND_DEG)).simplify(FINENESS);
            let seen = |c: &Coord| {
                (-40.0..=WIDTH + 40.0).contains(&c.x) && (-40.0..=to.height + 40.0).contains(&c.y)
            };
            if flat.0.len() < 2 || !flat.coords().any(seen) {
                continue;
            }
            if width(t.tonnes) > 1.5 {
                drawn.extend(Euclidean.densify(&flat, 6.0).coords().map(|c| (c.x, c.y)));
            }
            path(flat.coords().map(|c| (c.x, c.y)), false, &mut d);
        }
        if d.is_empty() {
            continue;
        }
        let (class, w) = (mode_class(t.mode), width(t.tonnes));
        if i < told {
            thin.entry(((2.0 * w).ceil() as i64, class)).or_default().push_str(&d);
        } else {
            let _ = write!(
                wide,
                r#"<path class="{class}" stroke-width="{}" d="{d}"><title>{}</title></path>"#,
                px(w.max(0.5)),
                escape(&t.words)
            );
        }
    }
    out.push_str(r#"<g class="traffic">"#);
    for ((halves, class), d) in &thin {
        let _ = write!(out, r#"<path class="{class}" stroke-width="{}" d="{d}"/>"#, px(*halves as f64 / 2.0));
    }
    let _ = write!(out, "{wide}</g>");
    let mut taken = vec![
        Area { x0: 0.0, y0: to.height - 34.0, x1: 190.0, y1: to.height },
        Area { x0: WIDTH - 190.0, y0: to.height - 84.0, x1: WIDTH, y1: to.height },
    ];
    let mut words = String::new();
    let mut marks = String::new();
    for n in names {
        let Some(at) = to.px(n.at[0], n.at[1]) else { continue };
        let name = map_name(n.name);
        if let Some((x, y, anchor, area)) = spot(at, 6.0, &name, 12.0, to.height, &taken, &drawn) {
            taken.push(area);
            let _ = write!(marks, r#"<circle class="mark w3" cx="{}" cy="{}" r="2.6"/>"#, px(at.0), px(at.1));
            let _ = write!(
                words,
                r#"<text class="place" x="{}" y="{}" text-anchor="{anchor}" font-size="12">{}</text>"#,
                px(x),
                px(y),
                escape(&name)
            );
        }
    }
    let ground = ground(text, &to, &mut taken, &drawn);
    let _ =
        write!(out, r#"<g aria-hidden="true">{ground}</g><g aria-hidden="true">{marks}</g><g>{words}</g>"#);
    // What a width means.
    let style = Style::of(text);
    out.push_str(r#"<g class="widths" aria-hidden="true">"#);
    for (i, share) in [1.0, 0.25, 0.025].into_iter().enumerate() {
        let t = step(most * share, 1.0);
        let t = if t > most * share { t / 2.0 } else { t };
        let y = px(to.height - 66.0 + 22.0 * i as f64);
        let _ = write!(
            out,
            r#"<path stroke-width="{}" d="M{} {y}h40"/><text x="{}" y="{y}" dy="4" font-size="11">{} {}</text>"#,
            px(width(t)),
            px(WIDTH - 176.0),
            px(WIDTH - 128.0),
            style.short(t / 1e6, 3),
            escape(text.get("assignment.million_t"))
        );
    }
    out.push_str("</g>");
    scale_bar(&to, text, &mut out);
    out.push_str("</g></svg>");
    out
}

/// The frame of a map of traffic: without the fortieth part of the tonne-kilometres on each of its sides, those at sea left out
/// where there are others.
fn frame(all: &[Traffic]) -> Option<Projection> {
    let weigh = |t: &Traffic| -> Vec<([f64; 2], f64)> {
        let steps = t.course.iter().zip(t.course.iter().skip(1));
        let weighed = steps.map(|(a, b)| {
            let km = Haversine.distance(Point::new(a[0], a[1]), Point::new(b[0], b[1])) / 1000.0;
            ([(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0], km * t.tonnes)
        });
        weighed.collect()
    };
    let afloat = |t: &&Traffic| matches!(t.mode, "sea" | "inland_water");
    let mut weighed: Vec<([f64; 2], f64)> = all.iter().filter(|t| !afloat(t)).flat_map(weigh).collect();
    if weighed.iter().all(|w| w.1 <= 0.0) {
        weighed = all.iter().flat_map(weigh).collect();
    }
    let sum: f64 = weighed.iter().map(|w| w.1).sum();
    let mut ends = |axis: usize| {
        weighed.sort_by(|a, b| a.0[axis].total_cmp(&b.0[axis]));
        let mut at = 0.0;
        let (mut low, mut high) = (None, None);
        for (p, w) in &weighed {
            at += w;
            if low.is_none() && at >= 0.025 * sum {
                low = Some(p[axis]);
            }
            if high.is_none() && at >= 0.975 * sum {
                high = Some(p[axis]);
            }
        }
        Some((low?, high?))
    };
    let ((west, east), (south, north)) = (ends(0)?, ends(1)?);
    Projection::around(&[[west, south], [west, north], [east, south], [east, north]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_base_map_reads_and_lies_in_its_extent() {
        for layer in [&BASE.fine, &BASE.coarse] {
            assert!(!layer.land.is_empty() && !layer.firm.is_empty() && !layer.open.is_empty());
            let all = layer.land.iter().chain(&layer.lakes).flatten().chain(&layer.firm).chain(&layer.open);
            for line in all.clone().map(|l| layer.points(l)) {
                // A line that ran round the world would be drawn across the map.
                assert!(line.lines().all(|l| l.dx().abs() < 120.0));
            }
            for c in all.flat_map(|l| layer.points(l).0) {
                assert!(c.x >= layer.extent[0] - 0.01 && c.x <= layer.extent[2] + 0.01, "{c:?}");
                assert!(c.y >= layer.extent[1] - 0.01 && c.y <= layer.extent[3] + 0.01, "{c:?}");
            }
        }
        assert!(!LABELS.is_empty());
    }

    #[test]
    fn a_frame_holds_its_places_and_turns_back() {
        for places in [
            vec![[49.9, 40.4], [44.5, 40.1]],
            vec![[4.3, 51.9], [121.5, 31.2], [18.4, -34.4]],
            vec![[80.0, 44.0], [6.7, 51.4]],
            vec![[44.5, 40.1], [44.5, 40.1]],
        ] {
            let to = Projection::around(&places).unwrap();
            for p in &places {
                let (x, y) = to.px(p[0], p[1]).unwrap();
                assert!(x > 0.0 && x < WIDTH && y > 0.0 && y < to.height, "{p:?} at {x}, {y}");
                let (lon, lat) = to.degrees(x, y).unwrap();
                assert!((lon - p[0]).abs() < 1e-6 && (lat - p[1]).abs() < 1e-6);
            }
            assert!(to.height / WIDTH >= ASPECT.0 - 0.01 && to.height / WIDTH <= ASPECT.1 + 0.01);
        }
        assert!(Projection::around(&[[f64::NAN, 3.0]]).is_none());
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(map_name("Halkali (Istanbul Europe)"), "Halkali");
        assert_eq!(map_name("(x)"), "(x)");
        let cut = map_name(&"Боюк-Кясик ".repeat(9));
        assert!(cut.ends_with('…') && em_width(&cut) <= 18.0, "{cut}");
    }

    #[test]
    fn names_do_not_overlap() {
        let mut taken = Vec::new();
        for _ in 0..6 {
            if let Some((_, _, _, area)) = spot((300.0, 200.0), 8.0, "Same place", 12.0, 400.0, &taken, &[]) {
                assert!(!taken.iter().any(|t: &Area| t.meets(&area)));
                taken.push(area);
            }
        }
        assert!(taken.len() > 3);
    }
}
