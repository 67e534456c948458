//! A position as an end of a journey: the road nodes around it.

use geo::{Distance, Haversine, Point};
use karvan_model::tables::{Mode, NodeKind};
use karvan_model::{Model, NodeIx};

use crate::plan::{Endpoint, OffTheNetwork, PlanError};

/// Road nodes that a position is joined to.
const NEAREST: usize = 3;

/// The town in which a position lies, with its stations and ports, or else the nearest nodes of the road network with kilometres of road to them: the great circle times the model's
/// detour factor.
///
/// # Errors
/// If no road node lies within the model's greatest access distance, or it does not state one.
pub fn endpoint_near(model: &Model, lon: f64, lat: f64) -> Result<Endpoint, PlanError> {
    let parameter = |id| model.parameter(id).map(|p| p.value.best).ok_or(PlanError::Parameter(id));
    let (detour, most) = (parameter("access_detour_factor")?, parameter("access_max_km")?);
    let in_town = parameter("access_town_km")?;
    let mut on_road = vec![false; model.tables.node.len()];
    for l in model.tables.link.iter().filter(|l| l.mode == Mode::Road) {
        for end in [&l.from, &l.to] {
            if let Some(n) = model.node_ix(end.as_str()) {
                on_road[n.ix()] = true;
            }
        }
    }
    let around = |lon: f64, lat: f64| {
        let here = Point::new(lon, lat);
        let mut near: Vec<(f64, NodeIx)> = (0..on_road.len())
            .filter(|i| on_road[*i])
            .map(|i| {
                let n = NodeIx::new(i);
                let row = model.node(n);
                (Haversine.distance(here, Point::new(row.lon, row.lat)) / 1000.0 * detour, n)
            })
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        near
    };
    let near = around(lon, lat);
    let Some(&(nearest, main)) = near.first() else { return Err(PlanError::NoRoads) };
    if nearest > most {
        let name = model.node(main).name_en.clone();
        let swapped = around(lat, lon).first().filter(|(km, _)| lon.abs() <= 90.0 && *km <= most).copied();
        let swapped = swapped.map(|(_, n)| model.node(n).name_en.clone());
        return Err(PlanError::OffTheNetwork(Box::new(OffTheNetwork {
            lon,
            lat,
            km: nearest,
            most,
            name,
            swapped,
        })));
    }
    // In a town, the town's stations and ports are at hand as if it had been named.
    let town = |n: NodeIx| match (&model.node(n).town, model.node(n).kind) {
        (_, NodeKind::Town) => Some(n),
        (Some(t), _) => model.node_ix(t.as_str()),
        _ => None,
    };
    if let Some(main) = near.iter().take_while(|(km, _)| *km <= in_town).find_map(|(_, n)| town(*n)) {
        let id = model.node(main).id.as_str();
        let of_town = |n: &NodeIx| model.node(*n).town.as_ref().is_some_and(|t| t.as_str() == id);
        let rest = (0..model.tables.node.len()).map(NodeIx::new).filter(of_town);
        return Ok(Endpoint { main, nodes: std::iter::once(main).chain(rest).map(|n| (n, 0.0)).collect() });
    }
    // A border between the position and a node is not seen from here, so nodes of the nearest one's state only.
    let state = &model.node(main).state;
    let nodes = near
        .iter()
        .filter(|(km, n)| *km <= most && model.node(*n).state == *state)
        .take(NEAREST)
        .map(|(km, n)| (*n, km.max(0.1)))
        .collect();
    Ok(Endpoint { main, nodes })
}
