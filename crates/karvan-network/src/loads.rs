//! A consignment in terms of the equipment that may carry it.

use karvan_model::tables::{Per, TrainKind, Unit};
use karvan_model::{CargoIx, EquipmentIx, Model};

/// A consignment in one kind of equipment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loads {
    /// Equipment.
    pub equipment: EquipmentIx,
    /// What it is counted in.
    pub unit: Unit,
    /// Mass, t.
    pub tonnes: f64,
    /// Number of units: whole wagons, lorries or TEU; tonnes for ships and pipes.
    pub count: f64,
    /// Number of vehicles: whole wagons or lorries, also where units are TEU; 1 for ships and pipes.
    pub vehicles: f64,
    /// Load of one unit, t.
    pub load_t: f64,
    /// How wagons travel.
    pub train: TrainKind,
}

impl Loads {
    /// All equipment that may carry a cargo, in the order of table `load`, each with its number of units.
    pub fn all(model: &Model, cargo: CargoIx, tonnes: f64) -> Vec<Loads> {
        let id = &model.tables.cargo[cargo.ix()].id;
        let rows = model.tables.load.iter().filter(|l| l.cargo.as_str() == id.as_str());
        rows.filter_map(|row| {
            let equipment = model.equipment_ix(row.equipment.as_str())?;
            Some(Self::of(model, equipment, row.load_t.map(|l| l.best), tonnes))
        })
        .collect()
    }

    fn of(model: &Model, equipment: EquipmentIx, load_t: Option<f64>, tonnes: f64) -> Loads {
        let e = &model.tables.equipment[equipment.ix()];
        let (count, load_t) = match (e.unit, load_t.filter(|l| *l > 0.0)) {
            (Unit::Tonne, _) | (_, None) => (tonnes, 1.0),
            // A published load is a mean: 1,220 t in 22 wagons of 55.5 t are 22, not 21.98 and so 22 either way.
            (_, Some(l)) => ((tonnes / l - 1e-9).ceil().max(1.0), l),
        };
        let vehicles = match e.unit {
            Unit::Teu => (count / e.teu.filter(|t| *t > 0.0).unwrap_or(1.0) - 1e-9).ceil(),
            Unit::Wagon | Unit::Truck => count,
            Unit::Tonne => 1.0,
        };
        let block = e.block_units.is_some_and(|b| count >= f64::from(b));
        let train = if block { TrainKind::Block } else { TrainKind::Wagonload };
        Loads { equipment, unit: e.unit, tonnes, count, vehicles, load_t, train }
    }

    /// The same consignment split into a given number of units, as where a user counts the wagons himself.
    pub fn with_count(mut self, count: f64) -> Loads {
        self.vehicles *= count / self.count;
        self.vehicles = self.vehicles.ceil();
        self.count = count;
        self.load_t = self.tonnes / count;
        self
    }

    /// How often a price per something is paid over `km`; `None` if that something is not what is carried here.
    pub fn times(&self, per: Per, km: f64) -> Option<f64> {
        let rail = matches!(self.unit, Unit::Wagon) || (self.unit == Unit::Teu && self.vehicles >= 1.0);
        match per {
            Per::Tonne => Some(self.tonnes),
            Per::TonneKm => Some(self.tonnes * km),
            Per::Wagon if rail => Some(self.vehicles),
            Per::WagonKm if rail => Some(self.vehicles * km),
            Per::Teu if self.unit == Unit::Teu => Some(self.count),
            Per::TeuKm if self.unit == Unit::Teu => Some(self.count * km),
            Per::Truck if matches!(self.unit, Unit::Truck | Unit::Teu) => Some(self.vehicles),
            Per::TruckKm if matches!(self.unit, Unit::Truck | Unit::Teu) => Some(self.vehicles * km),
            Per::Consignment => Some(1.0),
            _ => None,
        }
    }

    /// The consignment in a unit of capacity; `None` if it is not counted so.
    pub fn in_unit(&self, unit: Unit) -> Option<f64> {
        match unit {
            Unit::Tonne => Some(self.tonnes),
            u if u == self.unit => Some(self.count),
            Unit::Wagon | Unit::Truck if self.unit == Unit::Teu => Some(self.vehicles),
            _ => None,
        }
    }
}
