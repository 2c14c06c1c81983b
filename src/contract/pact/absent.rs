//! Without the feature `pact`: examples are read, and nothing is said about them.

use super::Fit;
use crate::contract::traffic::Message;
use crate::document::Document;
use crate::error::Result;

pub(super) struct Inner;

pub(super) fn read(_: &Document, _: &str) -> Result<Inner> {
    Ok(Inner)
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
