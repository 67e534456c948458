//! The gazetteer: places and cargoes by any of their names and codes, in any script, with typing errors.
//!
//! Names are compared as written (letter case apart), then folded to plain Latin letters, then by likeness
//! of a *skeleton* in which the usual differences of transliteration are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use any_ascii::any_ascii_char;

use crate::check::great_circle_km;
use crate::tables::{Cargo, Node, NodeKind, State};
use crate::{CargoIx, Model, NodeIx, StateIx};

/// Points nearer than this to each other, of one name, are one place, km.
const ONE_PLACE_KM: f64 = 10.0;

/// One place found by [`Gazetteer::search`].
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Node.
    pub node: NodeIx,
    /// How well the name fits, 0 to 1; 1 is the same name or code.
    pub score: f64,
    /// The name or code that fits.
    pub matched_name: String,
}

/// What a text names.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Nodes that are one place: for a town, the town first and then its stations, ports and terminals.
    Nodes {
        /// The nodes, the one that was named first.
        nodes: Vec<NodeIx>,
        /// Name in print.
        label: String,
    },
    /// A position.
    Point {
        /// Longitude, degrees east.
        lon: f64,
        /// Latitude, degrees north.
        lat: f64,
    },
}

/// Why a text names no one thing: what was given, what it might be, the way out.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolveError {
    /// What is wrong, with what was given.
    pub what: String,
    /// Things it may mean, as lines for print.
    pub candidates: Vec<String>,
    /// The way out.
    pub hint: String,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for c in &self.candidates {
            write!(f, "\n  {c}")?;
        }
        Ok(())
    }
}
impl std::error::Error for ResolveError {}

/// Lower-case Latin letters and digits, single spaces between words: `Բաքու`, `Bakı` and `BAKI` become alike.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for c in text.chars() {
        // Apostrophes and combining marks are part of a word, not between words.
        if matches!(c, '\'' | '’' | 'ʻ' | 'ʼ' | '`' | 'ь' | 'ъ' | 'Ь' | 'Ъ')
            || ('\u{300}'..='\u{36f}').contains(&c)
        {
            continue;
        }
        let latin = match c {
            // By sound, where the usual tables go by shape.
            'ə' | 'Ə' | 'ә' | 'Ә' => "a",
            'ı' | 'І' | 'і' | 'İ' => "i",
            'ё' | 'Ё' => "e",
            'й' | 'Й' => "y",
            'ю' | 'Ю' => "yu",
            'я' | 'Я' => "ya",
            'х' | 'Х' | 'Һ' | 'һ' => "h",
            'ж' | 'Ж' => "zh",
            'ц' | 'Ц' => "ts",
            'щ' | 'Щ' => "sch",
            'ы' | 'Ы' => "y",
            'ө' | 'Ө' => "o",
            'ү' | 'Ү' | 'ұ' | 'Ұ' => "u",
            'қ' | 'Қ' | 'ҝ' | 'Ҝ' => "k",
            'ғ' | 'Ғ' => "g",
            'ң' | 'Ң' => "n",
            'ҹ' | 'Ҹ' | 'ҷ' | 'Ҷ' => "j",
            c if c.is_ascii() => {
                if c.is_ascii_alphanumeric() {
                    if std::mem::take(&mut gap) && !out.is_empty() {
                        out.push(' ');
                    }
                    out.push(c.to_ascii_lowercase());
                } else {
                    gap = true;
                }
                continue;
            }
            c => any_ascii_char(c),
        };
        let mut any = false;
        for b in latin.bytes().filter(u8::is_ascii_alphanumeric) {
            if !any && std::mem::take(&mut gap) && !out.is_empty() {
                out.push(' ');
            }
            any = true;
            out.push(b.to_ascii_lowercase() as char);
        }
        // A letter without a Latin counterpart (a soft sign) is no gap; punctuation is.
        if !any && !c.is_alphabetic() {
            gap = true;
        }
    }
    out
}

/// A folded text without what transliterations differ in: `Boyuk Kesik`, `Беюк-Кясик` and `Böyük Kəsik`
/// come close to each other.
fn skeleton(folded: &str) -> String {
    let mut s = folded.to_owned();
    for (a, b) in [
        ("shch", "s"),
        ("sch", "s"),
        ("tch", "c"),
        ("dzh", "j"),
        ("dz", "z"),
        ("kh", "h"),
        ("gh", "g"),
        ("zh", "j"),
        ("ch", "c"),
        ("sh", "s"),
        ("ts", "c"),
        ("tz", "c"),
        ("ph", "p"),
        ("th", "t"),
        ("ck", "k"),
        ("q", "k"),
        ("x", "h"),
        ("w", "v"),
        ("ya", "a"),
        ("ia", "a"),
        ("yu", "u"),
        ("iu", "u"),
        ("ju", "u"),
        ("ye", "e"),
        ("ie", "e"),
        ("yo", "o"),
        ("io", "o"),
        ("iy", "i"),
        ("yi", "i"),
        ("ij", "i"),
        ("y", "i"),
    ] {
        if s.contains(a) {
            s = s.replace(a, b);
        }
    }
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        if !out.ends_with(c) {
            out.push(c);
        }
    }
    out
}

/// Likeness of two texts, 0 to 1: Jaro–Winkler and Damerau–Levenshtein, whichever is kinder, for slips of the
/// pen differ from slips of the ear.
fn likeness(a: &str, b: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(a, b).max(strsim::jaro_winkler(a, b) - 0.06)
}

/// Whether two texts are the same letter for letter, letter case apart.
fn same_text(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[derive(Clone, Copy)]
struct Name {
    node: NodeIx,
    /// Which of the node's names: see [`name_at`].
    slot: u16,
}

/// The names of a node, official ones first; the flag says whether the name is official.
fn names(n: &Node) -> impl Iterator<Item = (&str, bool)> {
    let official = [
        Some(n.name_en.as_str()),
        n.name_ru.as_deref(),
        n.name_az.as_deref(),
        n.name_kk.as_deref(),
        n.name_ka.as_deref(),
        n.name_hy.as_deref(),
        n.name_tr.as_deref(),
        n.name_zh.as_deref(),
    ];
    official.into_iter().flatten().map(|s| (s, true)).chain(n.aliases.iter().map(|s| (s.as_str(), false)))
}

/// Every name of a node, as written.
pub fn node_names(n: &Node) -> impl Iterator<Item = &str> {
    names(n).map(|x| x.0)
}

fn name_at(n: &Node, slot: u16) -> &str {
    names(n).nth(slot as usize).map_or("", |x| x.0)
}

/// An index of the names of a model's nodes.
pub struct Gazetteer<'m> {
    model: &'m Model,
    by_fold: HashMap<Box<str>, Vec<Name>>,
    by_code: HashMap<String, Vec<NodeIx>>,
    members: HashMap<NodeIx, Vec<NodeIx>>,
}

/// Among equals, what people mean first.
fn rank(kind: NodeKind) -> u8 {
    match kind {
        NodeKind::Town => 0,
        NodeKind::Port => 1,
        NodeKind::Station => 2,
        NodeKind::Terminal => 3,
        NodeKind::Gateway => 4,
        NodeKind::Border => 5,
        NodeKind::Junction => 6,
        NodeKind::Waypoint => 7,
    }
}

impl<'m> Gazetteer<'m> {
    /// Indexes the names.
    pub fn new(model: &'m Model) -> Self {
        let nodes = &model.tables.node;
        let mut by_fold: HashMap<Box<str>, Vec<Name>> = HashMap::with_capacity(nodes.len() * 2);
        let mut by_code: HashMap<String, Vec<NodeIx>> = HashMap::with_capacity(nodes.len());
        let mut members: HashMap<NodeIx, Vec<NodeIx>> = HashMap::new();
        for (i, n) in nodes.iter().enumerate() {
            let node = NodeIx::new(i);
            for (slot, (name, _)) in names(n).enumerate() {
                let folded = fold(name);
                if !folded.is_empty() {
                    by_fold.entry(folded.into()).or_default().push(Name { node, slot: slot as u16 });
                }
            }
            by_code.entry(n.id.as_str().to_ascii_lowercase()).or_default().push(node);
            for code in [&n.unlocode, &n.esr].into_iter().flatten() {
                by_code.entry(code.to_ascii_lowercase()).or_default().push(node);
            }
            if let Some(town) = n.town.as_ref().and_then(|t| model.node_ix(t.as_str())) {
                members.entry(town).or_default().push(node);
            }
        }
        // What is printed is also asked for: `Anzali` for `Anzali (Caspian port)`, where no other place is called so.
        let mut bare: BTreeMap<String, Vec<NodeIx>> = BTreeMap::new();
        for (i, n) in nodes.iter().enumerate() {
            if let Some((name, _)) = n.name_en.strip_suffix(')').and_then(|n| n.rsplit_once(" (")) {
                bare.entry(fold(name)).or_default().push(NodeIx::new(i));
            }
        }
        for (folded, found) in bare {
            if let ([node], false) = (&found[..], folded.is_empty() || by_fold.contains_key(folded.as_str()))
            {
                by_fold.insert(folded.into(), vec![Name { node: *node, slot: 0 }]);
            }
        }
        Self { model, by_fold, by_code, members }
    }

    /// Places whose names are like the text, the likest first.
    pub fn search(&self, text: &str, limit: usize) -> Vec<Hit> {
        let text = text.trim();
        let folded = fold(text);
        let mut best: BTreeMap<NodeIx, (f64, String)> = BTreeMap::new();
        // Of names that fit equally, the one as written, then the first by letters: the order of a map is no order.
        let mut offer = |node: NodeIx, score: f64, name: &dyn Fn() -> String| {
            let rank = |n: &str| (!same_text(n, text), n.to_owned());
            match best.get(&node) {
                Some((s, _)) if score < *s => {}
                Some((s, n)) if score == *s => {
                    let new = name();
                    if rank(&new) < rank(n) {
                        best.insert(node, (score, new));
                    }
                }
                _ => {
                    best.insert(node, (score, name()));
                }
            }
        };
        if let Some(nodes) = self.code(text) {
            for n in nodes {
                let key = self.model.node(n).id.as_str();
                let by_key = key.eq_ignore_ascii_case(text);
                offer(n, 1.0, &|| if by_key { key.to_owned() } else { text.to_uppercase() });
            }
        }
        // Comparing a long text costs its square; no place has a name of a hundred letters.
        if (1..=100).contains(&folded.len()) {
            let bones = skeleton(&folded);
            for (name, at) in &self.by_fold {
                let score = score(&folded, &bones, name);
                if score < 0.62 {
                    continue;
                }
                for n in at {
                    offer(n.node, score, &|| name_at(self.model.node(n.node), n.slot).to_owned());
                }
            }
        }
        let mut hits: Vec<Hit> =
            best.into_iter().map(|(node, (score, matched_name))| Hit { node, score, matched_name }).collect();
        // Beside the very name or code, what is only a little like it is noise.
        if hits.iter().any(|h| h.score == 1.0) {
            hits.retain(|h| h.score >= 0.8);
        }
        // Names of points that nobody goes to stand behind those of places a little less like.
        let weight = |h: &Hit| {
            let n = self.model.node(h.node);
            let minor = if matches!(n.kind, NodeKind::Junction | NodeKind::Waypoint) { 0.1 } else { 0.0 };
            h.score - minor
        };
        hits.sort_by(|a, b| {
            let (na, nb) = (self.model.node(a.node), self.model.node(b.node));
            weight(b)
                .total_cmp(&weight(a))
                .then(rank(na.kind).cmp(&rank(nb.kind)))
                .then(nb.population.unwrap_or(0.0).total_cmp(&na.population.unwrap_or(0.0)))
                .then_with(|| na.id.cmp(&nb.id))
        });
        hits.truncate(limit);
        hits
    }

    /// The one place that a text names: a name, a code or `lon,lat`.
    ///
    /// # Errors
    /// If it names none, or several.
    pub fn resolve(&self, text: &str) -> Result<Place, ResolveError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ResolveError {
                what: "a place without a name".into(),
                candidates: Vec::new(),
                hint: "give a name, a UN/LOCODE, an ESR code or lon,lat".into(),
            });
        }
        if let Some(point) = self.point(text) {
            return point;
        }
        let by_name = self.by_name(text);
        let exact_key = self.model.node_ix(text);
        match (exact_key, self.code(text), by_name) {
            // A key may be the name of a town in small letters: `baku` means the town where the key's node is
            // part of it. Where the name is unclear, the key is not.
            (Some(n), _, Some(Ok(Place::Nodes { nodes, label }))) if nodes.contains(&n) => {
                Ok(Place::Nodes { nodes, label })
            }
            (Some(n), ..) => Ok(self.place(&[n])),
            (None, _, Some(named)) => named,
            // A code may be shared by a town and its port: both are meant.
            (None, Some(nodes), None) => self.one_of(text, nodes),
            (None, None, None) => Err(self.unknown(text)),
        }
    }

    /// The place with this name; `None` if none has it.
    fn by_name(&self, text: &str) -> Option<Result<Place, ResolveError>> {
        let folded = fold(text);
        let mut found: Vec<Name> = self.by_fold.get(folded.as_str()).cloned().unwrap_or_default();
        if found.is_empty() {
            return None;
        }
        // Official names before aliases, the same letters before the same sounds, places before points of lines.
        let narrow = |found: &mut Vec<Name>, keep: &dyn Fn(&Name) -> bool| {
            if found.iter().any(keep) {
                found.retain(keep);
            }
        };
        let node = |n: &Name| self.model.node(n.node);
        narrow(&mut found, &|n| !matches!(node(n).kind, NodeKind::Junction | NodeKind::Waypoint));
        narrow(&mut found, &|n| same_text(name_at(node(n), n.slot), text));
        narrow(&mut found, &|n| names(node(n)).nth(n.slot as usize).is_some_and(|x| x.1));
        let nodes: BTreeSet<NodeIx> = found.iter().map(|n| n.node).collect();
        Some(self.one_of(text, nodes.into_iter().collect()))
    }

    /// Nodes with this key or code.
    fn code(&self, text: &str) -> Option<Vec<NodeIx>> {
        // `AZ BAK` is written with a gap too.
        let squeezed: String =
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
        self.by_code.get(&squeezed).cloned()
    }

    /// A node and, of a town, what belongs to it.
    fn place(&self, named: &[NodeIx]) -> Place {
        let mut nodes: Vec<NodeIx> = named.to_vec();
        nodes.sort_by_key(|n| (rank(self.model.node(*n).kind), *n));
        let first = nodes.first().copied();
        let belonging: Vec<NodeIx> =
            nodes.iter().filter_map(|n| self.members.get(n)).flatten().copied().collect();
        for n in belonging {
            if !nodes.contains(&n) {
                nodes.push(n);
            }
        }
        Place::Nodes { label: first.map_or_else(String::new, |n| self.model.node(n).name_en.clone()), nodes }
    }

    /// One place of several nodes of one name, or the error that it is several.
    fn one_of(&self, text: &str, nodes: Vec<NodeIx>) -> Result<Place, ResolveError> {
        let model = self.model;
        let mut clusters: Vec<Vec<NodeIx>> = Vec::new();
        let mut sorted = nodes;
        sorted.sort_by_key(|n| (rank(model.node(*n).kind), *n));
        sorted.dedup();
        for n in sorted {
            let node = model.node(n);
            let town = node.town.as_ref().and_then(|t| model.node_ix(t.as_str()));
            let home = clusters.iter_mut().find(|c| {
                c.iter().any(|m| {
                    let other = model.node(*m);
                    let same_town = town.is_some_and(|t| t == *m)
                        || town.is_some()
                            && other.town.as_ref().map(|t| t.as_str())
                                == node.town.as_ref().map(|t| t.as_str());
                    same_town || great_circle_km((node.lon, node.lat), (other.lon, other.lat)) <= ONE_PLACE_KM
                })
            });
            match home {
                Some(c) => c.push(n),
                None => clusters.push(vec![n]),
            }
        }
        // A border crossing named like a town is the less usual meaning; it still has its key.
        if clusters.len() > 1 {
            let minor = |c: &Vec<NodeIx>| model.node(c[0]).kind == NodeKind::Border;
            if clusters.iter().any(|c| !minor(c)) {
                clusters.retain(|c| !minor(c));
            }
        }
        match &clusters[..] {
            [one] => Ok(self.place(one)),
            _ => Err(ResolveError {
                what: format!("`{}` names {} places", crate::shorten(text), clusters.len()),
                candidates: clusters.iter().map(|c| self.describe(c[0])).collect(),
                hint: "name one by its key".into(),
            }),
        }
    }

    /// A node in one line: key, name, kind, state, codes.
    pub fn describe(&self, node: NodeIx) -> String {
        let n = self.model.node(node);
        let state = n.state.as_ref().map_or("at sea", |s| s.as_str());
        let mut line = format!("{}: {}, {}, {state}", n.id, n.name_en, n.kind);
        for (name, code) in [("UN/LOCODE", &n.unlocode), ("ESR", &n.esr)] {
            if let Some(c) = code {
                line.push_str(&format!(", {name} {c}"));
            }
        }
        line
    }

    fn unknown(&self, text: &str) -> ResolveError {
        let near = self.search(text, 5);
        let hint = if near.is_empty() {
            "`karvan places TEXT` searches in many scripts; a position is given as lon,lat".to_owned()
        } else {
            "one of these? name it by its key or its name".to_owned()
        };
        ResolveError {
            what: format!("no place is called `{}`", crate::shorten(text)),
            candidates: near.iter().map(|h| self.describe(h.node)).collect(),
            hint,
        }
    }

    /// `lon,lat`, if the text is two numbers.
    fn point(&self, text: &str) -> Option<Result<Place, ResolveError>> {
        let (a, b) = text.split_once(',')?;
        let number = |s: &str| s.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let (lon, lat) = (number(a)?, number(b)?);
        let swapped = || ResolveError {
            what: format!("lon {lon}, lat {lat} lies outside the model; lon {lat}, lat {lon} lies inside"),
            candidates: Vec::new(),
            hint: format!("longitude comes first: {lat},{lon}"),
        };
        let on_earth = |lon: f64, lat: f64| lon.abs() <= 180.0 && lat.abs() <= 90.0;
        // As given nothing is near, swapped something is: this also finds it where both lie in the model's box.
        let nearest = |lon: f64, lat: f64| {
            if !on_earth(lon, lat) {
                return f64::INFINITY;
            }
            let nodes = self.model.tables.node.iter().filter(|n| n.kind != NodeKind::Waypoint);
            nodes.map(|n| great_circle_km((lon, lat), (n.lon, n.lat))).fold(f64::INFINITY, f64::min)
        };
        let (given, turned) = (nearest(lon, lat), nearest(lat, lon));
        if given > 100.0 && turned < 50.0 {
            return Some(Err(swapped()));
        }
        if !on_earth(lon, lat) {
            return Some(Err(ResolveError {
                what: format!("lon {lon}, lat {lat} is no place on Earth"),
                candidates: Vec::new(),
                hint: "lon,lat in degrees: lon −180 to 180, lat −90 to 90".into(),
            }));
        }
        Some(Ok(Place::Point { lon, lat }))
    }
}

/// How well a folded name fits a folded text.
fn score(text: &str, bones: &str, name: &str) -> f64 {
    if text == name {
        return 1.0;
    }
    let (a, b) = (text.len() as f64, name.len() as f64);
    if let Some(rest) = name.strip_prefix(text) {
        let whole_words = rest.starts_with(' ');
        return if whole_words { 0.93 } else { 0.86 } - 0.08 * (b - a) / b;
    }
    if name.split(' ').any(|w| w == text) {
        return 0.84 - 0.05 * (b - a) / b;
    }
    let own = skeleton(name);
    if own == bones {
        return 0.95;
    }
    // Texts of very different length are not like each other, and most names are thrown out here.
    if (own.len() as f64) < 0.5 * bones.len() as f64 || own.len() as f64 > 2.0 * bones.len() as f64 {
        return 0.0;
    }
    0.94 * likeness(bones, &own)
}

/// The state that a text names: its code, or its name in English or Russian.
///
/// # Errors
/// If it names none.
pub fn find_state(model: &Model, text: &str) -> Result<StateIx, ResolveError> {
    let given = text.trim();
    if let Some(s) = model.state_ix(&given.to_uppercase()) {
        return Ok(s);
    }
    let folded = fold(given);
    let rows = &model.tables.state;
    let names = |s: &State| -> Vec<String> {
        [Some(&s.name_en), s.name_ru.as_ref()].into_iter().flatten().map(|n| fold(n)).collect()
    };
    if let Some(i) = rows.iter().position(|s| !folded.is_empty() && names(s).contains(&folded)) {
        return Ok(StateIx::new(i));
    }
    let bones = skeleton(&folded);
    let mut near: Vec<(f64, usize)> = rows
        .iter()
        .enumerate()
        .map(|(i, s)| (names(s).iter().map(|n| score(&folded, &bones, n)).fold(0.0, f64::max), i))
        .filter(|(s, _)| *s >= 0.62 && folded.len() <= 100)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    near.truncate(5);
    let hint = if near.is_empty() {
        format!("known: {}", rows.iter().map(|s| s.id.as_str()).collect::<Vec<_>>().join(", "))
    } else {
        "one of these? name it by its two letters".to_owned()
    };
    Err(ResolveError {
        what: format!("no state is called `{}`", crate::shorten(given)),
        candidates: near.iter().map(|(_, i)| format!("{}: {}", rows[*i].id, rows[*i].name_en)).collect(),
        hint,
    })
}

/// Key and names of a cargo, in folded letters.
pub fn cargo_names(c: &Cargo) -> impl Iterator<Item = String> + '_ {
    let own = [c.id.0.replace('_', " "), c.name_en.clone()].into_iter();
    own.chain(c.name_ru.clone()).chain(c.aliases.iter().cloned()).map(|s| fold(&s))
}

/// The digits of a text that is an HS code or a UN number, and whether it can only be the latter.
fn code_digits(folded: &str) -> Option<(bool, String)> {
    let squeezed: String = folded.chars().filter(|c| *c != ' ').collect();
    let (un_only, digits) = match squeezed.strip_prefix("un") {
        Some(d) => (true, d),
        None => (false, squeezed.strip_prefix("hs").unwrap_or(&squeezed)),
    };
    let is_code = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    is_code.then(|| (un_only, digits.to_owned()))
}

/// Every cargo that a text names by key, name, other name, HS code or UN number; none where none is called so.
pub fn cargoes_named(model: &Model, text: &str) -> Vec<CargoIx> {
    if let Some(i) = model.cargo_ix(text.trim()) {
        return vec![i];
    }
    let folded = fold(text);
    let all = |fits: &dyn Fn(&Cargo) -> bool| -> Vec<CargoIx> {
        let rows = model.tables.cargo.iter().enumerate();
        rows.filter(|(_, c)| fits(c)).map(|(i, _)| CargoIx::new(i)).collect()
    };
    let by_name = all(&|c| !folded.is_empty() && cargo_names(c).any(|n| n == folded));
    let Some((un_only, digits)) = code_digits(&folded).filter(|_| by_name.is_empty()) else { return by_name };
    let mut found = all(&|c| c.un.as_deref() == Some(digits.as_str()));
    // A text of four digits may be a UN number or an HS heading: where both are known, both are offered.
    let by_hs = if un_only { Vec::new() } else { all(&|c| hs_fits(c, &digits)) };
    found.extend(by_hs.iter().filter(|i| !found.contains(i)).copied().collect::<Vec<_>>());
    found
}

/// The cargoes that a text names: one, as [`find_cargo`] finds it, or all under an HS code.
///
/// # Errors
/// As [`find_cargo`], but that several under one HS code are an answer.
pub fn find_cargoes(model: &Model, text: &str) -> Result<Vec<CargoIx>, ResolveError> {
    let one = find_cargo(model, text);
    let folded = fold(text);
    let digits = folded.strip_prefix("hs").unwrap_or(&folded).replace(' ', "");
    let is_un = model.tables.cargo.iter().any(|c| c.un.as_deref() == Some(digits.as_str()));
    if one.is_ok() || is_un || digits.len() < 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return one.map(|c| vec![c]);
    }
    let under = |c: &Cargo| c.hs.iter().any(|h| h.starts_with(&digits));
    let all: Vec<CargoIx> = model
        .tables
        .cargo
        .iter()
        .enumerate()
        .filter(|(_, c)| under(c))
        .map(|(i, _)| CargoIx::new(i))
        .collect();
    if all.is_empty() { one.map(|c| vec![c]) } else { Ok(all) }
}

/// The cargo that a text names: key, name, other name, HS code or UN number.
///
/// # Errors
/// If it names none, or several.
pub fn find_cargo(model: &Model, text: &str) -> Result<CargoIx, ResolveError> {
    let rows = &model.tables.cargo.rows;
    let given = text.trim();
    let describe = |i: usize| {
        let c = &rows[i];
        let mut line = format!("{}: {}", c.id, c.name_en);
        if !c.hs.is_empty() {
            line.push_str(&format!(", HS {}", c.hs.join(" ")));
        }
        if let Some(un) = &c.un {
            line.push_str(&format!(", UN {un}"));
        }
        line
    };
    let folded = fold(given);
    match cargoes_named(model, given)[..] {
        [] => {}
        [one] => return Ok(one),
        ref several => {
            return Err(ResolveError {
                what: format!("`{}` names {} cargoes", crate::shorten(given), several.len()),
                candidates: several.iter().map(|i| describe(i.ix())).collect(),
                hint: "name one by its key".into(),
            });
        }
    }
    if let Some((un_only, digits)) = code_digits(&folded) {
        let what = if un_only {
            format!("no cargo has the UN number {digits}")
        } else {
            format!("no cargo has the code {digits}")
        };
        return Err(ResolveError {
            what,
            candidates: Vec::new(),
            hint: "cargoes are known by name, HS code and UN number; see the table `cargo`".into(),
        });
    }
    let bones = skeleton(&folded);
    let mut near: Vec<(f64, usize)> = rows
        .iter()
        .enumerate()
        .map(|(i, c)| (cargo_names(c).map(|n| score(&folded, &bones, &n)).fold(0.0, f64::max), i))
        .filter(|(s, _)| *s >= 0.62 && folded.len() <= 100)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    near.truncate(5);
    let hint = if near.is_empty() {
        format!("known: {}", rows.iter().map(|c| c.id.as_str()).collect::<Vec<_>>().join(", "))
    } else {
        "one of these? name it by its key".to_owned()
    };
    Err(ResolveError {
        what: format!("no cargo is called `{}`", crate::shorten(given)),
        candidates: near.iter().map(|(_, i)| describe(*i)).collect(),
        hint,
    })
}

/// Whether a cargo stands under an HS code: its own code is a part of that heading, or the code of one of its.
fn hs_fits(c: &Cargo, digits: &str) -> bool {
    digits.len() >= 2 && c.hs.iter().any(|h| h.starts_with(digits) || digits.starts_with(h.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tables;
    use crate::raw::{At, Manifest, Origin, RawModel, RawRow, RawTable};
    use crate::table::Row;

    fn model() -> Model {
        let mut raw = RawModel::default();
        let mut table = |name: &'static str, columns: Vec<crate::table::Column>, rows: &[&[(&str, &str)]]| {
            let rows = rows.iter().map(|cells| {
                let text = |c: &str| cells.iter().find(|(n, _)| *n == c).map_or("", |x| x.1);
                RawRow::new(columns.iter().map(|c| text(c.name)), Origin::Edit(At::default()))
            });
            raw.tables.insert(name, RawTable { rows: rows.collect() });
        };
        let n =
            |id, kind, name, more: &[(&'static str, &'static str)]| -> Vec<(&'static str, &'static str)> {
                let mut v = vec![
                    ("id", id),
                    ("kind", kind),
                    ("name_en", name),
                    ("claim", "assumed: a test"),
                    ("lon", "45"),
                    ("lat", "41"),
                ];
                v.retain(|(c, _)| !more.iter().any(|(m, _)| m == c));
                v.extend(more);
                v
            };
        let nodes = [
            n(
                "town_baku",
                "town",
                "Baku",
                &[
                    ("name_ru", "Баку"),
                    ("name_az", "Bakı"),
                    ("unlocode", "AZBAK"),
                    ("lon", "49.86"),
                    ("lat", "40.38"),
                ],
            ),
            n(
                "baku_freight",
                "station",
                "Baku freight station",
                &[("town", "town_baku"), ("lon", "49.87"), ("lat", "40.39")],
            ),
            n("baku", "station", "Baku", &[("town", "town_baku"), ("lon", "49.85"), ("lat", "40.37")]),
            n(
                "boyuk_kesik",
                "station",
                "Boyuk Kesik",
                &[
                    ("name_ru", "Беюк-Кясик"),
                    ("name_az", "Böyük Kəsik"),
                    ("esr", "558701"),
                    ("lon", "45.3"),
                    ("lat", "41.3"),
                ],
            ),
            n(
                "tbilisi",
                "town",
                "Tbilisi",
                &[("name_ka", "თბილისი"), ("aliases", "Tiflis"), ("lon", "44.8"), ("lat", "41.7")],
            ),
            n(
                "yerevan",
                "town",
                "Yerevan",
                &[("name_hy", "Երևան"), ("name_ru", "Ереван"), ("lon", "44.5"), ("lat", "40.2")],
            ),
            n(
                "alashankou",
                "station",
                "Alashankou",
                &[("name_zh", "阿拉山口"), ("lon", "82.6"), ("lat", "45.2")],
            ),
            n("springfield", "town", "Springfield", &[("lon", "10"), ("lat", "50")]),
            n("springfield_b", "town", "Springfield", &[("lon", "60"), ("lat", "50")]),
        ];
        let nodes: Vec<&[(&str, &str)]> = nodes.iter().map(Vec::as_slice).collect();
        table("node", Node::columns(), &nodes);
        let c = |id, name, more: &[(&'static str, &'static str)]| {
            let mut v = vec![
                ("id", id),
                ("name_en", name),
                ("kind", "liquid_bulk"),
                ("value_usd_per_t", "1"),
                ("claim", "assumed: a test"),
                ("value_claim", "assumed: a test"),
            ];
            v.extend(more);
            v
        };
        let cargoes = [
            c(
                "petrol",
                "Motor petrol",
                &[("name_ru", "Бензин"), ("aliases", "gasoline"), ("hs", "271012"), ("un", "1203")],
            ),
            c("diesel", "Diesel fuel", &[("hs", "271019"), ("un", "1202")]),
        ];
        let cargoes: Vec<&[(&str, &str)]> = cargoes.iter().map(Vec::as_slice).collect();
        table("cargo", Cargo::columns(), &cargoes);
        let mut problems = Vec::new();
        let tables = Tables::read(&raw, &mut problems);
        assert_eq!(problems, []);
        Model::new(Manifest::default(), tables)
    }

    fn first(text: &str) -> String {
        let m = model();
        let hits = Gazetteer::new(&m).search(text, 3);
        hits.first().map_or_else(String::new, |h| m.node(h.node).id.0.clone())
    }

    #[test]
    fn names_are_found_in_every_script_and_with_slips() {
        for (text, id) in [
            ("Боюк-Кесик", "boyuk_kesik"),
            ("Беюк-Кясик", "boyuk_kesik"),
            ("BÖYÜK KƏSİK", "boyuk_kesik"),
            ("Beyuk Kyasik", "boyuk_kesik"),
            ("558701", "boyuk_kesik"),
            ("თბილისი", "tbilisi"),
            ("Тбилиси", "tbilisi"),
            ("Tblisi", "tbilisi"),
            ("Երևան", "yerevan"),
            ("Erevan", "yerevan"),
            ("Jerewan", "yerevan"),
            ("阿拉山口", "alashankou"),
            ("Алашанькоу", "alashankou"),
            ("AZBAK", "town_baku"),
            ("az bak", "town_baku"),
            ("Bakı", "town_baku"),
            ("baki", "town_baku"),
            ("Бакy", "town_baku"),
        ] {
            assert_eq!(first(text), id, "{text}");
        }
        assert_eq!(first("qqqqzzzz"), "");
    }

    #[test]
    fn a_town_brings_its_stations_and_a_station_only_itself() {
        let m = model();
        let g = Gazetteer::new(&m);
        let ids = |text: &str| match g.resolve(text).unwrap() {
            Place::Nodes { nodes, label } => {
                (nodes.iter().map(|n| m.node(*n).id.0.clone()).collect::<Vec<_>>(), label)
            }
            p => panic!("{p:?}"),
        };
        assert_eq!(
            ids("Baku"),
            (vec!["town_baku".into(), "baku".into(), "baku_freight".into()], "Baku".into())
        );
        assert_eq!(ids("baku freight station").0, ["baku_freight"]);
        assert_eq!(ids("Tiflis").0, ["tbilisi"]);
        // A key that is the name in small letters means the town; a key that is no name means its node.
        assert_eq!(ids("baku").0, ["town_baku", "baku", "baku_freight"]);
        assert_eq!(ids("baku_freight").0, ["baku_freight"]);
        assert_eq!(ids("springfield").0, ["springfield"]);
        assert_eq!(ids("springfield_b").0, ["springfield_b"]);
    }

    #[test]
    fn what_is_unclear_is_refused_with_the_candidates() {
        let m = model();
        let g = Gazetteer::new(&m);
        let e = g.resolve("Springfield").unwrap_err();
        assert_eq!(e.candidates.len(), 2);
        let e = g.resolve("Tiblisi").unwrap_err();
        assert!(e.candidates[0].starts_with("tbilisi: Tbilisi, town"), "{e}");
        assert!(g.resolve("").is_err());
        assert!(g.resolve("40.38,49.86").unwrap_err().hint.contains("49.86,40.38"));
        assert!(g.resolve("200,100").is_err());
        assert_eq!(g.resolve("49.86, 40.38"), Ok(Place::Point { lon: 49.86, lat: 40.38 }));
    }

    #[test]
    fn a_cargo_is_known_by_name_and_code() {
        let m = model();
        for text in
            ["petrol", "Бензин", "GASOLINE", "UN1203", "un 1203", "1203", "271012", "27101245", "HS 271012"]
        {
            assert_eq!(find_cargo(&m, text), Ok(CargoIx(0)), "{text}");
        }
        assert_eq!(find_cargo(&m, "2710").unwrap_err().candidates.len(), 2);
        assert_eq!(find_cargoes(&m, "2710").map(|c| c.len()), Ok(2));
        assert_eq!(find_cargoes(&m, "petrol"), Ok(vec![CargoIx(0)]));
        assert!(find_cargoes(&m, "2711").is_err() && find_cargoes(&m, "2").is_err());
        assert!(find_cargo(&m, "petrel").unwrap_err().candidates[0].starts_with("petrol"));
        assert!(find_cargo(&m, "UN9999").unwrap_err().what.contains("9999"));
        assert!(find_cargo(&m, "").is_err());
    }
}
