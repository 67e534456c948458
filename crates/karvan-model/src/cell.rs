//! What may stand in a cell of a table, and how it is read and written.

use std::fmt;
use std::marker::PhantomData;

use jiff::civil::Date;
use karvan_units::{Dist, Estimate, Hours, Km, Tonnes};

/// A value that stands in one cell.
pub trait Cell: Sized {
    /// How it is written, for the manual and for messages.
    fn syntax() -> String;
    /// Whether the cell may be empty.
    const OPTIONAL: bool = false;
    /// The table whose keys stand here.
    const REFERS_TO: Option<&'static str> = None;
    /// Reads a trimmed, non-empty text (or an empty one, where [`Self::OPTIONAL`]).
    ///
    /// # Errors
    /// A sentence that says what is allowed.
    fn read(text: &str) -> Result<Self, String>;
    /// The text that reads back to the same value.
    fn write(&self) -> String;
    /// The keys of [`Self::REFERS_TO`] that stand here.
    fn keys(&self) -> Vec<&str> {
        Vec::new()
    }
    /// The claim, if the cell holds one.
    fn claim(&self) -> Option<&Claim> {
        None
    }
}

/// A row's own key: lower-case letters, digits, `_`, `-` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub String);

impl Id {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn read_key(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("a key of ASCII letters, digits, `_`, `-` and `.`".into())
    }
}

impl Cell for Id {
    fn syntax() -> String {
        "key".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        read_key(text).map(Id)
    }
    fn write(&self) -> String {
        self.0.clone()
    }
}

/// A table as a type: what a [`Ref`] points into.
pub trait Named {
    /// The table's name, which is its file's name without `.csv`.
    const TABLE: &'static str;
}

/// The key of a row of table `T`.
pub struct Ref<T>(pub String, PhantomData<fn() -> T>);

impl<T> Ref<T> {
    /// A reference to the row with this key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into(), PhantomData)
    }
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}
impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
impl<T> fmt::Display for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl<T> PartialEq for Ref<T> {
    fn eq(&self, o: &Self) -> bool {
        self.0 == o.0
    }
}
impl<T> Eq for Ref<T> {}

impl<T: Named> Cell for Ref<T> {
    const REFERS_TO: Option<&'static str> = Some(T::TABLE);
    fn syntax() -> String {
        format!("key of `{}`", T::TABLE)
    }
    fn read(text: &str) -> Result<Self, String> {
        read_key(text).map(Self::new)
    }
    fn write(&self) -> String {
        self.0.clone()
    }
    fn keys(&self) -> Vec<&str> {
        vec![&self.0]
    }
}

impl Cell for String {
    fn syntax() -> String {
        "text".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn write(&self) -> String {
        self.clone()
    }
}

impl Cell for f64 {
    fn syntax() -> String {
        "number".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(|| "a finite number".into())
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Cell for u32 {
    fn syntax() -> String {
        "whole number".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "a whole number, 0 or more".into())
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Cell for bool {
    fn syntax() -> String {
        "`yes` or `no`".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        match text {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err("`yes` or `no`".into()),
        }
    }
    fn write(&self) -> String {
        if *self { "yes" } else { "no" }.into()
    }
}

impl Cell for Date {
    fn syntax() -> String {
        "date YYYY-MM-DD".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let shaped = text.len() == 10 && text.as_bytes()[4] == b'-' && text.as_bytes()[7] == b'-';
        if !shaped {
            return Err("a day of the calendar, YYYY-MM-DD".into());
        }
        text.parse().map_err(|_| "a day of the calendar, YYYY-MM-DD".into())
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

macro_rules! quantity_cell {
    ($($t:ty),*) => {$(
        impl Cell for $t {
            fn syntax() -> String {
                format!("number, {}", <$t>::UNIT)
            }
            fn read(text: &str) -> Result<Self, String> {
                f64::read(text)
                    .ok()
                    .filter(|v| *v >= 0.0)
                    .map(<$t>::new)
                    .ok_or_else(|| format!("a number of {}, 0 or more", <$t>::UNIT))
            }
            fn write(&self) -> String {
                self.get().to_string()
            }
        }
    )*};
}
quantity_cell!(Km, Hours, Tonnes);

impl Cell for Estimate {
    fn syntax() -> String {
        "estimate: `12` or `12 [8..20]`".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|e: karvan_units::EstimateError| e.to_string())
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl Cell for Dist {
    fn syntax() -> String {
        "distribution, h".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|e: karvan_units::DistError| e.to_string())
    }
    fn write(&self) -> String {
        self.to_string()
    }
}

impl<T: Cell> Cell for Option<T> {
    const OPTIONAL: bool = true;
    const REFERS_TO: Option<&'static str> = T::REFERS_TO;
    fn syntax() -> String {
        T::syntax()
    }
    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Ok(None) } else { T::read(text).map(Some) }
    }
    fn write(&self) -> String {
        self.as_ref().map(T::write).unwrap_or_default()
    }
    fn keys(&self) -> Vec<&str> {
        self.as_ref().map(T::keys).unwrap_or_default()
    }
    fn claim(&self) -> Option<&Claim> {
        self.as_ref().and_then(T::claim)
    }
}

/// Several values, separated by `;`. An empty list means "any" unless the column says otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}
impl<T> std::ops::Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}
impl<T: PartialEq> List<T> {
    /// Whether the list is empty (any) or holds the value.
    pub fn admits(&self, value: &T) -> bool {
        self.0.is_empty() || self.0.contains(value)
    }
}

impl<T: Cell> Cell for List<T> {
    const OPTIONAL: bool = true;
    const REFERS_TO: Option<&'static str> = T::REFERS_TO;
    fn syntax() -> String {
        format!("list, `;` between: {}", T::syntax())
    }
    fn read(text: &str) -> Result<Self, String> {
        text.split(';')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(T::read)
            .collect::<Result<_, _>>()
            .map(List)
    }
    fn write(&self) -> String {
        self.0.iter().map(T::write).collect::<Vec<_>>().join(";")
    }
    fn keys(&self) -> Vec<&str> {
        self.0.iter().flat_map(T::keys).collect()
    }
}

/// Where the figures of a row come from: keys of `source`, or `assumed: reason`.
///
/// Both may be said: `s12;s14; assumed: split between directions`. A figure counts as sourced only where
/// no part of it is assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Keys of `source`.
    pub sources: Vec<String>,
    /// The reason, where a part of it was published by nobody.
    pub assumed: Option<String>,
}

impl Claim {
    /// Whether the figure was published.
    pub fn is_sourced(&self) -> bool {
        self.assumed.is_none()
    }
}

impl Cell for Claim {
    const REFERS_TO: Option<&'static str> = Some("source");
    fn syntax() -> String {
        "claim: keys of `source` with `;` between, or `assumed: reason`".into()
    }
    fn read(text: &str) -> Result<Self, String> {
        let wanted = || "keys of `source` with `;` between, or `assumed: reason`".to_owned();
        let (keys, assumed) = match text.find("assumed:") {
            Some(i) => (&text[..i], Some(text[i + "assumed:".len()..].trim().to_owned())),
            None => (text, None),
        };
        if assumed.as_deref() == Some("") {
            return Err("a reason after `assumed:`".into());
        }
        let mut sources = Vec::new();
        for k in keys.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            sources.push(read_key(k).map_err(|_| wanted())?);
        }
        if sources.is_empty() && assumed.is_none() { Err(wanted()) } else { Ok(Self { sources, assumed }) }
    }
    fn write(&self) -> String {
        let mut parts = self.sources.clone();
        parts.extend(self.assumed.as_ref().map(|r| format!("assumed: {r}")));
        parts.join(";")
    }
    fn keys(&self) -> Vec<&str> {
        self.sources.iter().map(String::as_str).collect()
    }
    fn claim(&self) -> Option<&Claim> {
        Some(self)
    }
}

/// Declares an `enum` whose variants are written as words in a cell.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[allow(missing_docs, reason = "a word that says itself needs no sentence")]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }
        impl $name {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The word it is written as.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
        impl $crate::cell::Cell for $name {
            fn syntax() -> String {
                [$(concat!("`", $word, "`")),+].join(" ")
            }
            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($name::$variant),)+
                    _ => Err(format!("one of {}", Self::syntax())),
                }
            }
            fn write(&self) -> String {
                self.word().into()
            }
        }
    };
}
pub(crate) use words;
