//! Helpers that decide.

use std::cmp::Ordering;

use serde_json::Value;

use super::helper::{Args, Does, is_truthy};
use super::view::{is_thing, show, single};
use crate::mock::regex::Regex;

pub(super) const HELPERS: &[(&str, Does)] = &[
    ("eq", Does::Test(|args| Ok(equal(args)))),
    ("neq", Does::Test(|args| Ok(!equal(args)))),
    ("gt", Does::Test(|args| Ok(order(args)? == Ordering::Greater))),
    ("gte", Does::Test(|args| Ok(order(args)?.is_ge()))),
    ("lt", Does::Test(|args| Ok(order(args)? == Ordering::Less))),
    ("lte", Does::Test(|args| Ok(order(args)?.is_le()))),
    ("and", Does::Test(|args| Ok(args.params().iter().all(|value| is_truthy(value))))),
    ("or", Does::Test(|args| Ok(args.params().iter().any(|value| is_truthy(value))))),
    ("not", Does::Test(|args| Ok(!is_truthy(args.param(0))))),
    ("contains", Does::Test(contains)),
    ("matches", Does::Test(matches)),
];

fn equal(args: &Args<'_>) -> bool {
    // To Java a method or a path is no text: `eq request.method 'GET'` never holds in WireMock.
    if is_thing(args.param(0)) != is_thing(args.param(1)) {
        return false;
    }
    let (left, right) = (single(args.param(0)), single(args.param(1)));
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right || !left.is_null() && !right.is_null() && show(left) == show(right),
    }
}

fn order(args: &Args<'_>) -> Result<Ordering, String> {
    let number = |value: &Value| show(value).trim().parse::<f64>().ok();
    match (number(args.param(0)), number(args.param(1))) {
        (Some(left), Some(right)) => {
            left.partial_cmp(&right).ok_or_else(|| "no order among these".to_owned())
        }
        _ => Ok(args.text(0).cmp(&args.text(1))),
    }
}

fn contains(args: &Args<'_>) -> Result<bool, String> {
    let part = args.text(1);
    Ok(match single(args.param(0)) {
        Value::Array(list) => list.iter().any(|item| show(item) == part),
        Value::Null => false,
        value => show(value).contains(&part),
    })
}

fn matches(args: &Args<'_>) -> Result<bool, String> {
    Ok(Regex::whole(&args.text(1))?.is_match(&args.text(0)))
}
