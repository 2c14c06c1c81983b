//! Misuse of the library's own interface. What the services under test meet is an [`std::io::Error`]
//! or an HTTP status, as in life; what a check finds is a [`crate::verdict::Verdict`].

use std::path::PathBuf;

/// What can go wrong outside of a run: in a script, a journal file, a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A fault script that cannot be used; the text names the line, the reason and a suggestion.
    #[error("{file}:{line}: {reason}")]
    Script {
        /// The script's path, or `plan` for a text without one.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// A JSON or YAML file that cannot be used: see [`crate::document`].
    #[error("{file}:{line}: {reason}")]
    Document {
        /// The file's path, or the name that its reader gave it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A recorded operation that is not what its reader expects: see [`crate::history`].
    #[error("`{object}`, operation {operation}: {reason}")]
    History {
        /// What was called.
        object: String,
        /// The operation's place in its history, from 1, in the order of the calls.
        operation: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// A configuration file of cargo that cannot be used.
    #[error("{file}:{line}: {reason}", file = file.display())]
    Config {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// A journal file that cannot be read.
    #[error("{path}: {reason}", path = path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The world itself is not well formed: a name twice, a call to nobody.
    #[error("{0}")]
    World(String),
    /// An executable whose calls cannot be seen.
    #[error("{path}: {reason}", path = path.display())]
    Executable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing a file failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
}

/// The library's result.
pub type Result<T = ()> = std::result::Result<T, Error>;

impl Error {
    /// An I/O error with the file it concerns.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Error {
        Error::Io { path: path.into(), source }
    }

    /// An error about a line of a file. Reasons quote what stands there, which may be as large as the
    /// file: a long one loses its middle.
    pub(crate) fn document(file: impl Into<String>, line: usize, reason: &str) -> Error {
        Error::Document { file: file.into(), line, reason: short(reason) }
    }

    /// The same about a fault script or the checks of a flow.
    pub(crate) fn script(file: impl Into<String>, line: usize, reason: &str) -> Error {
        Error::Script { file: file.into(), line, reason: short(reason) }
    }
}

/// A reason of at most 300 characters: what is wrong stands at its beginning, what was expected at its end.
fn short(reason: &str) -> String {
    let (head, tail, most) = (200, 80, 300);
    let starts: Vec<usize> = reason.char_indices().map(|(at, _)| at).collect();
    if starts.len() <= most {
        return reason.to_owned();
    }
    format!("{} [...] {}", &reason[..starts[head]], &reason[starts[starts.len() - tail]..])
}

/// The name in `known` that is nearest to `name`, for "did you mean": none if nothing is near.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// The nearest of `known` in words, to be put behind what is wrong: ``; did you mean `name`?``, or
/// nothing if none is near.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}
