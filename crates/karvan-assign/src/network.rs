//! Nodes, links and zones, and who wants to go where.

use karvan_units::index_type;

use crate::cost::LinkCost;

index_type! {
    /// A node of a [`Network`].
    NodeIx
}
index_type! {
    /// A directed link of a [`Network`].
    LinkIx
}

/// A directed link.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Node it begins at.
    pub tail: NodeIx,
    /// Node it ends at.
    pub head: NodeIx,
    /// What it costs at which flow.
    pub cost: LinkCost,
}

/// A directed network. Parallel links are kept apart.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: usize,
    closed: Vec<bool>,
    links: Vec<Link>,
    /// Links by the node they begin at: those of node `v` are `leaving[first[v]..first[v + 1]]`.
    first: Vec<u32>,
    leaving: Vec<LinkIx>,
}

/// Why a network or a demand was refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// A link between nodes that are not there.
    #[error("link {link} goes from node {tail} to node {head}, but there are {nodes} nodes, counted from 0")]
    NoSuchNode {
        /// Position of the link.
        link: usize,
        /// Where it begins.
        tail: u32,
        /// Where it ends.
        head: u32,
        /// How many nodes there are.
        nodes: usize,
    },
    /// More nodes or links than an index can name.
    #[error("{0} nodes or links; at most 2,000,000,000 are possible")]
    TooMany(usize),
    /// A demand that is not finite or negative, or whose ends are not there or the same.
    #[error(
        "pair {pair} asks for {flow} from node {origin} to node {destination}; allowed are a finite flow of at least 0 and two nodes of the network"
    )]
    NoDemand {
        /// Position of the pair.
        pair: usize,
        /// Where it begins.
        origin: u32,
        /// Where it ends.
        destination: u32,
        /// Flow asked for.
        flow: f64,
    },
    /// A pair that stands twice in one demand.
    #[error("the flow from node {origin} to node {destination} is given twice")]
    GivenTwice {
        /// Where it begins.
        origin: u32,
        /// Where it ends.
        destination: u32,
    },
}

/// Node and link numbers leave a bit free.
const MOST: usize = 2_000_000_000;

impl Network {
    /// A network of `nodes` nodes. Those of `closed` begin or end a path but are never passed through.
    ///
    /// # Errors
    /// If a link's or a closed node is not there.
    pub fn new(
        nodes: usize,
        closed: impl IntoIterator<Item = NodeIx>,
        links: Vec<Link>,
    ) -> Result<Network, NetworkError> {
        if nodes.max(links.len()) > MOST {
            return Err(NetworkError::TooMany(nodes.max(links.len())));
        }
        let mut is_closed = vec![false; nodes];
        for v in closed {
            let all = is_closed.len();
            let missing = NetworkError::NoSuchNode { link: 0, tail: v.0, head: v.0, nodes: all };
            *is_closed.get_mut(v.ix()).ok_or(missing)? = true;
        }
        let mut first = vec![0u32; nodes + 1];
        for (k, l) in links.iter().enumerate() {
            if l.tail.ix().max(l.head.ix()) >= nodes {
                return Err(NetworkError::NoSuchNode { link: k, tail: l.tail.0, head: l.head.0, nodes });
            }
            first[l.tail.ix() + 1] += 1;
        }
        for v in 0..nodes {
            first[v + 1] += first[v];
        }
        let mut at = first.clone();
        let mut leaving = vec![LinkIx(0); links.len()];
        for (k, l) in links.iter().enumerate() {
            leaving[at[l.tail.ix()] as usize] = LinkIx::new(k);
            at[l.tail.ix()] += 1;
        }
        Ok(Network { nodes, closed: is_closed, links, first, leaving })
    }

    /// How many nodes.
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// All links, in the order given.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Whether a node only begins or ends paths.
    #[inline]
    pub fn is_closed(&self, v: NodeIx) -> bool {
        self.closed[v.ix()]
    }

    /// The links that begin at a node.
    #[inline]
    pub fn leaving(&self, v: NodeIx) -> &[LinkIx] {
        &self.leaving[self.first[v.ix()] as usize..self.first[v.ix() + 1] as usize]
    }
}

/// A flow wanted between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Where it begins.
    pub origin: NodeIx,
    /// Where it ends.
    pub destination: NodeIx,
    /// Flow, at least 0.
    pub flow: f64,
}

/// Who wants to go where: pairs by origin and destination, each once and with a flow above 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    pairs: Vec<Pair>,
    /// Origins with the position of their first pair, and one more for the end.
    origins: Vec<(NodeIx, usize)>,
}

impl Demand {
    /// A demand on a network; pairs without flow are left out.
    ///
    /// # Errors
    /// If a flow is negative or not finite, a pair stands twice, begins where it ends or at a node that is not there.
    pub fn new(network: &Network, pairs: impl IntoIterator<Item = Pair>) -> Result<Demand, NetworkError> {
        let mut kept: Vec<Pair> = Vec::new();
        for (k, p) in pairs.into_iter().enumerate() {
            let there = p.origin.ix().max(p.destination.ix()) < network.nodes && p.origin != p.destination;
            if !(there && p.flow.is_finite() && p.flow >= 0.0) {
                let (origin, destination) = (p.origin.0, p.destination.0);
                return Err(NetworkError::NoDemand { pair: k, origin, destination, flow: p.flow });
            }
            if p.flow > 0.0 {
                kept.push(p);
            }
        }
        kept.sort_by_key(|p| (p.origin, p.destination));
        if let Some(w) =
            kept.windows(2).find(|w| (w[0].origin, w[0].destination) == (w[1].origin, w[1].destination))
        {
            return Err(NetworkError::GivenTwice { origin: w[0].origin.0, destination: w[0].destination.0 });
        }
        let mut origins: Vec<(NodeIx, usize)> = Vec::new();
        for (k, p) in kept.iter().enumerate() {
            if origins.last().is_none_or(|o| o.0 != p.origin) {
                origins.push((p.origin, k));
            }
        }
        Ok(Demand { pairs: kept, origins })
    }

    /// All pairs, by origin and destination.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The origins, with the positions of their pairs.
    pub fn origins(&self) -> impl ExactSizeIterator<Item = (NodeIx, std::ops::Range<usize>)> + '_ {
        (0..self.origins.len()).map(|k| {
            let end = self.origins.get(k + 1).map_or(self.pairs.len(), |o| o.1);
            (self.origins[k].0, self.origins[k].1..end)
        })
    }

    /// The flow of all pairs together.
    pub fn total(&self) -> f64 {
        self.pairs.iter().map(|p| p.flow).sum()
    }
}
