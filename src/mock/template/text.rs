//! Helpers of texts.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::Value;

use super::helper::{Args, Does, Made, is_truthy};
use super::view::{by_name, show};
use crate::mock::regex::Regex;
use crate::mock::request::{decode, form_pairs};

/// The widest line that is padded.
const WIDTH_MAX: i64 = 10_000;

pub(super) const HELPERS: &[(&str, Does)] = &[
    ("trim", Does::Value(|args| text(args.text(0).trim()))),
    ("lower", Does::Value(|args| text(args.text(0).to_lowercase()))),
    ("upper", Does::Value(|args| text(args.text(0).to_uppercase()))),
    ("capitalize", Does::Value(|args| text(capitalized(&args.text(0), true)))),
    ("capitalizeFirst", Does::Value(|args| text(capitalized(&args.text(0), false)))),
    ("abbreviate", Does::Value(abbreviate)),
    ("ljust", Does::Value(|args| pad(args, |text, pad| format!("{text}{pad}")))),
    ("rjust", Does::Value(|args| pad(args, |text, pad| format!("{pad}{text}")))),
    ("cut", Does::Value(|args| text(args.text(0).replace(&or_space(args, 1), "")))),
    ("defaultIfEmpty", Does::Value(default_if_empty)),
    ("replace", Does::Value(|args| text(args.text(0).replace(&args.text(1), &args.text(2))))),
    ("slugify", Does::Value(|args| text(slug(&args.text(0))))),
    ("stripTags", Does::Value(|args| text(without_tags(&args.text(0))))),
    ("substring", Does::Value(substring)),
    ("wordWrap", Does::Value(word_wrap)),
    ("join", Does::Value(join)),
    ("yesno", Does::Value(yes_no)),
    ("base64", Does::Value(base64)),
    ("urlEncode", Does::Value(url_encode)),
    ("formData", Does::Value(form_data)),
    ("regexExtract", Does::Value(regex_extract)),
    ("hostname", Does::Value(|args| text(args.rendering.host.as_str()))),
];

fn text(text: impl Into<String>) -> Made {
    Ok(Value::String(text.into()))
}

fn or_space(args: &Args<'_>, index: usize) -> String {
    args.optional(index).unwrap_or_else(|| " ".to_owned())
}

fn capitalized(text: &str, every_word: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at_start = true;
    for c in text.chars() {
        match at_start {
            true => out.extend(c.to_uppercase()),
            false => out.push(c),
        }
        at_start = every_word && c.is_whitespace();
    }
    out
}

/// `{{abbreviate 'abcdefghij' 6}}`: `abc...`
fn abbreviate(args: &Args<'_>) -> Made {
    let (whole, width) = (args.text(0), args.integer(args.param(1))?.max(4) as usize);
    if whole.chars().count() <= width {
        return text(whole);
    }
    text(whole.chars().take(width - 3).chain("...".chars()).collect::<String>())
}

fn pad(args: &Args<'_>, join: fn(&str, &str) -> String) -> Made {
    let size = args.named("size").ok_or("`size` is missing")?;
    let (text, size) = (args.text(0), args.integer(size)?);
    if size > WIDTH_MAX {
        return Err(format!("a size of {size}; at most {WIDTH_MAX}"));
    }
    let with = args.named_text("pad").unwrap_or_default().chars().next().unwrap_or(' ');
    let missing = (size.max(0) as usize).saturating_sub(text.chars().count());
    Ok(Value::String(join(&text, &String::from_iter(std::iter::repeat_n(with, missing)))))
}

fn default_if_empty(args: &Args<'_>) -> Made {
    let found = args.params().iter().find(|value| is_truthy(value));
    Ok(found.map_or(Value::Null, |value| (*value).clone()))
}

fn slug(text: &str) -> String {
    let kept = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-' || c.is_whitespace();
    let kept: String = text.chars().filter(kept).collect();
    kept.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
}

fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        match tag.split_once('>') {
            Some((_, after)) => rest = after,
            None => {
                out.push('<');
                rest = tag;
            }
        }
    }
    out + rest
}

fn substring(args: &Args<'_>) -> Made {
    let whole: Vec<char> = args.text(0).chars().collect();
    let start = args.integer(args.param(1))?;
    let end = match args.param(2) {
        Value::Null => whole.len() as i64,
        end => args.integer(end)?,
    };
    let part = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = part.and_then(|(start, end)| whole.get(start..end));
    let length = whole.len();
    let part = part.ok_or_else(|| format!("{start} to {end} is not within {length} characters"))?;
    text(part.iter().collect::<String>())
}

/// Lines of at most that width, broken at spaces.
fn word_wrap(args: &Args<'_>) -> Made {
    let width = args.integer(args.param(1))?.max(1) as usize;
    let whole = args.text(0);
    let mut lines: Vec<String> = Vec::new();
    for word in whole.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    text(lines.join("\n"))
}

/// `{{join list ', '}}` or `{{join 'a' 'b' ', '}}`
fn join(args: &Args<'_>) -> Made {
    let (between, items) = match args.params() {
        [Value::Array(list), between] => (show(between), list.iter().map(show).collect()),
        [items @ .., between] => (show(between), items.iter().map(|i| show(i)).collect()),
        [] => (String::new(), Vec::<String>::new()),
    };
    text(items.join(&between))
}

fn yes_no(args: &Args<'_>) -> Made {
    let (name, word) = match args.param(0) {
        Value::Null => ("maybe", "maybe"),
        value if is_truthy(value) => ("yes", "yes"),
        _ => ("no", "no"),
    };
    text(args.named_text(name).unwrap_or_else(|| word.to_owned()))
}

fn base64(args: &Args<'_>) -> Made {
    let whole = args.text(0);
    if args.is_true("decode") {
        let bytes = STANDARD.decode(whole.trim()).or_else(|_| STANDARD_NO_PAD.decode(whole.trim()));
        let bytes = bytes.map_err(|_| format!("`{whole}` is not base64"))?;
        return text(String::from_utf8_lossy(&bytes));
    }
    text(match args.named("padding") {
        Some(Value::Bool(false)) => STANDARD_NO_PAD.encode(whole),
        _ => STANDARD.encode(whole),
    })
}

/// As forms are encoded: spaces become `+`.
fn url_encode(args: &Args<'_>) -> Made {
    let whole = args.text(0);
    if args.is_true("decode") {
        return text(decode(&whole, true));
    }
    let mut out = String::with_capacity(whole.len());
    for byte in whole.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    text(out)
}

/// `{{formData request.body 'form'}}{{form.a}}`
fn form_data(args: &Args<'_>) -> Made {
    let form = by_name(&form_pairs(&args.text(0)));
    Ok(match args.optional(1) {
        Some(name) => args.assign(name, form),
        None => form,
    })
}

/// `{{regexExtract text '[0-9]+'}}`, or with groups: `{{regexExtract text '(a)(b)' 'parts'}}`.
fn regex_extract(args: &Args<'_>) -> Made {
    let source = args.text(1);
    match Regex::part(&source)?.captures(&args.text(0)) {
        Some(mut groups) => Ok(match args.optional(2) {
            Some(name) => {
                let groups = groups.split_off(1).into_iter().map(Value::String).collect();
                args.assign(name, Value::Array(groups))
            }
            None => Value::String(groups.swap_remove(0)),
        }),
        None => match args.named("default") {
            Some(default) => Ok(default.clone()),
            None => Err(format!("Nothing matched {source}")),
        },
    }
}
