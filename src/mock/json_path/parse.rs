//! Reading a path.

use serde_json::{Number, Value};

use super::compare::{OPERATORS, Operator};
use super::filter::{Filter, Operand};
use super::function::Function;
use super::{JsonPath, Step};
use crate::mock::regex::Regex;

/// How deep conditions may be nested.
const DEPTH_MAX: usize = 32;
/// The longest path, in bytes.
const LENGTH_MAX: usize = 16 << 10;

/// Reads a whole path.
pub(super) fn path(source: &str) -> Result<JsonPath, String> {
    let text = source.trim();
    if text.is_empty() {
        return Err("a JSONPath is empty".into());
    }
    if text.len() > LENGTH_MAX {
        return Err(format!("a JSONPath of {} bytes; at most {LENGTH_MAX} are read", text.len()));
    }
    let below_root = if text.starts_with('$') { text.to_owned() } else { format!("$.{text}") };
    let mut reader = Reader { text: &below_root, at: 1, depth: 0 };
    let (steps, function) = reader.steps(false).map_err(|e| format!("`{source}`: {e}"))?;
    match reader.rest() {
        "" => Ok(JsonPath { source: source.to_owned(), steps, function }),
        rest => Err(format!("`{source}`: `{rest}` was not expected")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

type Steps = (Vec<Step>, Option<Function>);

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes `what` if it comes next.
    fn eat(&mut self, what: &str) -> bool {
        let there = self.rest().starts_with(what);
        self.at += if there { what.len() } else { 0 };
        there
    }

    fn expect(&mut self, what: &str) -> Result<(), String> {
        self.skip_spaces();
        match (self.eat(what), self.rest()) {
            (true, _) => Ok(()),
            (false, "") => Err(format!("it ends within brackets; `{what}` was expected")),
            (false, rest) => Err(format!("`{what}` was expected at `{rest}`")),
        }
    }

    /// Steps to the end, or inside of a condition to where a path cannot go on.
    fn steps(&mut self, in_condition: bool) -> Result<Steps, String> {
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                steps.push(Step::Descend);
                if self.peek().is_none() {
                    return Err("`..` at the end".into());
                }
                if self.peek() != Some('[') {
                    match self.name(in_condition)? {
                        Name::Step(step) => steps.push(step),
                        Name::Function(_) => return Err("a function after `..`".into()),
                    }
                }
            } else if self.eat(".") {
                if self.peek() == Some('[') {
                    continue;
                }
                match self.name(in_condition)? {
                    Name::Step(step) => steps.push(step),
                    Name::Function(function) => return Ok((steps, Some(function))),
                }
            } else if self.eat("[") {
                steps.push(self.brackets()?);
            } else {
                return Ok((steps, None));
            }
        }
    }

    /// A key, `*`, or a function with its brackets.
    fn name(&mut self, in_condition: bool) -> Result<Name, String> {
        let ends = |c: char| {
            let always = matches!(c, '.' | '[' | '(');
            always
                || in_condition
                    && (c.is_whitespace()
                        || matches!(c, ')' | '=' | '!' | '<' | '>' | '&' | '|' | ','))
        };
        let rest = self.rest();
        let name = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += name.len();
        if name.is_empty() {
            return Err(format!("a name was expected at `{rest}`"));
        }
        if !self.eat("(") {
            let name = name.trim_end();
            return Ok(Name::Step(match name {
                "*" => Step::Any,
                _ => Step::Key(name.to_owned()),
            }));
        }
        let end = self.rest().find(')').ok_or("it ends within `(`; `)` was expected")?;
        let argument = &self.rest()[..end];
        self.at += end + 1;
        Function::named(name, argument).map(Name::Function)
    }

    /// What is between brackets, the first of which is read.
    fn brackets(&mut self) -> Result<Step, String> {
        self.skip_spaces();
        let step = match self.peek() {
            Some('*') => {
                self.at += 1;
                Step::Any
            }
            Some('?') => {
                self.at += 1;
                self.expect("(")?;
                let filter = self.condition()?;
                self.expect(")")?;
                Step::Filter(filter)
            }
            Some('\'' | '"') => self.keys()?,
            Some(_) => self.indices()?,
            None => return Err("it ends within `[`".into()),
        };
        self.expect("]")?;
        Ok(step)
    }

    fn keys(&mut self) -> Result<Step, String> {
        let mut keys = vec![self.quoted()?];
        loop {
            self.skip_spaces();
            if !self.eat(",") {
                break;
            }
            self.skip_spaces();
            keys.push(self.quoted()?);
        }
        Ok(match keys.len() {
            1 => Step::Key(keys.remove(0)),
            _ => Step::Keys(keys),
        })
    }

    fn indices(&mut self) -> Result<Step, String> {
        let rest = self.rest();
        let inside = &rest[..rest.find(']').ok_or("it ends within `[`")?];
        self.at += inside.len();
        let number = |text: &str| {
            text.trim().parse::<i64>().map_err(|_| format!("`{}` is no index", text.trim()))
        };
        let bound = |text: &str| match text.trim() {
            "" => Ok(None),
            text => number(text).map(Some),
        };
        if let Some((from, to)) = inside.split_once(':') {
            if to.contains(':') {
                return Err("a slice with a step is not supported".into());
            }
            return Ok(Step::Slice(bound(from)?, bound(to)?));
        }
        let mut indices = inside.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
        Ok(match indices.len() {
            1 => Step::Index(indices.remove(0)),
            _ => Step::Indices(indices),
        })
    }

    /// A text between quotes of either kind; a backslash keeps the next character.
    fn quoted(&mut self) -> Result<String, String> {
        let quote = self.peek().filter(|c| matches!(c, '\'' | '"'));
        let Some(quote) = quote else {
            return Err(format!("a quoted text was expected at `{}`", self.rest()));
        };
        self.at += 1;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                '\\' => text.extend(chars.next().map(|(_, c)| match c {
                    'n' => '\n',
                    't' => '\t',
                    _ => c,
                })),
                _ if c == quote => {
                    self.at += index + 1;
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err("a quoted text does not end".into())
    }

    /// `a && b || c`
    fn condition(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("conditions are nested more than {DEPTH_MAX} deep"));
        }
        let mut any = vec![self.all()?];
        while self.eat_operator("||") {
            any.push(self.all()?);
        }
        self.depth -= 1;
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut all = vec![self.single()?];
        while self.eat_operator("&&") {
            all.push(self.single()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) })
    }

    fn eat_operator(&mut self, operator: &str) -> bool {
        self.skip_spaces();
        self.eat(operator)
    }

    fn single(&mut self) -> Result<Filter, String> {
        self.skip_spaces();
        if self.peek() == Some('!') {
            self.at += 1;
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(format!("conditions are nested more than {DEPTH_MAX} deep"));
            }
            let inner = self.single()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if self.eat("(") {
            let inner = self.condition()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let left = self.operand()?;
        self.skip_spaces();
        if self.eat("=~") {
            return Ok(Filter::Matches(left, self.regex()?));
        }
        match self.operator()? {
            Some(operator) => Ok(Filter::Compare(left, operator, self.operand()?)),
            None => Ok(Filter::Exists(left)),
        }
    }

    fn operator(&mut self) -> Result<Option<Operator>, String> {
        self.skip_spaces();
        let rest = self.rest();
        if rest.is_empty() || rest.starts_with([')', '&', '|']) {
            return Ok(None);
        }
        let is_word = rest.starts_with(|c: char| c.is_ascii_alphabetic());
        let word = &rest[..rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len())];
        for (text, operator) in OPERATORS {
            let is_it = match is_word {
                true => word.eq_ignore_ascii_case(text),
                false => rest.starts_with(text),
            };
            if is_it {
                self.at += text.len();
                return Ok(Some(operator));
            }
        }
        Err(format!("an operator such as `==` was expected at `{rest}`"))
    }

    fn regex(&mut self) -> Result<Regex, String> {
        self.skip_spaces();
        if !self.eat("/") {
            return Err("`=~` takes an expression between slashes: `/re/`".into());
        }
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().find(|(_, c)| {
            let ends = *c == '/' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or("an expression without its second `/`")?;
        let source = &rest[..end];
        self.at += end + 1;
        let rest = self.rest();
        let flags = &rest[..rest.find(|c: char| !"imsxdu".contains(c)).unwrap_or(rest.len())];
        self.at += flags.len();
        let known: String = flags.chars().filter(|c| "imsx".contains(*c)).collect();
        let flags = if known.is_empty() { known } else { format!("(?{known})") };
        Regex::whole(&format!("{flags}{source}"))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        self.skip_spaces();
        let start = self.at;
        match self.peek() {
            Some(c @ ('@' | '$')) => {
                self.at += 1;
                let (steps, function) = self.steps(true)?;
                let source = self.text[start..self.at].to_owned();
                let path = JsonPath { source, steps, function };
                Ok(if c == '@' { Operand::Here(path) } else { Operand::Root(path) })
            }
            Some('\'' | '"') => self.quoted().map(Value::String).map(Operand::Literal),
            Some('[' | '{') => self.json().map(Operand::Literal),
            _ => self.word().map(Operand::Literal),
        }
    }

    /// A list or an object; quotes may be single ones.
    fn json(&mut self) -> Result<Value, String> {
        let rest = self.rest();
        let (mut depth, mut quote, mut text) = (0usize, None, String::new());
        for (index, c) in rest.char_indices() {
            match (quote, c) {
                (None, '[' | '{') => depth += 1,
                (None, ']' | '}') => depth = depth.saturating_sub(1),
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                _ => {}
            }
            text.push(if c == '\'' { '"' } else { c });
            if depth == 0 {
                self.at += index + c.len_utf8();
                return serde_json::from_str(&text).map_err(|e| format!("`{text}`: {e}"));
            }
        }
        Err("a list or an object does not end".into())
    }

    fn word(&mut self) -> Result<Value, String> {
        let rest = self.rest();
        let ends =
            |c: char| c.is_whitespace() || matches!(c, ')' | '&' | '|' | '=' | '<' | '>' | '!');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => match serde_json::from_str::<Number>(word) {
                Ok(number) => Value::Number(number),
                Err(_) => return Err(format!("a value was expected at `{rest}`")),
            },
        };
        self.at += word.len();
        Ok(value)
    }
}

enum Name {
    Step(Step),
    Function(Function),
}
