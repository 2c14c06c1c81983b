//! The arithmetic of one clock that is not the true one.

use super::Change;
use crate::time::Time;

const MILLION: i128 = 1_000_000;
/// The rate at which `adjtime` and NTP slew a clock, in parts per million.
const SLEW_PPM: i128 = 500;

/// How one node's clock differs from true time: piecewise linear, a new piece at every change.
#[derive(Clone, Debug)]
pub(super) struct Skew {
    /// Where the current piece begins, in true and in monotonic local time.
    since: Time,
    local: i128,
    ppm: i128,
    /// What the wall clock shows while it stands still.
    frozen: Option<i128>,
    /// The wall clock's lead over the monotonic clock at `slew_since`.
    offset: i128,
    /// Since when NTP takes the lead over true time away; none while nobody does.
    slew_since: Option<Time>,
}

impl Skew {
    pub(super) fn new() -> Skew {
        Skew { since: Time::ZERO, local: 0, ppm: 0, frozen: None, offset: 0, slew_since: None }
    }

    pub(super) fn change(&mut self, now: Time, change: Change) {
        (self.offset, self.local) = (self.offset_at(now), self.local_at(now));
        self.since = now;
        self.slew_since = self.slew_since.map(|_| now);
        match change {
            Change::Step(by) => {
                self.offset += i128::from(by);
                self.frozen = self.frozen.map(|shown| shown + i128::from(by));
            }
            Change::Drift(ppm) => self.ppm = i128::from(ppm).max(1 - MILLION),
            Change::Freeze(on) => self.frozen = on.then_some(self.local + self.offset),
            Change::Heal => {
                *self = Skew { since: now, local: self.local, ..Skew::new() };
                self.offset = i128::from(now.0) - self.local;
            }
            Change::Slew => self.slew_since = Some(now),
        }
    }

    fn local_at(&self, now: Time) -> i128 {
        let elapsed = i128::from(now.0) - i128::from(self.since.0);
        self.local + elapsed * (MILLION + self.ppm) / MILLION
    }

    fn offset_at(&self, now: Time) -> i128 {
        if let Some(shown) = self.frozen {
            return shown - self.local_at(now);
        }
        let Some(since) = self.slew_since else { return self.offset };
        let most = (i128::from(now.0) - i128::from(since.0)) * SLEW_PPM / MILLION;
        let error = self.local_at(now) + self.offset - i128::from(now.0);
        self.offset - error.clamp(-most, most)
    }

    pub(super) fn monotonic(&self, now: Time) -> Time {
        Time(self.local_at(now).max(0) as u64)
    }

    /// Nanoseconds since the start on the wall clock; negative after a long step back.
    pub(super) fn wall(&self, now: Time) -> i128 {
        self.local_at(now) + self.offset_at(now)
    }

    /// The first true instant at which the monotonic clock shows `local` or more.
    pub(super) fn true_time(&self, local: Time) -> Time {
        let ahead = i128::from(local.0) - self.local;
        if ahead <= 0 {
            return self.since;
        }
        let rate = MILLION + self.ppm;
        let elapsed = (ahead * MILLION + rate - 1) / rate;
        Time(u64::try_from(i128::from(self.since.0) + elapsed).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_fast_clock_gains_and_never_goes_back() {
        let mut skew = Skew::new();
        skew.change(Time(SECOND), Change::Drift(100_000));
        assert_eq!(skew.monotonic(Time(2 * SECOND)), Time(2_100_000_000));
        skew.change(Time(2 * SECOND), Change::Drift(-100_000));
        assert_eq!(skew.monotonic(Time(3 * SECOND)), Time(3_000_000_000));
    }

    #[test]
    fn true_time_is_the_inverse_of_monotonic() {
        for ppm in [-500_000, -37, 0, 1, 99_999, 3_000_000] {
            let mut skew = Skew::new();
            skew.change(Time(17), Change::Drift(ppm));
            for local in [18, 1_000, 123_456_789, 7 * SECOND] {
                let at = skew.true_time(Time(local));
                assert!(skew.monotonic(at) >= Time(local), "{ppm} {local}");
                assert!(skew.monotonic(Time(at.0 - 1)) < Time(local), "{ppm} {local}");
            }
        }
    }

    #[test]
    fn a_step_moves_the_wall_clock_alone() {
        let mut skew = Skew::new();
        skew.change(Time(SECOND), Change::Step(-300));
        assert_eq!(skew.monotonic(Time(2 * SECOND)), Time(2 * SECOND));
        assert_eq!(skew.wall(Time(2 * SECOND)), i128::from(2 * SECOND) - 300);
    }

    #[test]
    fn a_frozen_wall_clock_stays_behind_until_it_is_healed() {
        let mut skew = Skew::new();
        skew.change(Time(SECOND), Change::Freeze(true));
        assert_eq!(skew.wall(Time(9 * SECOND)), i128::from(SECOND));
        assert_eq!(skew.monotonic(Time(9 * SECOND)), Time(9 * SECOND));
        skew.change(Time(9 * SECOND), Change::Freeze(false));
        assert_eq!(skew.wall(Time(10 * SECOND)), i128::from(2 * SECOND));
        skew.change(Time(10 * SECOND), Change::Heal);
        assert_eq!(skew.wall(Time(11 * SECOND)), i128::from(11 * SECOND));
    }

    #[test]
    fn a_healed_clock_is_true_and_its_monotonic_side_never_went_back() {
        let mut skew = Skew::new();
        skew.change(Time::ZERO, Change::Drift(500_000));
        skew.change(Time(2 * SECOND), Change::Heal);
        assert_eq!(skew.monotonic(Time(2 * SECOND)), Time(3 * SECOND));
        assert_eq!(skew.monotonic(Time(3 * SECOND)), Time(4 * SECOND));
        assert_eq!(skew.wall(Time(3 * SECOND)), i128::from(3 * SECOND));
    }

    #[test]
    fn slew_takes_an_offset_away_at_500_ppm_and_stops_there() {
        let mut skew = Skew::new();
        skew.change(Time::ZERO, Change::Step(1_000_000));
        skew.change(Time::ZERO, Change::Slew);
        assert_eq!(skew.wall(Time(SECOND)), i128::from(SECOND) + 500_000);
        assert_eq!(skew.wall(Time(10 * SECOND)), i128::from(10 * SECOND));
    }
}
