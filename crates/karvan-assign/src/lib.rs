//! Demand loaded on a network: who uses which link, at which cost.
//!
//! The standard problem is static assignment with separable link costs: each link has a cost that grows with its
//! flow ([`cost`]), each pair of zones a demand, and in equilibrium nobody can gain by another path.
//!
//! This crate knows no file and no table of a model: it takes numbers and gives numbers.

pub mod cost;
pub mod freight;
