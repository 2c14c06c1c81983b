//! One directed link: its profile, its own random stream, and what it does to a packet.

use std::rc::Rc;
use std::time::Duration;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::{Delay, FaultRef, Reasons};
use crate::journal::Symbol;
use crate::seed::{Seed, SmallStream, chance};
use crate::time::Time;

/// Delay of a node's messages to itself, in nanoseconds.
pub(super) const LOOPBACK: u64 = 20_000;

/// How a link loses packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Not at all.
    #[default]
    None,
    /// Each packet for itself, with this probability.
    Bernoulli(f64),
    /// In bursts: a good and a bad state (Gilbert 1960, Elliott 1963; the parameters of netem).
    GilbertElliott {
        /// From good to bad, per packet.
        to_bad: f64,
        /// From bad to good, per packet.
        to_good: f64,
        /// Loss in the bad state.
        loss_bad: f64,
        /// Loss in the good state.
        loss_good: f64,
    },
}

impl Loss {
    /// Draws whether a packet is lost; `bad` is the state of Gilbert-Elliott.
    pub(super) fn takes(&self, bad: &mut bool, rng: &mut impl Rng) -> bool {
        match *self {
            Loss::None => false,
            Loss::Bernoulli(p) => chance(rng, p),
            Loss::GilbertElliott { to_bad, to_good, loss_bad, loss_good } => {
                let change = if *bad { to_good } else { to_bad };
                *bad ^= chance(rng, change);
                chance(rng, if *bad { loss_bad } else { loss_good })
            }
        }
    }
}

/// What a link is like when nothing goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkProfile {
    /// One-way delay.
    pub delay: Delay,
    /// How much a delay depends on the one before it: 0 not at all, 1 wholly (as in netem).
    pub correlation: f64,
    /// Losses.
    pub loss: Loss,
    /// The probability that a datagram arrives twice.
    pub duplicate: f64,
    /// The probability that a packet is held back by `reorder_by`.
    pub reorder: f64,
    /// How long a reordered packet is held back.
    pub reorder_by: Duration,
    /// The probability that a bit of a datagram is flipped.
    pub corrupt: f64,
    /// Bytes per second; none means that packets take no time on the wire.
    pub rate: Option<u64>,
    /// Bytes that may wait where `rate` is the bottleneck: a large one is bufferbloat.
    pub queue: u64,
    /// The longest datagram, in bytes; a longer one is lost (as with "do not fragment").
    pub mtu: u32,
}

impl Default for LinkProfile {
    /// One data centre: 250 us one way (a round trip of 500 us, after Dean's latency numbers),
    /// give or take 100 us of our choice, no loss.
    fn default() -> LinkProfile {
        LinkProfile {
            delay: Delay::Uniform(Duration::from_micros(150), Duration::from_micros(350)),
            correlation: 0.0,
            loss: Loss::None,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_by: Duration::from_millis(1),
            corrupt: 0.0,
            rate: None,
            queue: 1 << 20,
            mtu: 65_507,
        }
    }
}

impl LinkProfile {
    /// The default with another delay.
    #[must_use]
    pub fn with_delay(delay: impl Into<Delay>) -> LinkProfile {
        LinkProfile { delay: delay.into(), ..LinkProfile::default() }
    }

    /// Two zones of a region, a bad pair: 1.685 ms one way (half of the largest round trip of
    /// xkyle.com's measurement of AWS zones, 3.37 ms), log-normal with a sigma of our choice.
    #[must_use]
    pub fn between_zones() -> LinkProfile {
        let median = Duration::from_micros(1_685);
        LinkProfile::with_delay(Delay::LogNormal { median, sigma: 0.3 })
    }

    /// California to the Netherlands: 75 ms one way (Dean's latency numbers: 150 ms round trip),
    /// with 0.1 % loss and a sigma of our choice.
    #[must_use]
    pub fn wide_area() -> LinkProfile {
        let median = Duration::from_millis(75);
        let delay = Delay::LogNormal { median, sigma: 0.1 };
        LinkProfile { loss: Loss::Bernoulli(0.001), ..LinkProfile::with_delay(delay) }
    }

    /// A mobile phone: long tail, bursts of loss, a narrow and deep queue. All of our choice.
    #[must_use]
    pub fn mobile() -> LinkProfile {
        let delay = Delay::LogNormal { median: Duration::from_millis(40), sigma: 0.5 };
        let loss =
            Loss::GilbertElliott { to_bad: 0.01, to_good: 0.3, loss_bad: 0.5, loss_good: 0.0 };
        LinkProfile { loss, rate: Some(1_000_000), ..LinkProfile::with_delay(delay) }
    }
}

/// What becomes of one packet.
#[derive(Debug)]
pub(crate) struct Fate {
    /// Until it arrives, in nanoseconds.
    pub(super) delay: u64,
    /// Why it does not arrive.
    pub(super) lost: Option<Symbol>,
    /// The fault that did it.
    pub(super) fault: Option<FaultRef>,
    /// The faults that changed it otherwise.
    pub(super) hits: Vec<FaultRef>,
    pub(super) duplicate: bool,
    /// Which bit is flipped, if one is.
    pub(super) corrupt: Option<u64>,
}

impl Fate {
    pub(super) fn loopback() -> Fate {
        Fate::after(LOOPBACK)
    }

    /// It arrives so many nanoseconds later.
    fn after(delay: u64) -> Fate {
        Fate { delay, lost: None, fault: None, hits: Vec::new(), duplicate: false, corrupt: None }
    }
}

/// A profile, and what it comes to if it only delays.
#[derive(Debug)]
pub(crate) struct Weather {
    profile: LinkProfile,
    /// The least and the longest delay of a link that does nothing but delay, evenly.
    plain: Option<(u64, u64)>,
}

impl Weather {
    pub(crate) fn new(profile: LinkProfile) -> Weather {
        let only_delays = profile.loss == Loss::None
            && profile.duplicate == 0.0
            && profile.reorder == 0.0
            && profile.corrupt == 0.0
            && profile.correlation == 0.0
            && profile.rate.is_none();
        let plain = profile.delay.bounds().filter(|_| only_delays);
        Weather { profile, plain }
    }
}

/// A directed link between two nodes, in one line of the cache: a hundred nodes have 9,900.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Link {
    weather: Rc<Weather>,
    stream: SmallStream,
    last_delay: u64,
    /// Until when the wire is taken, in nanoseconds; only with a rate.
    busy_until: u64,
    /// True in the bad state of Gilbert-Elliott.
    bad: bool,
}

impl Link {
    pub(super) fn new(weather: Rc<Weather>, seed: Seed, key: u64) -> Link {
        let stream = seed.small_stream("link", key);
        Link { weather, stream, last_delay: 0, busy_until: 0, bad: false }
    }

    /// The delay of a packet to which nothing else can happen on this link. It is the one that
    /// [`Link::fate`] would give it.
    #[inline]
    pub(super) fn plain_delay(&mut self, size: u32, reliable: bool) -> Option<u64> {
        let (least, most) = self.weather.plain?;
        if !reliable && size > self.weather.profile.mtu {
            return None;
        }
        Some(if least == most { least } else { self.stream.random_range(least..=most) })
    }

    /// Decides about one packet of `size` bytes.
    pub(super) fn fate(&mut self, now: Time, size: u32, reliable: bool, reasons: &Reasons) -> Fate {
        let weather = self.weather.clone();
        let delay = weather.profile.delay.draw(&mut self.stream);
        let mut fate = Fate::after(delay);
        if !reliable && size > weather.profile.mtu {
            fate.lost = Some(reasons.too_long);
        }
        if weather.plain.is_none() {
            self.strike(&weather.profile, now, size, reasons, &mut fate);
        }
        fate
    }

    /// Everything that a plain link does not do.
    fn strike(
        &mut self,
        profile: &LinkProfile,
        now: Time,
        size: u32,
        reasons: &Reasons,
        fate: &mut Fate,
    ) {
        let stream = &mut self.stream;
        if profile.correlation > 0.0 {
            let blend = profile.correlation * self.last_delay as f64
                + (1.0 - profile.correlation) * fate.delay as f64;
            fate.delay = blend as u64;
            self.last_delay = fate.delay;
        }
        if profile.loss.takes(&mut self.bad, stream) {
            fate.lost = Some(reasons.loss);
        }
        fate.duplicate = chance(stream, profile.duplicate);
        if chance(stream, profile.corrupt) {
            fate.corrupt = Some(stream.next_u64());
        }
        if chance(stream, profile.reorder) {
            fate.delay += crate::time::nanos(profile.reorder_by);
        }
        if let Some(rate) = profile.rate {
            self.queue_up(now, size, rate, profile.queue, reasons, fate);
        }
    }

    /// Waits for the wire, and holds it while the packet goes out.
    pub(super) fn queue_up(
        &mut self,
        now: Time,
        size: u32,
        rate: u64,
        queue: u64,
        reasons: &Reasons,
        fate: &mut Fate,
    ) {
        let on_wire =
            |bytes: u64| (u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1))) as u64;
        let start = self.busy_until.max(now.0);
        if start - now.0 > on_wire(queue) {
            fate.lost = Some(reasons.queue);
            return;
        }
        self.busy_until = start + on_wire(u64::from(size));
        fate.delay += self.busy_until - now.0;
    }
}
