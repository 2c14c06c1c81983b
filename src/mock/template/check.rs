//! What a template may be made of.

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, Template};

use super::helper;
use crate::error::hint;

/// How deep blocks, calls in calls and lists may be nested: reading one is recursive.
const DEPTH_MAX: usize = 32;

/// Helpers of WireMock that are not here, and why.
const ABSENT: [(&str, &str); 8] = [
    ("xPath", "XML is not supported"),
    ("soapXPath", "XML is not supported"),
    ("formatXml", "XML is not supported"),
    ("systemValue", "a run must not depend on the machine it runs on"),
    ("include", "partial templates are not supported"),
    ("partial", "partial templates are not supported"),
    ("embedded", "partial templates are not supported"),
    ("block", "partial templates are not supported"),
];

/// Refuses what is nested too deep, before anybody reads it.
pub(super) fn nesting(source: &str) -> Result<(), String> {
    let mut blocks = 0usize;
    let mut rest = source;
    while let Some(start) = rest.find("{{") {
        let inside = rest[start + 2..].trim_start_matches(['{', '~']);
        let tag = &inside[..inside.find("}}").unwrap_or(inside.len())];
        if tag.starts_with(['#', '^']) {
            blocks += 1;
        } else if tag.starts_with('/') {
            blocks = blocks.saturating_sub(1);
        }
        let mut brackets = 0usize;
        for c in tag.chars() {
            match c {
                '(' | '[' | '{' => brackets += 1,
                ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            if blocks + brackets > DEPTH_MAX {
                return Err(format!("the template is nested more than {DEPTH_MAX} deep"));
            }
        }
        rest = &inside[tag.len()..];
    }
    Ok(())
}

/// Refuses helpers that are not known, and has values shown as Java shows them.
pub(super) fn helpers(template: &mut Template) -> Result<(), String> {
    for element in &mut template.elements {
        match element {
            TemplateElement::Expression(expression)
            | TemplateElement::HtmlExpression(expression) => {
                let is_alone = expression.params.is_empty() && expression.hash.is_empty();
                let shown = match &expression.name {
                    Parameter::Path(Path::Relative((_, raw)))
                        if is_alone && !helper::is_known(raw) =>
                    {
                        refuse_absent(raw)?;
                        variable(raw)?;
                        true
                    }
                    Parameter::Path(Path::Local(_)) => true,
                    _ => false,
                };
                if shown {
                    expression.params = vec![expression.name.clone()];
                    expression.name = Parameter::Name(helper::SHOW.to_owned());
                }
                call(expression)?;
            }
            TemplateElement::HelperBlock(block) => call(block)?,
            TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
            _ => return Err("partial templates and decorators are not supported".into()),
        }
    }
    Ok(())
}

fn call(helper: &mut HelperTemplate) -> Result<(), String> {
    let has_arguments = !helper.params.is_empty() || !helper.hash.is_empty();
    // An `{{else if}}` without a condition of its own is a chain's end.
    if has_arguments || helper.block {
        match &helper.name {
            Parameter::Name(name) => known(name)?,
            Parameter::Path(Path::Relative((_, raw))) => known(raw)?,
            _ => {}
        }
    }
    let hash: Vec<&mut Parameter> = helper.hash.values_mut().collect();
    for parameter in helper.params.iter_mut().chain(hash) {
        match parameter {
            Parameter::Subexpression(inner) => match inner.element.as_mut() {
                TemplateElement::Expression(inner) => call(inner)?,
                _ => return Err("only helpers are called between brackets".into()),
            },
            Parameter::Path(Path::Relative((_, raw))) => variable(raw)?,
            _ => {}
        }
    }
    for part in [&mut helper.template, &mut helper.inverse].into_iter().flatten() {
        helpers(part)?;
    }
    Ok(())
}

fn known(name: &str) -> Result<(), String> {
    if helper::is_known(name) || name.is_empty() {
        return Ok(());
    }
    refuse_absent(name)?;
    Err(format!("there is no template helper `{name}`{}", hint(name, helper::names())))
}

/// Refuses what is no variable.
fn variable(path: &str) -> Result<(), String> {
    match path {
        "as" => Err("`as` is a keyword of Handlebars, and no name".into()),
        "request.clientIp" => Err("`request.clientIp`: a mock does not know addresses".into()),
        _ => Ok(()),
    }
}

fn refuse_absent(name: &str) -> Result<(), String> {
    match ABSENT.iter().find(|(absent, _)| *absent == name) {
        Some((name, reason)) => Err(format!("the template helper `{name}`: {reason}")),
        None => Ok(()),
    }
}
