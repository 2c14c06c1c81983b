//! How a function becomes a helper.

use std::cell::RefCell;
use std::io;

use handlebars::{
    BlockContext, BlockParams, Context, Handlebars, Helper, HelperDef, HelperResult, Output,
    RenderContext, RenderError, RenderErrorReason, Renderable, ScopedJson, StringOutput,
};
use serde_json::Value;

use super::{RENDERING, Rendering, data, numbers, tests, text, times, view};
use crate::kernel::current;

/// The helper that shows a value.
pub(super) const SHOW: &str = "__show";
/// Helpers of the library itself.
const BUILT_IN: [&str; 5] = ["if", "unless", "each", "with", "log"];

/// What a helper is called with. The text of a block comes first.
pub(super) struct Args<'a> {
    params: Vec<&'a Value>,
    named: Vec<(&'a str, &'a Value)>,
    /// Its first argument is the text of a block.
    pub(super) is_block: bool,
    /// A variable that is set from now on, instead of output.
    assigned: RefCell<Option<(String, Value)>>,
    pub(super) rendering: &'a Rendering,
}

pub(super) type Made = Result<Value, String>;

/// What a helper does.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// Makes a value.
    Value(fn(&Args<'_>) -> Made),
    /// Makes a value of JSON, which is shown as JSON.
    Json(fn(&Args<'_>) -> Made),
    /// Decides: a block is rendered, or its `else`.
    Test(fn(&Args<'_>) -> Result<bool, String>),
    /// Joins what its block makes of each element.
    Join,
}

/// All helpers but the built-in ones.
fn all() -> impl Iterator<Item = (&'static str, Does)> {
    let tables = [data::HELPERS, numbers::HELPERS, tests::HELPERS, text::HELPERS, times::HELPERS];
    let own = [(SHOW, Does::Value(|args| Ok(args.param(0).clone()))), ("arrayJoin", Does::Join)];
    tables.into_iter().flatten().copied().chain(own)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.into_iter().chain(all().map(|(name, _)| name)).filter(|name| *name != SHOW)
}

pub(super) fn is_known(name: &str) -> bool {
    BUILT_IN.contains(&name) || all().any(|(known, _)| known == name)
}

pub(super) fn register(registry: &mut Handlebars<'static>) {
    for (name, does) in all() {
        registry.register_helper(name, Box::new(does));
    }
}

impl<'a> Args<'a> {
    /// The n-th argument, from 0; null if there are fewer.
    pub(super) fn param(&self, index: usize) -> &'a Value {
        self.params.get(index).copied().unwrap_or(&Value::Null)
    }

    pub(super) fn params(&self) -> &[&'a Value] {
        &self.params
    }

    /// The n-th argument as text.
    pub(super) fn text(&self, index: usize) -> String {
        view::show(self.param(index))
    }

    /// The n-th argument, unless there are fewer.
    pub(super) fn optional(&self, index: usize) -> Option<String> {
        self.params.get(index).map(|value| view::show(value))
    }

    /// The argument of that name.
    pub(super) fn named(&self, name: &str) -> Option<&'a Value> {
        self.named.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    pub(super) fn named_text(&self, name: &str) -> Option<String> {
        self.named(name).map(view::show)
    }

    /// The whole number of that name, or at that place.
    pub(super) fn integer(&self, value: &Value) -> Result<i64, String> {
        let text = view::show(value);
        text.trim().parse().map_err(|_| format!("`{text}` is not a whole number"))
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.named(name).is_some_and(is_truthy)
    }

    /// What WireMock's helper throws instead of saying: the whole response is an error then.
    pub(super) fn thrown(&self, exception: &str) -> String {
        *self.rendering.thrown.borrow_mut() = Some(exception.to_owned());
        exception.to_owned()
    }

    /// Sets a variable; the helper shows nothing.
    pub(super) fn assign(&self, name: String, value: Value) -> Value {
        *self.assigned.borrow_mut() = Some((name, value));
        Value::Null
    }
}

/// What counts as true: not null, false, zero, nor empty.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(_) => true,
    }
}

fn failed(reason: impl Into<String>) -> RenderError {
    RenderErrorReason::NestedError(Box::new(io::Error::other(reason.into()))).into()
}

impl Does {
    /// Calls it. What it says is wrong becomes the output, as in WireMock.
    fn made<'rc>(
        self,
        h: &Helper<'rc>,
        block: Option<&Value>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'_, 'rc>,
    ) -> Result<Value, RenderError> {
        let rendering = current::try_part(&RENDERING, std::rc::Rc::clone);
        let rendering = rendering.ok_or_else(|| failed("a template outside of a mock"))?;
        rendering.spend(1).map_err(failed)?;
        let params = block.into_iter().chain(h.params().iter().map(|param| param.value()));
        let named = h.hash().iter().map(|(name, value)| (*name, value.value()));
        let args = Args {
            params: params.collect(),
            named: named.collect(),
            is_block: block.is_some(),
            assigned: RefCell::new(None),
            rendering: &rendering,
        };
        let made = match self {
            Does::Value(function) | Does::Json(function) => function(&args),
            Does::Test(function) => function(&args).map(Value::Bool),
            Does::Join => data::join(&args),
        };
        rendering.spend(0).map_err(failed)?;
        if let (Err(exception), true) = (&made, rendering.thrown.borrow().is_some()) {
            return Err(failed(exception.clone()));
        }
        if let Some((name, value)) = args.assigned.take() {
            let mut root = rc.context().map_or_else(|| ctx.data().clone(), |c| c.data().clone());
            if let Value::Object(root) = &mut root {
                root.insert(name, value);
            }
            rc.set_context(Context::from(root));
        }
        Ok(made.unwrap_or_else(|reason| {
            let text = format!("[ERROR: {reason}]");
            rendering.errors.borrow_mut().insert(text.clone());
            Value::String(text)
        }))
    }
}

impl HelperDef for Does {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.made(h, None, ctx, rc).map(ScopedJson::Derived)
    }

    fn call<'reg: 'rc, 'rc>(
        &self,
        h: &Helper<'rc>,
        r: &'reg Handlebars<'reg>,
        ctx: &'rc Context,
        rc: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        if let (true, Does::Test(_)) = (h.is_block(), self) {
            let holds = self.made(h, None, ctx, rc)? == Value::Bool(true);
            let part = if holds { h.template() } else { h.inverse() };
            return part.map_or(Ok(()), |part| part.render(r, ctx, rc, out));
        }
        if let (Some(template), Does::Join) = (h.template(), self) {
            return join_block(h, template, r, ctx, rc, out);
        }
        let block = match h.template() {
            Some(template) => {
                let mut text = StringOutput::new();
                template.render(r, ctx, rc, &mut text)?;
                Some(Value::String(text.into_string().map_err(|e| failed(e.to_string()))?))
            }
            None => None,
        };
        let value = self.made(h, block.as_ref(), ctx, rc)?;
        let text = match (self, &value) {
            (Does::Test(_), Value::Bool(holds)) => {
                let name = if *holds { "yes" } else { "no" };
                let word = h.hash_get(name).map(|word| view::show(word.value()));
                word.unwrap_or_else(|| holds.to_string())
            }
            (Does::Json(_), Value::Array(_)) => value.to_string(),
            _ => view::show(&value),
        };
        Ok(out.write(&text)?)
    }
}

/// `{{#arrayJoin ',' list as |item|}}..{{/arrayJoin}}`
fn join_block<'reg: 'rc, 'rc>(
    h: &Helper<'rc>,
    template: &'rc handlebars::Template,
    r: &'reg Handlebars<'reg>,
    ctx: &'rc Context,
    rc: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    let between = h.param(0).map(|param| view::show(param.value())).unwrap_or_default();
    let list = h.param(1).map(|param| param.value().clone()).unwrap_or_default();
    let Value::Array(list) = list else { return Ok(()) };
    for (index, item) in list.into_iter().enumerate() {
        if index > 0 {
            out.write(&between)?;
        }
        let mut block = BlockContext::new();
        if let Some(name) = h.block_param() {
            let mut params = BlockParams::new();
            params.add_value(name, item.clone())?;
            block.set_block_params(params);
        }
        block.set_base_value(item);
        rc.push_block(block);
        let rendered = template.render(r, ctx, rc, out);
        rc.pop_block();
        rendered?;
    }
    Ok(())
}
