//! Demand loaded on a network: who uses which link, at which cost.
//!
//! The standard problem is static assignment with separable link costs: each link has a cost that grows with its
//! flow ([`cost`]), each pair of nodes a demand ([`network`]), and in equilibrium nobody can gain by another path.
//! [`equilibrium::solve`] finds path flows to a relative gap near the limit of double precision; [`certificate::certify`]
//! works out anew how good they are; [`frank_wolfe`] is the simple method that must agree; [`analysis`] says who
//! uses a link and what places are apart.
//!
//! This crate knows no file and no table of a model: it takes numbers and gives numbers.

pub mod analysis;
pub mod certificate;
pub mod cost;
mod curve;
pub mod dijkstra;
pub mod equilibrium;
pub mod frank_wolfe;
pub mod freight;
pub mod hierarchy;
pub mod network;
mod sum;
