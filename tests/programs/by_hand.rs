//! Calls of the C library by hand, as neither std nor tokio make them.
#![expect(clippy::disallowed_methods, reason = "a thread waits for a datagram")]
#![expect(unsafe_code, reason = "calls of the C library are what is tested")]

use std::ffi::{CStr, c_int};
use std::io::Read;
use std::net::{TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;

use expect_test::expect;

use super::traps::on_a_thread;
use super::*;

#[test]
fn an_event_counts_as_a_number_or_as_a_semaphore() {
    on_a_thread(
        || {
            let mut all = String::new();
            for flags in [0, libc::EFD_SEMAPHORE] {
                let (mut number, more) = (0u64, 4u64);
                // SAFETY: the numbers have the eight bytes that are read and written.
                unsafe {
                    let fd = libc::eventfd(3, flags | libc::EFD_NONBLOCK);
                    let to = (&raw mut number).cast();
                    let first = (libc::read(fd, to, 8), number);
                    libc::write(fd, (&raw const more).cast(), 8);
                    let second = (libc::read(fd, to, 8), number);
                    let (short, third) = (libc::read(fd, to, 4), libc::read(fd, to, 8));
                    all += &format!("{first:?} {second:?} {short} {third};");
                    libc::close(fd);
                }
            }
            all
        },
        expect![[r#"
            0.000 ms client (8, 3) (8, 4) -1 -1;(8, 1) (8, 1) -1 8;
        "#]],
    );
}

/// How many events an `epoll` has, waiting for at most a second.
fn events(epoll: c_int, timeout: c_int) -> c_int {
    // SAFETY: there is room for four events, which are numbers.
    unsafe {
        let mut found: [libc::epoll_event; 4] = std::mem::zeroed();
        libc::epoll_wait(epoll, found.as_mut_ptr(), 4, timeout)
    }
}

/// An `epoll` that is told of one descriptor.
fn epoll_of(fd: c_int, flags: c_int) -> c_int {
    let mut asked = libc::epoll_event { events: (libc::EPOLLIN | flags) as u32, u64: 7 };
    // SAFETY: the event lives.
    unsafe {
        let epoll = libc::epoll_create1(0);
        assert_eq!(libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut asked), 0);
        epoll
    }
}

#[test]
fn levels_last_and_edges_do_not() {
    on_a_thread(
        || {
            let mut stream = TcpStream::connect("server:7").unwrap();
            let levels = epoll_of(stream.as_raw_fd(), 0);
            let edges = epoll_of(stream.as_raw_fd(), libc::EPOLLET);
            let outer = epoll_of(levels, 0);
            // SAFETY: it is a descriptor.
            let copy = unsafe { libc::fcntl(edges, libc::F_DUPFD_CLOEXEC, 3) };
            let mut all = vec![events(outer, 1000), events(levels, 0), events(levels, 0)];
            all.extend([events(copy, 1000), events(edges, 0), events(copy, 0)]);
            stream.read_exact(&mut [0; 3]).unwrap();
            all.extend([events(levels, 0), events(edges, 0)]);
            stream.read_exact(&mut [0; 3]).unwrap();
            all.extend([events(levels, 0), events(outer, 0)]);
            // SAFETY: the copy goes on when its first descriptor is closed.
            let closed = unsafe { (libc::close(edges), events(copy, 100), libc::close(copy)) };
            // SAFETY: they are descriptors.
            unsafe { (libc::close(outer), libc::close(levels)) };
            format!("{all:?} {closed:?}")
        },
        expect![[r#"
            154.000 ms client [1, 1, 1, 1, 0, 0, 1, 0, 0, 0] (0, 0, 0)
        "#]],
    );
}

/// The third argument of `fcntl` is optional.
#[test]
fn fcntl_has_as_many_arguments_as_it_needs() {
    on_a_thread(
        || {
            let stream = TcpStream::connect("server:7").unwrap();
            let fd = stream.as_raw_fd();
            // SAFETY: it is a descriptor; the number is written.
            unsafe {
                let before = libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK;
                let set = libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK);
                let after = libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK;
                let failed = kind((&stream).read(&mut [0; 8]));
                libc::fcntl(fd, libc::F_SETFL, 0);
                assert_eq!((&stream).read(&mut [0; 1]).unwrap(), 1);
                let mut unread = 0;
                libc::ioctl(fd, libc::FIONREAD, &raw mut unread);
                format!("{before} {set} {} {failed}, {unread} unread", after != 0)
            }
        },
        expect![[r#"
            54.000 ms client 0 0 true WouldBlock, 5 unread
        "#]],
    );
}

#[test]
fn messages_have_parts_and_senders_have_names() {
    on_a_thread(
        || {
            let (one, two) = (UdpSocket::bind("127.0.0.1:81"), UdpSocket::bind("127.0.0.1:82"));
            let (one, two) = (one.unwrap(), two.unwrap());
            one.connect("127.0.0.1:82").unwrap();
            let part = |bytes: &mut [u8]| libc::iovec {
                iov_base: bytes.as_mut_ptr().cast(),
                iov_len: bytes.len(),
            };
            // SAFETY: structures of numbers and pointers that may be zero; what they lead to lives.
            unsafe {
                let (mut hel, mut lo) = (*b"hel", *b"lo");
                let mut parts = [part(&mut hel), part(&mut lo)];
                let mut message: libc::msghdr = std::mem::zeroed();
                (message.msg_iov, message.msg_iovlen) = (parts.as_mut_ptr(), 2);
                let sent = libc::sendmsg(one.as_raw_fd(), &raw const message, 0);
                thread::sleep(ms(1));
                let mut unread = 0;
                libc::ioctl(two.as_raw_fd(), libc::FIONREAD, &raw mut unread);
                let (mut a, mut bc) = ([0u8; 1], [0u8; 2]);
                let mut parts = [part(&mut a), part(&mut bc)];
                let mut sender: libc::sockaddr_in = std::mem::zeroed();
                let size = size_of_val(&sender) as u32;
                (message.msg_iov, message.msg_name) =
                    (parts.as_mut_ptr(), (&raw mut sender).cast());
                message.msg_namelen = size;
                let received = libc::recvmsg(two.as_raw_fd(), &raw mut message, 0);
                let cut = message.msg_flags & libc::MSG_TRUNC != 0;
                let (mut host, mut port) = ([0u8; 32], [0u8; 8]);
                let (to, to_port) = (host.as_mut_ptr().cast(), port.as_mut_ptr().cast());
                let from = (&raw const sender).cast();
                libc::getnameinfo(from, size, to, 32, to_port, 8, libc::NI_NUMERICSERV);
                let text = |bytes| CStr::from_bytes_until_nul(bytes).unwrap().to_string_lossy();
                let (host, port) = (text(&host), text(&port));
                format!("{sent} {unread} {received} {a:?}{bc:?} {cut} {host}:{port}")
            }
        },
        expect![[r#"
            1.000 ms client 5 5 3 [104][101, 108] true 127.0.0.1:81
        "#]],
    );
}
