//! A plan: everything that goes wrong in one run, and what is left of the workload.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::chaos::{Fault, Label, Replay, Script};
use crate::error::{Error, Result};
use crate::topology::Topology;

/// Everything that goes wrong in one run.
///
/// A plan is data: drawn by [`crate::chaos::Chaos`], written by hand, found by a search. It is
/// kept as a script (see [`Script`]):
///
/// ```
/// use stormglass::chaos::FaultPlan;
/// use stormglass::topology::{Member, Role, Topology};
///
/// let topology = Topology {
///     members: vec![Member {
///         name: "payment".into(),
///         replicas: 1,
///         replicas_max: 1,
///         role: Role::Service,
///         calls: [].into(),
///         operations: None,
///     }],
/// };
/// let script = r#"
///     format = 1
///     [[fault]]
///     kind = "crash"
///     node = "payment"
///     at = "120ms"
///     for = "300ms"
/// "#;
/// let plan = FaultPlan::parse(script, "crash.toml", &topology)?;
/// assert_eq!(plan.to_string(), "at 120ms for 300ms: crash payment\n");
/// # Ok::<(), stormglass::error::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// The faults. Their order has no meaning but in reports, which number them from 1.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// For a client, which operations of its workload are kept, by their index from 0. A client
    /// that is not named keeps all of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub workload: BTreeMap<String, Vec<usize>>,
}

impl FaultPlan {
    /// A plan of these faults, with the whole workload.
    #[must_use]
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> FaultPlan {
        FaultPlan { faults: faults.into_iter().collect(), workload: BTreeMap::new() }
    }

    /// True if `client` is to do the operation with that index.
    #[must_use]
    pub fn keeps(&self, client: &str, operation: usize) -> bool {
        self.workload.get(client).is_none_or(|kept| kept.contains(&operation))
    }

    /// The plan as a script without a word on where it comes from. [`Script::to_toml`] adds that.
    #[must_use]
    pub fn to_toml(&self) -> String {
        Script { replay: Replay::default(), plan: self.clone() }.to_toml()
    }

    /// Reads the script at `path` and checks it against `topology`.
    ///
    /// # Errors
    ///
    /// As [`Script::load`].
    pub fn load(path: impl AsRef<Path>, topology: &Topology) -> Result<FaultPlan> {
        Script::load(path, topology).map(|script| script.plan)
    }

    /// Reads a script's text; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// As [`Script::parse`].
    pub fn parse(text: &str, file: &str, topology: &Topology) -> Result<FaultPlan> {
        Script::parse(text, file, topology).map(|script| script.plan)
    }

    /// Checks a plan that was made in code, as [`Script::parse`] checks a text.
    ///
    /// # Errors
    ///
    /// [`Error::World`] with the first fault that cannot be, and why.
    pub fn check(&self, topology: &Topology) -> Result {
        self.check_with_labels(topology, &[])
    }

    /// Checks also that every message label is one of `labels`, as a recorded run knows them. No
    /// labels at all means that they are not known.
    ///
    /// # Errors
    ///
    /// As [`FaultPlan::check`].
    pub fn check_with_labels(&self, topology: &Topology, labels: &[Label<'_>]) -> Result {
        self.first_problem(topology, labels).map_or(Ok(()), |problem| {
            Err(Error::World(match self.faults.get(problem.fault) {
                Some(fault) => {
                    format!("fault {} ({fault}): {}", problem.fault + 1, problem.reason)
                }
                None => problem.reason,
            }))
        })
    }
}

/// The script, so that what `proptest` prints of a failure can be saved and loaded.
impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.to_toml())
    }
}

/// One line for each fault.
impl fmt::Display for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))
    }
}
