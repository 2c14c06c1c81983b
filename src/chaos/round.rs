//! Simpler faults and simpler plans: the candidates that shrinking tries.
//!
//! Each candidate has a smaller [`Fault::weight`] than what it comes from, so shrinking ends. Round
//! is simpler than small: a reader remembers `for 200ms`, not `for 137ms`, and nobody thinks in
//! nanoseconds.

use std::time::Duration;

use crate::chaos::field::Field;
use crate::chaos::{Effect, Fault, FaultPlan};
use crate::time::nanos;

/// Percentages from simple to odd.
const PERCENTS: [f64; 4] = [100.0, 50.0, 10.0, 1.0];
/// Factors and means from simple to odd.
const RATIOS: [f64; 3] = [10.0, 2.0, 100.0];
/// Below each of these only what was below it before: 1 ms and 1 us, in nanoseconds.
const FLOORS: [u64; 2] = [1_000_000, 1_000];

impl Fault {
    /// How much there is to read in its values; a smaller weight is a simpler fault.
    #[must_use]
    pub fn weight(&self) -> u128 {
        self.clone().fields().iter().map(|(_, field)| field.weight()).sum()
    }

    /// The same fault with one value made simpler, in all ways worth a try, simplest first: times
    /// and amounts rounded to 1, 2 or 5 times a power of ten, numbers small, percentages 100 or 50,
    /// windows open-ended. No time gets shorter than 1 ms, unless it was or is zero. Each has a
    /// smaller [`Fault::weight`]; there are at most some dozens.
    #[must_use]
    pub fn simpler(&self) -> Vec<Fault> {
        let count = self.clone().fields().len();
        let mut found: Vec<Fault> = Vec::new();
        for index in 0..count {
            for choice in 0.. {
                let mut candidate = self.clone();
                if !candidate.fields()[index].1.choose(choice) {
                    break;
                }
                if candidate.weight() < self.weight() && !found.contains(&candidate) {
                    found.push(candidate);
                }
            }
        }
        found.sort_by_key(Fault::weight);
        found
    }
}

impl FaultPlan {
    /// This plan with less in it, simplest first: no faults, half of them, one less; then the same
    /// faults with one made simpler as in [`Fault::simpler`]. The workload stays as it is.
    #[must_use]
    pub fn simpler(&self) -> Vec<FaultPlan> {
        let with = |faults: Vec<Fault>| FaultPlan { faults, workload: self.workload.clone() };
        let count = self.faults.len();
        let mut found = Vec::new();
        let mut size = count;
        while size > 0 {
            for start in (0..count).step_by(size) {
                let end = (start + size).min(count);
                found.push(with([&self.faults[..start], &self.faults[end..]].concat()));
            }
            size /= 2;
        }
        for (index, fault) in self.faults.iter().enumerate() {
            for candidate in fault.simpler() {
                let mut faults = self.faults.clone();
                faults[index] = candidate;
                found.push(with(faults));
            }
        }
        found
    }
}

impl Field<'_> {
    fn weight(&self) -> u128 {
        match self {
            Field::At(span) | Field::Extra(span) | Field::Span(span) => roundness(nanos(**span)),
            Field::Lasts(None) | Field::Burst(None) | Field::Share(None) => 0,
            Field::Lasts(Some(span)) => 1 + roundness(nanos(*span)),
            Field::Signed(value) | Field::Shift(value) => roundness(value.unsigned_abs()),
            Field::Nth(n) => u128::from(**n),
            Field::Amount(n) | Field::Room(n) => roundness(**n),
            Field::Percent(percent) => rank(**percent, &PERCENTS),
            Field::Ratio(ratio) => rank(**ratio, &RATIOS),
            Field::Burst(Some(mean)) => 1 + rank(*mean, &RATIOS),
            Field::Share(Some(percent)) => 1 + rank(*percent, &PERCENTS),
            Field::Flag(flag) => u128::from(**flag),
            Field::Group(names) => names.len() as u128,
            Field::Effect(Effect::Drop) => 0,
            Field::Effect(Effect::Delay(by) | Effect::Stall(Some(by))) => 1 + roundness(nanos(*by)),
            Field::Effect(Effect::DropBytes { after }) => 1 + roundness(*after),
            Field::Effect(_) => 1,
        }
    }

    /// Takes on its `choice`-th simpler value; false if it has no more. A choice may turn out to
    /// be no simpler than what is there: whoever asks compares weights.
    fn choose(&mut self, choice: usize) -> bool {
        match self {
            Field::At(span) | Field::Extra(span) => match choice.checked_sub(1) {
                None => put(Some(Duration::ZERO), span),
                Some(choice) => put(time(**span, choice), span),
            },
            Field::Span(span) => put(time(**span, choice), span),
            Field::Lasts(lasts) => {
                let other = lasts.map(|span| match choice.checked_sub(1) {
                    None => Some(None),
                    Some(choice) => time(span, choice).map(Some),
                });
                put(other.flatten(), lasts)
            }
            Field::Signed(value) => {
                let size = rounder(value.unsigned_abs())[1..].get(choice).copied();
                put(size.and_then(|size| with_sign_of(**value, size)), value)
            }
            Field::Shift(value) => {
                let size = time(Duration::from_nanos(value.unsigned_abs()), choice).map(nanos);
                put(size.and_then(|size| with_sign_of(**value, size)), value)
            }
            Field::Nth(n) => {
                put([1, **n / 2, n.saturating_sub(1)].get(choice).map(|n| (*n).max(1)), n)
            }
            Field::Amount(n) => put(rounder(**n)[1..].get(choice).copied(), n),
            Field::Room(n) => put(rounder(**n).get(choice).copied(), n),
            Field::Percent(percent) => put(nearby(**percent, &PERCENTS, choice), percent),
            Field::Ratio(ratio) => put(nearby(**ratio, &RATIOS, choice), ratio),
            Field::Burst(burst) => put(absent_or_nearby(**burst, &RATIOS, choice), burst),
            Field::Share(share) => put(absent_or_nearby(**share, &PERCENTS, choice), share),
            Field::Flag(flag) => put((choice == 0).then_some(false), flag),
            Field::Group(names) => {
                let fits = names.len() > 1 && choice < names.len();
                fits.then(|| names.remove(choice)).is_some()
            }
            Field::Effect(effect) => {
                let other = match (choice.checked_sub(1), **effect) {
                    (None, _) => Some(Effect::Drop),
                    (Some(choice), Effect::Delay(by)) => time(by, choice).map(Effect::Delay),
                    (Some(0), Effect::Stall(Some(_))) => Some(Effect::Stall(None)),
                    (Some(choice), Effect::Stall(Some(by))) => {
                        time(by, choice - 1).map(|by| Effect::Stall(Some(by)))
                    }
                    (Some(choice), Effect::DropBytes { after }) => {
                        rounder(after).get(choice).map(|after| Effect::DropBytes { after: *after })
                    }
                    _ => None,
                };
                put(other, effect)
            }
        }
    }
}

fn put<T>(value: Option<T>, place: &mut T) -> bool {
    value.map(|value| *place = value).is_some()
}

fn with_sign_of(value: i64, size: u64) -> Option<i64> {
    i64::try_from(size).ok().map(|size| value.signum() * size)
}

/// The `choice`-th rounder time than `span`; a zero is none of them.
fn time(span: Duration, choice: usize) -> Option<Duration> {
    let span = nanos(span);
    let floor = FLOORS.into_iter().find(|floor| *floor <= span).unwrap_or_default();
    let rounder = rounder(span)[1..].get(choice).copied();
    rounder.map(|time| Duration::from_nanos(time.max(floor)))
}

/// None first, then as [`nearby`].
fn absent_or_nearby(value: Option<f64>, steps: &[f64], choice: usize) -> Option<Option<f64>> {
    match choice.checked_sub(1) {
        None => value.map(|_| None),
        Some(choice) => nearby(value?, steps, choice).map(Some),
    }
}

/// Zero is 0; 1, 2 and 5 times a power of ten come next, then by the number of digits; among
/// equally round values the smaller is simpler.
fn roundness(value: u64) -> u128 {
    let mut digits = value;
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    let class = match digits {
        0 => 0,
        1 | 2 | 5 => 1,
        digits => 2 + u128::from(digits.ilog10()),
    };
    (class << 64) + u128::from(value)
}

/// Zero, then rounder and smaller values than `value`; some may not be simpler.
fn rounder(value: u64) -> Vec<u64> {
    let ladder: Vec<u64> = (0..19).flat_map(|k| [1, 2, 5].map(|m| m * 10_u64.pow(k))).collect();
    let below = ladder.partition_point(|step| *step < value);
    // Far below, a decade below, the step below, the step above; then fewer digits.
    let steps = [below.checked_sub(9), below.checked_sub(3), below.checked_sub(1), Some(below)];
    let steps = steps.into_iter().flatten().filter_map(|i| ladder.get(i).copied());
    let decade = value.checked_ilog10().map_or(1, |k| 10_u64.pow(k));
    let cut = [decade, decade / 10, decade / 100];
    let cut = cut.into_iter().filter(|unit| *unit > 0).map(|unit| value - value % unit);
    std::iter::once(0).chain(steps).chain(cut.filter(|value| *value > 0)).collect()
}

/// The place of `value` in `steps`; after these come whole numbers, then the rest.
#[expect(clippy::float_cmp, reason = "a value is one of the steps, or it is not")]
fn rank(value: f64, steps: &[f64]) -> u128 {
    let after = if value.fract() == 0.0 { steps.len() } else { steps.len() + 1 };
    steps.iter().position(|step| *step == value).unwrap_or(after) as u128
}

/// The `choice`-th of: all steps, and `value` as a whole number.
fn nearby(value: f64, steps: &[f64], choice: usize) -> Option<f64> {
    let whole = value.round().max(1.0);
    steps.iter().copied().chain([whole]).nth(choice)
}
