//! Addresses: each node has one of IPv4 and one of IPv6, made from its number.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use libc::{c_int, sockaddr, socklen_t};

use crate::journal::NodeId;
use crate::net::Addr;

/// The addresses of node 1 are `10.0.0.1` and `fd00::1`.
pub(super) fn ip(node: NodeId, family: c_int) -> IpAddr {
    if family == libc::AF_INET6 {
        let [_, a, b, c] = node.0.to_be_bytes();
        let (high, low) = (u16::from(a), u16::from_be_bytes([b, c]));
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, high, low))
    } else {
        let [_, a, b, c] = node.0.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(10, a, b, c))
    }
}

/// The node that has an address, as `me` sees it; none if there is no such node.
pub(super) fn node(ip: IpAddr, me: NodeId, nodes: usize) -> Option<NodeId> {
    let ip = match ip {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
        four @ IpAddr::V4(_) => four,
    };
    if ip.is_loopback() || ip.is_unspecified() {
        return Some(me);
    }
    let number = match ip {
        IpAddr::V4(four) => {
            let [net, a, b, c] = four.octets();
            (net == 10).then(|| u32::from_be_bytes([0, a, b, c]))?
        }
        IpAddr::V6(six) => {
            let [net, 0, 0, 0, 0, 0, high, low] = six.segments() else { return None };
            (net == 0xfd00).then(|| u32::from(high) << 16 | u32::from(low))?
        }
    };
    (number > 0 && (number as usize) < nodes).then_some(NodeId(number))
}

/// An address of the world as a socket of that family shows it.
pub(super) fn socket_addr(addr: Addr, me: NodeId, family: c_int, loopback: bool) -> SocketAddr {
    let ip = match (loopback && addr.node == me, family) {
        (true, libc::AF_INET6) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        (true, _) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        (false, _) => ip(addr.node, family),
    };
    SocketAddr::new(ip, addr.port)
}

/// Reads an address of C.
///
/// # Safety
///
/// `from` must point to `length` bytes.
pub(super) unsafe fn read(from: *const sockaddr, length: socklen_t) -> Option<SocketAddr> {
    if from.is_null() || (length as usize) < size_of::<libc::sa_family_t>() {
        return None;
    }
    // SAFETY: there are bytes enough for the family, and for each kind as is checked.
    unsafe {
        match c_int::from((*from).sa_family) {
            libc::AF_INET if length as usize >= size_of::<libc::sockaddr_in>() => {
                let four = from.cast::<libc::sockaddr_in>().read_unaligned();
                let ip = Ipv4Addr::from(four.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(four.sin_port)))
            }
            libc::AF_INET6 if length as usize >= size_of::<libc::sockaddr_in6>() => {
                let six = from.cast::<libc::sockaddr_in6>().read_unaligned();
                let ip = Ipv6Addr::from(six.sin6_addr.s6_addr);
                Some(SocketAddr::new(IpAddr::V6(ip), u16::from_be(six.sin6_port)))
            }
            _ => None,
        }
    }
}

/// Writes an address of C, cut off where there is no room, and its full length.
///
/// # Safety
///
/// Unless it is null, `to` must point to as many bytes as `length` says.
pub(super) unsafe fn write(addr: SocketAddr, to: *mut sockaddr, length: *mut socklen_t) {
    if to.is_null() || length.is_null() {
        return;
    }
    // SAFETY: no more is copied than there is room for, and than the value has.
    unsafe {
        let room = *length as usize;
        match addr {
            SocketAddr::V4(four) => {
                let mut value: libc::sockaddr_in = std::mem::zeroed();
                value.sin_family = libc::AF_INET as libc::sa_family_t;
                value.sin_port = four.port().to_be();
                value.sin_addr.s_addr = u32::from_ne_bytes(four.ip().octets());
                let bytes = (&raw const value).cast::<u8>();
                std::ptr::copy_nonoverlapping(bytes, to.cast(), room.min(size_of_val(&value)));
                *length = size_of_val(&value) as socklen_t;
            }
            SocketAddr::V6(six) => {
                let mut value: libc::sockaddr_in6 = std::mem::zeroed();
                value.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                value.sin6_port = six.port().to_be();
                value.sin6_addr.s6_addr = six.ip().octets();
                let bytes = (&raw const value).cast::<u8>();
                std::ptr::copy_nonoverlapping(bytes, to.cast(), room.min(size_of_val(&value)));
                *length = size_of_val(&value) as socklen_t;
            }
        }
    }
}
