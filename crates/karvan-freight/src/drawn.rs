//! Where what a report tells of lies: courses of links and services, positions of crossings.

use std::collections::BTreeMap;

use karvan_model::Model;
use karvan_network::base::Base;
use karvan_study::{Layer, Shapes};

use crate::report::Report;
use crate::tables;

/// A course, degrees east and north.
pub type Course = Vec<[f64; 2]>;

/// Courses and positions of a report's rows, in their order.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// Of [`Report::links`], from first node to second.
    pub links: Vec<Course>,
    /// Of [`Report::services`], from stop to stop.
    pub services: Vec<Course>,
    /// Of [`Report::borders`].
    pub borders: Vec<Option<[f64; 2]>>,
}

impl Drawn {
    /// Courses by table `geometry`, if the model was read with it; what has none goes straight between its ends.
    pub fn of(model: &Model, base: &Base, report: &Report) -> Self {
        let t = &model.tables;
        let rows: BTreeMap<&str, _> = t.geometry.iter().map(|g| (g.link.as_str(), g)).collect();
        let at = |node: &str| model.node_ix(node).map(|n| [model.node(n).lon, model.node(n).lat]);
        let link = |id: &str, from: &str, to: &str| -> Course {
            let line = rows.get(id).map_or(Vec::new(), |g| g.points());
            if line.len() > 1 { line } else { [from, to].into_iter().filter_map(at).collect() }
        };
        let links = report.links.iter().map(|l| link(&l.link, &l.from, &l.to)).collect();
        let services = report
            .services
            .iter()
            .map(|s| {
                let [from, to] = &s.nodes;
                let stops = (model.node_ix(from), model.node_ix(to));
                let sailing = base.sailings.iter().find(|x| {
                    (Some(x.from), Some(x.to)) == stops && t.service[x.service.ix()].id.as_str() == s.service
                });
                let mut line: Course = Vec::new();
                for (l, forward) in sailing.iter().flat_map(|x| &x.links) {
                    let row = &t.link[l.ix()];
                    let mut part = link(row.id.as_str(), row.from.as_str(), row.to.as_str());
                    if !forward {
                        part.reverse();
                    }
                    line.extend(part);
                }
                line.dedup();
                if line.len() > 1 { line } else { [from, to].into_iter().filter_map(|n| at(n)).collect() }
            })
            .collect();
        let node: BTreeMap<&str, &str> = t.border.iter().map(|b| (b.id.as_str(), b.node.as_str())).collect();
        let borders = report.borders.iter().map(|b| at(node.get(b.border.as_str())?)).collect();
        Self { links, services, borders }
    }

    /// The report's tables as layers of a GeoPackage: links and services as lines, crossings as points, the others
    /// without shapes.
    pub fn layers(&self, report: &Report) -> Vec<Layer> {
        tables::of_report(report)
            .into_iter()
            .map(|table| {
                let shapes = match table.name() {
                    "links" => Some(Shapes::Lines(self.links.clone())),
                    "services" => Some(Shapes::Lines(self.services.clone())),
                    "borders" => Some(Shapes::Points(self.borders.clone())),
                    _ => None,
                };
                Layer { table, shapes }
            })
            .collect()
    }
}
