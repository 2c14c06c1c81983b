//! The network: links, datagrams, and the faults of both.
