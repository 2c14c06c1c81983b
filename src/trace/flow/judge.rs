//! What a check comes to.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::pattern::{Pattern, value};
use super::{Check, Checked, Question};
use crate::journal::EventId;
use crate::time::Time;
use crate::trace::set::{SpanIndex, SpanRef, SpanSet};
use crate::verdict::{Verdict, Violation};

/// Witnesses that a verdict's text names.
const NAMED: usize = 3;

/// A verdict, the spans that show it, and how many it was about.
struct Answer {
    verdict: Verdict,
    witnesses: Vec<SpanIndex>,
    matched: usize,
}

pub(super) fn judge(check: &Check, set: &SpanSet) -> Checked {
    let answer = match &check.question {
        _ if set.is_empty() => Answer::unknown(0, "there are no spans".into()),
        Question::Exists { span, at_least } => exists(set, span, *at_least),
        Question::Never { span } => never(set, span),
        Question::Before { first, then } => before(set, first, then),
        Question::ExactlyOncePerKey { span, key, of } => once(set, span, key, of.as_ref()),
        Question::Deadline { span, within } => deadline(set, span, *within),
    };
    let Answer { verdict, witnesses, matched } = answer;
    Checked { name: check.name.clone(), verdict, witnesses, matched }
}

impl Answer {
    fn unknown(matched: usize, why: String) -> Answer {
        Answer { verdict: Verdict::Unknown(why), witnesses: Vec::new(), matched }
    }

    fn vacuous(pattern: &Pattern) -> Answer {
        Answer::unknown(0, format!("no span is {pattern}"))
    }

    /// Violated if there are witnesses.
    fn of(
        set: &SpanSet,
        matched: usize,
        witnesses: Vec<SpanIndex>,
        why: impl FnOnce(&str) -> String,
    ) -> Answer {
        if witnesses.is_empty() {
            return Answer { verdict: Verdict::Holds, witnesses, matched };
        }
        let verdict = violated(set, why(&named(set, &witnesses)), &witnesses);
        Answer { verdict, witnesses, matched }
    }
}

/// What these spans show, and where the journal has them.
fn violated(set: &SpanSet, text: String, spans: &[SpanIndex]) -> Verdict {
    let events = spans.iter().map(|index| EventId(set.span(*index).event));
    Violation::new(text).with_events(events).into()
}

/// The spans of a verdict, with their ids and times.
fn named(set: &SpanSet, spans: &[SpanIndex]) -> String {
    let since = set.start();
    let one = |index: &SpanIndex| {
        let span = set.span(*index);
        let from = |time: Time| match set.epoch() {
            0 => time.since(since),
            _ => time.since(Time::ZERO),
        };
        let (start, end) = (from(span.start), from(span.end));
        format!("{:016x} {} from {start:?} to {end:?}", span.id, *span)
    };
    let mut text = spans.iter().take(NAMED).map(one).collect::<Vec<_>>().join("; ");
    if spans.len() > NAMED {
        text.push_str(&format!("; and {} more", spans.len() - NAMED));
    }
    text
}

fn matching<'a>(set: &'a SpanSet, pattern: &Pattern) -> Vec<SpanRef<'a>> {
    set.spans().filter(|span| pattern.matches(span)).collect()
}

fn exists(set: &SpanSet, pattern: &Pattern, at_least: usize) -> Answer {
    let matched = matching(set, pattern).len();
    let verdict = match matched >= at_least {
        true => Verdict::Holds,
        false => Verdict::violated(format!(
            "{matched} of {} spans are {pattern}; at least {at_least} were expected",
            set.len()
        )),
    };
    Answer { verdict, witnesses: Vec::new(), matched }
}

fn never(set: &SpanSet, pattern: &Pattern) -> Answer {
    let spans: Vec<_> = matching(set, pattern).iter().map(SpanRef::index).collect();
    Answer::of(set, spans.len(), spans, |spans| format!("there is {spans}"))
}

fn before(set: &SpanSet, first: &Pattern, then: &Pattern) -> Answer {
    let mut earliest: FxHashMap<u128, Time> = FxHashMap::default();
    for span in set.spans().filter(|span| span.finished && first.matches(span)) {
        let end = earliest.entry(span.trace).or_insert(span.end);
        *end = (*end).min(span.end);
    }
    let late = matching(set, then);
    if late.is_empty() {
        return Answer::vacuous(then);
    }
    let early = |span: &&SpanRef<'_>| earliest.get(&span.trace).is_none_or(|end| *end > span.start);
    let witnesses: Vec<_> = late.iter().filter(early).map(SpanRef::index).collect();
    Answer::of(set, late.len(), witnesses, |spans| {
        format!("no {first} had ended in the trace before {spans}")
    })
}

fn once(set: &SpanSet, pattern: &Pattern, key: &str, of: Option<&Pattern>) -> Answer {
    let spans = matching(set, pattern);
    let sources = of.map(|of| matching(set, of));
    let (asked, about) = match (&sources, of) {
        (Some(sources), Some(of)) => (sources, of),
        _ => (&spans, pattern),
    };
    if asked.is_empty() {
        return Answer::vacuous(about);
    }
    let mut by_key: BTreeMap<String, Vec<SpanIndex>> = BTreeMap::new();
    let mut without = 0;
    for span in asked {
        match value(span.get(), key) {
            Some(key) => drop(by_key.entry(key.into_owned()).or_default()),
            None => without += 1,
        }
    }
    for span in &spans {
        if let Some(key) = value(span.get(), key)
            && let Some(with) = by_key.get_mut(&*key)
        {
            with.push(span.index());
        }
    }
    let odd = by_key.iter().find(|(_, with)| with.len() != 1);
    let matched = spans.len();
    match odd {
        Some((key_value, with)) => {
            let how_often = match with.len() {
                0 => format!("no span is {pattern}"),
                n => format!("{n} spans are {pattern}: {}", named(set, with)),
            };
            let verdict = violated(set, format!("with {key} {key_value}, {how_often}"), with);
            Answer { verdict, witnesses: with.clone(), matched }
        }
        None if without > 0 => {
            Answer::unknown(matched, format!("{without} spans that are {about} have no {key}"))
        }
        None => Answer { verdict: Verdict::Holds, witnesses: Vec::new(), matched },
    }
}

fn deadline(set: &SpanSet, pattern: &Pattern, within: Duration) -> Answer {
    let spans = matching(set, pattern);
    if spans.is_empty() {
        return Answer::vacuous(pattern);
    }
    let late = spans.iter().filter(|span| span.duration() > within);
    let late: Vec<_> = late.map(SpanRef::index).collect();
    let open = spans.iter().filter(|span| !span.finished).count();
    if late.is_empty() && open > 0 {
        let why = format!("{open} spans that are {pattern} had not ended when the recording did");
        return Answer::unknown(spans.len(), why);
    }
    Answer::of(set, spans.len(), late, |late| format!("longer than {within:?}: {late}"))
}
