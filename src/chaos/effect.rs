//! The words within a fault: which message, what happens to it, which disk operations.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chaos::text;
use crate::error::nearest;

/// Which message of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Leg {
    /// From the caller to the service.
    Request,
    /// The answer, from the service back to the caller; `from` and `to` are those of the request.
    Reply,
    /// A datagram or an event, which has no answer.
    Message,
}

/// What happens to one message. In a script: `drop`, `duplicate`, `delay 2s`, `reset` or `corrupt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives that much later.
    Delay(Duration),
    /// The sender sees its connection reset, and it never arrives.
    Reset,
    /// Some of its bits are flipped.
    Corrupt,
}

/// Which disk operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskOperation {
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Syncing.
    Sync,
    /// All of them.
    Any,
}

impl FromStr for Effect {
    type Err = String;

    /// Reads what its `Display` writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        match (word, rest) {
            ("drop", "") => Ok(Effect::Drop),
            ("duplicate", "") => Ok(Effect::Duplicate),
            ("reset", "") => Ok(Effect::Reset),
            ("corrupt", "") => Ok(Effect::Corrupt),
            ("delay", "") => Err("`delay` needs a duration, like `delay 2s`".to_owned()),
            ("delay", rest) => text::parse(rest).map(Effect::Delay),
            _ => Err(match nearest(word, ["drop", "duplicate", "delay", "reset", "corrupt"]) {
                Some(near) if near != word => {
                    format!("no effect `{word}`; did you mean `{near}`?")
                }
                _ => format!(
                    "no effect `{text}`; write drop, duplicate, delay with a duration, reset or corrupt"
                ),
            }),
        }
    }
}

impl Serialize for Effect {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Effect {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
