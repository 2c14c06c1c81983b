//! An event, and how it looks on the message lane.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The event's id.
pub(super) const ID: &str = "event-id";
/// The event's key, percent-encoded.
pub(super) const KEY: &str = "event-key";
/// That the broker shall keep one event of this id only.
pub(super) const ONCE: &str = "event-once";
/// What begins the name of a header of the event's own; its value is percent-encoded.
pub(super) const OWN: &str = "event-header-";
const TOPIC: &str = "event-topic";
const PARTITION: &str = "event-partition";
const OFFSET: &str = "event-offset";
const DELIVERY: &str = "event-delivery";

/// Where an event is in its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The partition, from 0.
    pub partition: u32,
    /// The place in the partition, from 0.
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.partition, self.offset)
    }
}

/// An event as its consumer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) position: Position,
    pub(super) key: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) payload: Bytes,
    pub(super) delivery: u32,
}

impl Event {
    /// Its id: the same in every delivery of it, and in every try of the call that published it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The topic that it was published to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Where it is in its topic.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Its key: events with equal keys come in the order in which they were published.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A header of its own; `traceparent` is the trace of its publisher.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Its payload.
    #[must_use]
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// Its payload as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }

    /// Its payload, read as JSON.
    ///
    /// # Errors
    ///
    /// If it is not JSON of that type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.payload)
    }

    /// Which delivery to this group this is, from 1. The broker counts those that it knows of: after
    /// it lost its power the count may begin anew.
    #[must_use]
    pub fn delivery(&self) -> u32 {
        self.delivery
    }

    /// Its headers on the message lane.
    pub(super) fn lane_headers(&self) -> Vec<(String, String)> {
        let numbers = [
            (PARTITION, self.position.partition.to_string()),
            (OFFSET, self.position.offset.to_string()),
            (DELIVERY, self.delivery.to_string()),
        ];
        let texts = [(TOPIC, &self.topic), (ID, &self.id), (KEY, &self.key)];
        let named = numbers.into_iter().chain(texts.map(|(name, text)| (name, escape(text))));
        let own = self.headers.iter().map(|(name, value)| (format!("{OWN}{name}"), escape(value)));
        named.map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
    }

    /// Reads it from the message lane; none if it is no event.
    pub(super) fn read(headers: &HeaderMap, payload: Bytes) -> Option<Event> {
        let text = |name: &str| unescape(headers.get(name)?.to_str().ok()?);
        Some(Event {
            id: text(ID)?,
            topic: text(TOPIC)?,
            position: Position {
                partition: text(PARTITION)?.parse().ok()?,
                offset: text(OFFSET)?.parse().ok()?,
            },
            key: text(KEY)?,
            headers: own_headers(headers),
            payload,
            delivery: text(DELIVERY)?.parse().ok()?,
        })
    }
}

/// The headers of the event itself among those of a request.
pub(super) fn own_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    let own = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(OWN)?;
        Some((name.to_owned(), unescape(value.to_str().ok()?)?))
    });
    own.collect()
}

/// Makes any text the value of a header (RFC 3986, section 2.1).
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => {
                let _ = write!(escaped, "%{byte:02X}");
            }
        }
    }
    escaped
}

/// What [`escape`] made the text of; none if it made none such.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// True for the name of a topic or group: letters, digits, `.`, `_` and `-`, as in Kafka.
pub(super) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    !name.is_empty() && name.len() <= 249 && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_header() {
        for text in ["", "7", "order 7", "50 %", "Käse\n\r\0", "%41", "日本"] {
            let escaped = escape(text);
            assert!(escaped.bytes().all(|b| b.is_ascii_graphic()), "{escaped}");
            assert_eq!(unescape(&escaped).as_deref(), Some(text));
        }
        assert_eq!(unescape("%4"), None);
        assert_eq!(unescape("%zz"), None);
        assert_eq!(unescape("%FF"), None, "not UTF-8");
    }

    #[test]
    fn names_are_those_of_kafka() {
        assert!(is_name("orders.OrderPlaced-v1_2"));
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(250)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
