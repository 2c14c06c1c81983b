//! The bytes of one file: sparse, in pages that copies share until one of them writes.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that a drive writes whole or not at all: the unit that a power loss tears at.
pub const SECTOR: u64 = 512;

/// Bytes that copies of a file share: the page of Linux, a multiple of [`SECTOR`].
const PAGE: u64 = 4096;

type Page = [u8; PAGE as usize];

/// Bytes from 0 to `len`. What was never written reads as zero and takes no room.
///
/// All bytes at and beyond `len` are zero, so growing needs no clearing. A clone costs nothing.
#[derive(Clone, Default)]
pub(super) struct Pages {
    len: u64,
    pages: im::OrdMap<u64, Arc<Page>>,
}

impl Pages {
    /// The length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The room taken, in bytes: whole pages.
    pub(super) fn used(&self) -> u64 {
        self.pages.len() as u64 * PAGE
    }

    /// The room that writing `range` would take more, in bytes.
    pub(super) fn room_for(&self, range: Range<u64>) -> u64 {
        let touched = spans(range, PAGE).filter(|span| !self.pages.contains_key(&span.index));
        touched.count() as u64 * PAGE
    }

    /// Fills `out` from `offset`; bytes beyond the end are zero.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) {
        for span in spans(offset..offset + out.len() as u64, PAGE) {
            let part = &mut out[span.bytes];
            match self.pages.get(&span.index) {
                Some(page) => part.copy_from_slice(&page[span.within..][..part.len()]),
                None => part.fill(0),
            }
        }
    }

    /// Writes `data` at `offset` and grows as needed.
    pub(super) fn write(&mut self, offset: u64, data: &[u8]) {
        let end = offset + data.len() as u64;
        for span in spans(offset..end, PAGE) {
            let part = &data[span.bytes];
            self.page(span.index)[span.within..][..part.len()].copy_from_slice(part);
        }
        if !data.is_empty() {
            self.len = self.len.max(end);
        }
    }

    /// Cuts, or grows by zeros, to `len` bytes.
    pub(super) fn set_len(&mut self, len: u64) {
        let within = (len % PAGE) as usize;
        let gone: Vec<u64> =
            self.pages.range(len.div_ceil(PAGE)..).map(|(index, _)| *index).collect();
        for index in gone {
            self.pages.remove(&index);
        }
        if within != 0 && self.pages.contains_key(&(len / PAGE)) {
            self.page(len / PAGE)[within..].fill(0);
        }
        self.len = len;
    }

    /// Takes over the sector number `sector` of `from`, whatever the lengths are: the caller sets
    /// the length afterwards.
    pub(super) fn copy_sector(&mut self, from: &Pages, sector: u64) {
        let index = sector * SECTOR / PAGE;
        let within = (sector * SECTOR % PAGE) as usize;
        let range = within..within + SECTOR as usize;
        match from.pages.get(&index) {
            Some(page) => self.page(index)[range.clone()].copy_from_slice(&page[range]),
            None if self.pages.contains_key(&index) => self.page(index)[range].fill(0),
            None => (),
        }
    }

    /// Turns over the bits of `mask` in the byte at `offset`, if there is one.
    pub(super) fn flip(&mut self, offset: u64, mask: u8) {
        if offset < self.len {
            self.page(offset / PAGE)[(offset % PAGE) as usize] ^= mask;
        }
    }

    fn page(&mut self, index: u64) -> &mut Page {
        Arc::make_mut(self.pages.entry(index).or_insert_with(|| Arc::new([0; PAGE as usize])))
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("len", &self.len).field("used", &self.used()).finish()
    }
}

/// The numbers of the sectors that `range`, in bytes, touches.
pub(super) fn sectors(range: Range<u64>) -> Range<u64> {
    if range.is_empty() { 0..0 } else { range.start / SECTOR..range.end.div_ceil(SECTOR) }
}

/// A part of a range of bytes that lies within one page.
struct Span {
    /// The page's number.
    index: u64,
    /// Where it begins within the page.
    within: usize,
    /// Where it lies within the range.
    bytes: Range<usize>,
}

/// Splits `range`, in bytes, at the multiples of `unit`.
fn spans(range: Range<u64>, unit: u64) -> impl Iterator<Item = Span> {
    let start = range.start;
    let mut at = range.start;
    std::iter::from_fn(move || {
        (at < range.end).then(|| {
            let end = range.end.min((at / unit + 1) * unit);
            let bytes = (at - start) as usize..(end - start) as usize;
            let span = Span { index: at / unit, within: (at % unit) as usize, bytes };
            at = end;
            span
        })
    })
}
