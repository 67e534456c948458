//! What must hold of the finished model: references, states, named ways and published lengths.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use jiff::civil::Date;
use karvan_model::Tables;
use karvan_model::cell::Cell;
use karvan_model::tables::{BorderState, Link, LinkState, Mode, NodeKind};

use super::config::Checks;
use super::graph::Reached;

/// Rows by table, and what was mended.
pub fn summary(t: &Tables) -> String {
    let mut out = String::from("rows by table\n");
    let mut line = |name: &str, n: usize| out.push_str(&format!("  {name:<14} {n}\n"));
    macro_rules! count {
        ($($field:ident : $row:ty),+ $(,)?) => { $( line(stringify!($field), t.$field.len()); )+ };
    }
    karvan_model::for_each_table!(count);
    let mut modes: BTreeMap<Mode, (usize, f64)> = BTreeMap::new();
    for l in t.link.iter() {
        let m = modes.entry(l.mode).or_default();
        *m = (m.0 + 1, m.1 + l.length_km.get());
    }
    out.push_str("links by mode\n");
    for (m, (n, km)) in modes {
        out.push_str(&format!("  {:<14} {n:>5}  {km:.0} km\n", m.word()));
    }
    out.push_str("nodes by kind\n");
    for k in NodeKind::ALL {
        let n = t.node.iter().filter(|n| n.kind == *k).count();
        out.push_str(&format!("  {:<14} {n:>5}\n", k.word()));
    }
    out
}

/// References of links, lengths, and states that meet.
pub fn rows(t: &Tables) -> Vec<String> {
    let mut out = Vec::new();
    let mut kind: BTreeMap<&str, NodeKind> = BTreeMap::new();
    for n in t.node.iter() {
        if kind.insert(n.id.as_str(), n.kind).is_some() {
            out.push(format!("node `{}` is there twice", n.id));
        }
    }
    let mut ids = BTreeSet::new();
    let mut states: BTreeMap<(&str, Mode), BTreeSet<&str>> = BTreeMap::new();
    for l in t.link.iter() {
        if !ids.insert(l.id.as_str()) {
            out.push(format!("link `{}` is there twice", l.id));
        }
        for end in [&l.from, &l.to] {
            if !kind.contains_key(end.as_str()) {
                out.push(format!("link `{}`: no node `{end}`", l.id));
            }
            if let Some(s) = &l.state {
                states.entry((end.as_str(), l.mode)).or_default().insert(s.as_str());
            }
        }
        if l.state.is_none() && l.mode != Mode::Sea {
            out.push(format!("link `{}`: no state", l.id));
        }
    }
    for ((n, mode), s) in &states {
        if s.len() > 1 && kind.get(n) != Some(&NodeKind::Border) {
            out.push(format!("states {s:?} meet by {} at `{n}`, which is no border", mode.word()));
        }
        if s.len() > 2 {
            out.push(format!("more than two states {s:?} meet by {} at `{n}`", mode.word()));
        }
    }
    for b in t.border.iter() {
        let mine = states.get(&(b.node.as_str(), b.mode));
        let allowed = [b.state_a.as_str(), b.state_b.as_str()];
        if !kind.contains_key(b.node.as_str()) {
            out.push(format!("border `{}`: no node `{}`", b.id, b.node));
        }
        if let Some(s) = mine {
            for x in s.iter().filter(|x| !allowed.contains(x)) {
                out.push(format!("border `{}`: a link of {x} ends at it", b.id));
            }
        }
    }
    for g in t.geometry.iter() {
        if !ids.contains(g.link.as_str()) {
            out.push(format!("geometry of `{}`: no such link", g.link));
        }
    }
    for s in t.link_state.iter() {
        if !ids.contains(s.link.as_str()) {
            out.push(format!("link_state of `{}`: no such link", s.link));
        }
    }
    let node_refs = t
        .service
        .iter()
        .flat_map(|s| s.stops.iter().map(move |n| (format!("service `{}`", s.id), n.as_str())))
        .chain(
            t.terminal
                .iter()
                .flat_map(|s| s.nodes.iter().map(move |n| (format!("terminal `{}`", s.id), n.as_str()))),
        )
        .chain(
            t.rule.iter().flat_map(|s| s.nodes.iter().map(move |n| (format!("rule `{}`", s.id), n.as_str()))),
        )
        .chain(t.weather.iter().map(|s| (format!("weather `{}`", s.id), s.node.as_str())))
        .chain(
            t.node.iter().filter_map(|s| s.town.as_ref().map(|n| (format!("node `{}`", s.id), n.as_str()))),
        );
    for (who, n) in node_refs {
        if !kind.contains_key(n) {
            out.push(format!("{who}: no node `{n}`"));
        }
    }
    out
}

/// The network as a shortest-way search sees it.
struct Net<'a> {
    t: &'a Tables,
    ix: BTreeMap<&'a str, usize>,
    at: Vec<Vec<usize>>,
    open_link: Vec<bool>,
    open_border: BTreeSet<(&'a str, Mode)>,
}

impl<'a> Net<'a> {
    fn new(t: &'a Tables, day: Date) -> Self {
        let ix: BTreeMap<&str, usize> = t.node.iter().enumerate().map(|(i, n)| (n.id.as_str(), i)).collect();
        let mut at = vec![Vec::new(); t.node.len()];
        for (i, l) in t.link.iter().enumerate() {
            for end in [&l.from, &l.to] {
                if let Some(n) = ix.get(end.as_str()) {
                    at[*n].push(i);
                }
            }
        }
        let within = |from: Option<Date>, till: Option<Date>| {
            from.is_none_or(|f| f <= day) && till.is_none_or(|u| day < u)
        };
        let mut state: BTreeMap<&str, Option<LinkState>> = BTreeMap::new();
        for s in t.link_state.iter() {
            let slot = state.entry(s.link.as_str()).or_default();
            if within(s.from, s.till) {
                *slot = Some(s.state);
            }
        }
        let open_link = t
            .link
            .iter()
            .map(|l| state.get(l.id.as_str()).is_none_or(|s| *s == Some(LinkState::Open)))
            .collect();
        let open_border = t
            .border
            .iter()
            .filter(|b| b.status == BorderState::Open && within(b.from, b.till))
            .map(|b| (b.node.as_str(), b.mode))
            .collect();
        Self { t, ix, at, open_link, open_border }
    }

    /// Shortest way over links of the modes; `closed` ignores states of links and borders.
    fn way(
        &self,
        from: usize,
        to: usize,
        modes: &[Mode],
        avoid: &[String],
        closed: bool,
    ) -> Option<(f64, Vec<usize>)> {
        // A label is a node and the link it was reached by: a border is passed or not by the pair of links.
        let links = &self.t.link;
        let mut best: BTreeMap<usize, f64> = BTreeMap::new();
        let mut by: BTreeMap<usize, usize> = BTreeMap::new();
        let mut heap = BinaryHeap::new();
        let usable = |l: usize| {
            let link: &Link = &links[l];
            modes.contains(&link.mode)
                && (closed || self.open_link[l])
                && !link.state.as_ref().is_some_and(|s| avoid.iter().any(|a| a == s.as_str()))
        };
        // Key of a label: link * 2 + (1 where its `to` end was reached).
        let end = |key: usize| -> usize {
            let l: &Link = &links[key / 2];
            self.ix
                .get(if key % 2 == 1 { l.to.as_str() } else { l.from.as_str() })
                .copied()
                .unwrap_or(usize::MAX)
        };
        let leave = |n: usize, l: usize| -> usize {
            let toward_to = self.ix.get(links[l].from.as_str()) == Some(&n);
            l * 2 + usize::from(toward_to)
        };
        for &l in &self.at[from] {
            if usable(l) {
                let key = leave(from, l);
                let d = links[l].length_km.get();
                if best.get(&key).is_none_or(|b| d < *b) {
                    best.insert(key, d);
                    heap.push(Reached(d, key));
                }
            }
        }
        while let Some(Reached(d, key)) = heap.pop() {
            if best.get(&key).is_none_or(|b| d > *b) {
                continue;
            }
            let n = end(key);
            if n == usize::MAX {
                continue;
            }
            if n == to {
                let (mut nodes, mut k) = (vec![n], key);
                while let Some(&p) = by.get(&k) {
                    nodes.push(end(p));
                    k = p;
                }
                nodes.push(from);
                nodes.reverse();
                return Some((d, nodes));
            }
            let came = &links[key / 2];
            for &l in &self.at[n] {
                if l == key / 2 || !usable(l) {
                    continue;
                }
                let next = &links[l];
                let changes = came.state != next.state
                    && came.mode == next.mode
                    && came.state.is_some()
                    && next.state.is_some();
                if changes && !closed && !self.open_border.contains(&(self.t.node[n].id.as_str(), next.mode))
                {
                    continue;
                }
                let k = leave(n, l);
                let total = d + next.length_km.get();
                if best.get(&k).is_none_or(|b| total < *b) {
                    best.insert(k, total);
                    by.insert(k, key);
                    heap.push(Reached(total, k));
                }
            }
        }
        None
    }
}

fn modes(words: &[String]) -> Result<Vec<Mode>, String> {
    words.iter().map(|w| Mode::read(w).map_err(|e| format!("checks.toml: mode `{w}`: {e}"))).collect()
}

/// Ways that must or must not exist, their lengths, and links that are there but closed.
pub fn ways(t: &Tables, checks: &Checks) -> Vec<String> {
    let net = Net::new(t, checks.day);
    let mut out = Vec::new();
    for w in &checks.way {
        let m = match modes(&w.modes) {
            Ok(m) => m,
            Err(e) => {
                out.push(e);
                continue;
            }
        };
        let stops: Vec<&String> = std::iter::once(&w.from).chain(&w.via).chain([&w.to]).collect();
        let what = format!(
            "{} by {}",
            stops.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" - "),
            w.modes.join(", ")
        );
        let absent: Vec<&str> =
            stops.iter().filter(|s| !net.ix.contains_key(s.as_str())).map(|s| s.as_str()).collect();
        if !absent.is_empty() {
            out.push(format!("{what}: no node {}", absent.join(", ")));
            continue;
        }
        let mut total = 0.0;
        let mut path: Vec<usize> = Vec::new();
        let mut found = true;
        for s in stops.windows(2) {
            match net.way(net.ix[s[0].as_str()], net.ix[s[1].as_str()], &m, &w.avoid, false) {
                Some((d, nodes)) => {
                    total += d;
                    path.extend(nodes);
                }
                None => {
                    found = false;
                    if w.exists {
                        out.push(format!("{what}: no open way from {} to {}", s[0], s[1]));
                    }
                    break;
                }
            }
        }
        if found && !w.exists {
            let borders: Vec<&str> = path
                .iter()
                .map(|n| &t.node[*n])
                .filter(|n| n.kind == NodeKind::Border)
                .map(|n| n.id.as_str())
                .collect();
            out.push(format!(
                "{what}: there is a way, {total:.0} km over {}, and there must be none",
                borders.join(", ")
            ));
        }
        if !found || !w.exists {
            continue;
        }
        for p in &w.passes {
            if !path.iter().any(|n| t.node[*n].id.as_str() == p) {
                let through: Vec<&str> = path
                    .iter()
                    .map(|n| &t.node[*n])
                    .filter(|n| n.kind != NodeKind::Junction && n.kind != NodeKind::Waypoint)
                    .map(|n| n.id.as_str())
                    .collect();
                out.push(format!("{what}: the shortest way does not pass {p} but {}", through.join(" ")));
            }
        }
        if let Some(km) = w.km {
            let off = total / km - 1.0;
            let within = w.within.unwrap_or(0.06);
            eprintln!("build-model: {what}: {total:.0} km, published {km:.0}, {:+.1} %", off * 100.0);
            if off.abs() > within {
                let who = w.source.as_deref().unwrap_or("published");
                out.push(format!(
                    "{what}: {total:.0} km, {who} has {km:.0} ({:+.1} %, allowed {:.0} %)",
                    off * 100.0,
                    within * 100.0
                ));
            }
        }
    }
    for c in &checks.closed {
        let what = format!("{} - {} by {}", c.from, c.to, c.mode);
        let (Ok(m), Some(a), Some(b)) =
            (modes(std::slice::from_ref(&c.mode)), net.ix.get(c.from.as_str()), net.ix.get(c.to.as_str()))
        else {
            out.push(format!("{what}: no such node or mode"));
            continue;
        };
        match net.way(*a, *b, &m, &[], true) {
            None => out.push(format!("{what}: not there, not even closed")),
            Some(_)
                if net
                    .way(*a, *b, &m, &[], false)
                    .is_some_and(|w| w.0 < 1.5 * net.way(*a, *b, &m, &[], true).map_or(0.0, |c| c.0)) =>
            {
                out.push(format!("{what}: open on {}, and it must be closed", checks.day));
            }
            Some(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::{input::Data, output};
    use super::*;

    /// The committed model connects what it must: the places are named in `data/curated/checks.toml`.
    #[test]
    fn committed_model_connects_the_named_places() {
        let root = super::super::super::repository();
        let checks: Checks = Data(root.join("data")).toml("curated/checks.toml").expect("checks.toml");
        let files = output::folder(&root.join("models/trans-caspian")).expect("the committed model");
        let (tables, mut problems) = output::typed(&files);
        problems.extend(rows(&tables));
        problems.extend(ways(&tables, &checks));
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Faults put into the committed model are found.
    #[test]
    fn faults_are_found() {
        let root = super::super::super::repository();
        let mut files = output::folder(&root.join("models/trans-caspian")).expect("the committed model");
        let name = "link.osm.csv";
        let text = files[name].clone();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let cells: Vec<String> = lines[1].split(',').map(str::to_owned).collect();
        lines[1] = lines[1].replacen(&format!(",{},", cells[1]), ",nowhere,", 1);
        files.insert(name.into(), lines.join("\n") + "\n");
        let (tables, _) = output::typed(&files);
        assert!(rows(&tables).iter().any(|p| p.contains("no node `nowhere`")));

        // The same link in another state: states now meet where no border is.
        let state = cells[4].clone();
        let other = if state == "AM" { "GE" } else { "AM" };
        let mut moved = text.lines().map(str::to_owned).collect::<Vec<_>>();
        moved[1] = moved[1].replacen(&format!(",{state},"), &format!(",{other},"), 1);
        files.insert(name.into(), moved.join("\n") + "\n");
        let (tables, _) = output::typed(&files);
        assert!(rows(&tables).iter().any(|p| p.contains("which is no border") || p.contains("a link of")));
    }
}
