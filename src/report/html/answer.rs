//! What a reader wants to know first: the verdict, what it takes, how to see it again, the story.
//! All of it is text in the file and needs no script.

use std::collections::BTreeMap;

use super::Subject;
use super::file::File;
use super::text::thousands;
use crate::journal::StoryLine;
use crate::report::{count, diagram, story};
use crate::shrink::{Shrunk, Without};
use crate::time::Time;
use crate::verdict::Verdict;

/// The lines of the story of a run in which nothing is violated.
const LINES: usize = 40;

pub(super) fn write(subject: Subject<'_>, file: &mut File) {
    head(subject, file);
    verdict(subject, file);
    file.raw("<div class=\"columns\">\n<div class=\"side\">\n");
    takes(subject, file);
    again(subject, file);
    file.raw("</div>\n");
    tell(subject, file);
    file.raw("</div>\n");
}

fn head(Subject { sim, run, .. }: Subject<'_>, file: &mut File) {
    file.raw("<header class=\"top\"><span class=\"mark\">stormglass</span>");
    file.el("<span class=\"crumb\">", sim, "</span>");
    if !run.variant.is_empty() {
        file.el("<span class=\"crumb\">", &run.variant, "</span>");
    }
    file.el("<span class=\"crumb\">seed ", run.seed, "</span></header>\n<main>\n");
}

fn verdict(subject: Subject<'_>, file: &mut File) {
    let run = subject.run;
    let verdict = run.verdict_of_plan();
    match (subject.outcome, &verdict) {
        (Some(outcome), _) => {
            file.raw("<section class=\"verdict violated\"><p class=\"badge\">violated</p>");
            file.el("<h1>", &outcome.property, "</h1>");
            witness(story::witness(outcome), file);
        }
        (None, Verdict::Holds) => {
            file.raw("<section class=\"verdict holds\"><p class=\"badge\">holds</p>");
            file.raw("<h1>Every property holds</h1><p class=\"witness\"></p>");
        }
        (None, verdict) => {
            file.raw("<section class=\"verdict unknown\"><p class=\"badge\">unknown</p>");
            file.raw("<h1>Nothing can be said</h1>");
            file.el("<p class=\"witness\">", verdict.text(), "</p>");
        }
    }
    file.raw("<ul class=\"facts\">");
    for fact in facts(subject) {
        file.el("<li>", fact, "</li>");
    }
    file.raw("</ul></section>\n");
}

/// Its first line as prose, and what follows as it was laid out: the columns of a history.
pub(super) fn witness(text: &str, file: &mut File) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    file.el("<p class=\"witness\">", first, "</p>");
    if !rest.is_empty() {
        file.el("<pre class=\"witness\">", rest, "</pre>");
    }
}

fn facts(subject: Subject<'_>) -> Vec<String> {
    let run = subject.run;
    let mut facts = vec![format!("seed {}", run.seed)];
    if let Some(failure) = subject.failure {
        if failure.shrunk.is_some() {
            facts.push(format!("found after {}", count(failure.found_after, "seed")));
        }
        let replays = failure.replays;
        let fresh = match &failure.in_fresh {
            Ok(()) => ", also in a fresh process",
            Err(_) => ", in this process only",
        };
        facts.push(format!("replayed {replays}/{replays} identical{fresh}"));
    }
    let events = thousands(run.journal.total());
    let s = if run.journal.total() == 1 { "" } else { "s" };
    facts.push(format!("{events} event{s} in {} of virtual time", run.duration));
    facts.push(format!("tasks {}", subject.scheduling));
    facts.push(if run.sealed { "sealed" } else { "not sealed" }.to_owned());
    facts.push(format!("fingerprint {}", run.fingerprint()));
    facts
}

/// The faults and the operations that are left.
fn takes(subject: Subject<'_>, file: &mut File) {
    let Subject { run, failure, .. } = subject;
    let faults = &run.plan.faults;
    let violated = subject.outcome.is_some();
    file.el("<section><h2>", if violated { "What it takes" } else { "What went wrong" }, "</h2>\n");
    let shrunk = failure.and_then(|failure| failure.shrunk.as_ref());
    if faults.is_empty() {
        file.el("<p>", if violated { "No fault at all." } else { "No fault." }, "</p>\n");
    } else {
        file.raw("<ol class=\"faults\">\n");
    }
    let idle: BTreeMap<usize, String> = run.idle_reasons().into_iter().collect();
    for (number, (fault, tally)) in faults.iter().zip(&run.tallies).enumerate() {
        file.el("<li><code>", fault, "</code>");
        let struck = match idle.get(&number).map(String::as_str) {
            Some("") => "never struck".to_owned(),
            Some(why) => format!("never struck: {why}"),
            None => format!("struck {} of {}", tally.hits, count(tally.opportunities, "time")),
        };
        file.el("<span class=\"struck\">", struck, "</span>");
        if let Some(without) = shrunk.and_then(|shrunk| shrunk.without.get(number)) {
            let open = match without {
                Without::Holds => "<span class=\"without holds\">",
                _ => "<span class=\"without\">",
            };
            file.el(open, without_it(without), "</span>");
        }
        file.raw("</li>\n");
    }
    if !faults.is_empty() {
        file.raw("</ol>\n");
    }
    for line in crate::report::failure::workload(run) {
        file.el("<p class=\"workload\">", line, "</p>\n");
    }
    if let Some(shrunk) = shrunk {
        file.el("<p class=\"note\">", made_small(shrunk), "</p>\n");
    }
    if let Some(alike) = failure.map(|f| &f.alike).filter(|alike| !alike.is_empty()) {
        let seeds: Vec<String> = alike.iter().take(20).map(u64::to_string).collect();
        let more = if alike.len() > seeds.len() { " \u{2026}" } else { "" };
        let alike = count(alike.len(), "other seed");
        file.el(
            "<p class=\"note\">",
            format!("{alike} failed alike: {}{more}", seeds.join(", ")),
            "</p>\n",
        );
    }
    file.raw("</section>\n");
}

fn without_it(without: &Without) -> String {
    match without {
        Without::Holds => "without it, everything holds".to_owned(),
        Without::Same => "without it, it fails all the same".to_owned(),
        Without::Other(property) => format!("without it, \u{201c}{property}\u{201d} is violated"),
        Without::Unknown(reason) => format!("without it, nothing can be said: {reason}"),
    }
}

fn made_small(shrunk: &Shrunk) -> String {
    let mut text = format!(
        "Shrunk to {} from {}",
        count(shrunk.plan.faults.len(), "fault"),
        shrunk.faults_before
    );
    if shrunk.idle_before > 0 {
        text += &format!(", of which {} never struck", shrunk.idle_before);
    }
    text += &format!(", in {}", count(shrunk.runs, "run"));
    text + if shrunk.cut_short { "; it may get smaller still." } else { "." }
}

/// The command that shows it again.
fn again(subject: Subject<'_>, file: &mut File) {
    let Some(failure) = subject.failure else { return };
    file.raw("<section><h2>See it again</h2>\n<div class=\"command\">");
    file.el("<code id=\"command\">", &failure.command, "</code>");
    file.raw("<button id=\"copy\" type=\"button\" hidden>Copy</button></div>\n");
    if let Err(reason) = &failure.in_fresh {
        file.el("<p class=\"note\">Not run in a fresh process: ", reason, "</p>\n");
    }
    file.raw("</section>\n");
}

fn tell(subject: Subject<'_>, file: &mut File) {
    let journal = &subject.run.journal;
    file.raw("<section class=\"told\"><h2>The story</h2>\n");
    let (lines, left_out) = match subject.outcome {
        Some(outcome) => {
            let chosen = story::chosen(journal, outcome);
            let lines = story::story(journal, outcome, &chosen.kept).lines();
            (with_gaps(lines, &chosen.selected), chosen.selected.len() - chosen.kept.len())
        }
        None => {
            let lines = journal.story().limit(LINES).lines();
            let left_out = lines.iter().filter(|line| line.is_none()).count();
            (lines, left_out)
        }
    };
    if lines.is_empty() {
        file.raw("<p>Nothing was recorded that people want to read.</p></section>\n");
        return;
    }
    file.raw("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"The story\">");
    file.raw("<table class=\"story\"><thead><tr><th>ms</th><th>node</th><th>what</th></tr></thead>\n<tbody>");
    let focus = subject.outcome.map(|outcome| outcome.event);
    let mut gap = false;
    for line in lines {
        match line {
            Some(line) => {
                let here = focus == Some(line.event);
                row(&line, here, file);
                gap = false;
            }
            None if gap => {}
            None => {
                file.raw("<tr class=\"gap\"><td></td><td colspan=\"2\">\u{22ee}</td></tr>\n");
                gap = true;
            }
        }
    }
    file.raw("</tbody></table></div>\n");
    if left_out > 0 {
        file.el(
            "<p class=\"note\">",
            count(left_out, "line"),
            " left out; the diagram has them.</p>\n",
        );
    }
    file.raw("</section>\n");
}

/// A gap wherever one that was selected has no line.
fn with_gaps<'a>(
    lines: Vec<Option<StoryLine<'a>>>,
    selected: &[crate::journal::EventId],
) -> Vec<Option<StoryLine<'a>>> {
    let mut out = Vec::with_capacity(lines.len());
    let mut next = 0;
    for line in lines.into_iter().flatten() {
        let place = selected.partition_point(|id| *id < line.event);
        if place > next {
            out.push(None);
        }
        next = (place + 1).max(next);
        out.push(Some(line));
    }
    out
}

fn row(line: &StoryLine<'_>, here: bool, file: &mut File) {
    file.raw(if here { "<tr class=\"here\"" } else { "<tr" });
    file.el(" data-e=\"", line.event.0, "\"><td>");
    file.el("<a href=\"#e", line.event.0, "\">").text(millis(line.at)).raw("</a></td>");
    file.el("<td>", line.node, "</td><td>");
    if let Some((arrow, peer)) = line.arrow {
        let class = match arrow {
            "-x" => "<b class=\"arrow lost\">",
            "=>" => "<b class=\"arrow doubled\">",
            _ => "<b class=\"arrow\">",
        };
        let sign = match arrow {
            "-x" => "\u{2192}\u{2715}",
            "=>" => "\u{21c9}",
            "<-" => "\u{2190}",
            _ => "\u{2192}",
        };
        file.el(class, sign, "</b>").el("<span class=\"peer\">", peer, "</span> ");
    }
    file.text(&line.words);
    let remark = line.remark.trim();
    if !remark.is_empty() {
        file.raw(if here { " <em class=\"mark-here\">" } else { " <em>" })
            .text(remark)
            .raw("</em>");
    }
    file.raw("</td></tr>\n");
}

fn millis(at: Time) -> String {
    let text = at.to_string();
    text.trim_end_matches(" ms").to_owned()
}

/// What comes last: every property, and the picture as text for who has no script.
pub(super) fn details(subject: Subject<'_>, file: &mut File) {
    let run = subject.run;
    if !run.outcomes.is_empty() {
        file.raw("<section><h2>Properties</h2>\n<table class=\"list\"><tbody>\n");
    }
    for outcome in &run.outcomes {
        let text = outcome.verdict.text();
        let (class, word) = match &outcome.verdict {
            Verdict::Holds => ("<tr class=\"holds\"><td>", "holds"),
            Verdict::Violated(_) => ("<tr class=\"violated\"><td>", "violated"),
            Verdict::Unknown(_) => ("<tr class=\"unknown\"><td>", "unknown"),
        };
        file.el(class, word, "</td>").el("<td>", outcome.kind, "</td>");
        file.el("<td>", &outcome.property, "</td><td>");
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        file.text(first);
        if !rest.is_empty() {
            file.el("<pre>", rest, "</pre>");
        }
        file.raw("</td></tr>\n");
    }
    if !run.outcomes.is_empty() {
        file.raw("</tbody></table></section>\n");
    }
    let drawn = subject.outcome.map(|outcome| diagram::of_failure(run, outcome).unicode());
    if let Some(drawn) = drawn {
        file.raw("<details class=\"as-text\"><summary>The diagram as text</summary>\n");
        file.el("<pre>", drawn, "</pre></details>\n");
    }
    file.raw("</main>\n");
}
