//! Helpers of dates. Between helpers a date is its ISO 8601 text.

use serde_json::Value;

use super::helper::{Args, Does, Made};
use crate::mock::date::{DateTime, Pattern, offset};

pub(super) const HELPERS: &[(&str, Does)] = &[
    ("now", Does::Value(now)),
    ("date", Does::Value(date)),
    ("dateFormat", Does::Value(date)),
    ("parseDate", Does::Value(parse)),
    ("truncateDate", Does::Value(truncate)),
];

/// `{{now offset='3 days' format='yyyy-MM-dd' timezone='GMT+2'}}`
fn now(args: &Args<'_>) -> Made {
    let mut now = DateTime::of_unix_millis(args.rendering.now);
    if let Some(zone) = args.named_text("timezone") {
        let seconds = offset(&zone).ok_or_else(|| {
            format!("the zone `{zone}` is not supported; UTC and offsets such as `GMT+2` are")
        })?;
        now = now.at_offset(seconds);
    }
    shown(args, now)
}

/// `{{date (parseDate request.headers.Since) offset='-1 hours'}}`; without a date, now. Its time zone
/// is the date's own.
fn date(args: &Args<'_>) -> Made {
    let date = match args.param(0) {
        Value::Null => DateTime::of_unix_millis(args.rendering.now),
        _ => read(&args.text(0))?,
    };
    shown(args, date)
}

fn read(text: &str) -> Result<DateTime, String> {
    DateTime::parse(text).ok_or_else(|| format!("`{text}` is not a date"))
}

fn shown(args: &Args<'_>, date: DateTime) -> Made {
    let mut date = date;
    if let Some(text) = args.named_text("offset") {
        let bad = || format!("`{text}` is not an offset, such as `3 days`");
        let (amount, unit) = text.trim().split_once(' ').ok_or_else(bad)?;
        date = date.plus(amount.parse().map_err(|_| bad())?, unit.trim())?;
    }
    let text = match args.named_text("format").or_else(|| args.optional(1)).as_deref() {
        Some("epoch") => date.unix_millis().to_string(),
        Some("unix") => date.unix_millis().div_euclid(1_000).to_string(),
        Some(pattern) => Pattern::new(pattern)?.format(date),
        None => date.to_iso(),
    };
    Ok(Value::String(text))
}

fn parse(args: &Args<'_>) -> Made {
    let text = args.text(0);
    let date = match args.named_text("format").as_deref() {
        Some("epoch") => text.parse().ok().map(DateTime::of_unix_millis),
        Some("unix") => {
            let millis = text.parse::<i64>().ok().and_then(|seconds| seconds.checked_mul(1_000));
            millis.map(DateTime::of_unix_millis)
        }
        Some(pattern) => Pattern::new(pattern)?.parse(&text),
        None => DateTime::parse(&text),
    };
    let date = date.ok_or_else(|| format!("`{text}` is not a date"))?;
    Ok(Value::String(date.in_utc_if_unsaid().to_iso()))
}

fn truncate(args: &Args<'_>) -> Made {
    Ok(Value::String(read(&args.text(0))?.truncate(&args.text(1))?.to_iso()))
}
