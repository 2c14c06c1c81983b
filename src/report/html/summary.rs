//! The page of a whole search.

use std::path::Path;

use super::answer;
use super::file::File;
use super::text::thousands;
use crate::explore::{Failure, SearchReport};
use crate::report::{count, story};
use crate::verdict::Verdict;

pub(super) fn page(report: &SearchReport, at: &Path) -> String {
    let mut file = File::default();
    let directory = at.parent().unwrap_or(Path::new(""));
    head(report, &mut file);
    figures(report, &mut file);
    failures(report, directory, &mut file);
    others(report, &mut file);
    let coverage = &report.coverage;
    if coverage.sometimes.is_empty() && coverage.points.is_empty() {
        faults(report, &mut file);
    } else {
        file.raw("<div class=\"columns even\">\n");
        faults(report, &mut file);
        reached(report, &mut file);
        file.raw("</div>\n");
    }
    file.raw("</main>\n");
    let verdict = report.verdict().word();
    file.finish(&format!("{verdict} - search of {}", report.sim), "")
}

fn head(report: &SearchReport, file: &mut File) {
    file.raw("<header class=\"top\"><span class=\"mark\">stormglass</span>");
    file.el("<span class=\"crumb\">", &report.sim, "</span>");
    if !report.variant.is_empty() {
        file.el("<span class=\"crumb\">", &report.variant, "</span>");
    }
    let seeds = format!("seeds {}..{}", report.seeds.start, report.seeds.end);
    file.el("<span class=\"crumb\">", seeds, "</span></header>\n<main>\n");
    let verdict = report.verdict();
    let (open, title, witness) = match &verdict {
        Verdict::Holds => ("<section class=\"verdict holds\">", "It holds".to_owned(), ""),
        Verdict::Violated(violation) => {
            let text = violation.text();
            let title = match report.failures.len() {
                0 => text.to_owned(),
                n => format!("{} found", count(n, "distinct failure")),
            };
            let witness = if report.failures.is_empty() { "" } else { text };
            ("<section class=\"verdict violated\">", title, witness)
        }
        Verdict::Unknown(reason) => (
            "<section class=\"verdict unknown\">",
            "Nothing can be said".to_owned(),
            reason.as_str(),
        ),
    };
    file.raw(open).el("<p class=\"badge\">", verdict.word(), "</p>").el("<h1>", title, "</h1>");
    answer::witness(witness, file);
    file.raw("<ul class=\"facts\">");
    let mut facts = vec![format!("tasks {}", report.strategy)];
    if report.shard.1 > 1 {
        facts.push(format!("shard {}/{}", report.shard.0, report.shard.1));
    }
    if report.resumed > 0 {
        facts.push(format!("{} of the seeds earlier", thousands(report.resumed)));
    }
    facts.push(if report.sealed { "sealed" } else { "not sealed" }.to_owned());
    for fact in facts {
        file.el("<li>", fact, "</li>");
    }
    file.raw("</ul></section>\n");
}

/// The numbers that are looked for first, each large.
fn figures(report: &SearchReport, file: &mut File) {
    let coverage = &report.coverage;
    let (planned, struck) = coverage.struck();
    let seen = coverage.sometimes.len() - coverage.unseen().len();
    let points = coverage.points.len() - coverage.unreached().len();
    let failures = report.failures.len();
    let of = |part: usize, whole: usize| format!("{part} of {whole}");
    let mut figures = vec![
        (thousands(coverage.runs), format!("seeds run, of {}", thousands(report.planned))),
        (
            failures.to_string(),
            format!("distinct {}", if failures == 1 { "failure" } else { "failures" }),
        ),
        (thousands(struck), format!("faults struck, of {}", thousands(planned))),
    ];
    if !coverage.sometimes.is_empty() {
        let text = "\u{201c}sometimes\u{201d} seen".to_owned();
        figures.push((of(seen, coverage.sometimes.len()), text));
    }
    if !coverage.points.is_empty() {
        figures.push((of(points, coverage.points.len()), "points reached".to_owned()));
    }
    figures.push((thousands(coverage.events), "events".to_owned()));
    figures.push((thousands(report.sampled), "seeds run twice and compared".to_owned()));
    file.raw("<ul class=\"figures\">\n");
    for (figure, text) in figures {
        file.el("<li><b>", figure, "</b>").el("<span>", text, "</span></li>\n");
    }
    file.raw("</ul>\n");
}

fn failures(report: &SearchReport, directory: &Path, file: &mut File) {
    if report.failures.is_empty() {
        return;
    }
    file.raw("<section><h2>Failures</h2>\n<ul class=\"failures\">\n");
    for found in &report.failures {
        file.raw("<li>");
        let name = &found.property;
        match found.page.as_deref().and_then(|page| link(page, directory)) {
            Some(link) => _ = file.el("<h3><a href=\"", link, "\">").text(name).raw("</a></h3>"),
            None => _ = file.el("<h3>", name, "</h3>"),
        }
        one(found, file);
        file.raw("</li>\n");
    }
    file.raw("</ul></section>\n");
}

/// The page as seen from the summary: its name if they stand together, else its whole path. Only
/// names of plain characters make a link; others would have to be encoded for it.
fn link(page: &Path, directory: &Path) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let beside = page.parent().is_some_and(|parent| parent == directory);
    let path = match beside {
        true => Path::new(page.file_name()?).to_owned(),
        false => std::path::absolute(page).ok()?,
    };
    let path = path.to_str()?;
    path.chars().all(plain).then(|| path.to_owned())
}

fn one(found: &Failure, file: &mut File) {
    answer::witness(story::witness(&found.outcome), file);
    if found.run.plan.faults.is_empty() {
        file.raw("<p>It takes no fault at all.</p>");
    } else {
        file.raw("<ol class=\"faults\">");
        for fault in &found.run.plan.faults {
            file.el("<li><code>", fault, "</code></li>");
        }
        file.raw("</ol>");
    }
    let alike = match found.alike.len() {
        0 => String::new(),
        n => format!(", {} alike", count(n, "other seed")),
    };
    let seed = format!("seed {}, found after {}", found.run.seed, count(found.found_after, "seed"));
    file.el("<p class=\"note\">", format_args!("{seed}{alike}"), "</p>");
    file.el("<div class=\"command\"><code>", &found.command, "</code></div>");
}

/// Failures that were not looked into, and seeds that do not replay.
fn others(report: &SearchReport, file: &mut File) {
    if !report.nondeterminism.is_empty() {
        file.raw("<section><h2>Not reproducible</h2>\n");
        for found in &report.nondeterminism {
            file.el("<p>seed ", found.seed, "</p>").el("<pre>", &found.text, "</pre>\n");
        }
        file.raw("</section>\n");
    }
    if !report.unshrunk.is_empty() {
        file.raw(
            "<section><h2>Failures that nothing was made of</h2>\n<table class=\"list\"><tbody>",
        );
        for (seed, property) in report.unshrunk.iter().take(100) {
            file.el("<tr><td>seed ", seed, "</td>").el("<td>", property, "</td></tr>\n");
        }
        file.raw("</tbody></table>");
        if report.unshrunk.len() > 100 {
            let more = thousands(report.unshrunk.len() as u64 - 100);
            file.el("<p class=\"note\">and ", more, " more</p>");
        }
        file.raw("</section>\n");
    }
}

fn faults(report: &SearchReport, file: &mut File) {
    file.raw("<section><h2>Faults</h2>\n");
    if report.coverage.faults.is_empty() {
        file.raw("<p>No plan had any.</p></section>\n");
        return;
    }
    file.raw("<table class=\"list numbers\"><thead><tr><th>kind</th><th>planned</th>");
    file.raw("<th>struck</th><th>times</th></tr></thead>\n<tbody>");
    for (kind, count) in &report.coverage.faults {
        file.raw(if count.struck == 0 { "<tr class=\"unknown\">" } else { "<tr>" });
        file.el("<td>", kind.name(), "</td>").el("<td>", thousands(count.planned), "</td>");
        match count.struck {
            0 => _ = file.raw("<td>never</td>"),
            struck => _ = file.el("<td>", thousands(struck), "</td>"),
        }
        file.el("<td>", thousands(count.hits), "</td></tr>\n");
    }
    file.raw("</tbody></table></section>\n");
}

/// What the world names; it names something.
fn reached(report: &SearchReport, file: &mut File) {
    let coverage = &report.coverage;
    file.raw("<section><h2>Reached</h2>\n");
    file.raw("<table class=\"list numbers\"><thead><tr><th>what</th><th>name</th>");
    file.raw("<th>seeds</th></tr></thead>\n<tbody>");
    for (what, counts) in [("sometimes", &coverage.sometimes), ("point", &coverage.points)] {
        for (name, seeds) in counts {
            file.raw(if *seeds == 0 { "<tr class=\"unknown\">" } else { "<tr>" });
            file.el("<td>", what, "</td>").el("<td>", name, "</td>");
            match seeds {
                0 => _ = file.raw("<td>never</td></tr>\n"),
                seeds => _ = file.el("<td>", thousands(*seeds), "</td></tr>\n"),
            }
        }
    }
    file.raw("</tbody></table></section>\n");
}
