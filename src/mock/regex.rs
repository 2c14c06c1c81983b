//! Regular expressions of Java (`java.util.regex`), as far as mapping files use them.

use std::fmt;

/// Steps back that an expression with look-around may take before it counts as no match.
const STEPS_MAX: usize = 100_000;
/// The longest expression that is read, in bytes.
const LENGTH_MAX: usize = 64 << 10;

/// A compiled expression. `.` matches line ends, and `\d`, `\w` and `\s` are ASCII, as in WireMock.
#[derive(Clone)]
pub(crate) struct Regex {
    source: String,
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    /// Takes linear time.
    Linear(regex::Regex),
    /// Look-around and back-references; bounded by [`STEPS_MAX`].
    Backtracking(Box<fancy_regex::Regex>),
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PartialEq for Regex {
    fn eq(&self, other: &Regex) -> bool {
        self.source == other.source
    }
}

impl Regex {
    /// An expression that must match a whole text.
    pub(crate) fn whole(source: &str) -> Result<Regex, String> {
        Regex::compile(source, |body| format!("(?s)\\A(?:{body})\\z"))
    }

    /// An expression that is looked for in a text.
    pub(crate) fn part(source: &str) -> Result<Regex, String> {
        Regex::compile(source, |body| body)
    }

    fn compile(source: &str, wrap: impl Fn(String) -> String) -> Result<Regex, String> {
        if source.len() > LENGTH_MAX {
            let reason = "is longer than a regular expression may be";
            return Err(format!("an expression of {} bytes {reason}: {LENGTH_MAX}", source.len()));
        }
        let (flags, body) = leading_flags(source);
        let text = wrap(format!("{flags}{}", from_java(body)));
        let engine = match regex::Regex::new(&text) {
            Ok(regex) => Engine::Linear(regex),
            Err(linear) => {
                let regex =
                    fancy_regex::RegexBuilder::new(&text).backtrack_limit(STEPS_MAX).build();
                match regex {
                    Ok(regex) => Engine::Backtracking(Box::new(regex)),
                    Err(_) => {
                        let reason = linear.to_string();
                        let reason = reason.lines().last().unwrap_or_default();
                        let reason = reason.trim_start_matches("error: ");
                        return Err(format!("`{source}` is not a regular expression: {reason}"));
                    }
                }
            }
        };
        Ok(Regex { source: source.to_owned(), engine })
    }

    /// What was compiled.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.engine {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
        }
    }

    /// The first match, and its groups; a group that took no part is empty.
    pub(crate) fn captures(&self, text: &str) -> Option<Vec<String>> {
        let owned = |part: Option<&str>| part.unwrap_or_default().to_owned();
        match &self.engine {
            Engine::Linear(regex) => {
                let found = regex.captures(text)?;
                Some(found.iter().map(|group| owned(group.map(|g| g.as_str()))).collect())
            }
            Engine::Backtracking(regex) => {
                let found = regex.captures(text).ok()??;
                Some(found.iter().map(|group| owned(group.map(|g| g.as_str()))).collect())
            }
        }
    }
}

/// Flags at the start, `(?i)`, hold for all of the expression: alternatives included.
fn leading_flags(source: &str) -> (&str, &str) {
    let Some(rest) = source.strip_prefix("(?") else { return ("", source) };
    match rest.find(|c: char| !matches!(c, 'i' | 'm' | 's' | 'x')) {
        Some(end) if end > 0 && rest[end..].starts_with(')') => source.split_at(2 + end + 1),
        _ => ("", source),
    }
}

/// What Java writes in its own way: ASCII classes, `\Q..\E`, `\h`, `\Z`, names of groups.
fn from_java(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let mut rest = source.chars();
    let mut classes = 0usize;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escaped(&mut rest, classes > 0, &mut out),
            '[' => {
                classes += 1;
                out.push('[');
            }
            ']' => {
                classes = classes.saturating_sub(1);
                out.push(']');
            }
            _ => out.push(c),
        }
    }
    out
}

fn escaped(rest: &mut std::str::Chars<'_>, in_class: bool, out: &mut String) {
    let (inside, negated) = match rest.next() {
        Some('d') => ("0-9", false),
        Some('D') => ("0-9", true),
        Some('w') => ("a-zA-Z0-9_", false),
        Some('W') => ("a-zA-Z0-9_", true),
        Some('s') => (r" \t\n\x0B\f\r", false),
        Some('S') => (r" \t\n\x0B\f\r", true),
        Some('h') => (r" \t\u{A0}", false),
        Some('Q') => {
            let text = rest.as_str();
            let end = text.find("\\E").unwrap_or(text.len());
            out.push_str(&regex::escape(&text[..end]));
            *rest = text[(end + 2).min(text.len())..].chars();
            return;
        }
        Some('Z') => return out.push_str(r"(?:\n?\z)"),
        Some(other) => {
            out.push('\\');
            return out.push(other);
        }
        None => return out.push('\\'),
    };
    match (in_class, negated) {
        (true, false) => out.push_str(inside),
        (_, true) => {
            out.push_str("[^");
            out.push_str(inside);
            out.push(']');
        }
        (false, false) => {
            out.push('[');
            out.push_str(inside);
            out.push(']');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, matches: &[&str], others: &[&str]) {
        let regex = Regex::whole(source).expect("it compiles");
        for text in matches {
            assert!(regex.is_match(text), "{regex:?} matches {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{regex:?} does not match {text:?}");
        }
    }

    #[test]
    fn the_whole_text_is_matched() {
        check("a|b", &["a", "b"], &["ab", "xa", ""]);
        check("(?i)A|B", &["a", "B"], &["ab"]);
        check("a.b", &["a\nb"], &["ab"]);
    }

    #[test]
    fn javas_classes_are_ascii() {
        check(r"\d+", &["12"], &["١٢"]);
        check(r"[\d.]+", &["1.2"], &["1,2"]);
        check(r"[^\d]", &["x"], &["1"]);
        check(r"\Qa.b\E.", &["a.bx"], &["aXbx"]);
    }

    #[test]
    fn look_around_is_bounded() {
        check("(?!x).*", &["a"], &["xa"]);
        check(r"(\w)\1", &["aa"], &["ab"]);
        let hostile = Regex::whole("(?=a)(a*)*b").expect("it compiles");
        assert!(!hostile.is_match(&"a".repeat(5_000)));
    }
}
