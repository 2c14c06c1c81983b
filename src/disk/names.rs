//! Which file is found under which path: what programs see, what is on the disk, and between the
//! two the changes in the order in which a journal writes them.

use std::collections::BTreeSet;
use std::io;

use super::content::WRITE_BACK;
use super::image::FileId;

type Map = im::OrdMap<String, FileId>;

/// The names of all files. A directory is there as long as a file is in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    live: Map,
    durable: Map,
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Create(String, FileId),
    Rename(String, String),
    Remove(String),
}

impl Names {
    pub(super) fn find(&self, path: &str) -> Option<FileId> {
        self.live.get(path).copied()
    }

    /// True if a file is somewhere under `path`.
    pub(super) fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || under(&self.live, path).next().is_some()
    }

    /// How many changes are not synced.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The names in `dir`, without the path to it, sorted.
    pub(super) fn list(&self, dir: &str) -> Vec<String> {
        let skip = if dir.is_empty() { 0 } else { dir.len() + 1 };
        let names: BTreeSet<&str> =
            under(&self.live, dir).filter_map(|path| path[skip..].split('/').next()).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    pub(super) fn create(&mut self, path: &str, file: FileId) -> io::Result<()> {
        self.check_place(path)?;
        self.push(Change::Create(path.to_owned(), file));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let dir = self.is_dir(from);
        if !dir && self.find(from).is_none() {
            return Err(io::ErrorKind::NotFound.into());
        }
        if from == to {
            return Ok(());
        }
        if dir && is_under(to, from) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if dir && self.find(to).is_some() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if dir && self.is_dir(to) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.check_place(to)?;
        self.push(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &str) -> io::Result<()> {
        if self.find(path).is_none() {
            let dir = self.is_dir(path);
            let kind = if dir { io::ErrorKind::IsADirectory } else { io::ErrorKind::NotFound };
            return Err(kind.into());
        }
        self.push(Change::Remove(path.to_owned()));
        Ok(())
    }

    /// Makes the changes in `dir`, and all that were made before the last of them, durable.
    pub(super) fn sync(&mut self, dir: &str) {
        let last = self.pending.iter().rposition(|change| change.concerns(dir));
        self.write_back(last.map_or(0, |last| last + 1));
    }

    /// Power is lost: of the changes that are not synced, the first `kept` are on the disk.
    pub(super) fn power_loss(&mut self, kept: usize) {
        self.write_back(kept);
        self.pending.clear();
        self.live = self.durable.clone();
    }

    /// The files that are found under a name, or would be after a power loss.
    pub(super) fn referenced(&self) -> BTreeSet<FileId> {
        let created = self.pending.iter().filter_map(|change| match change {
            Change::Create(_, file) => Some(file),
            _ => None,
        });
        self.live.values().chain(self.durable.values()).chain(created).copied().collect()
    }

    /// A file can be at `path` if no part of the way to it is a file, and it is not a directory.
    fn check_place(&self, path: &str) -> io::Result<()> {
        let mut ways = path.match_indices('/').map(|(end, _)| &path[..end]);
        if ways.any(|way| self.live.contains_key(way)) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if self.is_dir(path) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(())
    }

    fn push(&mut self, change: Change) {
        change.apply(&mut self.live);
        self.pending.push(change);
        if self.pending.len() > WRITE_BACK {
            self.write_back(WRITE_BACK / 2);
        }
    }

    fn write_back(&mut self, count: usize) {
        for change in self.pending.drain(..count) {
            change.apply(&mut self.durable);
        }
    }
}

impl Change {
    fn apply(&self, names: &mut Map) {
        match self {
            Change::Create(path, file) => {
                names.insert(path.clone(), *file);
            }
            Change::Remove(path) => {
                names.remove(path);
            }
            Change::Rename(from, to) => {
                let inside: Vec<String> = under(names, from).map(str::to_owned).collect();
                for old in inside.into_iter().chain([from.clone()]) {
                    if let Some(file) = names.remove(&old) {
                        names.insert(format!("{to}{}", &old[from.len()..]), file);
                    }
                }
            }
        }
    }

    /// True if it changes an entry of `dir`.
    fn concerns(&self, dir: &str) -> bool {
        match self {
            Change::Create(path, _) | Change::Remove(path) => parent(path) == dir,
            Change::Rename(from, to) => parent(from) == dir || parent(to) == dir,
        }
    }
}

/// The one spelling of a path: no leading, double or trailing slash, no `.`.
///
/// # Errors
///
/// `InvalidInput` for `..`, and `NotFound` for the empty path of a file.
pub(super) fn normal(path: &str) -> io::Result<String> {
    let parts = || path.split('/').filter(|part| !matches!(*part, "" | "."));
    if parts().any(|part| part == "..") {
        let reason = format!("`{path}`: a simulated disk knows no `..`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(parts().collect::<Vec<_>>().join("/"))
}

/// The directory that `path` is in; the root is the empty path.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// The paths of all files in `dir` and below.
fn under<'a>(names: &'a Map, dir: &'a str) -> impl Iterator<Item = &'a str> {
    let start = if dir.is_empty() { String::new() } else { format!("{dir}/") };
    names
        .range(start..)
        .map(|(path, _)| path.as_str())
        .take_while(move |path| dir.is_empty() || is_under(path, dir))
}

fn is_under(path: &str, dir: &str) -> bool {
    path.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'))
}
