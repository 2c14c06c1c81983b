//! The name of a request: method and route.

use std::fmt::Write as _;

use http::{Extensions, Method};

/// A route that a caller gives a request itself, as an extension: `Label("POST /orders/{id}".into())`.
///
/// Without it the route is made from the path: segments that are numbers, UUIDs or long
/// hexadecimal texts become `{id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(pub String);

/// The label of a request.
pub(super) fn label(method: &Method, path: &str, extensions: &Extensions) -> String {
    if let Some(Label(label)) = extensions.get() {
        return label.clone();
    }
    route_label(method.as_str(), path)
}

/// The label of a request that has none of its own.
pub(crate) fn route_label(method: &str, path: &str) -> String {
    let mut label = String::with_capacity(method.len() + path.len() + 1);
    label.push_str(method);
    label.push(' ');
    for segment in path.split('/').skip(1) {
        let segment = if is_id(segment) { "{id}" } else { segment };
        let _ = write!(label, "/{segment}");
    }
    label
}

fn is_id(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let hex = segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    digits > 0 && (digits == segment.len() || (hex && segment.len() >= 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(label(&Method::GET, path, &Extensions::new()), expected);
    }

    #[test]
    fn ids_in_paths_are_templates() {
        check("/", "GET /");
        check("/orders", "GET /orders");
        check("/orders/7/lines/12", "GET /orders/{id}/lines/{id}");
        check("/u/67e55044-10b1-426f-9247-bb680e5fe0c8", "GET /u/{id}");
        check("/v1/status", "GET /v1/status");
        check("/cafe/added", "GET /cafe/added");
    }

    #[test]
    fn a_given_label_wins() {
        let mut extensions = Extensions::new();
        extensions.insert(Label("GET /any".to_owned()));
        assert_eq!(label(&Method::GET, "/orders/7", &extensions), "GET /any");
    }
}
