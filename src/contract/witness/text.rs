//! Strings at the bounds of a schema, and strings that simple patterns match.

use serde_json::{Map, Value};

/// The longest string that is made.
const LONGEST: usize = 10_000;

/// Strings that a schema may accept or refuse.
pub(super) fn strings(fields: &Map<String, Value>) -> Vec<String> {
    let bound = |key: &str| {
        let bound = fields.get(key).and_then(Value::as_u64);
        bound.and_then(|n| usize::try_from(n).ok()).filter(|n| *n < LONGEST)
    };
    let mut all: Vec<String> = Vec::new();
    if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
        all.extend(matching(pattern));
    }
    if let Some(format) = fields.get("format").and_then(Value::as_str) {
        all.extend(formatted(format).map(str::to_owned));
    }
    for key in ["minLength", "maxLength"] {
        let near = bound(key).into_iter().flat_map(|n| [n, n + 1, n.saturating_sub(1)]);
        all.extend(near.map(|n| "a".repeat(n)));
    }
    all.extend(["a", "", "A", "0", "abc", "x y"].map(str::to_owned));
    all
}

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2026-01-31",
        "time" => "12:00:00Z",
        "date-time" => "2026-01-31T12:00:00Z",
        "email" => "a@example.com",
        "uuid" => "67e55044-10b1-426f-9247-bb680e5fe0c8",
        "uri" | "uri-reference" | "iri" => "http://example.com/",
        "ipv4" => "10.0.0.1",
        "ipv6" => "::1",
        "hostname" => "example.com",
        "duration" => "P1D",
        "regex" => "a+",
        "json-pointer" => "/a",
        _ => return None,
    })
}

/// Strings that a pattern matches, if it is simple enough: literals, classes, groups of them with
/// alternatives, and repetitions. What it makes is a guess, to be tried on a validator.
pub(super) fn matching(pattern: &str) -> Vec<String> {
    let inner = pattern.trim_start_matches('^').trim_end_matches('$');
    let mut all = Vec::new();
    for branch in alternatives(inner) {
        for more in [0, 1] {
            let mut reader = Reader { rest: branch.chars().collect(), more };
            all.extend(reader.sequence());
        }
    }
    all.dedup();
    all
}

fn alternatives(pattern: &str) -> Vec<String> {
    let (mut parts, mut depth, mut escaped) = (vec![String::new()], 0i32, false);
    for c in pattern.chars() {
        match c {
            _ if escaped => {}
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

struct Reader {
    rest: std::collections::VecDeque<char>,
    /// How many more repetitions than are needed.
    more: usize,
}

impl Reader {
    fn sequence(&mut self) -> Option<String> {
        let mut text = String::new();
        while let Some(c) = self.rest.pop_front() {
            let unit = match c {
                '\\' => escape(self.rest.pop_front()?)?.to_string(),
                '[' => self.class()?.to_string(),
                '(' => self.group()?,
                '.' => "a".to_owned(),
                '^' | '$' => continue,
                '*' | '+' | '?' | '{' | ')' => return None,
                c => c.to_string(),
            };
            let times = self.repetition()?;
            if text.len() + unit.len() * times > LONGEST {
                return None;
            }
            text.push_str(&unit.repeat(times));
        }
        Some(text)
    }

    fn group(&mut self) -> Option<String> {
        let (mut inner, mut depth) = (String::new(), 1);
        while depth > 0 {
            let c = self.rest.pop_front()?;
            match c {
                '\\' => {
                    inner.push(c);
                    inner.push(self.rest.pop_front()?);
                    continue;
                }
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth > 0 {
                inner.push(c);
            }
        }
        let inner = inner.strip_prefix("?:").unwrap_or(&inner);
        if inner.starts_with('?') {
            return None;
        }
        let first = alternatives(inner).into_iter().next()?;
        Reader { rest: first.chars().collect(), more: self.more }.sequence()
    }

    fn class(&mut self) -> Option<char> {
        let mut inside = Vec::new();
        loop {
            match self.rest.pop_front()? {
                ']' if !inside.is_empty() => break,
                '\\' => inside.push(escape(self.rest.pop_front()?)?),
                c => inside.push(c),
            }
        }
        if inside[0] != '^' {
            return inside.first().copied();
        }
        let range = |c: char| {
            inside.windows(3).any(|w| w[1] == '-' && w[0] <= c && c <= w[2]) || inside.contains(&c)
        };
        ['a', 'A', '0', '_', ' ', '~'].into_iter().find(|c| !range(*c))
    }

    /// How often the unit before stands here.
    fn repetition(&mut self) -> Option<usize> {
        let times = match self.rest.front() {
            Some('*' | '?') => self.more,
            Some('+') => 1 + self.more,
            Some('{') => {
                let end = self.rest.iter().position(|c| *c == '}')?;
                let inner: String = self.rest.drain(..end).skip(1).collect();
                let (least, most) = inner.split_once(',').unwrap_or((&inner, &inner));
                let least = least.trim().parse().unwrap_or(0);
                let most = most.trim().parse().unwrap_or(usize::MAX);
                if self.more == 0 { least } else { most.min(least + 1) }
            }
            _ => return Some(1),
        };
        self.rest.pop_front();
        if self.rest.front() == Some(&'?') {
            self.rest.pop_front();
        }
        Some(times)
    }
}

fn escape(c: char) -> Option<char> {
    match c {
        'd' => Some('0'),
        'w' => Some('a'),
        's' => Some(' '),
        'D' | 'S' => Some('a'),
        'W' => Some('-'),
        'n' => Some('\n'),
        't' => Some('\t'),
        c if c.is_ascii_alphanumeric() => None,
        c => Some(c),
    }
}
