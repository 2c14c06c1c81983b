//! `epoll`: who is told of what, edge by edge or for as long as it lasts.

use std::collections::VecDeque;
use std::rc::Rc;

use libc::c_int;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::Os;
use super::gate::Reply;
use super::object::{Object, ObjectId, State, Table};

/// One `epoll` instance.
#[derive(Default)]
pub(super) struct Epoll {
    registered: Slab<Registration>,
    /// By descriptor, and what it stood for then: a number may be given again while a copy of its
    /// first descriptor keeps the first registration alive.
    by_fd: FxHashMap<(c_int, Option<ObjectId>), usize>,
    /// What may have news, oldest first.
    ready: VecDeque<usize>,
}

struct Registration {
    fd: c_int,
    object: Rc<Object>,
    /// What is asked for, with `EPOLLET` and `EPOLLONESHOT`; 0 once it was told and is one-shot.
    events: u32,
    data: u64,
    queued: bool,
}

impl Epoll {
    /// True if a wait would not be for nothing.
    pub(super) fn has_news(&self) -> bool {
        self.ready.iter().any(|place| self.registered[*place].found() != 0)
    }

    /// Something happened to the object of that registration.
    pub(super) fn news(&mut self, place: usize) {
        if let Some(registration) = self.registered.get_mut(place)
            && !registration.queued
        {
            registration.queued = true;
            self.ready.push_back(place);
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        let removed = self.registered.remove(place);
        self.by_fd.remove(&(removed.fd, Some(removed.object.id)));
        self.ready.retain(|other| *other != place);
    }

    /// Takes at most `most` events out. What is level-triggered and lasts stays in the queue.
    fn take(&mut self, most: usize) -> Vec<libc::epoll_event> {
        let mut events = Vec::new();
        for _ in 0..self.ready.len() {
            if events.len() == most {
                break;
            }
            let Some(place) = self.ready.pop_front() else { break };
            let registration = &mut self.registered[place];
            registration.queued = false;
            let found = registration.found();
            if found == 0 {
                continue;
            }
            events.push(libc::epoll_event { events: found, u64: registration.data });
            if registration.events & libc::EPOLLONESHOT as u32 != 0 {
                registration.events = 0;
            } else if registration.events & libc::EPOLLET as u32 == 0 {
                registration.queued = true;
                self.ready.push_back(place);
            }
        }
        events
    }
}

impl Registration {
    /// The events that there are of those that it asks for.
    fn found(&self) -> u32 {
        if self.events == 0 {
            return 0;
        }
        // `EPOLLIN` and its like have the values of `POLLIN` and its like.
        let always = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        u32::from(self.object.events() as u16) & (self.events | always)
    }
}

/// How deep instances may be nested, as on Linux.
const DEPTH_MAX: usize = 5;

impl Os {
    /// `epoll_ctl`.
    pub(super) fn epoll_ctl(
        &self,
        epfd: c_int,
        operation: c_int,
        fd: c_int,
        asked: Option<libc::epoll_event>,
    ) -> Reply {
        let table = self.table.borrow();
        let Some(instance) = table.get(epfd).cloned() else { return Reply::Pass };
        let object = table.get(fd).cloned();
        drop(table);
        if epfd == fd {
            return Reply::Errno(libc::EINVAL);
        }
        let reply = Os::register(&instance, object, operation, fd, asked);
        // Who waits for the instance, on another thread or by another instance, looks again.
        self.tell_watchers(&instance);
        if let Some(host) = self.host(instance.node) {
            host.count_news();
        }
        reply
    }

    fn register(
        instance: &Rc<Object>,
        object: Option<Rc<Object>>,
        operation: c_int,
        fd: c_int,
        asked: Option<libc::epoll_event>,
    ) -> Reply {
        let mut state = instance.state.borrow_mut();
        let State::Epoll(epoll) = &mut *state else { return Reply::Errno(libc::EINVAL) };
        let key = (fd, object.as_ref().map(|object| object.id));
        let known = epoll.by_fd.get(&key).copied();
        match (operation, known, asked) {
            (libc::EPOLL_CTL_ADD, Some(_), _) => Reply::Errno(libc::EEXIST),
            (libc::EPOLL_CTL_ADD, None, Some(asked)) => {
                // A descriptor of the host, such as the pipe of tokio's signals, has no news here.
                let Some(object) = object else { return Reply::Value(0) };
                let (events, data) = (asked.events, asked.u64);
                let registration =
                    Registration { fd, object: object.clone(), events, data, queued: false };
                let place = epoll.registered.insert(registration);
                epoll.by_fd.insert(key, place);
                epoll.news(place);
                object.watchers.borrow_mut().push((instance.id, place));
                Reply::Value(0)
            }
            (libc::EPOLL_CTL_MOD, Some(place), Some(asked)) => {
                let registration = &mut epoll.registered[place];
                (registration.events, registration.data) = (asked.events, asked.u64);
                epoll.news(place);
                Reply::Value(0)
            }
            (libc::EPOLL_CTL_DEL, Some(place), _) => {
                epoll.remove(place);
                drop(state);
                if let Some(object) = object {
                    let mine = |watcher: &(ObjectId, usize)| *watcher == (instance.id, place);
                    object.watchers.borrow_mut().retain(|watcher| !mine(watcher));
                }
                Reply::Value(0)
            }
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, None, _) if object.is_none() => {
                Reply::Value(0)
            }
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, None, _) => Reply::Errno(libc::ENOENT),
            _ => Reply::Errno(libc::EINVAL),
        }
    }

    /// The events that an `epoll` instance has now; none if it is not one of the world.
    pub(super) fn epoll_take(&self, epfd: c_int, most: usize) -> Option<Vec<libc::epoll_event>> {
        let instance = self.table.borrow().get(epfd)?.clone();
        let mut state = instance.state.borrow_mut();
        match &mut *state {
            State::Epoll(epoll) => Some(epoll.take(most)),
            _ => None,
        }
    }

    /// Something happened to an object: who watches it is told, and its program has a turn.
    pub(super) fn notify(&self, id: ObjectId) {
        let object = self.table.borrow().by_id(id).cloned();
        let Some(object) = object else { return };
        self.tell_watchers(&object);
        self.wake(object.node);
    }

    fn tell_watchers(&self, object: &Object) {
        tell_watchers(&self.table.borrow(), object, DEPTH_MAX);
    }
}

fn tell_watchers(table: &Table, object: &Object, depth: usize) {
    for (instance, place) in object.watchers.borrow().iter() {
        let Some(instance) = table.by_id(*instance) else { continue };
        if let State::Epoll(epoll) = &mut *instance.state.borrow_mut() {
            epoll.news(*place);
        }
        if depth > 0 {
            tell_watchers(table, instance, depth - 1);
        }
    }
}
