//! Dijkstra's algorithm, plain: the judge of every faster search here.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::network::{LinkIx, Network, NodeIx};

/// Room for searches on one network.
#[derive(Clone, Debug)]
pub struct Dijkstra {
    dist: Vec<f64>,
    by: Vec<u32>,
    queue: BinaryHeap<Reverse<(u64, u32)>>,
}

const NONE: u32 = u32::MAX;

impl Dijkstra {
    /// Room for a network.
    pub fn new(network: &Network) -> Dijkstra {
        Dijkstra {
            dist: vec![f64::INFINITY; network.nodes()],
            by: vec![NONE; network.nodes()],
            queue: BinaryHeap::new(),
        }
    }

    /// Finds all distances from an origin; costs are at least 0, infinite where a link must not be used.
    pub fn run(&mut self, network: &Network, costs: &[f64], origin: NodeIx) {
        self.dist.fill(f64::INFINITY);
        self.dist[origin.ix()] = 0.0;
        self.by[origin.ix()] = NONE;
        self.queue.clear();
        // Bits of floats that are at least 0 are ordered as they are.
        self.queue.push(Reverse((0, origin.0)));
        while let Some(Reverse((bits, v))) = self.queue.pop() {
            let (here, v) = (f64::from_bits(bits), NodeIx(v));
            if here > self.dist[v.ix()] || (network.is_closed(v) && v != origin) {
                continue;
            }
            for &l in network.leaving(v) {
                let to = network.links()[l.ix()].head;
                let cost = here + costs[l.ix()];
                if cost < self.dist[to.ix()] {
                    self.dist[to.ix()] = cost;
                    self.by[to.ix()] = l.0;
                    self.queue.push(Reverse((cost.to_bits(), to.0)));
                }
            }
        }
    }

    /// The distance to a node; infinite if there is no path.
    #[inline]
    pub fn distance(&self, to: NodeIx) -> f64 {
        self.dist[to.ix()]
    }

    /// The links of a shortest path from the origin of the last run, in their order. Empty if there is none.
    pub fn path(&self, network: &Network, to: NodeIx, links: &mut Vec<u32>) {
        links.clear();
        let mut v = to;
        while self.dist[v.ix()] < f64::INFINITY && self.by[v.ix()] != NONE {
            let l = LinkIx(self.by[v.ix()]);
            links.push(l.0);
            v = network.links()[l.ix()].tail;
        }
        links.reverse();
    }
}
