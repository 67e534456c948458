//! The catalogue: every word of the HTML page, by language and key.

use std::sync::LazyLock;

/// A language of the HTML page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

impl Lang {
    /// All languages that have a catalogue.
    pub const ALL: &'static [Lang] = &[Lang::En, Lang::Ru];

    pub(crate) fn text(self) -> &'static Text {
        match self {
            Lang::En => &EN,
            Lang::Ru => &RU,
        }
    }
}

/// One language's catalogue.
pub(crate) struct Text {
    pub(crate) table: toml::Table,
    /// Whether names in Russian are preferred.
    pub(crate) russian: bool,
}

static EN: LazyLock<Text> = LazyLock::new(|| Text::read(include_str!("../text/en.toml"), false));
static RU: LazyLock<Text> = LazyLock::new(|| Text::read(include_str!("../text/ru.toml"), true));

impl Text {
    fn read(toml: &str, russian: bool) -> Self {
        // The file is part of the program: a test reads every language.
        Self { table: toml.parse().expect("an embedded catalogue is TOML"), russian }
    }

    fn find(&self, key: &str) -> Option<&toml::Value> {
        let (section, name) = key.split_once('.')?;
        self.table.get(section)?.get(name)
    }

    /// The text of `section.name`; the key itself where the catalogue lacks it.
    pub(crate) fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.find(key).and_then(toml::Value::as_str).unwrap_or(key)
    }

    /// The word for `name` in `section`; `name` itself where the catalogue lacks it.
    pub(crate) fn word(&self, section: &str, name: &str) -> String {
        self.find(&format!("{section}.{name}")).and_then(toml::Value::as_str).unwrap_or(name).to_owned()
    }

    /// A text with its braces filled.
    pub(crate) fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut rest = self.get(key);
        let mut out = String::new();
        // One pass, so that a brace in a value is never taken for a name.
        while let Some((before, tail)) = rest.split_once('{') {
            out.push_str(before);
            match tail.split_once('}') {
                Some((name, after)) => {
                    out.push_str(values.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v));
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = tail;
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// Name of a month, 1 to 12.
    pub(crate) fn month(&self, month: i8) -> &str {
        usize::try_from(month - 1)
            .ok()
            .and_then(|i| self.find("unit.months")?.as_array()?.get(i)?.as_str())
            .unwrap_or("?")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(t: &Text) -> Vec<(String, Vec<String>)> {
        let braces = |s: &str| -> Vec<String> {
            let mut found: Vec<String> =
                s.split('{').skip(1).filter_map(|p| Some(p.split_once('}')?.0.to_owned())).collect();
            found.sort();
            found
        };
        let mut all = Vec::new();
        for (section, entries) in &t.table {
            for (name, value) in entries.as_table().unwrap() {
                all.push((format!("{section}.{name}"), value.as_str().map(braces).unwrap_or_default()));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn every_language_has_the_same_keys_and_braces() {
        for lang in Lang::ALL {
            assert_eq!(keys(lang.text()), keys(Lang::En.text()), "{lang:?}");
        }
    }

    #[test]
    fn braces_are_filled_once() {
        let t = Lang::En.text();
        assert_eq!(t.fill("page.option_n", &[("n", "{n}")]), "option {n}");
    }
}
