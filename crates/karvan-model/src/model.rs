//! All tables of a model, read and indexed.

use std::collections::{BTreeMap, HashMap};

use karvan_units::index_type;

use crate::calibration::Factors;
use crate::for_each_table;
use crate::raw::{Manifest, Problem, RawModel, RawTable};
use crate::table::{Column, Row};
use crate::tables::*;

index_type!(
    /// A row of `node`.
    NodeIx
);
index_type!(
    /// A row of `link`.
    LinkIx
);
index_type!(
    /// A row of `state`.
    StateIx
);
index_type!(
    /// A row of `equipment`.
    EquipmentIx
);
index_type!(
    /// A row of `cargo`.
    CargoIx
);
index_type!(
    /// A row of `service`.
    ServiceIx
);
index_type!(
    /// A row of `terminal`.
    TerminalIx
);
index_type!(
    /// A row of `border`.
    BorderIx
);
index_type!(
    /// A row of `rule`.
    RuleIx
);
index_type!(
    /// A row of `tariff`.
    TariffIx
);

/// The rows of one table that could be read, each with the raw row it came from.
#[derive(Clone, Debug)]
pub struct TableOf<T> {
    /// Rows.
    pub rows: Vec<T>,
    /// For each row, its position in the [`RawTable`].
    pub raw_row: Vec<u32>,
}

impl<T> Default for TableOf<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), raw_row: Vec::new() }
    }
}

impl<T> std::ops::Deref for TableOf<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.rows
    }
}

impl<T: Row> TableOf<T> {
    /// Reads the rows; what cannot be read is left out and reported.
    pub fn read(raw: Option<&RawTable>, problems: &mut Vec<Problem>) -> Self {
        let mut out = Self::default();
        let Some(raw) = raw else { return out };
        let columns = T::columns();
        for (i, row) in raw.rows.iter().enumerate() {
            match T::read(&|c| row.cell(c)) {
                Ok(r) => {
                    out.rows.push(r);
                    out.raw_row.push(i as u32);
                }
                Err(cells) => problems.extend(cells.into_iter().map(|p| {
                    let given = row.cell(p.column);
                    let name = columns[p.column].name;
                    let what = if given.is_empty() {
                        format!("`{}` column `{name}` is empty", T::TABLE)
                    } else {
                        format!("`{}` column `{name}`: `{}`", T::TABLE, shorten(given))
                    };
                    Problem::error(row.place(p.column), what).allowed(p.allowed)
                })),
            }
        }
        out
    }
}

/// At most sixty characters of a text, so that a message stays readable.
pub(crate) fn shorten(s: &str) -> String {
    if s.chars().count() <= 60 { s.to_owned() } else { s.chars().take(57).chain("...".chars()).collect() }
}

/// What the manual and the readers need to know of a table.
pub struct TableInfo {
    /// Name, which is its file's.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Key columns.
    pub key: fn() -> &'static [&'static str],
    /// Columns.
    pub columns: fn() -> Vec<Column>,
}

macro_rules! declare_tables {
    ($($field:ident : $row:ty),+ $(,)?) => {
        /// Every table, typed.
        #[derive(Clone, Debug, Default)]
        #[allow(missing_docs, reason = "each field is the table of its name; see `tables`")]
        pub struct Tables {
            $(pub $field: TableOf<$row>),+
        }
        impl Tables {
            /// Reads every table; what cannot be read is left out and reported.
            pub fn read(raw: &RawModel, problems: &mut Vec<Problem>) -> Self {
                Self { $($field: TableOf::read(raw.tables.get(<$row as crate::cell::Named>::TABLE), problems)),+ }
            }
        }
        /// All tables, in the order in which they are written.
        pub const TABLES: &[TableInfo] = &[$(TableInfo {
            name: <$row as crate::cell::Named>::TABLE,
            doc: <$row as Row>::DOC,
            key: <$row as Row>::key_columns,
            columns: <$row as Row>::columns,
        }),+];
    };
}
for_each_table!(declare_tables);

/// A model ready for the engines: tables, and where each key stands.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// `model.toml`.
    pub manifest: Manifest,
    /// The tables.
    pub tables: Tables,
    /// What multiplies durations, as table `calibration` says. [`Model::calibrated`] gives others.
    pub factors: Factors,
    node_by_id: HashMap<String, NodeIx>,
    state_by_id: HashMap<String, StateIx>,
    equipment_by_id: HashMap<String, EquipmentIx>,
    cargo_by_id: HashMap<String, CargoIx>,
    parameter_by_id: BTreeMap<String, usize>,
}

impl Model {
    /// Indexes tables that were read. References that dangle are found by [`crate::check`], not here.
    pub fn new(manifest: Manifest, tables: Tables) -> Self {
        fn index<T: Row, I>(
            rows: &[T],
            id: impl Fn(&T) -> &str,
            new: impl Fn(usize) -> I,
        ) -> HashMap<String, I> {
            rows.iter().enumerate().map(|(i, r)| (id(r).to_owned(), new(i))).collect()
        }
        Self {
            node_by_id: index(&tables.node, |r| r.id.as_str(), NodeIx::new),
            state_by_id: index(&tables.state, |r| r.id.as_str(), StateIx::new),
            equipment_by_id: index(&tables.equipment, |r| r.id.as_str(), EquipmentIx::new),
            cargo_by_id: index(&tables.cargo, |r| r.id.as_str(), CargoIx::new),
            parameter_by_id: tables.parameter.iter().enumerate().map(|(i, p)| (p.id.0.clone(), i)).collect(),
            factors: Factors::of(&tables, None),
            manifest,
            tables,
        }
    }

    /// The same model with other factors on its durations.
    pub fn calibrated(&self, factors: Factors) -> Self {
        Self { factors, ..self.clone() }
    }

    /// The node with this key.
    pub fn node_ix(&self, id: &str) -> Option<NodeIx> {
        self.node_by_id.get(id).copied()
    }
    /// The state with this code.
    pub fn state_ix(&self, id: &str) -> Option<StateIx> {
        self.state_by_id.get(id).copied()
    }
    /// The equipment with this key.
    pub fn equipment_ix(&self, id: &str) -> Option<EquipmentIx> {
        self.equipment_by_id.get(id).copied()
    }
    /// The cargo with this key.
    pub fn cargo_ix(&self, id: &str) -> Option<CargoIx> {
        self.cargo_by_id.get(id).copied()
    }
    /// A node's row.
    pub fn node(&self, ix: NodeIx) -> &Node {
        &self.tables.node[ix.ix()]
    }
    /// The row of `choice` for a cargo, by position: one that names it before one of its kind, and that before one of all.
    pub fn choice_of(&self, cargo: CargoIx) -> Option<usize> {
        let c = &self.tables.cargo[cargo.ix()];
        let fit = |r: &Choice| {
            if r.cargo.iter().any(|k| k.as_str() == c.id.as_str()) {
                Some(2)
            } else if !r.cargo.is_empty() {
                None
            } else if r.cargo_kinds.is_empty() {
                Some(0)
            } else {
                r.cargo_kinds.contains(&c.kind).then_some(1)
            }
        };
        let rows = self.tables.choice.iter().enumerate();
        let best = rows.filter_map(|(i, r)| Some((fit(r)?, i)));
        best.max_by_key(|(f, i)| (*f, std::cmp::Reverse(*i))).map(|b| b.1)
    }
    /// A parameter's row; `None` where the model does not state it.
    pub fn parameter(&self, id: &str) -> Option<&Parameter> {
        self.parameter_by_id.get(id).map(|i| &self.tables.parameter[*i])
    }
}
