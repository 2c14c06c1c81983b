//! Strategies for `proptest!`: seeds, fault plans and workloads, so that a failing property shrinks.
//!
//! A property returns its error (`prop_assert!` does); a panic would go through the simulator. In a
//! crate of your own:
//!
//! ```
//! use proptest::prelude::*;
//! use stormglass::chaos::{Chaos, strategies::{fault_plans, seeds}};
//! use stormglass::topology::Topology;
//!
//! fn shop() -> Topology {
//!     // ...
//! #   Topology::default()
//! }
//!
//! proptest! {
//!     // Failures are kept in proptest-regressions/shop.txt: check that file in.
//!     #![proptest_config(stormglass::regressions!("shop"))]
//!     # /*
//!     #[test]
//!     # */
//!     fn no_order_is_charged_twice(seed in seeds(), plan in fault_plans(&shop(), &Chaos::default())) {
//!         // Run the world with that seed and plan, and `prop_assert!` what it promises.
//!         prop_assert!(plan.check(&shop()).is_ok(), "seed {seed}");
//!     }
//! }
//! # no_order_is_charged_twice();
//! ```
//!
//! The plan shrinks to the few faults that matter, with round values; the seed does not, because a
//! smaller seed is another run and no simpler one. The failure shows the plan as a script: save the
//! text from its first `#` on as a file, and load it with [`crate::chaos::Script::load`].

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::{NewTree, ValueTree};
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use crate::chaos::{Chaos, FaultPlan};
use crate::seed::Seed;
use crate::topology::Topology;

/// Any seed; it does not shrink.
pub fn seeds() -> impl Strategy<Value = Seed> {
    any::<u64>().prop_map(Seed).no_shrink()
}

/// From one to `most` operations of a client. Shrinks to fewer, then to simpler ones.
pub fn workloads<S: Strategy>(operation: S, most: usize) -> impl Strategy<Value = Vec<S::Value>> {
    vec(operation, 1..=most)
}

/// The plans that `chaos` draws for a world of that topology. They shrink to fewer faults, then to
/// simpler ones, and stay within the tolerance.
#[must_use]
pub fn fault_plans(topology: &Topology, chaos: &Chaos) -> FaultPlans {
    FaultPlans { topology: topology.clone(), chaos: chaos.clone() }
}

/// See [`fault_plans`].
#[derive(Clone, Debug)]
pub struct FaultPlans {
    topology: Topology,
    chaos: Chaos,
}

impl Strategy for FaultPlans {
    type Tree = PlanTree;
    type Value = FaultPlan;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let seed = any::<u64>().new_tree(runner)?.current();
        let plan = self.chaos.draw(Seed(seed), &self.topology);
        Ok(PlanTree { from: self.clone(), failing: plan.clone(), current: plan, rest: Vec::new() })
    }
}

/// A drawn plan, and what it may shrink to.
#[derive(Clone, Debug)]
pub struct PlanTree {
    from: FaultPlans,
    /// The simplest plan that is known to fail, or the first.
    failing: FaultPlan,
    current: FaultPlan,
    /// What is simpler than `failing` and not yet tried, simplest last.
    rest: Vec<FaultPlan>,
}

impl PlanTree {
    /// Moves to the next candidate; without one back to the plan that fails.
    fn next(&mut self) -> bool {
        let FaultPlans { topology, chaos } = &self.from;
        while let Some(plan) = self.rest.pop() {
            if plan.check(topology).is_ok() && chaos.tolerance.permits(&plan, topology).is_ok() {
                self.current = plan;
                return true;
            }
        }
        self.current = self.failing.clone();
        false
    }
}

impl ValueTree for PlanTree {
    type Value = FaultPlan;

    fn current(&self) -> FaultPlan {
        self.current.clone()
    }

    /// The current plan fails: go on from it.
    fn simplify(&mut self) -> bool {
        self.failing = self.current.clone();
        self.rest = self.failing.simpler();
        self.rest.reverse();
        self.next()
    }

    /// The current plan does not fail: try the next one.
    fn complicate(&mut self) -> bool {
        self.next()
    }
}

/// A configuration that keeps failures at `path`. Use [`regressions!`](crate::regressions), which
/// knows the path.
#[must_use]
pub fn config(path: &'static str) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(path))),
        ..ProptestConfig::default()
    }
}

/// A proptest configuration that keeps failures in `proptest-regressions/<name>.txt` beside the
/// `Cargo.toml` of the crate that uses it, wherever in the crate the test is.
///
/// Proptest's own default looks for a `lib.rs` above the test's source file, finds none above
/// `tests/`, and scatters its files there. See [`chaos::strategies`](crate::chaos::strategies).
#[macro_export]
macro_rules! regressions {
    ($name:literal) => {
        $crate::chaos::strategies::config(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/proptest-regressions/",
            $name,
            ".txt"
        ))
    };
}
