//! Freight on a network with capacities: who carries what, where it jams, what a unit of capacity is worth.
//!
//! # The programme
//!
//! Flows `i` of `d_i` tonnes a period choose among alternatives `p` of generalised cost `c_p`, nested by mode `m`; rows `r`
//! couple them, of which an alternative uses `a_rp` units a tonne. With `f_p` tonnes by alternative, `F_m` by nest, `q_i` in
//! all, `s_i` not carried and `u_e` empty units moved:
//!
//! ```text
//! minimise  Σ_p c_p f_p + Σ_i P_i s_i                                   generalised cost; price of staying
//!         + Σ_p (1/θ) f_p ln(f_p/F_m) + Σ_m (1/μ) F_m ln(F_m/q_i)       dispersion within and between nests
//!         + Σ_i (1/ν) (q_i ln(q_i/d_i) + s_i ln(s_i/d_i))               between carried and not
//!         + Σ_queues ∫₀^x_r w W(v) dv                                    waits, priced
//!         + Σ_e k_e u_e + u_e²/(2σ_e)                                    empty equipment returned
//! subject to  Σ_p f_p + s_i = d_i                   every tonne is carried or not
//!             x_r = Σ_p a_rp f_p + Σ_e a_re u_e ≤ K_r   capacities
//!             Σ_p a_np f_p + Σ_e a_ne u_e = 0           equipment comes and goes in equal number
//!             f, s, u ≥ 0
//! ```
//!
//! It is convex: `x ln(x/y)` is, in both. Its optimum is a nested logit (Fisk, *Some developments in equilibrium traffic
//! assignment*, Transportation Research B 14, 1980; Oppenheim, *Urban Travel Demand Modeling*, 1995) at costs that include a
//! price `y_r` of every row: the **shadow price** of a capacity, the wait at a queue, the scarcity of equipment at a place.
//! An infinite `P_i` leaves `s_i` out. Path size enters the costs as constants `−ln PS/θ` ([`ln_path_size`]).
//!
//! # The dual
//!
//! With demand eliminated by log-sums, the dual is a concave function of the prices alone, of capacities and queues not
//! below zero:
//!
//! ```text
//! g(y) = Σ_i d_i S_i(c + aᵀy) − Σ_capacities K_r y_r − Σ_queues D_r*(y_r) − Σ_e (σ_e/2) max(0, −(k_e + a_eᵀy))²
//! ```
//!
//! `S_i` is the log-sum of the three levels, `D*` the conjugate of the integral of the wait. It is climbed by a projected
//! truncated Newton method; flows chosen at the prices are made feasible; the **duality gap** is the value of the programme at
//! feasible flows less the dual at feasible prices, over the generalised cost, and both are recomputed from their definitions
//! at the end ([`certify`]). Demand that capacities cannot carry is told by [`least_shedding`].
//!
//! This module knows no model and no file.

mod ascent;
mod certificate;
mod kernel;
mod programme;
mod queue;
mod recover;
mod shed;
mod solve;

pub use certificate::{Certificate, Primal, certify, dual_value, loads};
pub use programme::{Alternative, Builder, Class, EmptyMove, Programme, ProgrammeError, Row, ln_path_size};
pub use queue::Queue;
pub use shed::{Cut, Shedding, least_shedding};
pub use solve::{End, Progress, Settings, Solution, SolveError, solve};
