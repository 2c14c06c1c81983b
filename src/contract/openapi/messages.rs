//! Two versions of the bodies and the answers of an operation.

use std::collections::BTreeMap;

use super::compare::Pair;
use super::{Body, Operation, Response};
use crate::contract::schema::Schema;
use crate::contract::{Bump, Direction};

use Bump::{Major, Minor};
use Direction::{Request, Response as Reply};

type Content = BTreeMap<String, Option<Schema>>;
type Responses = BTreeMap<String, Response>;

impl Pair<'_> {
    pub(super) fn body(&mut self, old: Option<&Body>, new: Option<&Body>, operation: &Operation) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => {
                let bump = if new.required { Major } else { Minor };
                self.add("body-added", &new.at, Request, bump, "a body may be sent".into());
            }
            (Some(_), None) => {
                let text = "no body is taken any more".into();
                self.add("body-removed", &operation.at, Request, Major, text);
            }
            (Some(old), Some(new)) => {
                if !old.required && new.required {
                    let text = "the body must be sent now".into();
                    self.add("body-required", &new.at, Request, Major, text);
                }
                self.content(&old.content, &new.content, &new.at, Request);
            }
        }
    }

    pub(super) fn content(&mut self, old: &Content, new: &Content, at: &str, way: Direction) {
        for (media, before) in old {
            let kept = match way {
                Request => of_media(new, media).into_iter().collect(),
                _ => answers_of_media(new, media),
            };
            if kept.is_empty() {
                let text = format!("`{media}` is gone");
                self.add("media-type-removed", at, way, Major, text);
            }
            for after in kept {
                self.schemas(before.as_ref(), after, at, way);
            }
        }
        for media in new.keys().filter(|media| same_media(old, media).is_none()) {
            let text = format!("`{media}` is possible now");
            self.add("media-type-added", at, way, Minor, text);
        }
    }

    pub(super) fn responses(&mut self, old: &Responses, new: &Responses) {
        for (status, before) in old {
            let kept = of_status(new, status);
            if kept.is_empty() {
                let text = format!(
                    "{status} is no answer any more: who handles it is not told what comes instead"
                );
                self.add("response-removed", &before.at, Reply, Major, text);
            }
            for after in kept {
                self.response(before, after);
            }
        }
        for (status, after) in new.iter().filter(|(status, _)| !old.contains_key(*status)) {
            match old.get(&hundred(status)) {
                Some(before) => self.response(before, after),
                None => {
                    let text = format!("{status} is a new answer");
                    self.add("response-added", &after.at, Reply, Minor, text);
                }
            }
        }
    }

    fn response(&mut self, old: &Response, new: &Response) {
        self.content(&old.content, &new.content, &new.at, Reply);
        self.headers(old, new);
    }

    fn headers(&mut self, old: &Response, new: &Response) {
        for (name, before) in &old.headers {
            match new.headers.get(name) {
                Some(after) => {
                    if before.required && !after.required {
                        let text = format!("the header `{name}` may be missing now");
                        self.add("header-optional", &after.at, Reply, Major, text);
                    }
                    if !before.required && after.required {
                        let text = format!(
                            "the header `{name}` is promised now: answers of caches, proxies and \
                             instances that are not yet replaced come without it"
                        );
                        self.add("header-required", &after.at, Reply, Major, text);
                    }
                    self.parameter(before, after, Reply);
                }
                None => {
                    let text = format!("the header `{name}` is gone");
                    self.add("header-removed", &before.at, Reply, Major, text);
                }
            }
        }
        for (name, after) in new.headers.iter().filter(|(name, _)| !old.headers.contains_key(*name))
        {
            let text = format!("the header `{name}` is new");
            self.add("header-added", &after.at, Reply, Minor, text);
        }
    }
}

/// What takes a media type: itself, whatever its parameters, or a range it is in.
fn of_media<'a>(content: &'a Content, media: &str) -> Option<Option<&'a Schema>> {
    let range = || {
        let found = content.iter().find(|(range, _)| in_range(bare(media), range));
        found.map(|(_, schema)| schema.as_ref())
    };
    same_media(content, media).or_else(range)
}

/// The answers that come for a media type: itself, or all of the range that it is.
fn answers_of_media<'a>(content: &'a Content, media: &str) -> Vec<Option<&'a Schema>> {
    if let Some(same) = same_media(content, media) {
        return vec![same];
    }
    let inner = content.iter().filter(|(known, _)| in_range(bare(known), media));
    inner.map(|(_, schema)| schema.as_ref()).collect()
}

fn same_media<'a>(content: &'a Content, media: &str) -> Option<Option<&'a Schema>> {
    let by_type = || content.iter().find(|(known, _)| bare(known) == bare(media));
    let found = content.get_key_value(media).or_else(by_type)?;
    Some(found.1.as_ref())
}

/// A media type without its parameters.
pub(super) fn bare(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

fn in_range(media: &str, range: &str) -> bool {
    let prefix = range.strip_suffix('*');
    range == "*/*"
        || prefix.is_some_and(|prefix| prefix.ends_with('/') && media.starts_with(prefix))
}

/// The answers that come for a status: what is declared for it, for its hundred or for all; for a
/// hundred, those in it.
fn of_status<'a>(responses: &'a Responses, status: &str) -> Vec<&'a Response> {
    if let Some(own) = responses.get(status) {
        return vec![own];
    }
    let inner = responses.iter().filter(|(known, _)| hundred(known) == status);
    let inner: Vec<&Response> = inner.map(|(_, response)| response).collect();
    if !inner.is_empty() || status == "DEFAULT" {
        return inner;
    }
    let wider = responses.get(&hundred(status)).or_else(|| responses.get("DEFAULT"));
    wider.into_iter().collect()
}

/// `404` is one of `4XX`.
fn hundred(status: &str) -> String {
    format!("{}XX", status.get(..1).unwrap_or_default())
}
