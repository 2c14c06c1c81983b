//! Traces of machines whose clocks do not quite agree.

use super::set::{SpanIndex, SpanSet};
use crate::time::Time;

impl SpanSet {
    /// The same spans with siblings that overlap by at most `tolerance` of the whole trace's length (0.01
    /// is what CRISP bears) taken for one after the other: the earlier one is moved back, with all that is
    /// below it, to end where the later one starts.
    ///
    /// Such overlaps come from clocks that do not agree. Virtual time has none: use it on imported
    /// traces alone. A span is not moved before the start of its parent, but cut there.
    #[must_use]
    pub fn align(self, tolerance: f64) -> SpanSet {
        let mut shift: Vec<u64> = vec![0; self.len()];
        let mut open: Vec<(SpanIndex, u64)> = Vec::new();
        for trace in self.traces() {
            for root in trace.roots() {
                let most = (root.duration().as_nanos() as f64 * tolerance.clamp(0.0, 1.0)) as u64;
                open.push((root.index(), most));
            }
        }
        while let Some((parent, most)) = open.pop() {
            let mut children: Vec<_> = self.span(parent).children().collect();
            children.sort_by_key(|child| (child.start, child.end, child.index()));
            let mut later: Option<(Time, u64)> = None;
            for child in children.iter().rev() {
                let inherited = shift[parent as usize];
                let more = match later {
                    Some((start, moved)) if child.end.0.saturating_sub(start.0) <= most => {
                        // Without an overlap there may still be room for less than the later one's shift.
                        (child.end.0 + moved).saturating_sub(start.0)
                    }
                    _ => 0,
                };
                shift[child.index() as usize] = inherited + more;
                later = Some((child.start, more));
                open.push((child.index(), most));
            }
        }
        let (epoch, findings) = (self.epoch(), self.findings().to_vec());
        let mut spans = self.into_spans();
        for (span, shift) in spans.iter_mut().zip(shift) {
            span.start = Time(span.start.0.saturating_sub(shift));
            span.end = Time(span.end.0.saturating_sub(shift));
            for event in &mut span.events {
                event.at = Time(event.at.0.saturating_sub(shift));
            }
        }
        let again = SpanSet::new(spans, epoch);
        let kept = findings.into_iter().filter(|finding| !again.findings().contains(finding));
        let all = kept.chain(again.findings().iter().cloned()).collect();
        SpanSet::with_findings_of(again, all)
    }
}
