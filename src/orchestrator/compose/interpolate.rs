//! Variables in texts: `$NAME`, `${NAME}`, `${NAME:-default}`, `${NAME:?error}`, `${NAME:+other}`.

use super::Variables;

/// Defaults may hold variables with defaults, this deep.
const DEPTH_MAX: usize = 16;
/// The longest text that comes of it, in bytes.
const LENGTH_MAX: usize = 1 << 20;

/// `text` with its variables replaced, `$$` by `$`. Names without a value are empty, and noted in
/// `unset`. An error says what was expected.
pub(super) fn interpolate(
    text: &str,
    variables: &Variables,
    unset: &mut Vec<String>,
) -> Result<String, String> {
    expand(text, variables, unset, 0)
}

fn expand(
    text: &str,
    variables: &Variables,
    unset: &mut Vec<String>,
    depth: usize,
) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err(format!("variables are nested more than {DEPTH_MAX} deep"));
    }
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        done += before;
        if done.len() > LENGTH_MAX {
            return Err(format!("longer than {LENGTH_MAX} bytes with its variables replaced"));
        }
        if let Some(after) = after.strip_prefix('$') {
            done.push('$');
            rest = after;
        } else if let Some(inner) = after.strip_prefix('{') {
            let end = closing(inner)
                .ok_or_else(|| format!("`${{` without `}}` in {:?}", shortened(text)))?;
            done += &braced(&inner[..end], variables, unset, depth)?;
            rest = &inner[end + 1..];
        } else {
            let name = &after[..name_length(after)];
            if name.is_empty() {
                let text = shortened(text);
                return Err(format!("a `$` without a name in {text:?}; write `$$` for a dollar"));
            }
            done += variables.get(name).map_or_else(
                || {
                    unset.push(name.to_owned());
                    ""
                },
                String::as_str,
            );
            rest = &after[name.len()..];
        }
    }
    Ok(done + rest)
}

/// What stands between the braces.
fn braced(
    inner: &str,
    variables: &Variables,
    unset: &mut Vec<String>,
    depth: usize,
) -> Result<String, String> {
    let (name, operator) = inner.split_at(name_length(inner));
    if name.is_empty() {
        return Err(format!("`${{{}}}` names no variable", shortened(inner)));
    }
    let value = variables.get(name);
    let (operator, also_empty) = match operator.strip_prefix(':') {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let value = value.filter(|value| !also_empty || !value.is_empty());
    let mut word = || expand(&operator[1..], variables, unset, depth + 1);
    match (operator.chars().next(), value) {
        (None, _) if also_empty => Err(format!("`${{{inner}}}` ends after the colon")),
        (None, Some(value)) | (Some('-' | '?'), Some(value)) => Ok(value.clone()),
        (None, None) => {
            unset.push(name.to_owned());
            Ok(String::new())
        }
        (Some('-'), None) | (Some('+'), Some(_)) => word(),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => {
            let why = word()?;
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            Err(format!("the variable `{name}` has to be set{why}"))
        }
        (Some(_), _) => {
            let inner = shortened(inner);
            Err(format!(
                "`${{{inner}}}`: after a name comes one of `:-`, `-`, `:?`, `?`, `:+`, `+`"
            ))
        }
    }
}

/// Where the brace closes that was opened before `inner`.
fn closing(inner: &str) -> Option<usize> {
    let (mut depth, mut before) = (0, ' ');
    for (at, c) in inner.char_indices() {
        match c {
            '{' if before == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        before = c;
    }
    None
}

fn name_length(text: &str) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return 0;
    }
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let variables = [("PORT", "8080"), ("EMPTY", ""), ("_a1", "b")];
        let variables = variables.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let done = interpolate(text, &variables, &mut Vec::new()).unwrap_or_else(|e| e);
        assert_eq!(done, expected, "{text}");
    }

    /// The table of the specification's chapter on interpolation.
    #[test]
    fn all_forms_of_the_specification() {
        check("no variable", "no variable");
        check("$PORT/${PORT}:${_a1}", "8080/8080:b");
        check("$PORTS", "");
        check("${PORT:-1}${EMPTY:-2}${EMPTY-3}${NONE-4}", "808024");
        check("${NONE:-${EMPTY:-${PORT}}}", "8080");
        check("${PORT:+set}${EMPTY:+set}${EMPTY+set}${NONE+set}", "setset");
        check("$$PORT costs $${PORT} $$", "$PORT costs ${PORT} $");
        check("${NONE:-a}b}", "ab}");
    }

    #[test]
    fn what_is_none_says_so() {
        check("${NONE:?give one}", "the variable `NONE` has to be set: give one");
        check("${NONE?}", "the variable `NONE` has to be set");
        check("${PORT", "`${` without `}` in \"${PORT\"");
        check("${}", "`${}` names no variable");
        check("${1A}", "`${1A}` names no variable");
        check("a $ b", "a `$` without a name in \"a $ b\"; write `$$` for a dollar");
        check("${PORT!}", "`${PORT!}`: after a name comes one of `:-`, `-`, `:?`, `?`, `:+`, `+`");
        check("${PORT:}", "`${PORT:}` ends after the colon");
        let deep = format!("{}x{}", "${N:-".repeat(40), "}".repeat(40));
        check(&deep, "variables are nested more than 16 deep");
    }
}
