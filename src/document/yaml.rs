//! YAML into JSON values: core schema, aliases, merge keys, with a bound on depth and growth.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Number, Value};

use super::Lines;

/// As deep as serde reads JSON.
const DEPTH_MAX: usize = 127;
/// How many parts a text may have, with what its aliases repeat.
const PARTS_MAX: usize = 1_000_000;

/// A line, and what is wrong there.
type Problem = (usize, String);

/// How many lines with a closing bracket are moved.
const MOVED_MAX: usize = 100;

/// All documents of a text. A bracket that closes at the indentation of the key whose list or map it
/// ends is taken as if it stood one column further in: the specification forbids that, and the
/// libraries by which most tools read YAML take it.
pub(super) fn read(text: &str) -> Result<Vec<(Value, Lines)>, Problem> {
    let mut moved = String::new();
    for _ in 0..MOVED_MAX {
        let text = if moved.is_empty() { text } else { &moved };
        let (line, reason) = match parse(text) {
            Err(problem) => problem,
            read => return read,
        };
        let lines = text.split_inclusive('\n');
        let start: usize = lines.take(line.saturating_sub(1)).map(str::len).sum();
        let closes = text[start..].trim_start_matches(' ').starts_with([']', '}']);
        if !closes || !reason.contains("indentation") {
            return Err((line, reason));
        }
        moved = format!("{} {}", &text[..start], &text[start..]);
    }
    parse(if moved.is_empty() { text } else { &moved })
}

fn parse(text: &str) -> Result<Vec<(Value, Lines)>, Problem> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        parts: 0,
        repeats: false,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(_), _) => {
                let (event, span) = reader.next()?;
                let node = reader.node(event, span, 0)?;
                documents.push((node.value, node.lines));
                reader.anchors.clear();
            }
            _ => {}
        }
    }
}

/// A part of a text.
#[derive(Clone)]
struct Node {
    value: Value,
    lines: Lines,
    /// How many parts it is made of.
    size: usize,
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    parts: usize,
    /// There was an alias.
    repeats: bool,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => Err((e.marker().line(), e.info().to_owned())),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        let line = span.start.line();
        if depth > DEPTH_MAX {
            return Err((line, format!("nested more than {DEPTH_MAX} deep")));
        }
        let (node, anchor) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let node =
                    known.ok_or_else(|| (line, "an alias inside of its own anchor".to_owned()))?;
                self.repeats = true;
                (node, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value =
                    scalar(&text, style, tag.as_deref()).map_err(|reason| (line, reason))?;
                (Node { value, lines: Lines { line, parts: BTreeMap::new() }, size: 1 }, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(line, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(line, depth)?, anchor),
            _ => return Err((line, "a value was expected".into())),
        };
        // What an anchor holds is counted where it stands, and again wherever it is repeated.
        self.parts += if anchor == 0 && node.size > 1 { 1 } else { node.size.min(1) };
        if self.parts + node.size > PARTS_MAX {
            return Err(self.too_many(line));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn bounded(&self, size: usize, line: usize) -> Result<(), Problem> {
        if size > PARTS_MAX { Err(self.too_many(line)) } else { Ok(()) }
    }

    fn too_many(&self, line: usize) -> Problem {
        let cause = if self.repeats { ", with what its aliases repeat" } else { "" };
        (line, format!("more than {PARTS_MAX} parts{cause}"))
    }

    fn sequence(&mut self, line: usize, depth: usize) -> Result<Node, Problem> {
        let (mut items, mut parts, mut size) = (Vec::new(), BTreeMap::new(), 1);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Node { value: Value::Array(items), lines: Lines { line, parts }, size });
            }
            let start = span.start.line();
            let mut node = self.node(event, span, depth + 1)?;
            node.lines.line = start;
            size += node.size;
            self.bounded(size, start)?;
            parts.insert(items.len().to_string(), node.lines);
            items.push(node.value);
        }
    }

    fn mapping(&mut self, line: usize, depth: usize) -> Result<Node, Problem> {
        let (mut map, mut parts, mut size) = (Map::new(), BTreeMap::new(), 1);
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let start = span.start.line();
            let key = match event {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => text.into_owned(),
                Event::Alias(anchor) => match self.anchors.get(&anchor).map(|node| &node.value) {
                    Some(Value::String(text)) => text.clone(),
                    _ => return Err((start, "a key is a text".into())),
                },
                _ => return Err((start, "a key is a text, not a list or a map".into())),
            };
            let (event, span) = self.next()?;
            let mut node = self.node(event, span, depth + 1)?;
            size += node.size;
            self.bounded(size, start)?;
            if key == "<<" {
                merged.push((node, start));
                continue;
            }
            node.lines.line = start;
            if map.insert(key.clone(), node.value).is_some() {
                return Err((start, format!("the key {key:?} stands here a second time")));
            }
            parts.insert(key, node.lines);
        }
        for (node, start) in merged {
            merge(&mut map, &mut parts, node, start)?;
        }
        Ok(Node { value: Value::Object(map), lines: Lines { line, parts }, size })
    }
}

/// What the merge key brings: keys of a map, or of several, of which the first wins; a key that
/// stands in the map itself wins over both.
fn merge(
    map: &mut Map<String, Value>,
    parts: &mut BTreeMap<String, Lines>,
    node: Node,
    line: usize,
) -> Result<(), Problem> {
    let maps = match node.value {
        Value::Object(entries) => vec![(entries, node.lines)],
        Value::Array(list) => {
            let mut lines = node.lines.parts;
            let with_lines = list.into_iter().enumerate().map(|(index, item)| match item {
                Value::Object(entries) => {
                    Ok((entries, lines.remove(&index.to_string()).unwrap_or_default()))
                }
                _ => Err((line, "`<<` takes maps".to_owned())),
            });
            with_lines.collect::<Result<_, _>>()?
        }
        _ => return Err((line, "`<<` takes a map or a list of maps".into())),
    };
    for (entries, mut lines) in maps {
        for (key, value) in entries {
            if !map.contains_key(&key) {
                parts.insert(key.clone(), lines.parts.remove(&key).unwrap_or_default());
                map.insert(key, value);
            }
        }
    }
    Ok(())
}

/// A scalar by YAML 1.2's core schema (section 10.3.2); quoted ones are texts.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    match core {
        Some("str") => return Ok(Value::String(text.into())),
        Some(wanted @ ("int" | "float" | "bool" | "null")) => {
            let value = plain(text)?;
            let fits = match wanted {
                "int" | "float" => value.is_number(),
                "bool" => value.is_boolean(),
                _ => value.is_null(),
            };
            return fits.then_some(value).ok_or_else(|| format!("{text:?} is no {wanted}"));
        }
        _ => {}
    }
    match style {
        ScalarStyle::Plain => plain(text),
        _ => Ok(Value::String(text.into())),
    }
}

fn plain(text: &str) -> Result<Value, String> {
    let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Value::from);
    let value = match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "true" | "True" | "TRUE" => Some(Value::Bool(true)),
        "false" | "False" | "FALSE" => Some(Value::Bool(false)),
        _ => match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
            (Some(digits), _) => radix(digits, 16),
            (_, Some(digits)) => radix(digits, 8),
            _ => number(text)?,
        },
    };
    Ok(value.unwrap_or_else(|| Value::String(text.into())))
}

fn number(text: &str) -> Result<Option<Value>, String> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(digits, ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN") {
        return Err(format!("{text} is a number that JSON cannot hold"));
    }
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || !digits.chars().all(allowed)
    {
        return Ok(None);
    }
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let whole = unsigned.parse::<u64>().map(Value::from);
    let whole = whole.or_else(|_| unsigned.parse::<i64>().map(Value::from));
    let value = whole.ok().or_else(|| {
        let float = unsigned.parse::<f64>().ok()?;
        Number::from_f64(float).map(Value::Number)
    });
    Ok(value)
}
