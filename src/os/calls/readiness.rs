//! Readiness: `epoll_*`, `poll`, `ppoll`.

use std::ffi::c_void;
use std::time::Duration;

use libc::{c_int, epoll_event, nfds_t, pollfd, size_t, timespec};

use super::super::epoll::Epoll;
use super::super::gate::{Reply, Role, Until, Wait, ask, millis, role};
use super::super::object::State;
use super::thread::duration;

mod real {
    use libc::{c_int, epoll_event, nfds_t, pollfd, size_t, timespec};
    use std::ffi::c_void;

    crate::os::real::real! {
        epoll_create(size: c_int) -> c_int;
        epoll_create1(flags: c_int) -> c_int;
        epoll_ctl(epfd: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int;
        epoll_wait(epfd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) -> c_int;
        epoll_pwait(
            epfd: c_int, events: *mut epoll_event, most: c_int, timeout: c_int, mask: *const c_void
        ) -> c_int;
        poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int;
        ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const c_void)
            -> c_int;
        __poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int;
        __ppoll_chk(
            fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const c_void,
            room: size_t
        ) -> c_int;
    }
}

fn create() -> Option<isize> {
    ask("epoll_create1", |os, node| os.open(node, 0, 0, false, State::Epoll(Epoll::default())))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_create(size: c_int) -> c_int {
    match create() {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::epoll_create(size) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_create1(flags: c_int) -> c_int {
    match create() {
        Some(fd) => fd as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::epoll_create1(flags) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_ctl(
    epfd: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    let result = ask("epoll_ctl", |os, _| {
        // SAFETY: the caller promises an event, or null.
        let asked = (!event.is_null()).then(|| unsafe { event.read_unaligned() });
        os.epoll_ctl(epfd, operation, fd, asked)
    });
    match result {
        Some(result) => result as c_int,
        // SAFETY: passed on as it came.
        None => unsafe { real::epoll_ctl(epfd, operation, fd, event) },
    }
}

/// # Safety
///
/// As `epoll_wait`.
unsafe fn wait(
    epfd: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> Option<c_int> {
    let in_turn = matches!(role(), Role::Turn(_));
    let most = usize::try_from(most).unwrap_or(0);
    let timeout = millis(timeout);
    let mut deadline = None;
    let result = ask("epoll_wait", |os, node| {
        let found = match in_turn {
            true => os.epoll_wait(node, epfd, most, timeout),
            false => os.epoll_take(epfd, most),
        };
        let Some(found) = found else { return Reply::Pass };
        // On a thread of its own a program may sleep here; elsewhere its turn is over.
        if found.is_empty() && !in_turn && timeout != Some(Duration::ZERO) {
            let now = os.local_now(node);
            let due = *deadline.get_or_insert_with(|| timeout.map(|timeout| now + timeout));
            return Reply::Wait(Wait {
                until: Until::News(os.news(node)),
                deadline: due,
                late: Ok(0),
            });
        }
        for (place, event) in found.iter().enumerate() {
            // SAFETY: the caller promises room for so many.
            unsafe { events.add(place).write_unaligned(*event) };
        }
        Reply::Value(found.len() as isize)
    });
    result.map(|found| found as c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(
    epfd: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match wait(epfd, events, most, timeout) {
            Some(found) => found,
            None => real::epoll_wait(epfd, events, most, timeout),
        }
    }
}

/// Signals do not come in a world: the mask is of no meaning.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_pwait(
    epfd: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
    mask: *const c_void,
) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match wait(epfd, events, most, timeout) {
            Some(found) => found,
            None => real::epoll_pwait(epfd, events, most, timeout, mask),
        }
    }
}

/// # Safety
///
/// As `poll`.
unsafe fn poll_for(fds: *mut pollfd, count: nfds_t, timeout: Option<Duration>) -> Option<c_int> {
    if role() == Role::Outside {
        return None;
    }
    let mut deadline = None;
    let result = ask("poll", |os, node| {
        let count = usize::try_from(count).unwrap_or(0);
        // SAFETY: the caller promises so many.
        let asked = match count {
            0 => &mut [],
            _ => unsafe { std::slice::from_raw_parts_mut(fds, count) },
        };
        let now = os.local_now(node);
        let due = *deadline.get_or_insert_with(|| timeout.map(|timeout| now + timeout));
        let wait = Wait { until: Until::News(os.news(node)), deadline: due, late: Ok(0) };
        os.poll(asked, (timeout != Some(Duration::ZERO)).then_some(wait))
    });
    result.map(|found| found as c_int)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    // SAFETY: passed on as it came.
    unsafe {
        match poll_for(fds, count, millis(timeout)) {
            Some(found) => found,
            None => real::poll(fds, count, timeout),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const c_void,
) -> c_int {
    // SAFETY: passed on as it came; the timeout is a time or null.
    unsafe {
        match poll_for(fds, count, timeout.as_ref().map(duration)) {
            Some(found) => found,
            None => real::ppoll(fds, count, timeout, mask),
        }
    }
}

/// `poll` as a compiler calls it that knows how much room there is.
#[unsafe(no_mangle)]
unsafe extern "C" fn __poll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: c_int,
    room: size_t,
) -> c_int {
    // SAFETY: passed on as it came; there is room for no more.
    unsafe {
        match poll_for(fds, count.min(places(room)), millis(timeout)) {
            Some(found) => found,
            None => real::__poll_chk(fds, count, timeout, room),
        }
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const c_void,
    room: size_t,
) -> c_int {
    // SAFETY: passed on as it came; there is room for no more, and the timeout is a time or null.
    unsafe {
        match poll_for(fds, count.min(places(room)), timeout.as_ref().map(duration)) {
            Some(found) => found,
            None => real::__ppoll_chk(fds, count, timeout, mask, room),
        }
    }
}

fn places(room: size_t) -> nfds_t {
    (room / size_of::<pollfd>()) as nfds_t
}
