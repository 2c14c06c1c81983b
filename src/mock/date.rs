//! Dates and times: ISO 8601 and RFC 1123 texts, patterns of Java's `SimpleDateFormat`, offsets.
//!
//! Zones are UTC or a fixed offset: there is no table of zones here.

mod pattern;

use std::cmp::Ordering;

pub(crate) use pattern::Pattern;

const DAY: i64 = 86_400;

/// A point of civil time, with or without an offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime {
    /// Seconds of local time since 1970-01-01T00:00:00.
    local: i64,
    nanos: u32,
    /// Seconds east of UTC; none if the text said nothing.
    offset: Option<i32>,
}

/// Year, month and day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

impl Date {
    /// Checks that there is such a day.
    fn new(year: i64, month: u32, day: u32) -> Option<Date> {
        let exists = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        (exists && year.abs() < 1_000_000_000).then_some(Date { year, month, day })
    }

    /// Days since 1970-01-01, by counting from March, so that the leap day ends a year.
    fn days(self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let month = i64::from((self.month + 9) % 12);
        let day_of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        year * 365 + leaps + day_of_year - 719_468
    }

    fn of_days(days: i64) -> Date {
        let days = days + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date { year, month: month as u32, day: day as u32 }
    }
}

fn days_in(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

impl DateTime {
    /// Milliseconds since 1970, in UTC.
    pub(crate) fn of_unix_millis(millis: i64) -> DateTime {
        let nanos = millis.rem_euclid(1_000) as u32 * 1_000_000;
        DateTime { local: millis.div_euclid(1_000), nanos, offset: Some(0) }
    }

    fn of_date(date: Date, second: i64, nanos: u32, offset: Option<i32>) -> DateTime {
        DateTime { local: date.days() * DAY + second, nanos, offset }
    }

    /// Reads an ISO 8601 text, from a year alone to nanoseconds with an offset, or one of RFC 1123
    /// (`Fri, 01 Mar 2024 10:00:00 GMT`).
    pub(crate) fn parse(text: &str) -> Option<DateTime> {
        let text = text.trim();
        if text.contains(',') {
            return Pattern::new("EEE, dd MMM yyyy HH:mm:ss zzz").ok()?.parse(text);
        }
        let (date, time) = match text.split_once(['T', 't']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let date = iso_date(date)?;
        let Some(time) = time else { return Some(DateTime::of_date(date, 0, 0, None)) };
        let at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
        let (time, zone) = time.split_at(at);
        let offset = if zone.is_empty() { None } else { Some(offset(zone)?) };
        let (time, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
        let mut fields = time.split(':').map(|field| digits(field, 2));
        let (hour, minute) = (fields.next()??, fields.next()??);
        let second = fields.next().unwrap_or(Some(0))?;
        let in_range = hour < 24 && minute < 60 && second < 60 && fields.next().is_none();
        let second = hour * 3_600 + minute * 60 + second;
        in_range.then_some(DateTime::of_date(date, second, nanos_of(fraction)?, offset))
    }

    /// Seconds since 1970, and nanoseconds; a text without an offset counts as UTC.
    fn instant(self) -> (i64, u32) {
        (self.local - i64::from(self.offset.unwrap_or(0)), self.nanos)
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_millis(self) -> i64 {
        self.instant().0.saturating_mul(1_000) + i64::from(self.nanos / 1_000_000)
    }

    /// Which of the two is earlier: instants, or local times if `self` has no offset.
    pub(crate) fn compare(self, other: DateTime) -> Ordering {
        match self.offset {
            Some(_) => self.instant().cmp(&other.instant()),
            None => (self.local, self.nanos).cmp(&(other.local, other.nanos)),
        }
    }

    fn date(self) -> Date {
        Date::of_days(self.local.div_euclid(DAY))
    }

    fn second_of_day(self) -> i64 {
        self.local.rem_euclid(DAY)
    }

    /// Moves it by `amount` of a unit: `3 days`. A day that a month does not have is its last one.
    pub(crate) fn plus(self, amount: i64, unit: &str) -> Result<DateTime, String> {
        let seconds = match unit.trim_end_matches('s') {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            "day" => DAY,
            "week" => 7 * DAY,
            "month" => return self.plus_months(amount),
            "year" => return self.plus_months(amount.saturating_mul(12)),
            _ => {
                let known = "seconds, minutes, hours, days, weeks, months, years";
                return Err(format!("`{unit}` is no unit of time; known are {known}"));
            }
        };
        let local = amount.checked_mul(seconds).and_then(|by| self.local.checked_add(by));
        let local = local.filter(|local| local.abs() < 1 << 50);
        local.map(|local| DateTime { local, ..self }).ok_or_else(|| too_far(amount, unit))
    }

    fn plus_months(self, months: i64) -> Result<DateTime, String> {
        let date = self.date();
        let all = months.checked_add(date.year * 12 + i64::from(date.month) - 1);
        let all = all.filter(|all| all.abs() < 12_000_000_000);
        let all = all.ok_or_else(|| too_far(months, "months"))?;
        let (year, month) = (all.div_euclid(12), all.rem_euclid(12) as u32 + 1);
        let day = date.day.min(days_in(year, month));
        let date = Date { year, month, day };
        Ok(DateTime::of_date(date, self.second_of_day(), self.nanos, self.offset))
    }

    /// Cuts it off: `first hour of day`, `last day of month`.
    pub(crate) fn truncate(self, to: &str) -> Result<DateTime, String> {
        let date = self.date();
        let at = |date, second| DateTime::of_date(date, second, 0, self.offset);
        let month = |year, month| Date { year, month, day: 1 };
        let next_month = || match date.month {
            12 => month(date.year + 1, 1),
            _ => month(date.year, date.month + 1),
        };
        let second = self.second_of_day();
        Ok(match to {
            "first second of minute" => at(date, second / 60 * 60),
            "first minute of hour" => at(date, second / 3_600 * 3_600),
            "first hour of day" => at(date, 0),
            "first day of month" => at(month(date.year, date.month), 0),
            "first day of next month" => at(next_month(), 0),
            "last day of month" => at(Date { day: days_in(date.year, date.month), ..date }, 0),
            "first day of year" => at(month(date.year, 1), 0),
            "first day of next year" => at(month(date.year + 1, 1), 0),
            "last day of year" => at(Date { month: 12, day: 31, ..date }, 0),
            _ => return Err(format!("`{to}` is no way to truncate a date")),
        })
    }

    /// Itself, in UTC if its text did not say where.
    pub(crate) fn in_utc_if_unsaid(self) -> DateTime {
        DateTime { offset: self.offset.or(Some(0)), ..self }
    }

    /// The same instant at another offset.
    pub(crate) fn at_offset(self, seconds: i32) -> DateTime {
        let (instant, nanos) = self.instant();
        DateTime { local: instant + i64::from(seconds), nanos, offset: Some(seconds) }
    }

    /// ISO 8601, to the second, or to milliseconds if there are some.
    pub(crate) fn to_iso(self) -> String {
        let pattern = match (self.nanos / 1_000_000, self.offset) {
            (0, Some(_)) => "yyyy-MM-dd'T'HH:mm:ssXXX",
            (0, None) => "yyyy-MM-dd'T'HH:mm:ss",
            (_, Some(_)) => "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
            (_, None) => "yyyy-MM-dd'T'HH:mm:ss.SSS",
        };
        Pattern::new(pattern).map(|pattern| pattern.format(self)).unwrap_or_default()
    }
}

fn too_far(amount: i64, unit: &str) -> String {
    format!("{amount} {unit} is beyond all calendars")
}

/// A zone's offset in seconds: `Z`, `UTC`, `GMT`, `+01:00`, `-0530`, `GMT+10`.
pub(crate) fn offset(zone: &str) -> Option<i32> {
    let text = zone.strip_prefix("GMT").or_else(|| zone.strip_prefix("UTC")).unwrap_or(zone);
    if matches!(text, "" | "Z" | "z") {
        return (!zone.is_empty()).then_some(0);
    }
    let (sign, text) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match text.split_once(':') {
        Some(parts) => parts,
        None if text.len() == 4 => text.split_at_checked(2)?,
        None => (text, "0"),
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60) as i32)
}

/// `2024-03-01`, `2024-03`, `2024`, `-5`
fn iso_date(text: &str) -> Option<Date> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut fields = text.split('-');
    let year = sign * digits(fields.next()?, 9)?;
    let month = fields.next().map_or(Some(1), |field| digits(field, 2))?;
    let day = fields.next().map_or(Some(1), |field| digits(field, 2))?;
    if fields.next().is_some() {
        return None;
    }
    Date::new(year, month as u32, day as u32)
}

/// A number of 1 to `most` digits.
fn digits(text: &str, most: usize) -> Option<i64> {
    let is_number = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn nanos_of(fraction: &str) -> Option<u32> {
    if fraction.is_empty() {
        return Some(0);
    }
    let value = digits(fraction, 9)? as u32;
    Some(value * 10u32.pow(9 - fraction.len() as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn read(text: &str) -> DateTime {
        DateTime::parse(text).unwrap_or_else(|| panic!("{text} is a date"))
    }

    #[test]
    fn days_are_counted_both_ways() {
        for days in (-1_000_000..1_000_000).step_by(997) {
            let date = Date::of_days(days);
            assert_eq!(Date::new(date.year, date.month, date.day).expect("a day").days(), days);
        }
        assert_eq!(read("1970-01-01T00:00:00Z").unix_millis(), 0);
        assert_eq!(read("2024-03-01T10:20:30Z").unix_millis(), 1_709_288_430_000);
    }

    #[test]
    fn texts_are_read_or_not() {
        for text in
            ["2024", "2024-03", "2024-03-01", "2024-03-01T10:00", "2024-03-01T10:00:00.5+01:00"]
        {
            read(text);
        }
        assert_eq!(read("Fri, 01 Mar 2024 10:00:00 GMT"), read("2024-03-01T10:00:00Z"));
        for text in
            ["", "x", "2024-13", "2024-02-30", "2024-03-01T25:00", "1e2", "2024-03-01T10:00:00+99"]
        {
            assert_eq!(DateTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn months_have_their_own_lengths() {
        let date = read("2024-01-31T10:00:00Z");
        assert_eq!(date.plus(1, "months").expect("a month").to_iso(), "2024-02-29T10:00:00Z");
        assert_eq!(date.plus(-1, "years").expect("a year").to_iso(), "2023-01-31T10:00:00Z");
        assert_eq!(
            date.truncate("first day of next month").expect("known").to_iso(),
            "2024-02-01T00:00:00Z"
        );
        assert!(date.plus(i64::MAX, "days").is_err());
        assert!(date.plus(i64::MAX, "years").is_err());
    }
}
