//! EDN, the notation of Clojure data (github.com/edn-format/edn): what of it histories are written in.
//!
//! It is read into JSON values, since that is what recorded operations are: keywords and symbols become
//! texts, lists, vectors and sets become arrays, `nil` becomes null, and a tag is dropped from what it
//! stands before (`#jepsen.history.Op{...}` is a map).

use serde_json::{Map, Number, Value};

use crate::document::check_size;
use crate::error::{Error, Result};

/// How deep collections may be in each other.
pub const DEPTH_MAX: usize = 100;

/// A form of an EDN text, and the line in which it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Edn {
    /// What was read.
    pub value: Value,
    /// The line, from 1.
    pub line: usize,
}

impl Edn {
    /// Reads all forms of a text, one after the other. `file` is the name that errors give.
    ///
    /// # Errors
    ///
    /// If the text is larger than [`LARGEST`](crate::document::LARGEST), is not EDN, is nested more than [`DEPTH_MAX`] deep, has a key twice in a map, or uses
    /// what has no place in JSON (a ratio, a number beyond 64 bits, `##NaN`): file, line, and what was
    /// expected.
    pub fn read_all(file: &str, text: &str) -> Result<Vec<Edn>> {
        check_size(file, text)?;
        let mut reader = Reader::new(file, text);
        let mut forms = Vec::new();
        while let Some(form) = reader.next_form(0)? {
            forms.push(form);
        }
        match reader.next() {
            None => Ok(forms),
            Some(close) => Err(reader.error(format!("`{close}` closes nothing"))),
        }
    }

    /// As [`Edn::read_all`]; if the text is one vector or list, its elements, with their lines.
    ///
    /// # Errors
    ///
    /// As [`Edn::read_all`].
    pub fn read_elements(file: &str, text: &str) -> Result<Vec<Edn>> {
        check_size(file, text)?;
        let mut reader = Reader::new(file, text);
        reader.skip_blank(0)?;
        let close = match reader.peek() {
            Some('[') => ']',
            Some('(') => ')',
            _ => return Edn::read_all(file, text),
        };
        reader.next();
        let elements = reader.until(close, 1)?;
        match reader.next_form(0)? {
            None if reader.peek().is_none() => Ok(elements),
            _ => Err(reader.error("the text goes on behind its vector of operations".to_owned())),
        }
    }
}

struct Reader<'a> {
    file: &'a str,
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a str, text: &'a str) -> Reader<'a> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        Reader { file, rest: text.chars().peekable(), line: 1 }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    fn error(&self, reason: String) -> Error {
        Error::document(self.file, self.line, &reason)
    }

    /// Skips white space, comments, and forms that `#_` discards.
    fn skip_blank(&mut self, depth: usize) -> Result {
        loop {
            match self.peek() {
                Some(c) if c.is_whitespace() || c == ',' => {
                    self.next();
                }
                Some(';') => while self.next().is_some_and(|c| c != '\n') {},
                Some('#') => {
                    let mut ahead = self.rest.clone();
                    ahead.next();
                    if ahead.next() != Some('_') {
                        return Ok(());
                    }
                    self.next();
                    self.next();
                    self.form(depth + 1)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// The next form; none at the end of the text, and before what closes a collection.
    fn next_form(&mut self, depth: usize) -> Result<Option<Edn>> {
        self.skip_blank(depth)?;
        match self.peek() {
            None | Some(')' | ']' | '}') => Ok(None),
            Some(_) => self.form(depth).map(Some),
        }
    }

    fn form(&mut self, depth: usize) -> Result<Edn> {
        if depth > DEPTH_MAX {
            return Err(self.error(format!("nested more than {DEPTH_MAX} deep")));
        }
        self.skip_blank(depth)?;
        let line = self.line;
        let value = match self.peek() {
            None => return Err(self.error("the text ends where a value was expected".to_owned())),
            Some('(') => self.array(')', depth)?,
            Some('[') => self.array(']', depth)?,
            Some('{') => self.map(depth)?,
            Some('"') => Value::String(self.text()?),
            Some('\\') => Value::String(self.character()?),
            Some('#') => self.dispatch(depth)?,
            Some(c @ (')' | ']' | '}')) => {
                return Err(self.error(format!("`{c}` where a value was expected")));
            }
            Some(_) => self.atom()?,
        };
        Ok(Edn { value, line })
    }

    /// `#{set}`, or a tag before a form.
    fn dispatch(&mut self, depth: usize) -> Result<Value> {
        self.next();
        match self.peek() {
            Some('{') => self.array('}', depth),
            Some(c) if c.is_alphabetic() => {
                self.token();
                Ok(self.form(depth + 1)?.value)
            }
            _ => Err(self.error("`#` is followed by neither a set nor a tag".to_owned())),
        }
    }

    fn array(&mut self, close: char, depth: usize) -> Result<Value> {
        self.next();
        let elements = self.until(close, depth + 1)?;
        Ok(Value::Array(elements.into_iter().map(|form| form.value).collect()))
    }

    /// The forms up to the end of a collection, whose beginning has been read.
    fn until(&mut self, close: char, depth: usize) -> Result<Vec<Edn>> {
        let begin = self.line;
        let mut forms = Vec::new();
        while let Some(form) = self.next_form(depth)? {
            forms.push(form);
        }
        match self.peek() {
            Some(c) if c == close => {
                self.next();
                Ok(forms)
            }
            Some(c) => Err(self.error(format!(
                "`{c}` where `{close}` was expected, for what begins in line {begin}"
            ))),
            None => Err(self.error(format!(
                "the text ends before the `{close}` for what begins in line {begin}"
            ))),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value> {
        self.next();
        let mut forms = self.until('}', depth + 1)?.into_iter();
        let mut map = Map::new();
        while let Some(key) = forms.next() {
            let name = match key.value {
                Value::String(text) => text,
                other => other.to_string(),
            };
            let Some(value) = forms.next() else {
                return Err(self.error(format!("`{name}` has no value in its map")));
            };
            if map.contains_key(&name) {
                return Err(self.error(format!("`{name}` is twice in one map")));
            }
            map.insert(name, value.value);
        }
        Ok(Value::Object(map))
    }

    fn text(&mut self) -> Result<String> {
        let begin = self.line;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => {
                    let reason = format!("the text that begins in line {begin} does not end");
                    return Err(self.error(reason));
                }
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        match self.next() {
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some(c @ ('"' | '\\' | '/')) => Ok(c),
            Some('u') => {
                let digits: String = (0..4).filter_map(|_| self.next()).collect();
                let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                code.ok_or_else(|| self.error(format!("`\\u{digits}` is no character")))
            }
            other => {
                let c = other.map(String::from).unwrap_or_default();
                Err(self.error(format!("`\\{c}` is no escape of EDN")))
            }
        }
    }

    fn character(&mut self) -> Result<String> {
        self.next();
        let Some(first) = self.next() else {
            return Err(self.error("the text ends behind a backslash".to_owned()));
        };
        let name = format!("{first}{}", self.token());
        let code = name.strip_prefix('u').and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match (name.as_str(), code.and_then(char::from_u32)) {
            ("newline", _) => Ok("\n".to_owned()),
            ("return", _) => Ok("\r".to_owned()),
            ("space", _) => Ok(" ".to_owned()),
            ("tab", _) => Ok("\t".to_owned()),
            (_, Some(c)) if name.len() == 5 => Ok(c.to_string()),
            _ if name.chars().count() == 1 => Ok(name),
            _ => Err(self.error(format!("`\\{name}` is no character"))),
        }
    }

    /// What stands here up to a delimiter.
    fn token(&mut self) -> String {
        let mut token = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || "()[]{}\";,".contains(c) {
                break;
            }
            token.push(c);
            self.next();
        }
        token
    }

    fn atom(&mut self) -> Result<Value> {
        let token = self.token();
        let bytes = token.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        let signed = matches!(bytes.first(), Some(b'+' | b'-'));
        match token.as_str() {
            "nil" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            ":" | "" => Err(self.error(format!("`{token}` is no value of EDN"))),
            _ if digit(usize::from(signed)) => self.number(&token),
            _ => Ok(Value::String(token.strip_prefix(':').unwrap_or(&token).to_owned())),
        }
    }

    fn number(&self, token: &str) -> Result<Value> {
        let token = token.strip_prefix('+').unwrap_or(token);
        let whole = token.strip_suffix('N').unwrap_or(token);
        if let Ok(number) = whole.parse::<i64>() {
            return Ok(number.into());
        }
        if let Ok(number) = whole.parse::<u64>() {
            return Ok(number.into());
        }
        let is_whole = whole.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let number = token.strip_suffix('M').unwrap_or(token).parse::<f64>().ok();
        number
            .filter(|_| !is_whole)
            .and_then(Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| self.error(format!("`{token}` is no number of at most 64 bits")))
    }
}

/// Writes a value as EDN. Texts that are keys of maps become keywords where they can be.
pub(super) fn write(value: &Value, out: &mut String) {
    let items = |items: &[Value], out: &mut String| {
        for (index, item) in items.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { " " });
            write(item, out);
        }
    };
    match value {
        Value::Null => out.push_str("nil"),
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => write_text(text, out),
        Value::Array(array) => {
            out.push('[');
            items(array, out);
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_keyword(key, out);
                out.push(' ');
                write(value, out);
            }
            out.push('}');
        }
    }
}

/// Writes a keyword, or a text if it cannot be one.
pub(super) fn write_keyword(name: &str, out: &mut String) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.*+!?<>=".contains(c);
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    if first && name.chars().all(plain) {
        out.push(':');
        out.push_str(name);
    } else {
        write_text(name, out);
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
}
