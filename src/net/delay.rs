//! How long a message takes: distributions of one-way delay.

use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::{Distribution, LogNormal, Normal, Pareto};
use serde::{Deserialize, Serialize};

use crate::time::nanos;

/// A distribution of one-way delays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delay {
    /// Always the same; draws nothing.
    Fixed(Duration),
    /// Between the two, each nanosecond equally likely.
    Uniform(Duration, Duration),
    /// The bell curve, cut off at zero.
    Normal {
        /// The mean.
        mean: Duration,
        /// The standard deviation.
        deviation: Duration,
    },
    /// A skewed curve with a long tail, as service times have it.
    LogNormal {
        /// Half of the messages are faster.
        median: Duration,
        /// The standard deviation of the logarithm; 0.4 to 0.6 are usual.
        sigma: f64,
    },
    /// A heavy tail: some messages take very much longer. Capped at 1,000 times the least.
    Pareto {
        /// The least delay.
        least: Duration,
        /// The smaller, the heavier the tail; below 2 the variance is infinite.
        shape: f64,
    },
    /// One of measured delays, each equally likely.
    Empirical(Vec<Duration>),
}

impl Delay {
    /// Draws a delay, in nanoseconds. Parameters that make no distribution (a negative sigma, an
    /// empty list) count as their nearest fixed delay.
    #[must_use]
    #[inline]
    pub fn draw(&self, rng: &mut impl Rng) -> u64 {
        match self {
            Delay::Fixed(delay) => nanos(*delay),
            Delay::Uniform(least, most) if least < most => {
                rng.random_range(nanos(*least)..=nanos(*most))
            }
            Delay::Uniform(least, _) => nanos(*least),
            Delay::Normal { mean, deviation } => {
                let (mean, deviation) = (nanos(*mean), nanos(*deviation));
                sample(Normal::new(mean as f64, deviation as f64), mean, rng)
            }
            Delay::LogNormal { median, sigma } => {
                let median = nanos(*median);
                sample(LogNormal::new((median.max(1) as f64).ln(), *sigma), median, rng)
            }
            Delay::Pareto { least, shape } => {
                let least = nanos(*least);
                let drawn = sample(Pareto::new(least.max(1) as f64, *shape), least, rng);
                drawn.min(least.saturating_mul(1000))
            }
            Delay::Empirical(delays) if delays.is_empty() => 0,
            Delay::Empirical(delays) => nanos(delays[rng.random_range(0..delays.len())]),
        }
    }

    /// The least and the longest delay, in nanoseconds, if all between them are equally likely.
    pub(super) fn bounds(&self) -> Option<(u64, u64)> {
        match self {
            Delay::Fixed(delay) => Some((nanos(*delay), nanos(*delay))),
            Delay::Uniform(least, most) => Some((nanos(*least), nanos(*most.max(least)))),
            _ => None,
        }
    }

    /// True if a draw takes nothing from the stream.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        matches!(self, Delay::Fixed(_))
    }
}

fn sample<D: Distribution<f64>, E>(
    distribution: Result<D, E>,
    otherwise: u64,
    rng: &mut impl Rng,
) -> u64 {
    distribution.map_or(otherwise, |d| d.sample(rng).max(0.0) as u64)
}

impl From<Duration> for Delay {
    fn from(fixed: Duration) -> Delay {
        Delay::Fixed(fixed)
    }
}
