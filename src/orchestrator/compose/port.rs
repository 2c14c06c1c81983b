//! The ports of `ports` and `expose`: of interest is where the container listens.

use std::ops::RangeInclusive;

use super::keys;
use super::part::Part;
use crate::error::Result;

/// Adds the container's ports of one entry: `8080`, `"127.0.0.1:80:8080/tcp"`, `"9000-9002"`, or
/// the long form.
pub(super) fn read(part: &Part<'_>, ports: &mut Vec<u16>) -> Result {
    let new = if part.value.is_object() {
        part.check_keys("a port", keys::PORT, &[])?;
        let target = part.get("target").ok_or_else(|| part.error("a port without `target`"))?;
        range(&target.text()?).ok_or_else(|| target.expected(EXPECTED))?
    } else {
        short(&part.text()?).ok_or_else(|| part.expected(EXPECTED))?
    };
    for port in new {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    Ok(())
}

const EXPECTED: &str = "a port from 1 to 65535, as in \"8080\", \"80:8080\", \"127.0.0.1:80:8080/tcp\" \
                        or \"9000-9002\",";

fn short(text: &str) -> Option<RangeInclusive<u16>> {
    let (addresses, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return None;
    }
    let (host, container) = match addresses.rsplit_once(':') {
        None => return range(addresses),
        Some(both) => both,
    };
    let published = match host.rsplit_once(':') {
        None => host,
        Some((ip, published)) => {
            let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(ip);
            (ip.is_empty() || ip.parse::<std::net::IpAddr>().is_ok()).then_some(published)?
        }
    };
    let container = range(container)?;
    // Published at a port that the host chooses, if none is said.
    (published.is_empty() || published == "0" || range(published).is_some()).then_some(container)
}

fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    match text.split_once('-') {
        None => port(text).map(|port| port..=port),
        Some((first, last)) => {
            let (first, last) = (port(first)?, port(last)?);
            (first <= last).then_some(first..=last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u16, u16)>) {
        assert_eq!(short(text).map(|range| (*range.start(), *range.end())), expected, "{text}");
    }

    #[test]
    fn ports_are_those_of_the_container() {
        check("8080", Some((8080, 8080)));
        check("80:8080", Some((8080, 8080)));
        check("127.0.0.1:80:8080/udp", Some((8080, 8080)));
        check("[::1]:80:8080", Some((8080, 8080)));
        check("127.0.0.1::8080", Some((8080, 8080)));
        check("9090-9091:8080-8081", Some((8080, 8081)));
        check(":80", Some((80, 80)));
    }

    #[test]
    fn nonsense_is_none() {
        for text in ["", "http", "0", "65536", "-1", "80:", "80:x", "x:80", "80/ip", "9-8", "1:2:3"]
        {
            check(text, None);
        }
    }
}
