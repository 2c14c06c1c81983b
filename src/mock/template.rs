//! Handlebars templates of responses, with WireMock's helpers.
//!
//! What a helper draws comes from the stream of its stub, and what it calls now is the virtual clock
//! of the mock's node. A template is checked when it is read: a helper that is not known is an error
//! there, not when a request comes.

mod check;
mod data;
mod helper;
mod numbers;
mod ordered;
mod tests;
mod text;
mod times;
mod view;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::rc::Rc;

use handlebars::{Context, Handlebars, Output, RenderContext, RenderError, Renderable};
use serde_json::{Map, Value};

use super::request::Facts;
use crate::kernel::current::{self, Part};
use crate::seed::Stream;

pub(crate) use view::show;

/// The longest template, in bytes.
const SOURCE_MAX: usize = 1 << 20;
/// The longest text that a template may make, in bytes.
const OUTPUT_MAX: usize = 16 << 20;
/// Steps of helpers in one rendering: calls, and the elements that they make.
const STEPS_MAX: usize = 250_000;

/// A compiled template.
#[derive(Clone)]
pub(crate) struct Template {
    source: String,
    compiled: handlebars::Template,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Template) -> bool {
        self.source == other.source
    }
}

/// What helpers need to know, and draw from.
pub(crate) struct Rendering {
    stream: RefCell<Stream>,
    /// Milliseconds since 1970.
    now: i64,
    host: String,
    steps: Cell<usize>,
    /// The exception that a helper has thrown.
    thrown: RefCell<Option<String>>,
    /// What helpers have said instead of a value.
    errors: RefCell<BTreeSet<String>>,
}

thread_local! {
    static RENDERING: Part<Rendering> = const { Part::empty() };
}

impl Rendering {
    pub(crate) fn new(stream: Stream, now: i64, host: String) -> Rendering {
        Rendering {
            stream: RefCell::new(stream),
            now,
            host,
            steps: Cell::new(0),
            thrown: RefCell::default(),
            errors: RefCell::default(),
        }
    }

    /// What is left of the stream.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream.into_inner()
    }

    /// Counts steps; an error when there were too many.
    fn spend(&self, steps: usize) -> Result<(), String> {
        self.steps.set(self.steps.get().saturating_add(steps));
        match self.steps.get() > STEPS_MAX {
            true => Err(format!("a template of more than {STEPS_MAX} steps")),
            false => Ok(()),
        }
    }
}

/// The helpers. Making it takes some microseconds: a mock makes one when its first template is
/// rendered.
pub(crate) struct Engine(Handlebars<'static>);

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

impl Engine {
    pub(crate) fn new() -> Engine {
        let mut registry = Handlebars::new();
        registry.register_escape_fn(handlebars::no_escape);
        helper::register(&mut registry);
        Engine(registry)
    }

    /// Renders a template for a request. The error says what is wrong with it. Errors of helpers stand
    /// in the text; those that do not, because a block took them for a value, are given to `lost`.
    pub(crate) fn render(
        &self,
        template: &Template,
        data: &Context,
        rendering: Rendering,
        lost: impl FnMut(&String),
    ) -> (Result<String, String>, Stream) {
        let rendering = Rc::new(rendering);
        let installed = current::install(&RENDERING, rendering.clone());
        let mut context = RenderContext::new(None);
        context.set_recursive_lookup(true);
        let mut out = Bounded(String::new());
        let result = template.compiled.render(&self.0, data, &mut context, &mut out);
        drop(installed);
        let rendering = Rc::into_inner(rendering).expect("it was lent alone");
        rendering.errors.borrow().iter().filter(|error| !out.0.contains(&**error)).for_each(lost);
        let told = |error: RenderError| match rendering.thrown.take() {
            Some(exception) => format!("{}: {exception}", template.place(&error)),
            None => error.to_string(),
        };
        (result.map(|()| out.0).map_err(told), rendering.into_stream())
    }
}

/// A text of a bounded length.
struct Bounded(String);

impl Output for Bounded {
    fn write(&mut self, text: &str) -> io::Result<()> {
        if self.0.len() + text.len() > OUTPUT_MAX {
            return Err(io::Error::other(format!("a template makes more than {OUTPUT_MAX} bytes")));
        }
        self.0.push_str(text);
        Ok(())
    }
}

impl Template {
    /// Reads a template; the error says what is wrong, and where in it.
    pub(crate) fn compile(source: &str) -> Result<Template, String> {
        if source.len() > SOURCE_MAX {
            return Err(format!("a template of {} bytes; at most {SOURCE_MAX}", source.len()));
        }
        check::nesting(source)?;
        // WireMock's handlebars knows no escape: a backslash before a tag is one, and the tag is a tag.
        let text = source.replace("\\{{", "\\\\{{");
        let mut compiled = handlebars::Template::compile(&text).map_err(|error| {
            let reason = error.to_string();
            format!("the template cannot be read: {}", reason.lines().collect::<Vec<_>>().join(" "))
        })?;
        check::helpers(&mut compiled)?;
        Ok(Template { source: source.to_owned(), compiled })
    }

    /// Line and column of what an error is about, as WireMock counts them: the column is that of the
    /// helper's name, from 0.
    fn place(&self, error: &RenderError) -> String {
        let (line, column) = (error.line_no.unwrap_or(1), error.column_no.unwrap_or(1));
        let text = self.source.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let tag = text.chars().skip(column.saturating_sub(1));
        let before = tag.take_while(|c| "{~#^&( ".contains(*c)).count();
        format!("{line}:{}", column.saturating_sub(1) + before)
    }

    /// True if the text has anything to render.
    pub(crate) fn is_one(source: &str) -> bool {
        source.contains("{{")
    }

    /// What was compiled.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

/// What templates see of a request, and their stub's parameters. `sources` are the templates that
/// will see it: headers are there in the spelling that these use.
pub(crate) fn data(
    facts: &Facts<'_>,
    path: &[(String, String)],
    parameters: &Map<String, Value>,
    sources: &[&str],
    stream: &mut Stream,
) -> Context {
    let request = view::request(facts, path, sources, stream);
    let mut root = Map::new();
    root.insert("request".to_owned(), request);
    root.insert("parameters".to_owned(), Value::Object(parameters.clone()));
    Context::from(Value::Object(root))
}
