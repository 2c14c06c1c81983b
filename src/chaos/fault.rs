//! The vocabulary of faults: one enum, plain data, named after Chaos Mesh and Jepsen where they have a name.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chaos::{DiskOperation, Effect, Leg, text};

/// One thing that goes wrong.
///
/// A [`Fault::Message`] strikes one message by its name (`checkout -> payment "POST /charge" #1
/// reply`), so it keeps its meaning when the timing of a run moves. A [`Fault::Connection`] strikes
/// bytes that have no name. All others strike a link, a node, a clock or a disk for a window of time. The fields that they share:
///
/// - `at`: the start of the window, in virtual time since the start of the world.
/// - `lasts` (`for` in a script): the length of the window; none means until chaos ends.
/// - `from`, `to`, `a`, `b`, `node`: a member of the topology, standing for all its nodes, or one node.
/// - `percent`: of the messages or operations in the window, 0 to 100, each drawn independently.
///
/// A replica that its service is not scaled to (`Ctx::scale`) is not there: a fault of its process,
/// machine or clock that begins then does not strike it.
///
/// When chaos ends the core heals: nodes are up, links clean, clocks true, disks sound.
///
/// Its text is one line, as stories and scripts show it:
///
/// ```
/// use std::time::Duration;
/// use stormglass::chaos::{Effect, Fault, Leg};
///
/// let lost_reply = Fault::Message {
///     from: "checkout".into(),
///     to: "payment".into(),
///     label: Some("POST /charge".into()),
///     n: 1,
///     leg: Leg::Reply,
///     effect: Effect::Drop,
/// };
/// assert_eq!(lost_reply.to_string(), r#"checkout -> payment "POST /charge" #1 reply: drop"#);
///
/// let ms = Duration::from_millis;
/// let crash = Fault::Crash { node: "payment".into(), at: ms(120), lasts: Some(ms(300)) };
/// assert_eq!(crash.to_string(), "at 120ms for 300ms: crash payment");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
#[allow(missing_docs, reason = "fields that variants share are documented once, above")]
pub enum Fault {
    /// Strikes one message by name: Chaos Mesh `HTTPChaos` (abort, delay), but exactly one.
    Message {
        from: String,
        to: String,
        /// Method and path as the caller sends them, ids as `{id}`; of events
        /// `publish TOPIC` and `deliver TOPIC`; of datagrams what their sender called them; none means: every
        /// message on that edge counts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// Which of the messages that match, from 1, in the order in which they are sent.
        n: u64,
        /// The way out, the way back, or a message without an answer.
        leg: Leg,
        /// What happens to it.
        effect: Effect,
    },
    /// Strikes the bytes of one connection, whatever they say: the segment with that number or that
    /// byte, by default the first one. A [`crate::net::Connection`], or a socket of a program.
    Connection {
        /// Who opened the connection.
        from: String,
        to: String,
        /// Which of the connections from one node to the other, from 1: `conn #3` in a story.
        conn: u64,
        /// `Request`: what the one who opened it sends; `Reply`: what the other one sends.
        leg: Leg,
        /// Which of the segments with data of that direction, from 1.
        #[serde(default, skip_serializing_if = "is_none")]
        segment: Option<u64>,
        /// The offset of a byte of that direction, from 0. What is before it arrives: a stall, a
        /// reset and `drop bytes` begin with this byte, all others strike the segment that it is in.
        #[serde(default, skip_serializing_if = "is_none")]
        byte: Option<u64>,
        /// What happens. The body of `drop bytes` is all that follows.
        effect: Effect,
    },
    /// Cuts two groups off from each other: Chaos Mesh `NetworkChaos` partition, Jepsen `partition`.
    Partition {
        a: Vec<String>,
        b: Vec<String>,
        /// Only what goes from `a` to `b` is lost; the other direction works.
        #[serde(default, skip_serializing_if = "is_false")]
        one_way: bool,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Loses messages of a link: Chaos Mesh `NetworkChaos` loss.
    Loss {
        from: String,
        to: String,
        percent: f64,
        /// The mean length of a burst of losses, in messages, at least 1 (Gilbert-Elliott); none
        /// means that each message is lost or not for itself.
        #[serde(default, skip_serializing_if = "is_none")]
        burst: Option<f64>,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Makes a link slower: Chaos Mesh `NetworkChaos` delay, Jepsen `slow`.
    Delay {
        from: String,
        to: String,
        /// What every message waits longer, at least.
        #[serde(with = "text::duration")]
        delay: Duration,
        /// Added to it, drawn uniformly from zero to this for each message.
        #[serde(default, with = "text::duration", skip_serializing_if = "Duration::is_zero")]
        jitter: Duration,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Delivers datagrams and events of a link twice: Chaos Mesh `NetworkChaos` duplicate.
    Duplicate {
        from: String,
        to: String,
        percent: f64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Holds messages of a link back so that later ones overtake them: Chaos Mesh `NetworkChaos` reorder.
    Reorder {
        from: String,
        to: String,
        percent: f64,
        /// How long a message is held back.
        #[serde(with = "text::duration")]
        by: Duration,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Flips bits in messages of a link: Chaos Mesh `NetworkChaos` corrupt.
    Corrupt {
        from: String,
        to: String,
        percent: f64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Narrows a link: Chaos Mesh `NetworkChaos` bandwidth.
    Bandwidth {
        from: String,
        to: String,
        /// Bytes per second, at least 1.
        rate: u64,
        /// How many bytes may wait; what comes on top is lost.
        queue: u64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The process dies at once, and starts again after the window: Chaos Mesh `container-kill`,
    /// Jepsen `kill` / `start`. Peers see their connections reset.
    Crash {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The machine goes dark: what was not synced is lost or torn, peers hear nothing. Jepsen
    /// `lazyfs` lose-unfsynced-writes. Exactly one of `at` and `disk_op` says when.
    PowerLoss {
        node: String,
        #[serde(default, with = "text::maybe", skip_serializing_if = "is_none")]
        at: Option<Duration>,
        /// Strikes in the midst of this disk operation of the node, counted from 1: the operation
        /// fails, and what it writes or renames is lost, kept or torn between sectors, as all that
        /// is not synced by then. A sync may be through, but for its answer, or not.
        #[serde(default, skip_serializing_if = "is_none")]
        disk_op: Option<u64>,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The process stands still, as in a long garbage collection: Jepsen `pause` / `resume`.
    Pause {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The process is asked to end, does so in good order, and starts again after the window:
    /// Chaos Mesh `pod-kill` with a grace period, a rolling update.
    Stop {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The machine is lost with its disk; an empty one takes its place after the window.
    Wipe {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Work takes longer, as beside a greedy neighbour: Chaos Mesh `StressChaos` cpu.
    Slow {
        node: String,
        /// What service times are multiplied with, at least 1.
        factor: f64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The wall clock jumps and stays off until chaos ends: Chaos Mesh `TimeChaos`, Jepsen `bump`.
    ClockStep {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        /// Nanoseconds, forwards or backwards (`by = "-200ms"` in a script).
        #[serde(rename = "by", with = "text::signed")]
        by_ns: i64,
    },
    /// The clock runs fast or slow; the offset that it gathers stays until chaos ends.
    ClockDrift {
        node: String,
        /// Parts per million: 500 gains half a millisecond a second, -500 loses it.
        ppm: i64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// The wall clock stands still; the offset that it gathers stays until chaos ends.
    ClockFreeze {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Writes fail for want of space: Chaos Mesh `IOChaos` fault with `ENOSPC`.
    DiskFull {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Every disk operation takes longer: Chaos Mesh `IOChaos` latency.
    DiskSlow {
        node: String,
        /// Added to every operation.
        #[serde(with = "text::duration")]
        latency: Duration,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Disk operations fail: Chaos Mesh `IOChaos` fault with `EIO`. With neither `percent` nor `n`
    /// all of them fail; not both may be given.
    DiskError {
        node: String,
        /// Which operations.
        operation: DiskOperation,
        #[serde(default, skip_serializing_if = "is_none")]
        percent: Option<f64>,
        /// Only this one of the matching operations in the window, from 1.
        #[serde(default, skip_serializing_if = "is_none")]
        n: Option<u64>,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// `fsync` says yes and does nothing, so a power loss takes what was promised.
    FsyncLies {
        node: String,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
    /// Reads come back with flipped bits: Chaos Mesh `IOChaos` mistake, Jepsen `bitflip`.
    DiskCorrupt {
        node: String,
        percent: f64,
        #[serde(default, with = "text::duration")]
        at: Duration,
        #[serde(default, rename = "for", with = "text::maybe", skip_serializing_if = "is_none")]
        lasts: Option<Duration>,
    },
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_none<T>(value: &Option<T>) -> bool {
    value.is_none()
}
