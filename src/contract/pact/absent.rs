//! Without the feature `pact`: examples are read, and nothing is said about them.

use super::Fit;
use crate::contract::traffic::Message;
use crate::document::Document;
use crate::error::Result;

pub(super) struct Inner;

pub(super) fn read(document: &Document) -> Result<Vec<Inner>> {
    let lists = ["/interactions", "/messages"].iter().filter_map(|at| document.get(at)?.as_array());
    Ok(lists.flatten().map(|_| Inner).collect())
}

impl Inner {
    pub(super) fn request(&self, _: &Message<'_>) -> Fit {
        unknown()
    }

    pub(super) fn reply(&self, _: &Message<'_>) -> Fit {
        unknown()
    }

    pub(super) fn event(&self, _: &Message<'_>) -> Fit {
        unknown()
    }
}

fn unknown() -> Fit {
    Fit::Unknown("Pact files are matched with the cargo feature `pact` only".into())
}
