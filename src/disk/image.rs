//! The state of one simulated disk: files, their names, and what of it a power loss can take.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::content::Content;
use super::names::{Names, normal};
use super::survival::{Loss, Survival};
use crate::seed::Stream;

/// A file of an [`Image`], whatever its name is at the moment: what a handle refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(u64);

/// The state of one disk: what programs see, and what a power loss leaves of it.
///
/// The model is described in [`crate::disk`]. There are no faults here: what is asked is done. A
/// clone is a snapshot and shares the bytes with the original.
///
/// Methods that take a [`FileId`] panic if that file is gone: a power loss, or a sync of its
/// directory, ends a file that has no name and no handle.
///
/// ```
/// use stormglass::disk::{Image, Survival};
/// use stormglass::seed::Seed;
///
/// let mut image = Image::default();
/// let file = image.create("log").unwrap();
/// image.write(file, 0, b"synced");
/// image.sync(file);
/// image.sync_dir("").unwrap();
/// image.write(file, 6, b", not synced");
/// image.power_loss(Survival::NOTHING, &mut Seed(1).stream("power", 0));
/// assert_eq!(image.contents("log").unwrap(), b"synced");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Image {
    names: Names,
    files: BTreeMap<FileId, File>,
    next: u64,
}

#[derive(Clone, Debug, Default)]
struct File {
    content: Content,
    /// Shared with the open handles: a file without a name lives as long as one of them.
    open: Arc<()>,
}

impl Image {
    /// Makes an empty file.
    ///
    /// # Errors
    ///
    /// `AlreadyExists`; `NotADirectory` if a part of the way to it is a file; `IsADirectory`.
    pub fn create(&mut self, path: &str) -> io::Result<FileId> {
        let path = normal(path)?;
        if self.names.find(&path).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = FileId(self.next);
        self.names.create(&path, file)?;
        self.next += 1;
        self.files.insert(file, File::default());
        Ok(file)
    }

    /// The file at `path`.
    ///
    /// # Errors
    ///
    /// `NotFound`, or `IsADirectory`.
    pub fn find(&self, path: &str) -> io::Result<FileId> {
        let path = normal(path)?;
        self.names.find(&path).ok_or_else(|| {
            let dir = self.names.is_dir(&path);
            if dir { io::ErrorKind::IsADirectory } else { io::ErrorKind::NotFound }.into()
        })
    }

    /// The file's length in bytes.
    #[must_use]
    pub fn len(&self, file: FileId) -> u64 {
        self.content(file).live().len()
    }

    /// Fills `out` from `offset` and says how many bytes that were: fewer at the end of the file.
    pub fn read(&self, file: FileId, offset: u64, out: &mut [u8]) -> usize {
        let left = self.len(file).saturating_sub(offset);
        let count = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        self.content(file).live().read(offset, &mut out[..count]);
        count
    }

    /// All bytes of the file at `path`, if it exists.
    #[must_use]
    pub fn contents(&self, path: &str) -> Option<Vec<u8>> {
        let file = self.find(path).ok()?;
        let mut bytes = vec![0; usize::try_from(self.len(file)).ok()?];
        self.read(file, 0, &mut bytes);
        Some(bytes)
    }

    /// Writes `data` at `offset`; the gap behind a shorter file reads as zeros.
    pub fn write(&mut self, file: FileId, offset: u64, data: &[u8]) {
        self.content_mut(file).write(offset, data);
    }

    /// Cuts, or grows by zeros, to `len` bytes.
    pub fn set_len(&mut self, file: FileId, len: u64) {
        self.content_mut(file).set_len(len);
    }

    /// Makes the file's content and length durable, as `fsync` does; its name is another matter.
    pub fn sync(&mut self, file: FileId) {
        self.content_mut(file).sync();
    }

    /// A sync that fails: what it reached is durable, and the rest is never written.
    pub fn fail_sync(&mut self, file: FileId, survival: Survival, stream: &mut Stream) {
        self.content_mut(file).fail_sync(&mut |parts| survival.fate(parts, stream));
    }

    /// Makes the entries of a directory durable: what was created in it, renamed, removed.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path has a `..`.
    pub fn sync_dir(&mut self, dir: &str) -> io::Result<()> {
        self.names.sync(&normal(dir)?);
        self.collect();
        Ok(())
    }

    /// Renames a file, which replaces the one that is at `to`, or a directory. Either all of it
    /// outlives a power loss or nothing.
    ///
    /// # Errors
    ///
    /// `NotFound`; `NotADirectory`, `IsADirectory` or `DirectoryNotEmpty` if something is in the
    /// way; `InvalidInput` if a directory would move into itself.
    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.names.rename(&normal(from)?, &normal(to)?)
    }

    /// Removes a file. Handles that have it open can go on using it.
    ///
    /// # Errors
    ///
    /// `NotFound`, or `IsADirectory`.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        self.names.remove(&normal(path)?)
    }

    /// The names in a directory, without the path to it, sorted; none if it does not exist.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the path has a `..`.
    pub fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        Ok(self.names.list(&normal(dir)?))
    }

    /// Power is lost: what was not synced is kept, lost or torn, as `survival` and `stream` say.
    pub fn power_loss(&mut self, survival: Survival, stream: &mut Stream) -> Loss {
        let pending = self.names.pending();
        let kept = survival.prefix(pending, stream);
        self.names.power_loss(kept);
        let mut loss = Loss { kept: kept as u64, lost: (pending - kept) as u64, torn: 0 };
        for file in self.files.values_mut() {
            loss.add(file.content.power_loss(&mut |parts| survival.fate(parts, stream)));
            file.open = Arc::default();
        }
        self.collect();
        loss
    }

    /// The bytes that the files take, in whole pages; holes take nothing.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.files.values().map(|file| file.content.live().used()).sum()
    }

    /// How many changes are not synced, to contents and to names.
    #[must_use]
    pub fn pending(&self) -> usize {
        let contents: usize = self.files.values().map(|file| file.content.pending()).sum();
        contents + self.names.pending()
    }

    /// How many bytes a sync of the file would write.
    #[must_use]
    pub fn pending_bytes(&self, file: FileId) -> u64 {
        self.content(file).pending_bytes()
    }

    /// Turns over the bits of `mask` in one byte, in the cache and on the disk: bit rot.
    pub fn flip(&mut self, file: FileId, offset: u64, mask: u8) {
        self.content_mut(file).flip(offset, mask);
    }

    /// What a handle holds as long as it has the file open.
    pub(super) fn open(&self, file: FileId) -> Arc<()> {
        Arc::clone(&self.files[&file].open)
    }

    /// The room that writing the bytes of `range` would take more.
    pub(super) fn room_for(&self, file: FileId, range: Range<u64>) -> u64 {
        self.content(file).live().room_for(range)
    }

    /// Forgets the files that nobody can reach any more.
    fn collect(&mut self) {
        let named = self.names.referenced();
        self.files.retain(|id, file| named.contains(id) || Arc::strong_count(&file.open) > 1);
    }

    fn content(&self, file: FileId) -> &Content {
        &self.files[&file].content
    }

    fn content_mut(&mut self, file: FileId) -> &mut Content {
        &mut self.files.get_mut(&file).expect("a file lives as long as its handles").content
    }
}
