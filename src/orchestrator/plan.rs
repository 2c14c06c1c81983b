//! The order in which services start.

use std::collections::{BTreeMap, VecDeque};

use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use serde::Serialize;

use super::compose::{Dependency, Project, Service};
use crate::error::Result;

/// Which services start, by levels: those of a level wait for services of levels before it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The names of the services, by level, in the order of the file.
    pub levels: Vec<Vec<String>>,
}

impl Plan {
    /// The plan of a project with these profiles on.
    ///
    /// # Errors
    ///
    /// If services wait for each other in a circle, which is named with its lines, or one needs
    /// another that no profile brings in.
    pub fn of(project: &Project, profiles: &[String]) -> Result<Plan> {
        let services: Vec<&Service> = project.active(profiles).collect();
        let graph = graph(project, &services)?;
        let order = match toposort(&graph, None) {
            Ok(order) => order,
            Err(cycle) => return Err(circle(&graph, &services, cycle.node_id())),
        };
        let mut level = vec![0; services.len()];
        for node in order {
            let before = graph.edges_directed(node, petgraph::Direction::Incoming);
            let after = before.map(|edge| level[edge.source().index()] + 1).max();
            level[node.index()] = after.unwrap_or(0);
        }
        let most = level.iter().max().map_or(0, |most| most + 1);
        let mut levels = vec![Vec::new(); most];
        for (service, level) in services.iter().zip(level) {
            levels[level].push(service.name.clone());
        }
        Ok(Plan { levels })
    }

    /// The level of a service, from 0.
    #[must_use]
    pub fn level(&self, service: &str) -> Option<usize> {
        self.levels.iter().position(|level| level.iter().any(|name| name == service))
    }
}

type Waits<'p> = DiGraph<(), &'p Dependency>;

/// An edge leads from a service to one that waits for it.
fn graph<'p>(project: &'p Project, services: &[&'p Service]) -> Result<Waits<'p>> {
    let mut graph = DiGraph::new();
    let nodes: BTreeMap<&str, NodeIndex> =
        services.iter().map(|service| (service.name.as_str(), graph.add_node(()))).collect();
    for service in services {
        for dependency in &service.depends_on {
            if let Some(other) = nodes.get(dependency.service.as_str()) {
                graph.add_edge(*other, nodes[service.name.as_str()], dependency);
            } else if dependency.required {
                let other = project.services.get(&dependency.service);
                let profiles = other.iter().flat_map(|other| &other.profiles).cloned();
                let profiles = profiles.collect::<Vec<_>>().join("`, `");
                let (name, other) = (&service.name, &dependency.service);
                return Err(dependency.place.error(format!(
                    "`{name}` depends on `{other}`, which is there with the profile `{profiles}` alone"
                )));
            }
        }
    }
    Ok(graph)
}

/// The shortest way from a service back to itself, as an error.
fn circle(graph: &Waits<'_>, services: &[&Service], start: NodeIndex) -> crate::error::Error {
    let mut came: Vec<Option<(NodeIndex, &Dependency)>> = vec![None; services.len()];
    let mut open = VecDeque::from([start]);
    // Against the edges: from each service to those that it waits for.
    while let Some(node) = open.pop_front()
        && came[start.index()].is_none()
    {
        for edge in graph.edges_directed(node, petgraph::Direction::Incoming) {
            let place = &mut came[edge.source().index()];
            if place.is_none() {
                *place = Some((node, edge.weight()));
                open.push_back(edge.source());
            }
        }
    }
    let (mut nodes, mut lines, mut node) = (Vec::new(), Vec::new(), start);
    while let Some((before, dependency)) = came[node.index()] {
        nodes.push(before);
        lines.push(dependency);
        node = before;
        if node == start {
            break;
        }
    }
    nodes.reverse();
    lines.reverse();
    // It begins with the service that comes first in the file.
    let first = (0..nodes.len()).min_by_key(|at| nodes[*at]).unwrap_or_default();
    nodes.rotate_left(first);
    lines.rotate_left(first);
    nodes.push(nodes[0]);
    let names: Vec<&str> = nodes.iter().map(|node| services[node.index()].name.as_str()).collect();
    let places: Vec<String> = lines.iter().map(|d| d.place.line.to_string()).collect();
    let line = if places.len() == 1 { "line" } else { "lines" };
    let reason = format!(
        "services wait for each other: {} ({line} {})",
        names.join(" -> "),
        places.join(", ")
    );
    let first = lines.first().expect("a circle has at least one edge");
    first.place.error(reason)
}
