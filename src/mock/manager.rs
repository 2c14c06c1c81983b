//! The mocks of a world, and what is known of each.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use http::Request;
use im::OrdMap;
use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_64;

use super::import::Stubs;
use super::pattern::RequestPattern;
use super::request::{Facts, ReceivedRequest};
use super::serve::MockService;
use super::stub::Stub;
use super::template::Engine;
use super::verify::{self, Count, NearMiss};
use crate::seed::{Seed, Stream};
use crate::service::{Body, Ctx};
use crate::sim::Sim;

/// The state that every scenario begins in.
const STARTED: &str = "Started";

/// The mocks of one world. A cheap handle: clones are the same mocks.
#[derive(Clone, Debug, Default)]
pub struct ServiceMockManager {
    mocks: Rc<RefCell<BTreeMap<String, Mock>>>,
}

/// The state of all mocks of a world at some time, from [`ServiceMockManager::snapshot`].
#[derive(Clone, Debug)]
pub struct MockSnapshot {
    mocks: BTreeMap<String, Snapshot>,
}

/// The state of one mock at some time, from [`Mock::snapshot`]: its stubs, its scenarios, and what
/// its streams will draw. The parts are shared with what they were taken from, so that one costs
/// little.
#[derive(Clone, Debug)]
pub struct Snapshot {
    stubs: Rc<StubIndex>,
    scenarios: OrdMap<String, String>,
    streams: OrdMap<u64, Streams>,
}

impl ServiceMockManager {
    /// No mocks.
    #[must_use]
    pub fn new() -> ServiceMockManager {
        ServiceMockManager::default()
    }

    /// Adds a service to a world that is a mock with these stubs.
    ///
    /// # Panics
    ///
    /// If the world has a member of that name.
    #[track_caller]
    pub fn install(&self, sim: &mut Sim, service: &str, stubs: &Stubs) -> Mock {
        let mock = self.mock(sim.seed(), service, stubs);
        sim.service(service, mock.factory());
        mock
    }

    /// Makes a mock without a world, for `sim.service("payment", mock.factory())` with settings of its
    /// own. `seed` is what it draws from: `sim.seed()`.
    ///
    /// # Panics
    ///
    /// If there is a mock of that name.
    #[track_caller]
    pub fn mock(&self, seed: Seed, service: &str, stubs: &Stubs) -> Mock {
        let mock = Mock::new(seed, service, stubs);
        let before = self.mocks.borrow_mut().insert(service.to_owned(), mock.clone());
        assert!(before.is_none(), "there is a mock `{service}` already");
        mock
    }

    /// The mock of that name.
    #[must_use]
    pub fn get(&self, service: &str) -> Option<Mock> {
        self.mocks.borrow().get(service).cloned()
    }

    /// All mocks, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<Mock> {
        self.mocks.borrow().values().cloned().collect()
    }

    /// The state of all mocks.
    #[must_use]
    pub fn snapshot(&self) -> MockSnapshot {
        let mocks = self.mocks.borrow();
        let taken = mocks.iter().map(|(name, mock)| (name.clone(), mock.snapshot()));
        MockSnapshot { mocks: taken.collect() }
    }

    /// Takes all mocks back to that state; one that came later is as it is.
    pub fn restore(&self, snapshot: &MockSnapshot) {
        for (name, snapshot) in &snapshot.mocks {
            if let Some(mock) = self.get(name) {
                mock.restore(snapshot);
            }
        }
    }

    /// Resets every mock: see [`Mock::reset`].
    pub fn reset(&self) {
        self.all().iter().for_each(Mock::reset);
    }
}

/// One mock. A cheap handle: clones are the same mock. Stubs, properties and clients of its world may
/// ask it at any time.
#[derive(Clone)]
pub struct Mock {
    inner: Rc<Inner>,
}

struct Inner {
    service: String,
    seed: Seed,
    state: RefCell<State>,
    requests: RefCell<Vec<ReceivedRequest>>,
    /// How many of them no stub answered.
    unmatched: Cell<usize>,
    engine: RefCell<Option<Rc<Engine>>>,
    /// What it was made with.
    original: Rc<StubIndex>,
}

struct State {
    stubs: Rc<StubIndex>,
    scenarios: OrdMap<String, String>,
    streams: OrdMap<u64, Streams>,
}

/// What a stub draws from. Delays have their own: a draw more in a template moves none of them.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    pub(super) reply: Stream,
    pub(super) delay: Stream,
}

/// The stubs of a mock, best first, and where to look for them.
#[derive(Debug, Default)]
pub(super) struct StubIndex {
    /// With the key of its streams: unlike those of all others.
    stubs: Vec<(u64, Arc<Stub>)>,
    /// The places of stubs that are for one path.
    by_path: FxHashMap<String, Vec<usize>>,
    /// The places of all others.
    others: Vec<usize>,
}

impl StubIndex {
    fn new(service: &str, oldest_first: &[Arc<Stub>]) -> StubIndex {
        let mut index = StubIndex::default();
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        for stub in oldest_first {
            let times = seen.entry(&stub.key).or_default();
            *times += 1;
            let key = match times {
                1 => format!("{service}/{}", stub.key),
                n => format!("{service}/{} #{n}", stub.key),
            };
            index.stubs.push((xxh3_64(key.as_bytes()), stub.clone()));
        }
        index.stubs.reverse();
        index.stubs.sort_by_key(|(_, stub)| stub.priority);
        for (place, (_, stub)) in index.stubs.iter().enumerate() {
            match stub.request.fixed_path() {
                Some(path) => index.by_path.entry(path.to_owned()).or_default().push(place),
                None => index.others.push(place),
            }
        }
        index
    }

    /// Those that may be for a path, best first: two sorted lists become one.
    fn candidates(&self, path: &str) -> impl Iterator<Item = &(u64, Arc<Stub>)> {
        let mut fixed = self.by_path.get(path).into_iter().flatten().copied().peekable();
        let mut others = self.others.iter().copied().peekable();
        std::iter::from_fn(move || match (fixed.peek(), others.peek()) {
            (Some(a), Some(b)) if a < b => fixed.next(),
            (Some(_), None) => fixed.next(),
            _ => others.next(),
        })
        .map(|place| &self.stubs[place])
    }

    /// All stubs, best first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Stub>> {
        self.stubs.iter().map(|(_, stub)| stub)
    }

    /// In an order that [`StubIndex::new`] makes this one of again: of equal priority the newest
    /// stands first.
    fn oldest_first(&self) -> Vec<Arc<Stub>> {
        self.stubs.iter().rev().map(|(_, stub)| stub.clone()).collect()
    }
}

/// What a request meets.
pub(super) struct Matched {
    pub(super) key: u64,
    pub(super) stub: Arc<Stub>,
    /// The scenario that moved, from where, and to where.
    pub(super) moved: Option<(String, String, String)>,
}

impl Mock {
    fn new(seed: Seed, service: &str, stubs: &Stubs) -> Mock {
        let original = Rc::new(StubIndex::new(service, &stubs.all));
        let state =
            State { stubs: original.clone(), scenarios: OrdMap::new(), streams: OrdMap::new() };
        let inner = Inner {
            service: service.to_owned(),
            seed,
            state: RefCell::new(state),
            requests: RefCell::default(),
            unmatched: Cell::new(0),
            engine: RefCell::default(),
            original,
        };
        Mock { inner: Rc::new(inner) }
    }

    /// The name of its service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// What [`Sim::service`] makes its nodes of.
    #[must_use]
    pub fn factory(&self) -> impl Fn(Ctx) -> MockService + use<> {
        let mock = self.clone();
        move |ctx| MockService::new(mock.clone(), ctx)
    }

    /// Adds a stub, newer than all others.
    pub fn stub(&self, stub: Stub) {
        let mut state = self.inner.state.borrow_mut();
        let mut all = state.stubs.oldest_first();
        all.push(Arc::new(stub));
        state.stubs = Rc::new(StubIndex::new(&self.inner.service, &all));
    }

    /// Its stubs, in the order in which they are tried.
    #[must_use]
    pub fn stubs(&self) -> Vec<Arc<Stub>> {
        self.inner.state.borrow().stubs.all().cloned().collect()
    }

    /// The requests that it has received, in their order.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.inner.requests.borrow().clone()
    }

    /// Those that no stub answered.
    #[must_use]
    pub fn unmatched(&self) -> Vec<ReceivedRequest> {
        let requests = self.inner.requests.borrow();
        requests.iter().filter(|request| request.stub.is_none()).cloned().collect()
    }

    /// How many no stub answered, without copying them.
    #[must_use]
    pub fn unmatched_count(&self) -> usize {
        self.inner.unmatched.get()
    }

    /// How many requests it has received that a pattern describes.
    #[must_use]
    pub fn count(&self, pattern: &RequestPattern) -> usize {
        let requests = self.inner.requests.borrow();
        requests.iter().filter(|request| pattern.matches(&Facts::of(request))).count()
    }

    /// Checks how many requests it has received that a pattern describes.
    ///
    /// # Errors
    ///
    /// How many there were, and the request that was nearest.
    pub fn verify(&self, pattern: &RequestPattern, count: Count) -> Result<(), String> {
        let found = self.count(pattern);
        if count.allows(found) {
            return Ok(());
        }
        let requests = self.inner.requests.borrow();
        Err(verify::wrong_count(self.service(), pattern, count, found, &requests))
    }

    /// The stubs that a request nearly matches, the nearest first; none if one matches.
    #[must_use]
    pub fn near_misses(&self, request: &Request<Body>) -> Vec<NearMiss> {
        self.near_misses_of(&ReceivedRequest::of(request))
    }

    pub(super) fn near_misses_of(&self, request: &ReceivedRequest) -> Vec<NearMiss> {
        let stubs = self.inner.state.borrow().stubs.clone();
        verify::near_misses(&stubs, request, |scenario| self.scenario(scenario))
    }

    /// The state that a scenario is in.
    #[must_use]
    pub fn scenario(&self, name: &str) -> String {
        let state = self.inner.state.borrow();
        state.scenarios.get(name).map_or_else(|| STARTED.to_owned(), String::clone)
    }

    /// The states of all scenarios that have moved.
    #[must_use]
    pub fn scenarios(&self) -> BTreeMap<String, String> {
        let state = self.inner.state.borrow();
        state.scenarios.iter().map(|(name, state)| (name.clone(), state.clone())).collect()
    }

    /// Puts a scenario into a state.
    pub fn set_scenario(&self, name: &str, to: &str) {
        let mut state = self.inner.state.borrow_mut();
        state.scenarios.insert(name.to_owned(), to.to_owned());
    }

    /// Its state: how it will answer. Which requests it has received is no part of that.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let state = self.inner.state.borrow();
        Snapshot {
            stubs: state.stubs.clone(),
            scenarios: state.scenarios.clone(),
            streams: state.streams.clone(),
        }
    }

    /// Takes it back to that state: it will answer as it would have then, draws included. The requests
    /// that it has received stay in its list.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut state = self.inner.state.borrow_mut();
        state.stubs = snapshot.stubs.clone();
        state.scenarios = snapshot.scenarios.clone();
        state.streams = snapshot.streams.clone();
    }

    /// Takes it back to how it was made: its first stubs, all scenarios in `Started`, no requests.
    /// What it draws goes on: a reset does not make it repeat itself.
    pub fn reset(&self) {
        let mut state = self.inner.state.borrow_mut();
        state.stubs = self.inner.original.clone();
        state.scenarios = OrdMap::new();
        drop(state);
        self.inner.requests.borrow_mut().clear();
        self.inner.unmatched.set(0);
    }

    /// Finds the stub that answers, and moves its scenario.
    pub(super) fn take(&self, facts: &Facts<'_>) -> Option<Matched> {
        let mut state = self.inner.state.borrow_mut();
        let stubs = state.stubs.clone();
        let scenarios = &state.scenarios;
        let now = |name: &str| scenarios.get(name).map_or(STARTED, String::as_str).to_owned();
        let (key, stub) = stubs.candidates(facts.request.path()).find(|(_, stub)| {
            let step = stub.scenario.as_ref();
            let required = step.and_then(|s| Some((&s.scenario, s.required.as_ref()?)));
            required.is_none_or(|(name, wanted)| now(name) == *wanted)
                && stub.request.matches(facts)
        })?;
        let step = stub.scenario.as_ref();
        let moved = step.and_then(|step| {
            let (from, to) = (now(&step.scenario), step.next.clone()?);
            (from != to).then(|| (step.scenario.clone(), from, to))
        });
        if let Some((name, _, to)) = &moved {
            state.scenarios.insert(name.clone(), to.clone());
        }
        Some(Matched { key: *key, stub: stub.clone(), moved })
    }

    /// Keeps a request, with the name of what answered.
    pub(super) fn keep(&self, request: ReceivedRequest) {
        if request.stub.is_none() {
            self.inner.unmatched.set(self.inner.unmatched.get() + 1);
        }
        self.inner.requests.borrow_mut().push(request);
    }

    /// Lets a stub draw from its streams.
    pub(super) fn draw<R>(&self, key: u64, f: impl FnOnce(&mut Streams) -> R) -> R {
        let mut state = self.inner.state.borrow_mut();
        let seed = self.inner.seed;
        let streams = state.streams.entry(key).or_insert_with(|| Streams {
            reply: seed.stream("mock", key),
            delay: seed.stream("mock delay", key),
        });
        f(streams)
    }

    /// The helpers of templates, made when the first one is rendered.
    pub(super) fn engine(&self) -> Rc<Engine> {
        let mut engine = self.inner.engine.borrow_mut();
        engine.get_or_insert_with(|| Rc::new(Engine::new())).clone()
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.inner.state.borrow();
        f.debug_struct("Mock")
            .field("service", &self.inner.service)
            .field("stubs", &state.stubs.stubs.len())
            .field("scenarios", &state.scenarios)
            .field("requests", &self.inner.requests.borrow().len())
            .finish_non_exhaustive()
    }
}
