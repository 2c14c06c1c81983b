//! `healthcheck`: how often, and what its command asks. A command cannot run here, but what `curl`,
//! `wget`, `nc`, bash's `/dev/tcp` and `grpc_health_probe` ask can be asked in the simulation.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::keys;
use super::part::Part;
use crate::chaos::text;
use crate::error::Result;

/// What a health check asks of its container, from inside of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// A GET request to its own port.
    Http {
        /// The port.
        port: u16,
        /// Path and query.
        path: String,
        /// True if a status of 400 or above is a failure: `wget`, and `curl -f`.
        status: bool,
    },
    /// That it takes connections at a port.
    Tcp {
        /// The port.
        port: u16,
    },
    /// A command that cannot be run here: in its place, that the service takes connections.
    Command {
        /// The command.
        text: String,
    },
}

/// A health check, with Docker's defaults for what the file leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Healthcheck {
    /// What is asked.
    pub test: Test,
    /// From the end of one check to the next. 30 s.
    #[serde(with = "text::duration")]
    pub interval: Duration,
    /// A check that takes longer has failed. 30 s.
    #[serde(with = "text::duration")]
    pub timeout: Duration,
    /// So many failures in a row are one too many. 3.
    pub retries: u32,
    /// Failures so early are not counted, unless a check has succeeded before. 0 s.
    #[serde(with = "text::duration")]
    pub start_period: Duration,
    /// The interval within the start period. 5 s.
    #[serde(with = "text::duration")]
    pub start_interval: Duration,
}

impl Healthcheck {
    /// A check with Docker's defaults.
    #[must_use]
    pub fn new(test: Test) -> Healthcheck {
        Healthcheck {
            test,
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retries: 3,
            start_period: Duration::ZERO,
            start_interval: Duration::from_secs(5),
        }
    }
}

/// What one file says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    disabled: Option<bool>,
    test: Option<Test>,
    interval: Option<Duration>,
    timeout: Option<Duration>,
    retries: Option<u32>,
    start_period: Option<Duration>,
    start_interval: Option<Duration>,
}

impl Draft {
    /// What this one says, and `base` where it says nothing.
    pub(super) fn over(self, base: Draft) -> Draft {
        Draft {
            disabled: self.disabled.or(base.disabled),
            test: self.test.or(base.test),
            interval: self.interval.or(base.interval),
            timeout: self.timeout.or(base.timeout),
            retries: self.retries.or(base.retries),
            start_period: self.start_period.or(base.start_period),
            start_interval: self.start_interval.or(base.start_interval),
        }
    }

    /// None if it is switched off, or the image would have to say what is asked.
    pub(super) fn finish(self) -> Option<Healthcheck> {
        if self.disabled == Some(true) {
            return None;
        }
        let default = Healthcheck::new(self.test?);
        // Zero stands for the default, as in Docker.
        let or = |time: Option<Duration>, default| time.filter(|t| !t.is_zero()).unwrap_or(default);
        Some(Healthcheck {
            interval: or(self.interval, default.interval),
            timeout: or(self.timeout, default.timeout),
            retries: self.retries.filter(|n| *n > 0).unwrap_or(default.retries),
            start_period: or(self.start_period, default.start_period),
            start_interval: or(self.start_interval, default.start_interval),
            test: default.test,
        })
    }
}

pub(super) fn read(part: &Part<'_>) -> Result<Draft> {
    part.check_keys("a healthcheck", keys::HEALTHCHECK, &[])?;
    let time = |key| part.get(key).map(|part| duration(&part)).transpose();
    let mut draft = Draft {
        disabled: part.get("disable").map(|part| part.flag()).transpose()?,
        test: None,
        interval: time("interval")?,
        timeout: time("timeout")?,
        retries: part.get("retries").map(|part| part.number(1_000_000)).transpose()?,
        start_period: time("start_period")?,
        start_interval: time("start_interval")?,
    };
    if let Some(test) = part.get("test") {
        match read_test(&test)? {
            None => draft.disabled = Some(true),
            some => {
                draft.test = some;
                draft.disabled = draft.disabled.or(Some(false));
            }
        }
    }
    Ok(draft)
}

/// None for `NONE`.
fn read_test(part: &Part<'_>) -> Result<Option<Test>> {
    let (words, text) = match part.value {
        Value::Array(_) => {
            let mut words = part.texts()?;
            if words.is_empty() {
                return Ok(Some(Test::Command { text: String::new() }));
            }
            let first = words.remove(0);
            let text = words.join(" ");
            match first.as_str() {
                "NONE" => return Ok(None),
                "CMD" => (words, text),
                "CMD-SHELL" => (split(&text), text),
                _ => {
                    let reason =
                        format!("a test begins with CMD, CMD-SHELL or NONE, not {first:?}");
                    return Err(part.error(reason));
                }
            }
        }
        _ => {
            let text = part.text()?;
            (split(&text), text)
        }
    };
    let test = understood(&words, &text).unwrap_or_else(|| {
        part.warn(format!(
            "`{}` cannot run in a simulation: the check is that the service takes connections",
            text.chars().take(60).collect::<String>()
        ));
        Test::Command { text }
    });
    Ok(Some(test))
}

/// Words as a shell has them, without its meaning of quotes inside of words.
fn split(text: &str) -> Vec<String> {
    let bare = |word: &str| word.trim_matches(['"', '\'', ';', '(', ')']).to_owned();
    text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect()
}

/// What a command asks, if it is one of those that are understood.
fn understood(words: &[String], text: &str) -> Option<Test> {
    if let Some((_, after)) = text.split_once("/dev/tcp/") {
        let (host, rest) = after.split_once('/')?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        return tcp(host, &rest[..digits]);
    }
    let is = |word: &String, name: &str| word.rsplit('/').next() == Some(name);
    let after = |name: &str| {
        let at = words.iter().position(|word| is(word, name))?;
        Some(&words[at + 1..])
    };
    if let Some(arguments) = after("curl") {
        // Also in a bundle of short options: `-fsS`.
        let fails = |word: &String| {
            word.starts_with("--fail")
                || word.starts_with('-') && !word.starts_with("--") && word.contains('f')
        };
        return url(arguments, arguments.iter().any(fails));
    }
    if let Some(arguments) = after("wget") {
        return url(arguments, true);
    }
    if let Some(arguments) = after("nc").or_else(|| after("ncat")) {
        let local = arguments.iter().position(|word| is_local(word))?;
        return tcp(&arguments[local], arguments.get(local + 1)?);
    }
    let arguments = after("grpc_health_probe")?;
    let address =
        arguments.iter().find_map(|word| word.trim_start_matches('-').strip_prefix("addr="));
    let (host, port) = address?.rsplit_once(':')?;
    tcp(if host.is_empty() { "localhost" } else { host }, port)
}

fn tcp(host: &str, port: &str) -> Option<Test> {
    let port = port.parse().ok().filter(|port| *port > 0 && is_local(host))?;
    Some(Test::Tcp { port })
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "::1" | "[::1]")
}

/// The first address of the container itself among the arguments, as a request.
fn url(arguments: &[String], status: bool) -> Option<Test> {
    arguments.iter().find_map(|word| {
        let address = word.strip_prefix("http://").unwrap_or(word);
        let end = address.find(['/', '?']).unwrap_or(address.len());
        let (authority, path) = address.split_at(end);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !authority.ends_with(']') => (host, port),
            _ => (authority, "80"),
        };
        let port = port.parse().ok().filter(|port| *port > 0 && is_local(host))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Test::Http { port, path, status })
    })
}

/// A duration as Go writes it: `1m30s`, `1.5s`, `500ms`.
fn duration(part: &Part<'_>) -> Result<Duration> {
    let text = part.text()?;
    parse_duration(text.trim()).ok_or_else(|| part.expected("a time such as 10s, 500ms or 1m30s"))
}

fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut nanos) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return None,
        };
        nanos += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    // More than a century is a mistake.
    (!text.is_empty() && nanos < 3.2e18).then(|| Duration::from_nanos(nanos as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<Test>) {
        assert_eq!(understood(&split(text), text), expected, "{text}");
    }

    fn http(port: u16, path: &str, status: bool) -> Option<Test> {
        Some(Test::Http { port, path: path.to_owned(), status })
    }

    /// Commands as compose files in public repositories have them.
    #[test]
    fn what_commands_ask() {
        check("curl -f http://localhost:8080/health", http(8080, "/health", true));
        check("curl -fSsL http://127.0.0.1:9000/actuator?x=1", http(9000, "/actuator?x=1", true));
        check(
            "curl --silent --fail localhost:80/health-check || exit 1",
            http(80, "/health-check", true),
        );
        check("curl localhost", http(80, "/", false));
        check(
            "/usr/bin/wget -q --spider http://localhost:13133/status || exit 1",
            http(13133, "/status", true),
        );
        check("nc -z localhost 7000", Some(Test::Tcp { port: 7000 }));
        check("bash -c 'echo > /dev/tcp/127.0.0.1/4566; exit $?;'", Some(Test::Tcp { port: 4566 }));
        check("/bin/grpc_health_probe -addr=:3550", Some(Test::Tcp { port: 3550 }));
    }

    #[test]
    fn what_is_asked_of_others_or_of_tools_is_not_understood() {
        check("curl -f http://mock:9000/health", None);
        check("curl -f https://localhost:9000/health", None);
        check("pg_isready -U postgres", None);
        check("nc -z kafka 9092", None);
        check("curl -f http://localhost:99999/", None);
        check("echo > /dev/tcp/localhost/", None);
    }

    #[test]
    fn times_are_read_as_go_writes_them() {
        for (text, nanos) in [("1m30s", 90_000_000_000), ("1.5s", 1_500_000_000), ("0", 0)] {
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "10", "s", "10 s", "1.2.3s", "-1s", "1d", "999999999h", "1s2"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
