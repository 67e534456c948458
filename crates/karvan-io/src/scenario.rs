//! Scenario files: TOML, read with the line and column of every value.
//!
//! ```toml
//! title = "Meghri opens in 2028"
//! base = "builtin"            # or a model folder, or another scenario; without it the model in use
//! as_of = 2028-06-01
//!
//! [[edit]]
//! change = "border"
//! key = "rail_meghri"
//! set = { status = "open" }
//!
//! [[edit]]
//! add = "link_state"
//! row = { link = "meghri_gap", state = "open", from = 2028-01-01, claim = "assumed: what if" }
//!
//! [[edit]]
//! remove = "rule"
//! key = "am_transit_ban"
//!
//! [[edit]]
//! apply = "rasht_astara"      # a project, by its key
//! from = 2027-01-01
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use karvan_model::nearest;
use karvan_model::raw::{At, Problem};
use karvan_model::scenario::{Action, Assign, Edit, Said, Scenario};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::tables::{place_in, text_of};

/// What a scenario edits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// The model in use: the one named by `--model`, else the built-in one.
    #[default]
    InUse,
    /// The built-in model.
    Builtin,
    /// A model folder.
    Folder(PathBuf),
}

/// A scenario file as it was read, with all that it inherits.
#[derive(Clone, Debug, Default)]
pub struct ScenarioFile {
    /// The scenario: the edits of its bases first.
    pub scenario: Scenario,
    /// What it edits.
    pub base: Base,
    /// BLAKE3 of the texts of the file and its bases.
    pub hash: String,
}

/// One file, before its base is read.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// `title`.
    pub title: Option<String>,
    /// `base`.
    pub base: Option<Said>,
    /// `as_of`.
    pub as_of: Option<Date>,
    /// `[[edit]]`.
    pub edits: Vec<Edit>,
}

/// Deepest inheritance; a real one has two or three.
const DEEPEST: usize = 32;

/// Reads a scenario file and the scenarios it inherits.
pub fn load(path: &Path) -> (ScenarioFile, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut chain: Vec<(PathBuf, Parsed)> = Vec::new();
    let mut base = Base::InUse;
    let mut hash = blake3::Hasher::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut next = Some((path.to_path_buf(), None::<At>));
    while let Some((path, asked_at)) = next.take() {
        let at = At { file: path.display().to_string().into(), ..At::default() };
        let asked_at = asked_at.unwrap_or_else(|| at.clone());
        let real = match path.canonicalize() {
            Ok(p) => p,
            Err(e) => {
                problems.push(Problem::error(
                    asked_at,
                    format!("scenario `{}` cannot be read: {e}", path.display()),
                ));
                break;
            }
        };
        if seen.contains(&real) || seen.len() >= DEEPEST {
            let way: Vec<String> = chain.iter().map(|(p, _)| p.display().to_string()).collect();
            problems.push(
                Problem::error(
                    asked_at,
                    format!("the scenario inherits itself: {} → {}", way.join(" → "), path.display()),
                )
                .hint("let the last of them name `builtin` or a model folder as its base"),
            );
            break;
        }
        seen.push(real);
        let bytes = match crate::read_file(&path) {
            Ok(b) => b,
            Err(e) => {
                problems.push(Problem::error(
                    asked_at,
                    format!("scenario `{}` cannot be read: {e}", path.display()),
                ));
                break;
            }
        };
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
        let (parsed, mut found) = parse(&path.display().to_string(), bytes);
        problems.append(&mut found);
        match &parsed.base {
            None => {}
            Some(b) if b.text == "builtin" => base = Base::Builtin,
            Some(b) => {
                let target = path.parent().unwrap_or(Path::new("")).join(&b.text);
                if target.is_dir() {
                    base = Base::Folder(target);
                } else {
                    next = Some((target, Some(b.at.clone())));
                }
            }
        }
        chain.push((path, parsed));
    }
    let mut scenario = Scenario::default();
    if let Some((path, own)) = chain.first() {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        scenario.name = own.title.clone().or(stem).unwrap_or_default();
    }
    for (_, parsed) in chain.into_iter().rev() {
        scenario.as_of = parsed.as_of.or(scenario.as_of);
        scenario.edits.extend(parsed.edits);
    }
    (ScenarioFile { scenario, base, hash: hash.finalize().to_hex().to_string() }, problems)
}

/// Reads one scenario file's bytes; `shown` is the file's name in problems.
pub fn parse(shown: &str, bytes: Vec<u8>) -> (Parsed, Vec<Problem>) {
    let mut problems = Vec::new();
    let file: Arc<str> = shown.into();
    let whole = At { file: file.clone(), ..At::default() };
    let Some(text) = text_of(&whole, bytes, "TOML", &mut problems) else {
        return (Parsed::default(), problems);
    };
    let (document, errors) = DeTable::parse_recoverable(&text);
    for e in &errors {
        let at = e.span().map_or_else(|| whole.clone(), |s| place_in(&file, &text, s.start));
        problems.push(Problem::error(at, e.message().lines().collect::<Vec<_>>().join("; ")));
    }
    if !errors.is_empty() {
        return (Parsed::default(), problems);
    }
    let mut reader = Reader { file: &file, text: &text, problems: &mut problems };
    let mut out = Parsed::default();
    for (key, value) in in_order(document.get_ref()) {
        match key.get_ref().as_ref() {
            "title" => out.title = reader.string(value, "title").map(|s| s.text),
            "about" => {
                reader.string(value, "about");
            }
            "base" => out.base = reader.string(value, "base"),
            "as_of" => out.as_of = reader.date(value, "as_of"),
            "edit" => match value.get_ref() {
                DeValue::Array(edits) => {
                    for e in edits.iter() {
                        out.edits.extend(reader.edit(e));
                    }
                }
                _ => reader.refuse(value, "`edit` is no list", "[[edit]] before each edit"),
            },
            other => reader.unknown(key.span(), other, &["title", "about", "base", "as_of", "edit"]),
        }
    }
    (out, problems)
}

type Entry<'a, 'i> = (&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

/// A table's entries in the order in which they are written.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<Entry<'a, 'i>> = table.iter().collect();
    entries.sort_by_key(|(k, _)| k.span().start);
    entries
}

struct Reader<'r> {
    file: &'r Arc<str>,
    text: &'r str,
    problems: &'r mut Vec<Problem>,
}

impl Reader<'_> {
    fn at(&self, span: std::ops::Range<usize>) -> At {
        place_in(self.file, self.text, span.start)
    }

    fn refuse(&mut self, value: &Spanned<DeValue<'_>>, what: &str, allowed: &str) {
        let p = Problem::error(self.at(value.span()), what).allowed(allowed);
        self.problems.push(p);
    }

    fn unknown(&mut self, span: std::ops::Range<usize>, given: &str, known: &[&'static str]) {
        let p = Problem::error(self.at(span), format!("unknown key `{given}`"));
        self.problems.push(match nearest(given, known.iter().copied()) {
            Some(n) => p.hint(format!("did you mean `{n}`?")),
            None => p.allowed(known.join(", ")),
        });
    }

    fn string(&mut self, value: &Spanned<DeValue<'_>>, name: &str) -> Option<Said> {
        match value.get_ref() {
            DeValue::String(s) => Some(Said { text: s.trim().to_owned(), at: self.at(value.span()) }),
            _ => {
                self.refuse(value, &format!("`{name}` is no text"), "a text in quotes");
                None
            }
        }
    }

    fn date(&mut self, value: &Spanned<DeValue<'_>>, name: &str) -> Option<Date> {
        let text = self.cell(value)?;
        let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
        if day.is_none() {
            self.refuse(value, &format!("`{name}`: `{text}`"), "a day of the calendar, YYYY-MM-DD");
        }
        day
    }

    /// A value as it would stand in a table's cell.
    fn cell(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(s) => Some(s.trim().to_owned()),
            DeValue::Integer(i) if i.radix() == 10 => Some(i.as_str().to_owned()),
            DeValue::Float(f) => Some(f.as_str().to_owned()),
            DeValue::Boolean(b) => Some(if *b { "yes" } else { "no" }.to_owned()),
            DeValue::Datetime(d) => Some(d.to_string()),
            DeValue::Array(items) => {
                let parts: Option<Vec<String>> = items
                    .iter()
                    .map(|v| match v.get_ref() {
                        DeValue::Array(_) => {
                            self.refuse(v, "a list in a list", "one list of values");
                            None
                        }
                        _ => self.cell(v),
                    })
                    .collect();
                parts.map(|p| p.join(";"))
            }
            _ => {
                self.refuse(
                    value,
                    "this is no value of a cell",
                    "a text, number, day, true or false, or a list of them",
                );
                None
            }
        }
    }

    fn row(&mut self, value: &Spanned<DeValue<'_>>, name: &str) -> Option<Vec<Assign>> {
        let DeValue::Table(table) = value.get_ref() else {
            self.refuse(value, &format!("`{name}` is no table"), "{ column = value, … }");
            return None;
        };
        let mut out = Vec::new();
        for (k, v) in in_order(table) {
            let column = Said { text: k.get_ref().to_string(), at: self.at(k.span()) };
            let at = self.at(v.span());
            out.push(Assign { column, value: Said { text: self.cell(v)?, at } });
        }
        Some(out)
    }

    fn edit(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Edit> {
        const KNOWN: &[&str] = &["add", "change", "remove", "apply", "row", "key", "set", "from"];
        let DeValue::Table(table) = value.get_ref() else {
            self.refuse(value, "an edit is a table", "[[edit]] with `add`, `change`, `remove` or `apply`");
            return None;
        };
        let mut given: BTreeMap<&'static str, &Spanned<DeValue<'_>>> = BTreeMap::new();
        let (mut at, mut wrong) = (self.at(value.span()), false);
        for (i, (k, v)) in in_order(table).into_iter().enumerate() {
            if i == 0 {
                at = self.at(k.span());
            }
            match KNOWN.iter().find(|n| **n == k.get_ref().as_ref()) {
                Some(n) => {
                    given.insert(n, v);
                }
                None => {
                    self.unknown(k.span(), k.get_ref(), KNOWN);
                    wrong = true;
                }
            }
        }
        let verbs: Vec<&str> = KNOWN[..4].iter().copied().filter(|v| given.contains_key(v)).collect();
        let [verb] = verbs[..] else {
            let what = if verbs.is_empty() {
                "the edit does not say what to do".to_owned()
            } else {
                format!("the edit does {} things", verbs.len())
            };
            self.problems
                .push(Problem::error(at, what).allowed("exactly one of `add`, `change`, `remove`, `apply`"));
            return None;
        };
        let (needs, may): (&[&str], &[&str]) = match verb {
            "add" => (&["row"], &[]),
            "change" => (&["key", "set"], &[]),
            "remove" => (&["key"], &[]),
            _ => (&[], &["from"]),
        };
        for n in needs.iter().filter(|n| !given.contains_key(**n)) {
            self.problems.push(Problem::error(at.clone(), format!("`{verb}` needs `{n}`")));
            wrong = true;
        }
        for (n, v) in &given {
            if *n != verb && !needs.contains(n) && !may.contains(n) {
                let p = Problem::error(self.at(v.span()), format!("`{n}` has no meaning beside `{verb}`"));
                self.problems.push(p);
                wrong = true;
            }
        }
        let name = self.string(given[verb], verb)?;
        if wrong {
            return None;
        }
        let action = match verb {
            "add" => Action::Add { table: name, row: self.row(given["row"], "row")? },
            "change" => Action::Change {
                table: name,
                key: self.string(given["key"], "key")?,
                set: self.row(given["set"], "set")?,
            },
            "remove" => Action::Remove { table: name, key: self.string(given["key"], "key")? },
            _ => {
                let from = match given.get("from") {
                    Some(v) => Some(self.date(v, "from")?),
                    None => None,
                };
                Action::Apply { project: name, from }
            }
        };
        Some(Edit { at, action })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        parse("s.toml", text.into()).1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_scenario_is_read_with_its_places() {
        let text = "title = \"T\"\nas_of = 2028-06-01\n[[edit]]\nchange = \"border\"\nkey = \"x\"\nset = { status = \"open\", \
                    capacity_per_day = 12, gauges_mm = [1520, 1435] }\n[[edit]]\napply = \"p\"\nfrom = \"2027-01-01\"\n";
        let (p, problems) = parse("s.toml", text.into());
        assert_eq!(problems, []);
        assert_eq!(p.as_of.unwrap().to_string(), "2028-06-01");
        let Action::Change { set, .. } = &p.edits[0].action else { panic!("{:?}", p.edits) };
        assert_eq!(set[2].value.text, "1520;1435");
        assert_eq!(set[1].value.at.to_string(), "s.toml:6:45");
        assert!(matches!(&p.edits[1].action, Action::Apply { from: Some(_), .. }));
    }

    #[test]
    fn what_is_wrong_is_said_at_its_place() {
        assert_eq!(
            words("titel = \"x\""),
            ["s.toml:1:1: error: unknown key `titel`\n  hint: did you mean `title`?"]
        );
        assert_eq!(
            words("[[edit]]\nadd = \"link\"\nremove = \"link\""),
            [
                "s.toml:2:1: error: the edit does 2 things; allowed: exactly one of `add`, `change`, `remove`, `apply`"
            ]
        );
        assert_eq!(words("[[edit]]\nadd = \"link\""), ["s.toml:2:1: error: `add` needs `row`"]);
        assert!(words("as_of = 2025-13-01")[0].starts_with("s.toml:1:"));
        assert!(words("a = ")[0].starts_with("s.toml:1:"));
        assert!(words("as_of = 20250101")[0].contains("YYYY-MM-DD"));
    }
}
