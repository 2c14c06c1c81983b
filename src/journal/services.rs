//! Which service a node is a replica of: one rule, and who knows what a service is.

use std::collections::BTreeSet;

/// The service of a node: `inventory` for `inventory-1`, if `is_service` says so of the one and not of
/// the other; else the node by itself.
///
/// A journal knows services by their nodes ([`services`]); contracts name them.
pub(crate) fn service_of(node: &str, is_service: impl Fn(&str) -> bool) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match node.rsplit_once('-') {
        Some((service, number))
            if is_number(number) && is_service(service) && !is_service(node) =>
        {
            service
        }
        _ => node,
    }
}

/// The service of each node of a journal, which has no other word of services: `inventory` is one if
/// there are `inventory-0` and `inventory-1`, as a service with replicas has, and no node that is
/// called `inventory` alone.
pub(crate) fn services(nodes: &[String]) -> Vec<&str> {
    let known: BTreeSet<&str> = nodes.iter().map(String::as_str).collect();
    let is_replica = |name: &str, n: u32| known.contains(format!("{name}-{n}").as_str());
    let is_service =
        |name: &str| !known.contains(name) && is_replica(name, 0) && is_replica(name, 1);
    nodes.iter().map(|node| service_of(node, is_service)).collect()
}

#[cfg(test)]
mod tests {
    use super::services;

    #[track_caller]
    fn check(nodes: &[&str], expected: &[&str]) {
        let nodes: Vec<String> = nodes.iter().map(|node| (*node).to_owned()).collect();
        assert_eq!(services(&nodes), expected);
    }

    #[test]
    fn replicas_are_known_by_their_first_two() {
        check(&["web-0", "web-1", "web-2"], &["web", "web", "web"]);
        check(&["db-0", "area-51", "x-"], &["db-0", "area-51", "x-"]);
        check(&["a-b-0", "a-b-1", "a-+1"], &["a-b", "a-b", "a-+1"]);
    }

    /// Three nodes that were declared one by one: the first is no service of the others.
    #[test]
    fn a_node_is_no_service_of_others() {
        check(&["web", "web-0", "web-1"], &["web", "web-0", "web-1"]);
    }
}
