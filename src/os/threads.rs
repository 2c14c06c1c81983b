//! The threads that a program makes: one at a time, in the order in which they were made.
//!
//! A thread runs only while the world's own thread waits for it. What it asks of the world is
//! answered on the world's thread; what blocks gives the world's thread back until it is there. So
//! two runs do the same things in the same order, whatever the host's scheduler does.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::pthread_t;

use super::gate::{self, Over, Reply, Role, Until, Wait};
use super::host::Host;
use super::{Os, calls};
use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{self, ThreadSeal, current};
use crate::time::Time;

/// What C calls in a new thread, and with what.
pub(super) type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;

/// Calls that a thread of a dead program may still make, each of which fails, before it is given
/// up: it is then killed.
const LAST_CALLS: u32 = 10_000;
/// The calls of such a thread that do not fail: locks and joins, and closing, since else the number
/// would be closed once more later, when it may be somebody else's.
const LAST_WORDS: [&str; 4] = ["close", "futex", "pthread_join", "pthread_detach"];
/// How often threads of a dead program that wait for each other are told to look again.
const LAST_LOOKS: u32 = 3;

/// Whose turn it is.
const WORLD: u32 = 0;
const THREAD: u32 = 1;

/// What one side leaves for the other when it hands the baton on.
enum Mail {
    Nothing,
    /// The world to the thread: go on, your wait ended so. The time is that of the shared clock.
    Go(Over, Time),
    /// The thread to the world.
    Ask(*mut Question<'static>),
    Wait(Wait),
    Ended,
    /// The world to the thread: be no more.
    Vanish,
}

/// A call that the world's thread makes for another one, which waits meanwhile.
pub(super) struct Question<'a> {
    name: &'static str,
    call: &'a mut dyn FnMut(&Os, NodeId) -> Reply,
    reply: Option<Reply>,
}

/// The baton between a world's thread and one that a program made.
pub(super) struct Baton {
    holder: AtomicU32,
    mail: UnsafeCell<Mail>,
}

// SAFETY: only who holds the baton touches the mail, and handing it on releases what was written.
unsafe impl Sync for Baton {}
// SAFETY: the mail's pointer is used on the world's thread alone, while the thread that made it
// waits.
unsafe impl Send for Baton {}

impl Baton {
    /// Hands the baton to the other side, with `mail`, and waits until it is back.
    fn exchange(&self, me: u32, mail: Mail) -> Mail {
        self.give(me, mail);
        self.wait(me)
    }

    fn give(&self, me: u32, mail: Mail) {
        // SAFETY: this side holds the baton.
        unsafe { *self.mail.get() = mail };
        self.holder.store(1 - me, Ordering::Release);
        calls::wake_futex(&self.holder);
    }

    fn wait(&self, me: u32) -> Mail {
        while self.holder.load(Ordering::Acquire) != me {
            calls::wait_futex(&self.holder, 1 - me);
        }
        // SAFETY: this side holds the baton.
        unsafe { std::mem::replace(&mut *self.mail.get(), Mail::Nothing) }
    }
}

/// A thread as its world sees it.
struct Thread {
    number: u64,
    made: Time,
    handle: Cell<pthread_t>,
    baton: Arc<Baton>,
    wait: Cell<Option<Wait>>,
    /// Its futex was woken.
    woken: Cell<bool>,
    /// Nobody will join it. Only the world is told until it has ended: it may have to be killed.
    is_detached: Cell<bool>,
}

/// The threads of one program that have not ended, oldest first.
#[derive(Default)]
pub(super) struct Threads {
    list: RefCell<Vec<Rc<Thread>>>,
}

impl Threads {
    pub(super) fn has(&self, handle: pthread_t) -> bool {
        self.find(handle).is_some()
    }

    fn find(&self, handle: pthread_t) -> Option<Rc<Thread>> {
        self.list.borrow().iter().find(|thread| thread.handle.get() == handle).cloned()
    }

    /// `pthread_detach`; false if there is no such thread any more.
    pub(super) fn detach(&self, handle: pthread_t) -> bool {
        let thread = self.find(handle);
        thread.inspect(|thread| thread.is_detached.set(true)).is_some()
    }

    /// When the first of them would go on by itself, on the node's clock.
    pub(super) fn deadline(&self) -> Option<Time> {
        let list = self.list.borrow();
        list.iter().filter_map(|thread| thread.wait.get()?.deadline).min()
    }

    /// The locks for which they wait and that others than the program's threads may hold: where they
    /// are, and what they were then.
    fn locks(&self) -> Vec<(usize, u32)> {
        let lock = |thread: &Rc<Thread>| match thread.wait.get()?.until {
            Until::Lock(address, value) => Some((address, value)),
            _ => None,
        };
        self.list.borrow().iter().filter_map(lock).collect()
    }

    /// Wakes up to `most` of those that wait for a futex; tells how many there were.
    pub(super) fn wake_futex(&self, address: usize, most: usize) -> usize {
        let list = self.list.borrow();
        let waits = |thread: &&Rc<Thread>| {
            let at = thread.wait.get().and_then(|wait| match wait.until {
                Until::Futex(at) | Until::Lock(at, _) => Some(at),
                _ => None,
            });
            !thread.woken.get() && at == Some(address)
        };
        list.iter().filter(waits).take(most).inspect(|thread| thread.woken.set(true)).count()
    }
}

impl Thread {
    /// Its name, if it has one, and what it does, for who wonders why it does not end.
    fn describe(&self) -> String {
        let name = calls::name_of_thread(self.handle.get());
        let name = name.map_or_else(String::new, |name| format!(" `{name}`"));
        let waits = match self.wait.get().map(|wait| wait.until) {
            Some(Until::Ended(_)) => "it waits for another thread",
            Some(_) => "it waits for a lock, a condition or a channel",
            None => "it goes on making calls",
        };
        let (number, made) = (self.number, self.made);
        format!("thread {number}{name}, made at {made}, did not end with its program: {waits}")
    }
}

/// A thread before its first step.
pub(super) struct Newborn {
    node: String,
    start: Start,
    argument: *mut c_void,
    baton: Arc<Baton>,
    seal: ThreadSeal,
}

/// Adds a thread to a program. The result goes to [`run_newborn`] on the thread itself, and
/// [`made`] is called when there is a handle.
pub(super) fn announce(
    os: &Os,
    host: &Host,
    start: Start,
    argument: *mut c_void,
) -> (u64, Newborn) {
    let number = os.next_thread();
    let baton =
        Arc::new(Baton { holder: AtomicU32::new(WORLD), mail: UnsafeCell::new(Mail::Nothing) });
    let thread = Thread {
        number,
        made: current::with(|kernel| kernel.now()),
        handle: Cell::new(0),
        baton: baton.clone(),
        wait: Cell::new(None),
        woken: Cell::new(false),
        is_detached: Cell::new(false),
    };
    host.threads.list.borrow_mut().push(Rc::new(thread));
    let (seal, node) =
        current::with(|kernel| (kernel.thread_seal(number), kernel.node_name(host.node)));
    (number, Newborn { node, start, argument, baton, seal })
}

/// The thread exists, or could not be made.
pub(super) fn made(host: &Host, number: u64, handle: Option<pthread_t>) {
    let mut list = host.threads.list.borrow_mut();
    match handle {
        Some(handle) => {
            let thread = list.iter().find(|thread| thread.number == number);
            thread.inspect(|thread| thread.handle.set(handle));
        }
        None => list.retain(|thread| thread.number != number),
    }
    drop(list);
    host.wake();
}

/// What a thread that a program made has until its very end.
pub(super) struct Held {
    baton: Arc<Baton>,
    seal: ThreadSeal,
}

thread_local! {
    /// Without a destructor: those of the program's own thread-locals still make calls.
    static HELD: Cell<*const Held> = const { Cell::new(std::ptr::null()) };
}

/// What a thread that a program made does from its start until its function has returned.
pub(super) fn run_newborn(newborn: Newborn) -> *mut c_void {
    let Newborn { node, start, argument, baton, seal } = newborn;
    let now = match baton.wait(THREAD) {
        Mail::Go(_, now) => now,
        _ => calls::vanish(),
    };
    seal.run(now, |seal| {
        let held = Box::into_raw(Box::new(Held { baton, seal }));
        calls::at_thread_end(held);
        HELD.set(held);
        gate::set_role(Role::Thread);
        current::reach_world_by(|f| {
            gate::ask("wake", |_, _| {
                f();
                Reply::Value(0)
            });
        });
        // A panic is its program's affair. Printing it would also take locks of the whole process,
        // and who is killed gives none back.
        kernel::silence_thread_of(node);
        // SAFETY: this is what the program asked `pthread_create` for.
        unsafe { start(argument) }
    })
}

/// The thread and its thread-locals have nothing left to do.
pub(super) fn ended(held: Held) {
    HELD.set(std::ptr::null());
    gate::set_role(Role::Outside);
    held.baton.give(THREAD, Mail::Ended);
}

fn held<'a>() -> Option<&'a Held> {
    // SAFETY: it is null, or lives as long as this thread, to which the result does not go out.
    unsafe { HELD.get().as_ref() }
}

/// Asks the world on behalf of this thread.
pub(super) fn ask(name: &'static str, call: &mut dyn FnMut(&Os, NodeId) -> Reply) -> Reply {
    let Some(Held { baton, seal }) = held() else { return Reply::Pass };
    let mut question = Question { name, call, reply: None };
    let pointer = (&raw mut question).cast::<Question<'static>>();
    go_on(seal, baton.exchange(THREAD, Mail::Ask(pointer)));
    question.reply.take().unwrap_or(Reply::Errno(libc::ECANCELED))
}

/// Gives the world its thread back until a wait is over.
pub(super) fn wait(wait: Wait) -> Over {
    let Some(Held { baton, seal }) = held() else { return Over::Again };
    go_on(seal, baton.exchange(THREAD, Mail::Wait(wait)))
}

fn go_on(seal: &ThreadSeal, mail: Mail) -> Over {
    match mail {
        Mail::Go(over, now) => {
            seal.show(now);
            over
        }
        Mail::Vanish => calls::vanish(),
        _ => Over::Again,
    }
}

/// Nothing more happens in the world: gives others than its threads, such as those of another world,
/// 10 s of real time to let go of the locks for which its threads wait. True if one has changed.
///
/// Who holds such a lock does so for microseconds, but on a busy host it may be long until it runs.
pub(super) fn wait_for_others(os: &Os) -> bool {
    let hosts: Vec<Rc<Host>> = os.hosts.borrow().values().cloned().collect();
    for _ in 0..1_000 {
        let mut waits = false;
        for host in &hosts {
            for (address, value) in host.threads.locks() {
                waits = true;
                if calls::changes_soon(address, value) {
                    host.wake();
                    return true;
                }
            }
        }
        if !waits {
            break;
        }
    }
    false
}

/// Lets every thread run that can; true if one did.
pub(super) fn run(os: &Os, host: &Host) -> bool {
    let mut ran = false;
    while let Some((thread, over)) = ready(os, host) {
        ran = true;
        step(os, host, &thread, over, false);
    }
    ran
}

/// The first thread that can run, and how its wait ended.
fn ready(os: &Os, host: &Host) -> Option<(Rc<Thread>, Over)> {
    host.threads.list.borrow().iter().find_map(|thread| {
        let over = match thread.wait.get() {
            None => Some(Over::Again),
            Some(_) if thread.woken.get() => Some(Over::With(Ok(0))),
            Some(wait) => os.is_over(host.node, &wait),
        };
        over.map(|over| (thread.clone(), over))
    })
}

/// Lets one thread run until it waits or ends; true if it ended. Of a dead program, every call
/// fails but those by which its threads end in order: closing, joining, and locks. False then if it
/// waits for such a thing, or has made too many calls.
fn step(os: &Os, host: &Host, thread: &Thread, over: Over, is_dead: bool) -> bool {
    thread.wait.set(None);
    thread.woken.set(false);
    let mut over = over;
    let mut now = current::with(|kernel| kernel.now());
    for _ in 0..if is_dead { LAST_CALLS } else { u32::MAX } {
        let mail =
            gate::in_role(Role::Outside, || thread.baton.exchange(WORLD, Mail::Go(over, now)));
        over = Over::Again;
        match mail {
            Mail::Ask(question) => {
                // SAFETY: who asks waits for the answer, so the question lives.
                let question = unsafe { &mut *question };
                question.reply = Some(match is_dead && !LAST_WORDS.contains(&question.name) {
                    true => Reply::Errno(libc::ECANCELED),
                    false => (question.call)(os, host.node),
                });
            }
            Mail::Wait(wait) if is_dead && !wait.is_for_threads() => {
                // Time flies for the dead: else who waits with a limit would wait again.
                now = now.max(wait.deadline.unwrap_or(now));
                over = Over::With(wait.deadline.map_or(Err(libc::ECANCELED), |_| wait.late));
            }
            Mail::Wait(wait) => {
                thread.wait.set(Some(wait));
                return false;
            }
            Mail::Ended => {
                host.threads.list.borrow_mut().retain(|other| other.number != thread.number);
                if thread.is_detached.get() {
                    calls::detach(thread.handle.get());
                }
                return true;
            }
            Mail::Nothing | Mail::Go(..) | Mail::Vanish => {}
        }
    }
    false
}

/// The program is no more: its threads see every call fail until they end. Those that do not are
/// killed where they wait, as the system does it, and what they hold in memory is lost; the result
/// tells of each.
pub(super) fn cancel_all(os: &Os, host: &Host) -> Vec<String> {
    let cancelled = Over::With(Err(libc::ECANCELED));
    let all = || host.threads.list.borrow().clone();
    for _ in 0..LAST_LOOKS {
        for thread in all() {
            if host.threads.find(thread.handle.get()).is_some() {
                step(os, host, &thread, cancelled, true);
            }
            // Whom that has freed.
            while let Some((thread, over)) = ready(os, host) {
                if !step(os, host, &thread, over, true) && thread.wait.get().is_none() {
                    break;
                }
            }
        }
    }
    let kill = |thread: &Rc<Thread>| {
        let text = thread.describe();
        let note = Entry::new(Kind::Note, host.node);
        current::with(|kernel| kernel.record_text(note, format!("{text}; it is killed")));
        thread.baton.give(WORLD, Mail::Vanish);
        calls::reap(thread.handle.get());
        text
    };
    let killed = all().iter().map(kill).collect();
    host.threads.list.borrow_mut().clear();
    killed
}
