//! A JSON Schema, as a set of messages: what it accepts, and whether it accepts all of another.

use std::fmt;
use std::sync::OnceLock;

use jsonschema::canonical::{CanonicalSchema, CanonicalizationError, Containment as Covers};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::witness;

mod closed;
mod hoist;
mod size;

/// How a schema's text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The draft; that of `$schema` if none is given, and 2020-12 if it has none.
    pub draft: Option<Draft>,
    /// Whether `format` refuses; as the draft has it if none is given.
    pub formats: Option<bool>,
}

/// Whom we take the sender of a message for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// It sends whatever its schema accepts, properties too that the schema does not name.
    #[default]
    Open,
    /// It sends only properties that its schema names, where the schema is silent on others. This is
    /// what people mean when they add an optional property; the tap checks that it is so.
    ClosedWriter,
}

/// Whether everything that a sender may send is accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Containment {
    /// Proven: all of it is.
    Yes,
    /// Proven: not all of it is. The value is one that the sender's schema accepts and the
    /// reader's refuses, asked of both validators; none if none was found.
    No(Option<Value>),
    /// Not decided, and why.
    Unknown(String),
}

/// A JSON Schema (drafts 4 to 2020-12), ready to validate and to compare.
pub struct Schema {
    text: Value,
    settings: Settings,
    validator: Validator,
    canonical: OnceLock<Result<CanonicalSchema, String>>,
    closed: OnceLock<Option<Box<Schema>>>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Schema").field(&self.text).finish()
    }
}

impl Schema {
    /// Reads a schema. References are followed inside of the text only.
    ///
    /// # Errors
    ///
    /// The JSON pointer of what is wrong, and what it is: no schema, a reference to somewhere else, a
    /// pattern that is no regular expression, a schema too large to work with.
    pub fn new(text: &Value, settings: Settings) -> Result<Schema, (String, String)> {
        size::check(text)?;
        let declared = Draft::default().detect(text);
        let draft = settings.draft.unwrap_or(declared);
        if draft == Draft::Unknown {
            let reason = "the draft of `$schema` is none of 4, 6, 7, 2019-09, 2020-12";
            return Err(("/$schema".into(), reason.into()));
        }
        let settings = Settings { draft: Some(draft), ..settings };
        let options = jsonschema::options().with_draft(draft).offline();
        let options = match settings.formats {
            Some(formats) => options.should_validate_formats(formats),
            None => options,
        };
        let validator = options.build(text).map_err(|e| {
            let at = e.schema_path().as_str().to_owned();
            match size::foreign_reference(text) {
                Some((at, reference)) => (at, foreign(&reference)),
                None => (at, format!("no JSON Schema: {e}")),
            }
        })?;
        let (canonical, closed) = (OnceLock::new(), OnceLock::new());
        Ok(Schema { text: text.clone(), settings, validator, canonical, closed })
    }

    /// A schema of an interface, as [`super::OpenApi`] reads them: 2020-12, formats refuse.
    pub(super) fn of_interface(text: &Value) -> Result<Schema, (String, String)> {
        let draft = Some(Draft::Draft202012);
        Schema::new(text, Settings { draft, formats: Some(true) })
    }

    /// The schema's text.
    #[must_use]
    pub fn text(&self) -> &Value {
        &self.text
    }

    /// True if it accepts the value.
    #[must_use]
    pub fn accepts(&self, value: &Value) -> bool {
        self.validator.is_valid(value)
    }

    /// Why it refuses a value, as the pointer into the value and the reason; at most `most` of them.
    #[must_use]
    pub fn refusals(&self, value: &Value, most: usize) -> Vec<(String, String)> {
        let errors = self.validator.iter_errors(value).take(most);
        errors.map(|e| (e.instance_path().as_str().to_owned(), shortened(&e.to_string()))).collect()
    }

    /// Whether `self`, as reader, accepts everything that `writer` may send.
    #[must_use]
    pub fn contains(&self, writer: &Schema, profile: Profile) -> Containment {
        if self.text == writer.text && self.settings == writer.settings {
            return Containment::Yes;
        }
        let closed = (profile == Profile::ClosedWriter).then(|| writer.closed()).flatten();
        let sent = closed.unwrap_or(writer);
        match self.covers(sent) {
            Ok((Covers::Yes, _)) => Containment::Yes,
            Ok((Covers::No, lost)) => Containment::No(self.witness(writer, sent, lost.as_ref())),
            Ok((Covers::Unknown, lost)) => self.searched(writer, sent, lost.as_ref(), String::new),
            Err(reason) => self.searched(writer, sent, None, || reason),
        }
    }

    /// Not decided by the algebra: a witness decides.
    fn searched(
        &self,
        writer: &Schema,
        sent: &Schema,
        lost: Option<&Value>,
        reason: impl FnOnce() -> String,
    ) -> Containment {
        match self.witness(writer, sent, lost) {
            Some(witness) => Containment::No(Some(witness)),
            None => {
                let reason = reason();
                let why =
                    if reason.is_empty() { "the algebra does not decide it" } else { &reason };
                Containment::Unknown(format!("{why}, and no example was found"))
            }
        }
    }

    fn witness(&self, writer: &Schema, sent: &Schema, lost: Option<&Value>) -> Option<Value> {
        let shows =
            |value: &Value| sent.accepts(value) && writer.accepts(value) && !self.accepts(value);
        let from = [lost, Some(&sent.text), Some(&self.text)];
        witness::find(from.into_iter().flatten(), shows)
    }

    /// What the algebra says of `self ⊇ sent`, and what is lost as a schema.
    fn covers(&self, sent: &Schema) -> Result<(Covers, Option<Value>), String> {
        let draft = self.common_draft(sent)?;
        let (reader, writer) = (self.canonical(draft)?, sent.canonical(draft)?);
        let outcome = reader.covers(&writer);
        let (reader, writer) = match outcome {
            Err(CanonicalizationError::IncompatibleOperands(_)) => {
                (self.hoisted(draft, "new")?, sent.hoisted(draft, "old")?)
            }
            _ => (reader, writer),
        };
        let covers = reader.covers(&writer).map_err(|e| format!("no algebra: {e}"))?;
        let lost = match covers {
            Covers::Yes => None,
            _ => writer.subtract(&reader).ok().map(|lost| lost.to_json_schema()),
        };
        Ok((covers, lost))
    }

    fn common_draft(&self, other: &Schema) -> Result<Draft, String> {
        let own = |schema: &Schema| {
            let named = schema.text.get("$schema").is_some();
            named.then_some(schema.settings.draft).flatten()
        };
        match (own(self), own(other)) {
            (Some(a), Some(b)) if a != b => Err(format!("the drafts differ: {b:?} and {a:?}")),
            (Some(draft), _) | (None, Some(draft)) => Ok(draft),
            (None, None) => Ok(self.settings.draft.unwrap_or_default()),
        }
    }

    fn canonical(&self, draft: Draft) -> Result<CanonicalSchema, String> {
        if Some(draft) == self.settings.draft {
            let made = self.canonical.get_or_init(|| self.canonicalize(&self.text, draft));
            return made.clone();
        }
        self.canonicalize(&self.text, draft)
    }

    /// The same schema with its root among its definitions, where recursion can be told apart.
    fn hoisted(&self, draft: Draft, name: &str) -> Result<CanonicalSchema, String> {
        self.canonicalize(&hoist::hoisted(&self.text, draft, name), draft)
    }

    fn canonicalize(&self, text: &Value, draft: Draft) -> Result<CanonicalSchema, String> {
        if size::expanded(text) > size::LARGEST_FOR_ALGEBRA {
            return Err("the schema is too large for the algebra once its references are \
                        followed"
                .into());
        }
        let options = jsonschema::canonical::options().with_draft(draft).offline();
        let options = match self.settings.formats {
            Some(formats) => options.should_validate_formats(formats),
            None => options,
        };
        options.canonicalize(text).map_err(|e| format!("no algebra: {e}"))
    }

    /// The schema of a sender that sends only properties that are named. None if it cannot be made,
    /// or is the same.
    #[must_use]
    pub fn closed(&self) -> Option<&Schema> {
        let made = self.closed.get_or_init(|| {
            let draft = self.settings.draft.unwrap_or_default();
            let canonical = self.canonical(draft).ok()?.to_json_schema();
            let text = closed::closed(&canonical)?;
            Schema::new(&text, self.settings).ok().map(Box::new)
        });
        made.as_deref()
    }
}

/// The reason why a reference is refused.
pub(super) fn foreign(reference: &str) -> String {
    format!(
        "`$ref` to `{reference}`: only references inside of the file (`#/...`) are followed, nothing \
         is fetched"
    )
}

/// A schema that accepts everything.
pub(super) fn anything() -> Value {
    Value::Object(Map::new())
}

/// Texts of validators quote whole messages.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
