//! Faults that never struck: why not, and what a run under a given plan then proves.

use std::collections::BTreeSet;

use super::Run;
use crate::chaos::{Fault, Leg};
use crate::error::nearest;
use crate::journal::Kind;
use crate::time::Time;
use crate::verdict::Verdict;

/// What is said if no fault of a plan, or of all plans of a search, ever struck.
pub(crate) fn vacuous(planned: u64) -> Verdict {
    Verdict::Unknown(match planned {
        1 => "vacuous: the only fault never struck".to_owned(),
        _ => format!("vacuous: none of {planned} faults ever struck"),
    })
}

impl Run {
    /// The verdict of a run that was asked for with a plan: as [`Run::verdict`], and unknown instead
    /// of *holds* if the plan has faults and none of them struck.
    ///
    /// For a script that stands for one failure, as in a test. Plans that are drawn, by chaos or by
    /// `proptest`, often strike nothing in one run: only many of them together are vacuous.
    #[must_use]
    pub fn verdict_of_plan(&self) -> Verdict {
        match self.plan_given && self.is_vacuous() {
            true => self.verdict().and(vacuous(self.plan.faults.len() as u64)),
            false => self.verdict(),
        }
    }

    /// The faults that never struck, by their index in the plan, each with what is known of why: for a
    /// message, the labels that were seen between the two, if the journal was kept. The text may be
    /// empty.
    #[must_use]
    pub fn idle_reasons(&self) -> Vec<(usize, String)> {
        let reason = |index: usize| (index, self.idle_reason(index).unwrap_or_default());
        self.idle_faults().into_iter().map(reason).collect()
    }

    fn idle_reason(&self, index: usize) -> Option<String> {
        let (fault, tally) = (self.plan.faults.get(index)?, self.tallies.get(index)?);
        let asked = tally.opportunities;
        match fault {
            Fault::Message { from, to, label, leg, .. } if asked == 0 => {
                self.no_such_message((from, to), label.as_deref(), *leg)
            }
            Fault::Message { n, .. } if *n > asked => Some(match asked {
                1 => "only one message is such a one".to_owned(),
                _ => format!("only {asked} messages are such ones"),
            }),
            _ => {
                let (at, _) = fault.window()?;
                let over = Time::from(at) > self.duration;
                over.then(|| format!("the run ended at {}", self.duration))
            }
        }
    }

    /// Why no message fits: what was seen on its way instead.
    fn no_such_message(
        &self,
        (from, to): (&String, &String),
        label: Option<&str>,
        leg: Leg,
    ) -> Option<String> {
        if self.journal.is_empty() {
            return None;
        }
        let (bytes, seen): (Vec<&str>, Vec<&str>) = self
            .labels_between(from, to, leg)
            .into_iter()
            .partition(|label| label.starts_with("conn #"));
        let what = if leg == Leg::Reply { "reply" } else { "message" };
        let (from, to) = if leg == Leg::Reply { (to, from) } else { (from, to) };
        Some(match label {
            _ if seen.is_empty() && bytes.is_empty() => {
                format!("no {what} went from {from} to {to}")
            }
            _ if seen.is_empty() => {
                "only bytes went that way, which a fault of kind `connection` strikes".to_owned()
            }
            Some(label) if !seen.contains(&label) => {
                let near = nearest(label, seen.iter().copied());
                let hint = near.map(|near| format!("; did you mean \"{near}\"?"));
                let seen: Vec<String> = seen.iter().map(|label| format!("\"{label}\"")).collect();
                let seen = match (&hint, seen.len()) {
                    (Some(_), 1) => String::new(),
                    _ => format!("; seen: {}", seen.join(", ")),
                };
                format!("no {what} was called that{seen}{}", hint.unwrap_or_default())
            }
            _ => {
                let other = if leg == Leg::Message { Leg::Request } else { Leg::Message };
                format!("it was not sent as a `{leg}`; did you mean `{other}`?")
            }
        })
    }

    /// The labels of what was sent on that leg; bytes in which no message was read are called after
    /// their connection. A reply has the label of its request, and the fault names the caller first.
    fn labels_between(&self, from: &str, to: &str, leg: Leg) -> BTreeSet<&str> {
        let (from, to) = (self.topology.nodes(from), self.topology.nodes(to));
        let is_reply = leg == Leg::Reply;
        let (senders, receivers) = if is_reply { (&to, &from) } else { (&from, &to) };
        let goes = |nodes: &[String], name: &str| nodes.iter().any(|node| node == name);
        let sends = self.journal.of_kind(Kind::Send).filter(|send| {
            let of_leg = (send.extra() != 0) == is_reply || send.symbol().starts_with("conn #");
            of_leg && goes(senders, send.node_name()) && goes(receivers, send.peer_name())
        });
        sends.map(|send| send.symbol()).filter(|label| !label.is_empty()).collect()
    }
}
