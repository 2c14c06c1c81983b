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
    /// A datagram, which has no answer. (An event is a request, to its broker and from it.)
    Message,
}

/// What happens to one message. In a script: `drop`, `duplicate`, `delay 2s`, `reset`, `corrupt`,
/// `stall`, `stall 30s` or `drop bytes after 100`.
///
/// On a connection ([`crate::net::Connection`], the sockets of a program) the message is a segment,
/// and TCP sees to it that what is lost, doubled or corrupted only costs time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It never arrives.
    Drop,
    /// It arrives twice. A handler is called for each copy, as behind a proxy that tries again; on a
    /// connection TCP ignores the copy.
    Duplicate,
    /// It arrives that much later.
    Delay(Duration),
    /// The sender sees its connection reset, and it never arrives.
    Reset,
    /// Some of its bits are flipped.
    Corrupt,
    /// From it on nothing of its connection arrives in this direction, acknowledgements neither, and
    /// nobody is told: a path that is dead for so long, or until chaos ends (toxiproxy's `timeout`).
    /// Linux sends again for about 15 minutes; a keep-alive or a user timeout (`TCP_USER_TIMEOUT`)
    /// finds out sooner. A message without a connection is late, or lost.
    Stall(Option<Duration>),
    /// The first bytes of its body arrive, as many as it says; then both ends see the connection
    /// reset (toxiproxy's `limit_data`). A body that is no longer is left alone. A request or
    /// a reply of the message lane has one piece, and is reset.
    DropBytes {
        /// In bytes, framing and headers not counted.
        after: u64,
    },
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

/// What an effect's text may begin with.
const WORDS: [&str; 6] = ["drop", "duplicate", "delay", "reset", "corrupt", "stall"];

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
            ("stall", "") => Ok(Effect::Stall(None)),
            ("stall", rest) => text::parse(rest).map(|lasts| Effect::Stall(Some(lasts))),
            ("drop", rest) if rest.starts_with("bytes") => {
                let after = rest.strip_prefix("bytes after ").and_then(|n| n.trim().parse().ok());
                let wrong = "`drop bytes` needs a number, like `drop bytes after 100`";
                after.map(|after| Effect::DropBytes { after }).ok_or_else(|| wrong.to_owned())
            }
            _ => Err(match nearest(word, WORDS) {
                Some(near) if near != word => {
                    format!("no effect `{word}`; did you mean `{near}`?")
                }
                _ => format!(
                    "no effect `{text}`; write drop, duplicate, delay with a duration, reset, corrupt, \
                     stall with or without a duration, or drop bytes after a number"
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
