//! Many spans, and the trees that they make.

use std::fmt;
use std::ops::Deref;

use rustc_hash::FxHashMap;

use super::span::Span;
use crate::time::Time;

/// The number of a span in its set.
pub type SpanIndex = u32;

const NONE: SpanIndex = SpanIndex::MAX;

/// What is not as it should be in a set of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// Two spans of a trace have the same id: children belong to the first.
    DuplicateId,
    /// A parent is not in the set: the span is taken for a root.
    Orphan,
    /// Spans are each other's parents: the first of them is taken for a root.
    Cycle,
    /// A span ends before it starts: it is taken to end when it starts.
    EndsBeforeStart,
    /// An id is no hexadecimal number of the right length: a hash of it stands for it.
    OddId,
    /// A span has no end.
    Unfinished,
}

impl FindingKind {
    /// The kind's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::DuplicateId => "duplicate id",
            FindingKind::Orphan => "orphan",
            FindingKind::Cycle => "cycle",
            FindingKind::EndsBeforeStart => "ends before its start",
            FindingKind::OddId => "odd id",
            FindingKind::Unfinished => "unfinished",
        }
    }
}

/// Something that is not as it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// In which trace; 0 where it is about a text.
    pub trace: u128,
    /// In which span; 0 where it is about a text.
    pub span: u64,
    /// In words.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.text)
    }
}

/// Spans in the order in which they began to be known, with their trees.
#[derive(Clone, Debug, Default)]
pub struct SpanSet {
    spans: Vec<Span>,
    epoch: u64,
    parents: Vec<SpanIndex>,
    /// Where the children of each span begin in `children`; one more at the end.
    offsets: Vec<u32>,
    children: Vec<SpanIndex>,
    traces: Vec<Group>,
    /// The spans, trace by trace.
    by_trace: Vec<SpanIndex>,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    id: u128,
    start: u32,
    end: u32,
}

impl SpanSet {
    /// A set of spans. `epoch` is what their times count from, in nanoseconds since 1970: 0 for
    /// imported ones. What is not as it should be is mended, and said in [`SpanSet::findings`].
    ///
    /// # Panics
    ///
    /// If there are 2^32 spans or more.
    #[must_use]
    pub fn new(spans: Vec<Span>, epoch: u64) -> SpanSet {
        SpanSet::with_findings(spans, epoch, Vec::new())
    }

    pub(super) fn with_findings(spans: Vec<Span>, epoch: u64, findings: Vec<Finding>) -> SpanSet {
        assert!(u32::try_from(spans.len()).is_ok_and(|n| n < NONE), "fewer than 2^32 spans");
        let mut set = SpanSet { spans, epoch, findings, ..SpanSet::default() };
        set.mend_times();
        set.find_parents();
        set.cut_cycles();
        set.list_children();
        set.group();
        set
    }

    /// The number of spans.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// What the times count from: nanoseconds since 1970.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What is not as it should be.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The span of that number.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn span(&self, index: SpanIndex) -> SpanRef<'_> {
        assert!((index as usize) < self.spans.len(), "a number of this set");
        SpanRef { set: self, index }
    }

    /// All spans.
    pub fn spans(&self) -> impl DoubleEndedIterator<Item = SpanRef<'_>> + ExactSizeIterator {
        (0..self.spans.len()).map(|index| SpanRef { set: self, index: index as SpanIndex })
    }

    /// All traces, in the order of their first spans.
    pub fn traces(&self) -> impl DoubleEndedIterator<Item = Trace<'_>> + ExactSizeIterator {
        self.traces.iter().map(|group| Trace { set: self, group: *group })
    }

    /// The trace of that id.
    #[must_use]
    pub fn trace(&self, id: u128) -> Option<Trace<'_>> {
        self.traces().find(|trace| trace.id() == id)
    }

    /// The start of the first span; 0 if there is none.
    #[must_use]
    pub fn start(&self) -> Time {
        self.spans.iter().map(|span| span.start).min().unwrap_or_default()
    }

    fn find(&mut self, kind: FindingKind, index: usize, text: impl FnOnce(&Span) -> String) {
        let span = &self.spans[index];
        let text = format!("span {:016x} of trace {:032x} {}", span.id, span.trace, text(span));
        self.findings.push(Finding { kind, trace: span.trace, span: span.id, text });
    }

    fn mend_times(&mut self) {
        for index in 0..self.spans.len() {
            let span = &self.spans[index];
            if !span.finished {
                self.find(FindingKind::Unfinished, index, |span| format!("({span}) has no end"));
            } else if span.end < span.start {
                self.find(FindingKind::EndsBeforeStart, index, |span| {
                    let early = span.start.since(span.end);
                    format!("({span}) ends {early:?} before it starts")
                });
            }
            let span = &mut self.spans[index];
            span.end = span.end.max(span.start);
        }
    }

    fn find_parents(&mut self) {
        let mut known: FxHashMap<(u128, u64), SpanIndex> = FxHashMap::default();
        known.reserve(self.spans.len());
        for index in 0..self.spans.len() {
            let span = &self.spans[index];
            let first = *known.entry((span.trace, span.id)).or_insert(index as SpanIndex);
            if first != index as SpanIndex {
                self.find(FindingKind::DuplicateId, index, |span| {
                    format!("({span}) has the id of another one")
                });
            }
        }
        self.parents = vec![NONE; self.spans.len()];
        for index in 0..self.spans.len() {
            let span = &self.spans[index];
            let Some(parent) = span.parent else { continue };
            match known.get(&(span.trace, parent)) {
                Some(parent) => self.parents[index] = *parent,
                None => self.find(FindingKind::Orphan, index, |span| {
                    format!("({span}) has a parent {parent:016x} that is not there")
                }),
            }
        }
    }

    /// Follows the parents of each span once; a way that meets itself is cut at its first span.
    fn cut_cycles(&mut self) {
        const NEW: u32 = 0;
        let mut seen_in = vec![NEW; self.spans.len()];
        for start in 0..self.spans.len() {
            let walk = start as u32 + 1;
            let mut at = start;
            while seen_in[at] == NEW {
                seen_in[at] = walk;
                match self.parents[at] {
                    NONE => break,
                    parent => at = parent as usize,
                }
            }
            if seen_in[at] != walk || self.parents[at] == NONE {
                continue;
            }
            let mut first = at;
            let mut next = self.parents[at] as usize;
            while next != at {
                first = first.min(next);
                next = self.parents[next] as usize;
            }
            self.parents[first] = NONE;
            self.find(FindingKind::Cycle, first, |span| format!("({span}) is its own ancestor"));
        }
    }

    fn list_children(&mut self) {
        let mut offsets = vec![0u32; self.spans.len() + 1];
        for parent in self.parents.iter().filter(|parent| **parent != NONE) {
            offsets[*parent as usize + 1] += 1;
        }
        for index in 1..offsets.len() {
            offsets[index] += offsets[index - 1];
        }
        let mut next = offsets.clone();
        self.children = vec![NONE; *offsets.last().expect("it has one more") as usize];
        for (index, parent) in self.parents.iter().enumerate() {
            if *parent != NONE {
                let place = &mut next[*parent as usize];
                self.children[*place as usize] = index as SpanIndex;
                *place += 1;
            }
        }
        self.offsets = offsets;
    }

    fn group(&mut self) {
        let mut numbers: FxHashMap<u128, usize> = FxHashMap::default();
        let mut of_span = Vec::with_capacity(self.spans.len());
        for span in &self.spans {
            let next = numbers.len();
            let number = *numbers.entry(span.trace).or_insert(next);
            if number == next {
                self.traces.push(Group { id: span.trace, start: 0, end: 0 });
            }
            self.traces[number].end += 1;
            of_span.push(number);
        }
        let mut start = 0;
        for group in &mut self.traces {
            (group.start, group.end, start) = (start, start, start + group.end);
        }
        self.by_trace = vec![NONE; self.spans.len()];
        for (index, number) in of_span.into_iter().enumerate() {
            let place = &mut self.traces[number].end;
            self.by_trace[*place as usize] = index as SpanIndex;
            *place += 1;
        }
    }

    pub(super) fn with_findings_of(set: SpanSet, findings: Vec<Finding>) -> SpanSet {
        SpanSet { findings, ..set }
    }

    /// The spans themselves, to make another set of them.
    #[must_use]
    pub fn into_spans(self) -> Vec<Span> {
        self.spans
    }
}

/// One trace of a set.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    set: &'a SpanSet,
    group: Group,
}

impl<'a> Trace<'a> {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> u128 {
        self.group.id
    }

    /// Its spans, in the order in which they began to be known.
    pub fn spans(
        &self,
    ) -> impl DoubleEndedIterator<Item = SpanRef<'a>> + ExactSizeIterator + use<'a> {
        let set = self.set;
        let range = self.group.start as usize..self.group.end as usize;
        set.by_trace[range].iter().map(move |index| SpanRef { set, index: *index })
    }

    /// Its spans without a parent.
    pub fn roots(&self) -> impl Iterator<Item = SpanRef<'a>> + use<'a> {
        self.spans().filter(|span| span.parent().is_none())
    }

    /// The root that begins first; of several the one that ends last.
    #[must_use]
    pub fn root(&self) -> SpanRef<'a> {
        let roots = self.roots();
        let key = |span: &SpanRef<'_>| (span.start, std::cmp::Reverse(span.end), span.index);
        roots.min_by_key(key).expect("a trace has a span, and no cycle is left")
    }
}

/// A span in its set.
#[derive(Clone, Copy, Debug)]
pub struct SpanRef<'a> {
    set: &'a SpanSet,
    index: SpanIndex,
}

impl<'a> SpanRef<'a> {
    /// Its number in the set.
    #[must_use]
    pub fn index(&self) -> SpanIndex {
        self.index
    }

    /// The span, for as long as the set lives.
    #[must_use]
    pub fn get(&self) -> &'a Span {
        &self.set.spans[self.index as usize]
    }

    /// The span that it is a part of, if that is in the set.
    #[must_use]
    pub fn parent(&self) -> Option<SpanRef<'a>> {
        let parent = self.set.parents[self.index as usize];
        (parent != NONE).then_some(SpanRef { set: self.set, index: parent })
    }

    /// The spans that are parts of it, in the order in which they began to be known.
    pub fn children(
        &self,
    ) -> impl DoubleEndedIterator<Item = SpanRef<'a>> + ExactSizeIterator + use<'a> {
        let (set, index) = (self.set, self.index as usize);
        let range = set.offsets[index] as usize..set.offsets[index + 1] as usize;
        set.children[range].iter().map(move |index| SpanRef { set, index: *index })
    }
}

impl Deref for SpanRef<'_> {
    type Target = Span;

    fn deref(&self) -> &Span {
        self.get()
    }
}
