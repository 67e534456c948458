//! A table as a type: its columns with their documentation, reading a record, writing one.

use crate::cell::{Claim, Named};

/// One column, as the manual and the schema show it.
#[derive(Clone, Debug)]
pub struct Column {
    /// Header in the file.
    pub name: &'static str,
    /// What it is; the first sentences of the field's documentation.
    pub doc: &'static str,
    /// How a cell is written.
    pub syntax: String,
    /// Whether a cell may be empty.
    pub optional: bool,
    /// The table whose keys stand here.
    pub refers_to: Option<&'static str>,
}

/// A cell that could not be read: which column, and what is allowed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellProblem {
    /// Index of the column in [`Row::columns`].
    pub column: usize,
    /// What is allowed.
    pub allowed: String,
}

/// A row of a table.
pub trait Row: Named + Sized {
    /// What a row is, in one sentence.
    const DOC: &'static str;
    /// Positions of the columns that together make a row unique.
    fn key_columns() -> &'static [&'static str];
    /// The columns, in the order in which they are written.
    fn columns() -> Vec<Column>;
    /// Reads one record; `cell(i)` is the text of column `i` (empty where the file lacks the column).
    ///
    /// # Errors
    /// All cells that cannot be read.
    fn read<'a>(cell: &dyn Fn(usize) -> &'a str) -> Result<Self, Vec<CellProblem>>;
    /// The record that reads back to the same row.
    fn write(&self) -> Vec<String>;
    /// Keys of other tables that stand in the row: column, key.
    fn references(&self) -> Vec<(usize, String)>;
    /// The row's claims: column, claim.
    fn claims(&self) -> Vec<(usize, &Claim)>;
    /// The row's key: its key columns' texts, joined by `/`.
    fn key(&self) -> String;
}

macro_rules! table {
    (
        $(#[doc = $doc:literal])+
        $name:ident = $table:literal, key [$($key:literal),+] {
            $( $(#[doc = $fdoc:literal])+ $field:ident : $ty:ty ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[doc = $fdoc])+ pub $field: $ty ),+
        }
        impl $crate::cell::Named for $name {
            const TABLE: &'static str = $table;
        }
        impl $crate::table::Row for $name {
            const DOC: &'static str = concat!($($doc, "\n"),+);
            fn key_columns() -> &'static [&'static str] {
                &[$($key),+]
            }
            fn columns() -> Vec<$crate::table::Column> {
                use $crate::cell::Cell;
                vec![$($crate::table::Column {
                    name: stringify!($field),
                    doc: concat!($($fdoc),+),
                    syntax: <$ty as Cell>::syntax(),
                    optional: <$ty as Cell>::OPTIONAL,
                    refers_to: <$ty as Cell>::REFERS_TO,
                }),+]
            }
            fn read<'a>(cell: &dyn Fn(usize) -> &'a str) -> Result<Self, Vec<$crate::table::CellProblem>> {
                use $crate::cell::Cell;
                let mut problems = Vec::new();
                let mut column = 0usize;
                $(
                    let text = cell(column);
                    let $field = if text.is_empty() && !<$ty as Cell>::OPTIONAL {
                        Err(format!("not empty: {}", <$ty as Cell>::syntax()))
                    } else {
                        <$ty as Cell>::read(text)
                    };
                    let $field = $field.map_err(|allowed| {
                        problems.push($crate::table::CellProblem { column, allowed });
                    }).ok();
                    column += 1;
                )+
                let _ = column;
                match ($($field,)+) {
                    ($(Some($field),)+) => Ok(Self { $($field),+ }),
                    _ => Err(problems),
                }
            }
            fn write(&self) -> Vec<String> {
                use $crate::cell::Cell;
                vec![$(Cell::write(&self.$field)),+]
            }
            fn references(&self) -> Vec<(usize, String)> {
                use $crate::cell::Cell;
                let mut out = Vec::new();
                let mut column = 0usize;
                $(
                    out.extend(Cell::keys(&self.$field).into_iter().map(|k| (column, k.to_owned())));
                    column += 1;
                )+
                let _ = column;
                out
            }
            fn claims(&self) -> Vec<(usize, &$crate::cell::Claim)> {
                use $crate::cell::Cell;
                let mut out = Vec::new();
                let mut column = 0usize;
                $(
                    out.extend(Cell::claim(&self.$field).map(|c| (column, c)));
                    column += 1;
                )+
                let _ = column;
                out
            }
            fn key(&self) -> String {
                let all = <Self as $crate::table::Row>::write(self);
                let columns = <Self as $crate::table::Row>::columns();
                [$($key),+].iter().filter_map(|k| columns.iter().position(|c| c.name == *k)).map(|i| all[i].clone())
                    .collect::<Vec<_>>().join("/")
            }
        }
    };
}
pub(crate) use table;
