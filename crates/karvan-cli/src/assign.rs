//! `karvan assign --tntp`; [`crate::freight`] has `karvan assign --year`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget};
use karvan_assign::analysis::{self, Selected};
use karvan_assign::certificate::{self, Certificate};
use karvan_assign::cost::LinkCost;
use karvan_assign::equilibrium::{
    self, AssignError, Class, Objective, Problem as Assignment, Settings, Solution, Stop,
};
use karvan_assign::network::{Demand, Link, LinkIx, Network, NodeIx, Pair};
use karvan_io::tntp::{self, Instance};
use karvan_model::raw::Severity;
use serde_json::json;

use crate::args::{Assign, Common, Format, ObjectiveWord};
use crate::exit::{DONE, Failure, NO_ANSWER, problem, wrong_input};
use crate::out;

/// Gap at which to stop, where none is asked for.
const GAP: f64 = 1e-10;

pub fn run(common: &Common, args: &Assign) -> Result<u8, Failure> {
    let pool = |n: Option<u16>| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n.map_or(0, usize::from));
        pool.build().map_err(|e| Failure::Fault(e.to_string()))
    };
    match (args.year, &args.tntp) {
        (Some(years), _) => pool(args.threads)?.install(|| crate::freight::run(common, args, years)),
        (None, Some(folder)) => pool(args.threads)?.install(|| tntp(common, args, folder)),
        (None, None) => Err(wrong_input("nothing to assign was named", "--year YEAR, or --tntp DIR")),
    }
}

fn tntp(common: &Common, args: &Assign, named: &Path) -> Result<u8, Failure> {
    let sought = args.gap.unwrap_or(GAP);
    let format = common.format_of(&[Format::Table, Format::Json, Format::Csv])?;
    let model_options = [
        (common.model.is_some(), "--model"),
        (common.scenario.is_some(), "--scenario"),
        (common.as_of.is_some(), "--as-of"),
    ];
    if let Some((_, option)) = model_options.into_iter().find(|o| o.0) {
        return Err(wrong_input(
            format!("{option} was given with --tntp"),
            "a TNTP network is all there is: it has no model, scenario or day",
        ));
    }
    if args.skim && format == Format::Table {
        return Err(no_skim_table());
    }
    let folder = folder_of(named)?;
    let (instance, problems) = tntp::read_folder(&folder);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        problems.into_iter().partition(|p| p.severity == Severity::Error);
    if !errors.is_empty() {
        return Err(Failure::List(errors));
    }
    for w in &warnings {
        anstream::eprintln!("{}", problem(w));
    }
    if args.toll_weight > 0.0 && !instance.net.has_tolls {
        return Err(wrong_input(
            format!("--toll-weight {} was given, but the network has no column of tolls", args.toll_weight),
            "leave it out",
        ));
    }
    let trips = instance.trips.as_ref().ok_or_else(|| {
        wrong_input(
            format!("{} holds no trip table", folder.display()),
            format!("it must be named {}_trips.tntp or {0}_trips.tntp.gz", instance.name),
        )
    })?;
    let network = network_of(&instance, args)?;
    let chosen = chosen_links(&instance, args)?;
    let pairs = trips.pairs.iter().map(|t| Pair {
        origin: NodeIx(t.origin - 1),
        destination: NodeIx(t.destination - 1),
        flow: t.flow,
    });
    let demand = Demand::new(&network, pairs).map_err(|e| Failure::Fault(e.to_string()))?;
    let objective = match args.objective {
        ObjectiveWord::Ue => Objective::UserEquilibrium,
        ObjectiveWord::So => Objective::SystemOptimum,
    };
    let asked = Assignment {
        network: &network,
        classes: vec![Class { demand, extra: None }],
        background: None,
        objective,
    };
    let solution = solve(&asked, sought)?;
    let certificate = certificate::certify(&asked, &solution).map_err(|e| Failure::Fault(e.to_string()))?;
    let it = Outcome { args, sought, instance: &instance, asked: &asked, solution, certificate };
    let bytes = if args.skim {
        it.skim(format)?
    } else if chosen.is_empty() {
        it.flows(format)?
    } else {
        it.selected(&chosen, format)?
    };
    out::deliver(common.output.as_deref(), &bytes)?;
    if it.certificate.gap > sought {
        let why = match it.solution.stop {
            Stop::Gap => "summed anew, the flows miss it by rounding",
            Stop::Passes => "all passes were made",
            Stop::Precision => "double precision gives no more",
        };
        anstream::eprintln!("note: the gap {:.3e} was reached, not {sought:.3e}: {why}", it.certificate.gap);
        return Ok(NO_ANSWER);
    }
    Ok(DONE)
}

fn no_skim_table() -> Failure {
    wrong_input(
        "--skim has a row for each pair of zones, which is no table for reading",
        "add --format csv or --format json",
    )
}

/// The folder itself, or the one of that name in the folder that `TNTP_DIR` names.
fn folder_of(named: &Path) -> Result<PathBuf, Failure> {
    if named.is_dir() {
        return Ok(named.to_path_buf());
    }
    let all = std::env::var_os("TNTP_DIR").map(PathBuf::from);
    match all.as_ref().map(|a| a.join(named)) {
        Some(folder) if folder.is_dir() => Ok(folder),
        _ => Err(wrong_input(
            match &all {
                Some(a) => format!("{} is no folder, neither here nor in {}", named.display(), a.display()),
                None => format!("{} is no folder", named.display()),
            },
            "name a folder that holds NAME_net.tntp and NAME_trips.tntp, or set TNTP_DIR to the folder it is in",
        )),
    }
}

fn network_of(instance: &Instance, args: &Assign) -> Result<Network, Failure> {
    let fault = |e: String| Failure::Fault(e);
    let mut links = Vec::with_capacity(instance.net.links.len());
    for l in &instance.net.links {
        let fixed = args.toll_weight * l.toll + args.distance_weight * l.length;
        let cost =
            LinkCost::bpr(l.free_flow_time, l.b, l.capacity, l.power).and_then(|c| c.plus(fixed)).map_err(
                |e| wrong_input(format!("the link of line {}: {e}", l.line), "mend the network's file"),
            )?;
        links.push(Link { tail: NodeIx(l.tail - 1), head: NodeIx(l.head - 1), cost });
    }
    let closed = 0..(instance.net.first_through_node - 1).min(instance.net.zones);
    Network::new(instance.net.nodes as usize, closed.map(NodeIx), links).map_err(|e| fault(e.to_string()))
}

/// The links named, each by its nodes.
fn chosen_links(instance: &Instance, args: &Assign) -> Result<Vec<LinkIx>, Failure> {
    let find = |&(tail, head): &(u32, u32)| {
        let mut found =
            instance.net.links.iter().enumerate().filter(|(_, l)| (l.tail, l.head) == (tail, head));
        match (found.next(), found.next()) {
            (Some((k, _)), None) => Ok(LinkIx::new(k)),
            (Some((_, a)), Some((_, b))) => Err(wrong_input(
                format!("{tail}-{head} names two links, those of lines {} and {}", a.line, b.line),
                "only links without a parallel one can be named by their nodes",
            )),
            _ => Err(wrong_input(
                format!("there is no link from node {tail} to node {head}"),
                "name a link by the numbers of its nodes, as in the network's file",
            )),
        }
    };
    args.select_link.iter().map(find).collect()
}

/// Solves with a line of progress on stderr, where that is a terminal.
fn solve(asked: &Assignment, gap: f64) -> Result<Solution, Failure> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let solution = equilibrium::solve(asked, Settings { gap, ..Settings::default() }, None, |pass| {
        bar.set_message(format!("pass {}: gap {:.3e}, {} paths", pass.number, pass.gap, pass.paths));
        bar.tick();
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    solution.map_err(|e| match e {
        AssignError::NoPath { origin, destination, flow, .. } => Failure::NoAnswer(
            format!(
                "{flow} want to go from zone {} to zone {}, and there is no path",
                origin + 1,
                destination + 1
            ),
            Some("add a link, or leave the pair out of the trip table".into()),
        ),
        e => Failure::Fault(e.to_string()),
    })
}

/// All that is told.
struct Outcome<'a> {
    args: &'a Assign,
    sought: f64,
    instance: &'a Instance,
    asked: &'a Assignment<'a>,
    solution: Solution,
    certificate: Certificate,
}

/// A number as precise as it is.
fn exact(x: f64) -> String {
    format!("{x}")
}

impl Outcome<'_> {
    fn objective(&self) -> &'static str {
        match self.asked.objective {
            Objective::UserEquilibrium => "user equilibrium",
            Objective::SystemOptimum => "system optimum",
        }
    }

    /// What is certain, line by line.
    fn told(&self) -> String {
        let (c, net) = (&self.certificate, &self.instance.net);
        let demand = &self.asked.classes[0].demand;
        let within = self.instance.trips.as_ref().map_or(0.0, |t| t.within_zones);
        let costs = match self.asked.objective {
            Objective::UserEquilibrium => "",
            Objective::SystemOptimum => " at marginal costs",
        };
        let mut lines = vec![
            (
                "network",
                format!(
                    "{}: {} zones, {} nodes, {} links",
                    self.instance.name,
                    net.zones,
                    net.nodes,
                    net.links.len()
                ),
            ),
            (
                "demand",
                format!(
                    "{} between {} pairs of zones; {within} within zones left out",
                    demand.total(),
                    demand.pairs().len()
                ),
            ),
            ("solved", format!("{}, {} passes, {} paths", self.objective(), self.solution.passes, c.paths)),
            (
                "relative gap",
                format!("{:.3e} = (total cost - cost of shortest paths) / total cost{costs}", c.gap),
            ),
            ("total cost", format!("{:.6}{costs}; travel cost {:.6}", c.total_cost, c.travel_cost)),
            ("shortest paths", format!("{:.6}", c.shortest_cost)),
            ("objective", format!("{:.8}", c.objective)),
            ("lower bound", format!("{:.8}: no flows have a lower objective", c.lower_bound)),
            (
                "conservation",
                format!(
                    "largest error {:.1e} of a pair's demand, {:.1e} of what passes a node",
                    c.pair_error, c.node_error
                ),
            ),
        ];
        if let (Some(apart), Objective::UserEquilibrium) = (self.beside_published(), self.asked.objective) {
            lines.push(("published", apart));
        }
        let text: String = lines.iter().map(|(name, what)| format!("{name:<15} {what}\n")).collect();
        text + "\nAll figures are worked out anew from the path flows; shortest paths by Dijkstra's algorithm.\n"
    }

    /// How far the published flows are from ours, where there are any for the same links.
    fn beside_published(&self) -> Option<String> {
        let (flows, links) = (self.instance.flows.as_ref()?, &self.instance.net.links);
        let same = flows.len() == links.len()
            && flows.iter().zip(links).all(|(f, l)| (f.tail, f.head) == (l.tail, l.head));
        if !same {
            return Some(
                "flows are of other links than the network's, or in another order: not compared".into(),
            );
        }
        let largest = |of: &dyn Fn(usize) -> f64| {
            (0..links.len()).map(|k| (of(k), k)).fold((0.0, 0), |a, b| if b.0 > a.0 { b } else { a })
        };
        let (flow, at) = largest(&|k| (flows[k].flow - self.certificate.flows[k]).abs());
        let (cost, cost_at) = largest(&|k| (flows[k].cost - self.certificate.costs[k]).abs());
        let name = |k: usize| format!("{}-{}", links[k].tail, links[k].head);
        let objective: f64 =
            self.asked.network.links().iter().zip(flows).map(|(l, f)| l.cost.integral(f.flow)).sum();
        Some(format!(
            "largest difference of flow {flow:.1e} at {}, of cost {cost:.1e} at {}; objective {objective:.8}",
            name(at),
            name(cost_at)
        ))
    }

    fn summary(&self) -> serde_json::Value {
        let (c, demand) = (&self.certificate, &self.asked.classes[0].demand);
        json!({
            "schema_version": 1,
            "version": env!("CARGO_PKG_VERSION"),
            "network": self.instance.name,
            "objective_sought": self.objective(),
            "toll_weight": self.args.toll_weight,
            "distance_weight": self.args.distance_weight,
            "pairs": demand.pairs().len(),
            "demand": demand.total(),
            "gap_sought": self.sought,
            "gap": c.gap,
            "total_cost": c.total_cost,
            "shortest_cost": c.shortest_cost,
            "travel_cost": c.travel_cost,
            "objective": c.objective,
            "lower_bound": c.lower_bound,
            "passes": self.solution.passes,
            "paths": c.paths,
            "pair_error": c.pair_error,
            "node_error": c.node_error,
        })
    }

    /// The summary with one more field.
    fn json(&self, name: &str, rows: Vec<serde_json::Value>) -> Result<Vec<u8>, Failure> {
        let mut value = self.summary();
        value[name] = rows.into();
        out::json(&value)
    }

    fn flows(&self, format: Format) -> Result<Vec<u8>, Failure> {
        let links = self.instance.net.links.iter().zip(&self.certificate.flows).zip(&self.certificate.costs);
        match format {
            Format::Json => self.json(
                "links",
                links
                    .map(|((l, x), c)| json!({"from": l.tail, "to": l.head, "flow": x, "cost": c}))
                    .collect(),
            ),
            Format::Csv => {
                let rows: Vec<Vec<String>> = links
                    .map(|((l, x), c)| vec![l.tail.to_string(), l.head.to_string(), exact(*x), exact(*c)])
                    .collect();
                Ok(out::csv(&["from", "to", "flow", "cost"], &rows))
            }
            _ => Ok(self.told().into_bytes()),
        }
    }

    fn selected(&self, chosen: &[LinkIx], format: Format) -> Result<Vec<u8>, Failure> {
        const MOST: usize = 20;
        let Selected { mut pairs, .. } = analysis::select_links(self.asked.network, &self.solution, chosen);
        let row = |p: &(usize, NodeIx, NodeIx, f64)| (p.1.0 + 1, p.2.0 + 1, p.3);
        match format {
            Format::Json => self.json(
                "selected",
                pairs
                    .iter()
                    .map(row)
                    .map(|(a, b, x)| json!({"origin": a, "destination": b, "flow": x}))
                    .collect(),
            ),
            Format::Csv => {
                let rows: Vec<Vec<String>> = pairs
                    .iter()
                    .map(row)
                    .map(|(a, b, x)| vec![a.to_string(), b.to_string(), exact(x)])
                    .collect();
                Ok(out::csv(&["origin", "destination", "flow"], &rows))
            }
            _ => {
                let names: Vec<String> =
                    self.args.select_link.iter().map(|(a, b)| format!("{a}-{b}")).collect();
                let total: f64 = pairs.iter().map(|p| p.3).sum();
                let all = pairs.len();
                pairs.sort_by(|a, b| b.3.total_cmp(&a.3));
                let rows: Vec<Vec<String>> = pairs
                    .iter()
                    .take(MOST)
                    .map(row)
                    .map(|(a, b, x)| vec![a.to_string(), b.to_string(), format!("{x:.3}")])
                    .collect();
                let mut text = self.told();
                text += &format!(
                    "\n{}: {total:.3} of {all} pair{}",
                    names.join(" and "),
                    if all == 1 { "" } else { "s" }
                );
                text += if all > MOST { ", the largest:\n" } else { ":\n" };
                text += &out::table(&["origin", "destination", "flow"], &rows, &[0, 1, 2]);
                text += "\nHow many use one link is certain; who they are is not where several path flows have the same link flows.\n";
                Ok(text.into_bytes())
            }
        }
    }

    fn skim(&self, format: Format) -> Result<Vec<u8>, Failure> {
        let zones = self.instance.net.zones;
        let ends: Vec<NodeIx> = (0..zones).map(NodeIx).collect();
        let costs = analysis::skim(self.asked.network, &self.certificate.costs, &ends);
        let cells = costs.iter().enumerate().map(|(k, &c)| (k as u32 / zones + 1, k as u32 % zones + 1, c));
        let reached = cells.filter(|c| c.2.is_finite());
        match format {
            Format::Json => self.json(
                "skim",
                reached.map(|(a, b, c)| json!({"origin": a, "destination": b, "cost": c})).collect(),
            ),
            Format::Csv => {
                let rows: Vec<Vec<String>> =
                    reached.map(|(a, b, c)| vec![a.to_string(), b.to_string(), exact(c)]).collect();
                Ok(out::csv(&["origin", "destination", "cost"], &rows))
            }
            _ => Err(no_skim_table()),
        }
    }
}
