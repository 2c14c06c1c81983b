//! W3C Trace Context, in and out.

use stormglass::trace::TraceContext;

#[track_caller]
fn refused(header: &str, why: &str) {
    let error = TraceContext::parse(header).unwrap_err();
    assert!(error.contains(why), "{header}: {error}");
}

/// The example is the recommendation's own (section 3.2.3).
#[test]
fn what_comes_in_goes_out() {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let context = TraceContext::parse(header).unwrap();
    assert_eq!(context.span, 0x00f0_67aa_0ba9_02b7);
    assert_eq!(context.to_string(), header);
    let context = context.with_state("rojo=00f067aa0ba902b7, congo=t61rcWkgMzE");
    assert_eq!(context.tracestate().unwrap(), "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
}

#[test]
fn a_later_version_may_say_more() {
    let header = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-brings";
    assert!(TraceContext::parse(header).is_ok());
}

#[test]
fn what_is_not_valid_is_refused_with_its_reason() {
    refused("", "four fields");
    refused("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "four fields");
    refused("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "trace-id");
    refused("00-4bf92f-00f067aa0ba902b7-01", "trace-id");
    refused("00-4bf92f3577b34da6a3ce929d0e0e4736-+0f067aa0ba902b7-01", "parent-id");
    refused("00-00000000000000000000000000000000-00f067aa0ba902b7-01", "zero");
    refused("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "zero");
    refused("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "version");
    refused("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", "version");
}

#[test]
fn a_state_that_is_none_is_left_out() {
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let context = || TraceContext::parse(header).unwrap();
    assert_eq!(context().with_state("nonsense").tracestate(), None);
    let many: Vec<String> = (0..40).map(|n| format!("v{n}=1")).collect();
    assert_eq!(context().with_state(&many.join(",")).state.len(), 32);
}
