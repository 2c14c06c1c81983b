//! Unmodified programs: real tokio, real sockets, real clients, in virtual time.

mod http;
