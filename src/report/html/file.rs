//! The file around the content: head, style, script, and the policy that allows these and no more.

use std::fmt::{Display, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page/page.css");
/// The parts of the script, which is one function around all of them.
const SCRIPT: [&str; 5] = [
    include_str!("page/data.js"),
    include_str!("page/scale.js"),
    include_str!("page/diagram.js"),
    include_str!("page/waterfall.js"),
    include_str!("page/main.js"),
];

/// The body of a page while it is written. All that is put in is text and gets escaped, but for what
/// [`File::raw`] takes, which is ours.
#[derive(Default)]
pub(super) struct File {
    body: String,
}

impl File {
    /// Markup of our own. It takes no text that was made at run time.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut File {
        self.body.push_str(markup);
        self
    }

    /// Text, in an element or in an attribute with double quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut File {
        escape(&text.to_string(), &mut self.body);
        self
    }

    /// An element of which all content is text: `el("<h2>", "Story", "</h2>")`.
    pub(super) fn el(
        &mut self,
        open: &'static str,
        text: impl Display,
        close: &'static str,
    ) -> &mut File {
        self.raw(open).text(text).raw(close)
    }

    /// The whole file. With `data`, it has the script, too.
    pub(super) fn finish(self, title: &str, data: &str) -> String {
        let script = format!("(() => {{\n'use strict';\n{}}})();\n", SCRIPT.concat());
        let mut out = String::with_capacity(self.body.len() + data.len() + 64 * 1024);
        out.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        let _ = writeln!(
            out,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src \
             'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">",
            digest(&script),
            digest(STYLE)
        );
        out.push_str(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n<title>",
        );
        escape(title, &mut out);
        let _ = write!(out, "</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{}", self.body);
        if !data.is_empty() {
            out.push_str("<script type=\"application/json\" id=\"data\">");
            out.push_str(&inert(data));
            let _ = write!(out, "</script>\n<script>{script}</script>\n");
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

/// The hash by which a content security policy names a style or a script.
fn digest(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn escape(text: &str, out: &mut String) {
    for c in super::text::visible_all(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

/// JSON that ends no element wherever it stands: these characters occur in its strings alone.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 16);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}
