//! Patterns such as `yyyy-MM-dd'T'HH:mm:ssZ`.

use std::fmt::Write as _;

use super::{DAY, Date, DateTime, nanos_of, offset};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// 1970-01-01 was a Thursday.
const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// A pattern of `SimpleDateFormat`, with English names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A letter, and how often it stands there.
    Field(char, usize),
}

impl Pattern {
    /// Reads a pattern; the error names a letter that is not known.
    pub(crate) fn new(pattern: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                let mut text = String::new();
                let mut closed = false;
                while let Some(c) = chars.next() {
                    match (c, chars.peek()) {
                        ('\'', Some('\'')) => text.extend(chars.next()),
                        ('\'', _) => {
                            closed = true;
                            break;
                        }
                        _ => text.push(c),
                    }
                }
                if !closed {
                    return Err(format!("the pattern `{pattern}` has an open quote"));
                }
                parts.push(Part::Text(if text.is_empty() { "'".to_owned() } else { text }));
            } else if c.is_ascii_alphabetic() {
                if !"yuMLdDHkhKmsSaEzZXx".contains(c) {
                    return Err(format!("the pattern `{pattern}` has an unknown letter `{c}`"));
                }
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                parts.push(Part::Field(c, count));
            } else {
                parts.push(Part::Text(c.to_string()));
            }
        }
        Ok(Pattern(parts))
    }

    pub(crate) fn format(&self, at: DateTime) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(letter, count) => field(*letter, *count, at, &mut out),
            }
        }
        out
    }

    /// Reads a text that the pattern describes; what it does not say is the first of its kind.
    pub(crate) fn parse(&self, text: &str) -> Option<DateTime> {
        let mut rest = text;
        let mut read = Read {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanos: 0,
            pm: None,
            offset: None,
        };
        for part in &self.0 {
            match part {
                Part::Text(text) => rest = rest.strip_prefix(text.as_str())?,
                Part::Field(letter, count) => rest = read.field(*letter, *count, rest)?,
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let hour = match read.pm {
            Some(pm) => read.hour % 12 + if pm { 12 } else { 0 },
            None => read.hour,
        };
        let date = Date::new(read.year, read.month as u32, read.day as u32)?;
        let in_range = hour < 24 && read.minute < 60 && read.second < 60;
        let second = hour * 3_600 + read.minute * 60 + read.second;
        in_range.then(|| DateTime::of_date(date, second, read.nanos, read.offset))
    }
}

fn field(letter: char, count: usize, at: DateTime, out: &mut String) {
    let (date, second) = (at.date(), at.second_of_day());
    let hour = second / 3_600;
    let number = match letter {
        'y' | 'u' if count == 2 => return push(out, date.year.rem_euclid(100), 2),
        'y' | 'u' => date.year,
        'M' | 'L' => match (count, MONTHS[date.month as usize - 1]) {
            (1 | 2, _) => i64::from(date.month),
            (3, name) => return out.push_str(&name[..3]),
            (_, name) => return out.push_str(name),
        },
        'd' => i64::from(date.day),
        'D' => date.days() - Date { month: 1, day: 1, ..date }.days() + 1,
        'E' => {
            let name = DAYS[at.local.div_euclid(DAY).rem_euclid(7) as usize];
            return out.push_str(if count > 3 { name } else { &name[..3] });
        }
        'a' => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'H' => hour,
        'k' => {
            if hour == 0 {
                24
            } else {
                hour
            }
        }
        'K' => hour % 12,
        'h' => {
            if hour % 12 == 0 {
                12
            } else {
                hour % 12
            }
        }
        'm' => second / 60 % 60,
        's' => second % 60,
        'S' => {
            let text = format!("{:09}", at.nanos);
            return out.push_str(&format!("{:0<count$}", &text[..count.min(9)]));
        }
        _ => return zone(letter, count, at.offset.unwrap_or(0), out),
    };
    push(out, number, count);
}

fn push(out: &mut String, number: i64, width: usize) {
    let _ = write!(out, "{number:0width$}");
}

fn zone(letter: char, count: usize, offset: i32, out: &mut String) {
    if offset == 0 && letter == 'X' {
        return out.push('Z');
    }
    if letter == 'z' && offset == 0 {
        return out.push_str("UTC");
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3_600, offset.abs() / 60 % 60);
    let _ = match (letter, count) {
        ('z', _) => write!(out, "GMT{sign}{hours:02}:{minutes:02}"),
        ('X' | 'x', 1) => write!(out, "{sign}{hours:02}"),
        ('X' | 'x', 3..) => write!(out, "{sign}{hours:02}:{minutes:02}"),
        _ => write!(out, "{sign}{hours:02}{minutes:02}"),
    };
}

/// What a text has said so far.
struct Read {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    nanos: u32,
    pm: Option<bool>,
    offset: Option<i32>,
}

impl Read {
    /// Reads one field, and gives the text after it.
    fn field<'t>(&mut self, letter: char, count: usize, text: &'t str) -> Option<&'t str> {
        match letter {
            'M' | 'L' if count > 2 => {
                let (index, rest) = name(&MONTHS, text)?;
                self.month = index as i64 + 1;
                return Some(rest);
            }
            'E' => return name(&DAYS, text).map(|(_, rest)| rest),
            'a' => {
                let (half, rest) = text.split_at_checked(2)?;
                self.pm = Some(half.eq_ignore_ascii_case("pm"));
                let is_half = half.eq_ignore_ascii_case("am") || half.eq_ignore_ascii_case("pm");
                return is_half.then_some(rest);
            }
            'z' | 'Z' | 'X' | 'x' => {
                let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-:".contains(c)));
                let (zone, rest) = text.split_at(end.unwrap_or(text.len()));
                self.offset = Some(offset(zone)?);
                return Some(rest);
            }
            _ => {}
        }
        // Fields without anything between them have the width that the pattern says.
        let most = if count == 1 || letter == 'y' && count == 1 { 9 } else { count.max(2) };
        let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = text.split_at(length);
        let value = super::digits(number, 9)?;
        match letter {
            'y' | 'u' if count == 2 => self.year = 2_000 + value,
            'y' | 'u' => self.year = value,
            'M' | 'L' => self.month = value,
            'd' => self.day = value,
            'H' | 'h' | 'K' => self.hour = value,
            'k' => self.hour = value % 24,
            'm' => self.minute = value,
            's' => self.second = value,
            'S' => self.nanos = nanos_of(number)?,
            _ => return None,
        }
        Some(rest)
    }
}

/// Which of the names a text begins with, in full or by three letters.
fn name<'t>(names: &[&str], text: &'t str) -> Option<(usize, &'t str)> {
    names.iter().enumerate().find_map(|(index, name)| {
        let begins = |name: &str| {
            let (start, rest) = text.split_at_checked(name.len())?;
            start.eq_ignore_ascii_case(name).then_some((index, rest))
        };
        begins(name).or_else(|| begins(&name[..3]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, expected: &str) {
        let at = DateTime::parse("2024-03-01T15:04:05.678+01:00").expect("a date");
        let pattern = Pattern::new(pattern).expect("a pattern");
        assert_eq!(pattern.format(at), expected);
    }

    #[test]
    fn fields_are_written() {
        check("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-03-01T15:04:05.678+01:00");
        check("EEE, d MMM yy hh:mm a Z", "Fri, 1 Mar 24 03:04 PM +0100");
        check("EEEE MMMM D 'o''clock'", "Friday March 61 o'clock");
    }

    #[test]
    fn what_is_written_is_read() {
        for pattern in ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "dd/MMM/yyyy hh:mm:ss a Z SSS"] {
            let at = DateTime::parse("2024-03-01T15:04:05.678+01:00").expect("a date");
            let pattern = Pattern::new(pattern).expect("a pattern");
            assert_eq!(pattern.parse(&pattern.format(at)), Some(at));
        }
        assert_eq!(Pattern::new("dd/MM/yyyy").expect("a pattern").parse("1/2"), None);
    }

    #[test]
    fn mistakes_are_named() {
        assert!(Pattern::new("yyyy-QQ").expect_err("no such letter").contains("`Q`"));
        assert!(Pattern::new("yyyy'x").expect_err("an open quote").contains("quote"));
    }
}
