//! Helpers of numbers, and those that draw.

use std::fmt::Write as _;

use rand::RngExt;
use serde_json::{Number, Value};

use super::helper::{Args, Does, Made};
use crate::seed::Stream;

/// The longest list or text that one helper makes.
const LENGTH_MAX: i64 = 10_000;
/// The most digits after the point that are reckoned with.
const SCALE_MAX: u32 = 12;

pub(super) const HELPERS: &[(&str, Does)] = &[
    ("math", Does::Value(math)),
    ("numberFormat", Does::Value(format_number)),
    ("range", Does::Value(range)),
    ("pickRandom", Does::Value(pick_random)),
    ("randomInt", Does::Value(random_int)),
    ("randomDecimal", Does::Value(random_decimal)),
    ("randomValue", Does::Value(random_value)),
];

/// A decimal number: `digits / 10^scale`.
#[derive(Clone, Copy)]
struct Decimal {
    digits: i128,
    scale: u32,
}

impl Decimal {
    fn read(text: &str) -> Result<Decimal, String> {
        let bad = || format!("`{text}` is not a number");
        let trimmed = text.trim();
        let (whole, fraction) = trimmed.split_once('.').unwrap_or((trimmed, ""));
        if fraction.len() > SCALE_MAX as usize || whole.len() > 18 {
            // Too many digits: as floating point has it.
            let number: f64 = trimmed.parse().map_err(|_| bad())?;
            return match number.abs() < 1e15 {
                true => Decimal::read(&format!("{number:.6}")),
                false => Err(format!("`{text}` is too large")),
            };
        }
        let digits = format!("{whole}{fraction}").parse().map_err(|_| bad())?;
        Ok(Decimal { digits, scale: fraction.len() as u32 })
    }

    /// The digits of both at the same scale.
    fn aligned(self, other: Decimal) -> (i128, i128, u32) {
        let scale = self.scale.max(other.scale);
        let digits = |n: Decimal| n.digits * 10i128.pow(scale - n.scale);
        (digits(self), digits(other), scale)
    }

    fn text(self) -> String {
        if self.scale == 0 {
            return self.digits.to_string();
        }
        let width = self.scale as usize + 1;
        let digits = format!("{:0width$}", self.digits.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let sign = if self.digits < 0 { "-" } else { "" };
        format!("{sign}{whole}.{fraction}")
    }

    /// Rounded to that scale, halves away from zero.
    fn rounded(self, scale: u32) -> Decimal {
        if self.scale <= scale {
            return Decimal { digits: self.digits * 10i128.pow(scale - self.scale), scale };
        }
        Decimal { digits: divide(self.digits, 10i128.pow(self.scale - scale)), scale }
    }
}

/// A quotient, halves away from zero.
fn divide(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = rest.unsigned_abs() * 2 >= divisor.unsigned_abs();
    quotient + if up { dividend.signum() * divisor.signum() } else { 0 }
}

/// A quotient has the dividend's digits after the point, as `BigDecimal` does it.
fn math(args: &Args<'_>) -> Made {
    let (left, right) = (Decimal::read(&args.text(0))?, Decimal::read(&args.text(2))?);
    let (l, r, scale) = left.aligned(right);
    let operator = args.text(1);
    let result = match operator.as_str() {
        "+" => Decimal { digits: l + r, scale },
        "-" => Decimal { digits: l - r, scale },
        "*" | "x" => Decimal {
            digits: left.digits.checked_mul(right.digits).ok_or("the product is too large")?,
            scale: left.scale + right.scale,
        },
        "/" | "%" if r == 0 => return Err("division by zero".into()),
        "/" => {
            let wanted = l.checked_mul(10i128.pow(left.scale)).ok_or("too large")?;
            Decimal { digits: divide(wanted, r), scale: left.scale }
        }
        "%" => Decimal { digits: l % r, scale },
        _ => return Err(format!("`{operator}` is not an operator; + - * x / % are")),
    };
    Ok(number(&result.text()))
}

/// A number, if it is shown as the text is.
fn number(text: &str) -> Value {
    let parsed = text.parse::<i64>().map(Number::from).ok();
    let parsed = parsed.or_else(|| Number::from_f64(text.parse().ok()?));
    match parsed.filter(|number| number.to_string() == text) {
        Some(number) => Value::Number(number),
        None => Value::String(text.to_owned()),
    }
}

/// `{{numberFormat 1234.567 '#,##0.00'}}`, `'integer'`, `'percent'`, `'currency'` (of the US).
fn format_number(args: &Args<'_>) -> Made {
    let number = Decimal::read(&args.text(0))?;
    let pattern = args.named_text("format").or_else(|| args.optional(1));
    let text = match pattern.as_deref() {
        None => grouped(number, 0, 3, true),
        Some("integer") => grouped(number, 0, 0, true),
        Some("currency") => format!("${}", grouped(number, 2, 2, true)),
        Some("percent") => {
            let hundredfold = Decimal { digits: number.digits * 100, ..number };
            format!("{}%", grouped(hundredfold, 0, 0, true))
        }
        Some(pattern) => {
            if let Some(c) = pattern.chars().find(|c| !"#0,.".contains(*c)) {
                return Err(format!("`{c}` in a number's format is not supported"));
            }
            let (whole, fraction) = pattern.split_once('.').unwrap_or((pattern, ""));
            let least = fraction.chars().filter(|c| *c == '0').count() as u32;
            grouped(number, least, (fraction.len() as u32).min(SCALE_MAX), whole.contains(','))
        }
    };
    Ok(Value::String(text))
}

/// With `least` to `most` digits after the point, thousands apart if wanted.
fn grouped(number: Decimal, least: u32, most: u32, thousands: bool) -> String {
    let text = number.rounded(most).text();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut fraction = fraction.to_owned();
    while fraction.len() > least as usize && fraction.ends_with('0') {
        fraction.pop();
    }
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut out = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if thousands && index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        let _ = write!(out, ".{fraction}");
    }
    out
}

fn range(args: &Args<'_>) -> Made {
    let (first, last) = (args.integer(args.param(0))?, args.integer(args.param(1))?);
    let length = last.saturating_sub(first).saturating_add(1);
    if length > LENGTH_MAX {
        return Err(format!("a range of {length} numbers; at most {LENGTH_MAX} are made"));
    }
    args.rendering.spend(length.max(0) as usize)?;
    Ok((first..=last).map(Value::from).collect())
}

fn pick_random(args: &Args<'_>) -> Made {
    let items: Vec<&Value> = match args.params() {
        [Value::Array(list)] => list.iter().collect(),
        all => all.to_vec(),
    };
    let mut stream = args.rendering.stream.borrow_mut();
    let picked = stream.pick(&items).ok_or("pickRandom needs something to pick from")?;
    Ok((*picked).clone())
}

/// What Java says of a range without numbers.
const BOUNDS: &str = "java.lang.IllegalArgumentException: bound must be greater than origin";

/// From `lower`, below `upper`.
fn random_int(args: &Args<'_>) -> Made {
    let bound = |name: &str, default: i64| match args.named(name) {
        Some(value) => args.integer(value),
        None => Ok(default),
    };
    let lower = bound("lower", i64::from(i32::MIN))?;
    let upper = bound("upper", i64::from(i32::MAX))?;
    if lower >= upper {
        return Err(args.thrown(BOUNDS));
    }
    Ok(args.rendering.stream.borrow_mut().random_range(lower..upper).into())
}

/// From `lower`, below `upper`.
fn random_decimal(args: &Args<'_>) -> Made {
    let bound = |name: &str, default: f64| match args.named_text(name) {
        Some(text) => text.parse().map_err(|_| format!("`{text}` is not a number")),
        None => Ok(default),
    };
    let (lower, upper) = (bound("lower", 0.0)?, bound("upper", 1.0)?);
    // The width, too: the largest bounds are further apart than a number can say.
    if !(lower < upper && (upper - lower).is_finite()) {
        return Err(args.thrown(BOUNDS));
    }
    let drawn = args.rendering.stream.borrow_mut().random_range(lower..upper);
    Number::from_f64(drawn).map(Value::Number).ok_or_else(|| "randomDecimal: no number".to_owned())
}

/// `{{randomValue length=33 type='ALPHANUMERIC' uppercase=true}}`
fn random_value(args: &Args<'_>) -> Made {
    const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";
    const DIGITS: &str = "0123456789";
    const SYMBOLS: &str = "!#$%&()*+,-./:;<=>?@[]^_{|}~";
    let length = args.named("length").map_or(Ok(36), |value| args.integer(value))?;
    if !(0..=LENGTH_MAX).contains(&length) {
        return Err(format!("randomValue: a length from 0 to {LENGTH_MAX}, not {length}"));
    }
    let mut stream = args.rendering.stream.borrow_mut();
    let kind = args.named_text("type").unwrap_or_else(|| "ALPHANUMERIC".to_owned());
    let set = match kind.to_ascii_uppercase().as_str() {
        "UUID" => return Ok(Value::String(uuid(&mut stream))),
        "ALPHANUMERIC" => format!("{LETTERS}{DIGITS}"),
        "ALPHABETIC" => LETTERS.to_owned(),
        "NUMERIC" => DIGITS.to_owned(),
        "ALPHANUMERIC_AND_SYMBOLS" => format!("{LETTERS}{DIGITS}{SYMBOLS}"),
        "HEXADECIMAL" => format!("{DIGITS}abcdef"),
        _ => return Err(format!("randomValue: `{kind}` is not a type of value")),
    };
    let set = set.as_bytes();
    args.rendering.spend(length as usize)?;
    let drawn = (0..length).map(|_| char::from(set[stream.random_range(0..set.len())]));
    let text: String = drawn.collect();
    Ok(Value::String(if args.is_true("uppercase") { text.to_ascii_uppercase() } else { text }))
}

/// A UUID of version 4 (RFC 9562).
pub(super) fn uuid(stream: &mut Stream) -> String {
    let mut bits: u128 = stream.random();
    bits = bits & !(0xF << 76) | 0x4 << 76;
    bits = bits & !(0x3 << 62) | 0x2 << 62;
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
