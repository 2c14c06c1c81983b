//! The floor: a heap of boxed futures with a seeded delay a message, and nothing else.
//!
//! No faults, no journal, no cancellation, no wakers: a task waits for one inbox or one instant at a time, and the
//! loop knows it by number. A simulator cannot be faster than this and still run `async` code.

use std::{
    cell::{Cell, RefCell},
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::{
    contender::{Build, Contender},
    work::{Idle, Outcome, Payload, Timers, Traffic, answer, mix},
};

/// The bare event loop.
pub const CONTENDER: Contender = Contender {
    traffic: Some(traffic),
    seed: Some(traffic),
    timers: Some(timers),
    idle: Some(idle),
    ..Contender::new("bare loop", "peers", Build::Plain)
};

fn traffic(work: &Traffic) -> Outcome {
    let work = *work;
    // Inbox `n` is node n's server, inbox `nodes + n` its client.
    let world = World::new(work.seed, work.latency_min, work.latency_max, 2 * work.nodes);
    let busy = Rc::new(Cell::new(work.clients));
    for node in 0..work.nodes {
        spawn(&world, serve(world.clone(), node));
    }
    for client in 0..work.clients {
        let (world_, busy) = (world.clone(), busy.clone());
        spawn(&world, async move {
            request_all(&world_, &work, client).await;
            busy.set(busy.get() - 1);
        });
    }
    run(&world, || busy.get() == 0);
    let virtual_time = Duration::from_nanos(world.now.get()).max(work.length);
    close(&world);
    Outcome { units: work.messages(), virtual_time }
}

async fn serve(world: Rc<World>, node: u32) {
    loop {
        let message = receive(&world, node).await;
        send(
            &world,
            message.reply_to,
            Message { payload: answer(message.payload), reply_to: node },
        );
    }
}

async fn request_all(world: &Rc<World>, work: &Traffic, client: u32) {
    let inbox = work.nodes + client;
    for request in 0..work.requests {
        if !work.pause.is_zero() {
            sleep(world, work.pause).await;
        }
        let payload = work.payload(client, request);
        send(world, work.peer(client, request), Message { payload, reply_to: inbox });
        assert_eq!(receive(world, inbox).await.payload, answer(payload));
    }
}

fn timers(work: &Timers) -> Outcome {
    let work = *work;
    let world = World::new(1, Duration::ZERO, Duration::ZERO, 0);
    let busy = Rc::new(Cell::new(work.tasks));
    for task in 0..work.tasks {
        let (world_, busy) = (world.clone(), busy.clone());
        spawn(&world, async move {
            for nap in 0..work.sleeps {
                sleep(&world_, Timers::nap(task, nap)).await;
            }
            busy.set(busy.get() - 1);
        });
    }
    run(&world, || busy.get() == 0);
    let virtual_time = Duration::from_nanos(world.now.get());
    close(&world);
    Outcome { units: work.total(), virtual_time }
}

fn idle(work: &Idle, ready: &mut dyn FnMut()) -> Outcome {
    let world = World::new(1, Duration::ZERO, Duration::ZERO, work.nodes);
    for node in 0..work.nodes {
        spawn(&world, serve(world.clone(), node));
    }
    run(&world, || false);
    ready();
    close(&world);
    Outcome { units: u64::from(work.nodes), virtual_time: Duration::ZERO }
}

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;
type TaskId = usize;

/// The whole simulator.
struct World {
    now: Cell<u64>,
    sequence: Cell<u64>,
    random: Cell<u64>,
    latency_min: u64,
    latency_span: u64,
    /// The task that is being polled.
    current: Cell<TaskId>,
    heap: RefCell<BinaryHeap<Reverse<Event>>>,
    ready: RefCell<VecDeque<TaskId>>,
    tasks: RefCell<Vec<Option<BoxFuture>>>,
    inboxes: RefCell<Vec<Inbox>>,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Message>,
    waiting: Option<TaskId>,
}

struct Message {
    payload: Payload,
    reply_to: u32,
}

struct Event {
    at: u64,
    sequence: u64,
    what: What,
}

enum What {
    /// A message in flight: the future that puts it into its inbox.
    Run(BoxFuture),
    /// A sleeper whose time has come.
    Wake(TaskId),
}

impl World {
    fn new(seed: u64, latency_min: Duration, latency_max: Duration, inboxes: u32) -> Rc<Self> {
        Rc::new(Self {
            now: Cell::new(0),
            sequence: Cell::new(0),
            random: Cell::new(mix(seed)),
            latency_min: nanos(latency_min),
            latency_span: nanos(latency_max - latency_min),
            current: Cell::new(0),
            heap: RefCell::default(),
            ready: RefCell::default(),
            tasks: RefCell::default(),
            inboxes: RefCell::new((0..inboxes).map(|_| Inbox::default()).collect()),
        })
    }

    fn latency(&self) -> u64 {
        let random = mix(self.random.get());
        self.random.set(random);
        self.latency_min + random % (self.latency_span + 1)
    }

    fn schedule(&self, delay: u64, what: What) {
        let sequence = self.sequence.get();
        self.sequence.set(sequence + 1);
        let at = self.now.get() + delay;
        self.heap.borrow_mut().push(Reverse(Event { at, sequence, what }));
    }
}

fn spawn(world: &World, task: impl Future<Output = ()> + 'static) {
    let mut tasks = world.tasks.borrow_mut();
    world.ready.borrow_mut().push_back(tasks.len());
    tasks.push(Some(Box::pin(task)));
}

/// Runs until `done`, or until nothing is left to happen.
fn run(world: &Rc<World>, done: impl Fn() -> bool) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        run_ready(world, &mut context);
        if done() {
            return;
        }
        let Some(Reverse(event)) = world.heap.borrow_mut().pop() else { return };
        world.now.set(event.at);
        match event.what {
            What::Wake(task) => world.ready.borrow_mut().push_back(task),
            What::Run(mut future) => {
                let arrived = future.as_mut().poll(&mut context);
                assert!(arrived.is_ready(), "a message in flight waits for nothing");
            }
        }
    }
}

fn run_ready(world: &World, context: &mut Context<'_>) {
    while let Some(id) = pop_ready(world) {
        let task = world.tasks.borrow_mut()[id].take();
        let mut task = task.expect("a task is woken only by what it waits for, and only once");
        world.current.set(id);
        if task.as_mut().poll(context).is_pending() {
            world.tasks.borrow_mut()[id] = Some(task);
        }
    }
}

fn pop_ready(world: &World) -> Option<TaskId> {
    world.ready.borrow_mut().pop_front()
}

/// Drops all tasks and messages: they hold the world, and the world holds them.
fn close(world: &World) {
    world.tasks.take();
    world.heap.take();
}

fn send(world: &Rc<World>, to: u32, message: Message) {
    let target = world.clone();
    let flight = Box::pin(async move { deliver(&target, to, message) });
    world.schedule(world.latency(), What::Run(flight));
}

fn deliver(world: &World, to: u32, message: Message) {
    let inbox = &mut world.inboxes.borrow_mut()[to as usize];
    inbox.messages.push_back(message);
    if let Some(task) = inbox.waiting.take() {
        world.ready.borrow_mut().push_back(task);
    }
}

fn receive(world: &World, inbox: u32) -> impl Future<Output = Message> {
    poll_fn(move |_| {
        let inbox = &mut world.inboxes.borrow_mut()[inbox as usize];
        match inbox.messages.pop_front() {
            Some(message) => Poll::Ready(message),
            None => {
                inbox.waiting = Some(world.current.get());
                Poll::Pending
            }
        }
    })
}

fn sleep(world: &World, duration: Duration) -> impl Future<Output = ()> {
    let mut started = false;
    poll_fn(move |_| {
        if started {
            return Poll::Ready(());
        }
        started = true;
        world.schedule(nanos(duration), What::Wake(world.current.get()));
        Poll::Pending
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).expect("584 years are enough")
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}
