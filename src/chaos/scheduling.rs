//! A scheduling as a few words, as scripts and command lines write it: `fifo`, `random`,
//! `pct depth 3 steps 512`.

use std::fmt;
use std::str::FromStr;

use crate::kernel::Scheduling;

impl fmt::Display for Scheduling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheduling::Fifo => f.write_str("fifo"),
            Scheduling::Random => f.write_str("random"),
            Scheduling::Pct { depth, steps } => write!(f, "pct depth {depth} steps {steps}"),
        }
    }
}

impl FromStr for Scheduling {
    type Err = String;

    /// Reads what its `Display` writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let pct = |depth: &str, steps: &str| {
            Some(Scheduling::Pct { depth: depth.parse().ok()?, steps: steps.parse().ok()? })
        };
        let scheduling = match words[..] {
            ["fifo"] => Some(Scheduling::Fifo),
            ["random"] => Some(Scheduling::Random),
            ["pct", "depth", depth, "steps", steps] => pct(depth, steps),
            _ => None,
        };
        scheduling.ok_or_else(|| {
            format!("no scheduling `{text}`; there is `fifo`, `random`, `pct depth 3 steps 500`")
        })
    }
}

/// For fields of scripts: the words, not the structure.
pub(super) mod words {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::kernel::Scheduling;

    pub(in crate::chaos) fn serialize<S: Serializer>(
        scheduling: &Option<Scheduling>,
        s: S,
    ) -> Result<S::Ok, S::Error> {
        match scheduling {
            Some(scheduling) => s.collect_str(scheduling),
            None => s.serialize_none(),
        }
    }

    pub(in crate::chaos) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Scheduling>, D::Error> {
        String::deserialize(d)?.parse().map(Some).map_err(serde::de::Error::custom)
    }
}
