//! W3C Trace Context (level 1): the `traceparent` header, passed on from request to request. What is
//! valid, [`TraceContext`] knows; whoever gets a header that is not works for a new trace.

use http::{HeaderMap, HeaderValue};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::journal::Trace;
use crate::kernel::Kernel;
use crate::trace::TraceContext;

/// The header that carries a trace context.
pub(crate) const TRACEPARENT: &str = "traceparent";
/// The flag that says that the trace is recorded.
const SAMPLED: u8 = 1;

/// The trace context of a request's headers, if it has a valid one.
pub(super) fn read(headers: &HeaderMap) -> Option<Trace> {
    read_traceparent(headers.get(TRACEPARENT)?.as_bytes())
}

/// The trace context that the value of a `traceparent` header says, if it is valid.
pub(crate) fn read_traceparent(value: &[u8]) -> Option<Trace> {
    let context = TraceContext::parse(std::str::from_utf8(value).ok()?).ok()?;
    Some(Trace { id: context.trace, span: context.span })
}

/// Makes the request a new span of the running task's trace, or of a new trace. A request that
/// carries a header keeps it, valid or not: it is what the program sends. The context that it has
/// then, if it is valid.
pub(super) fn pass_on(kernel: &Kernel, headers: &mut HeaderMap, number: u64) -> Option<Trace> {
    if headers.contains_key(TRACEPARENT) {
        return read(headers);
    }
    let draw = |purpose: u64| {
        let key = [number.to_le_bytes(), purpose.to_le_bytes()].concat();
        xxh3_64_with_seed(&key, kernel.seed().0).max(1)
    };
    let id = match kernel.trace().id {
        0 => u128::from(draw(1)) << 64 | u128::from(draw(2)),
        id => id,
    };
    let span = draw(3);
    let trace = Trace { id, span };
    let value = HeaderValue::try_from(traceparent(trace)).expect("digits are a header's value");
    headers.insert(TRACEPARENT, value);
    Some(trace)
}

/// The value of the header for a trace context: version 00, sampled.
pub(crate) fn traceparent(Trace { id, span }: Trace) -> String {
    TraceContext { trace: id, span, flags: SAMPLED, state: Vec::new() }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &'static str, expected: Option<(u128, u64)>) {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(header));
        assert_eq!(read(&headers), expected.map(|(id, span)| Trace { id, span }));
    }

    /// The first example is the specification's own.
    #[test]
    fn a_valid_header_is_read_and_an_invalid_one_is_not() {
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            Some((0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7)),
        );
        check("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None);
        check("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None);
        check("00-4bf92f-00f067aa0ba902b7-01", None);
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", None);
        check("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None);
        check("nonsense", None);
    }
}
