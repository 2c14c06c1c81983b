//! W3C Trace Context, level 1 (Recommendation of 2021): the headers `traceparent` and `tracestate`.

use std::fmt;

/// List members of a `tracestate` header, at most (section 3.3.1.1).
const MEMBERS_MAX: usize = 32;

/// What a request says of the trace that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace's id, `trace-id`; never 0.
    pub trace: u128,
    /// The id of the caller's span, `parent-id`; never 0.
    pub span: u64,
    /// `trace-flags`: 1 stands for "sampled".
    pub flags: u8,
    /// What vendors pass on, `tracestate`: keys and values, at most 32.
    pub state: Vec<(String, String)>,
}

impl TraceContext {
    /// Reads the value of a `traceparent` header.
    ///
    /// # Errors
    ///
    /// Why it is not valid, as section 3.2 of the recommendation has it: then the trace starts anew. Of
    /// a version after 00, what follows the flags is ignored.
    pub fn parse(traceparent: &str) -> Result<TraceContext, String> {
        let parts: Vec<&str> = traceparent.trim().splitn(5, '-').collect();
        let [version, trace, span, flags, rest @ ..] = &*parts else {
            return Err("four fields were expected: version-trace-parent-flags".into());
        };
        let digits = |what: &str, text: &str, length: usize| {
            let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
            let value = u128::from_str_radix(text, 16).ok();
            let value = value.filter(|_| text.len() == length && text.bytes().all(lower));
            value.ok_or_else(|| format!("the {what} is not {length} digits of 0-9 and a-f"))
        };
        let version = digits("version", version, 2)?;
        let (trace, span) = (digits("trace-id", trace, 32)?, digits("parent-id", span, 16)?);
        let flags = digits("trace-flags", flags, 2)?;
        if version == 0xff || (version == 0 && !rest.is_empty()) {
            return Err("there is no such version".into());
        }
        if trace == 0 || span == 0 {
            return Err("an id is zero".into());
        }
        Ok(TraceContext { trace, span: span as u64, flags: flags as u8, state: Vec::new() })
    }

    /// The same with the members of a `tracestate` header. One that is not `key=value` makes the
    /// whole header void, as section 3.3 has it; members after the 32nd are left out.
    #[must_use]
    pub fn with_state(mut self, tracestate: &str) -> TraceContext {
        let members = tracestate.split(',').map(str::trim).filter(|member| !member.is_empty());
        let members: Option<Vec<(&str, &str)>> = members.map(|m| m.split_once('=')).collect();
        let members = members.unwrap_or_default().into_iter().take(MEMBERS_MAX);
        self.state = members.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        self
    }

    /// The value of the `tracestate` header; none if there is nothing to say.
    #[must_use]
    pub fn tracestate(&self) -> Option<String> {
        let members: Vec<String> = self.state.iter().map(|(k, v)| format!("{k}={v}")).collect();
        (!members.is_empty()).then(|| members.join(","))
    }
}

/// The value of the `traceparent` header.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}
