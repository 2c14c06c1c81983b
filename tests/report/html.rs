//! Pages: complete in themselves, well-formed, the same for the same run, and of bounded size.
//!
//! How they look and behave in a browser is checked by `.ci/browser`, which asks this test for its
//! pages: it gives a directory in `STORMGLASS_PAGES`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use stormglass::explore::World;
use stormglass::kernel::Scheduling;
use stormglass::prelude::*;
use stormglass::report::{html, json};
use stormglass::shrink::Without;

use super::generated::{HOSTILE, hostile, long};
use crate::explore::shop;

pub(super) fn page_of(run: &Run) -> String {
    html::run(&World::new("generated", |_: &mut Sim| {}), run, Scheduling::Fifo)
}

/// The failure of the shop, with everything in it that depends on where it ran made equal.
fn shop_page() -> String {
    let mut report = super::found();
    report.failures[0].page = None;
    html::failure("shop", &report.failures[0])
}

/// A check that is violated at the end of the world and names two events, long before.
fn shown_page() -> String {
    let directory = tempfile::tempdir().unwrap();
    let report = explore(super::story::charged_twice).seeds(0..1).out(directory.path()).find();
    let mut failure = report.failures.into_iter().next().unwrap();
    failure.command = "see it again".to_owned();
    html::failure("shop", &failure)
}

/// A run in which nothing is violated.
fn holding() -> Run {
    let mut run = long(100);
    run.outcomes[0].verdict = Verdict::Holds;
    run
}

/// The data that the script of a page reads.
#[track_caller]
pub(super) fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

const VOID: [&str; 4] = ["meta", "input", "br", "img"];

/// The elements of a page, after a check that is stricter than any browser: each is closed in its
/// order, attributes are quoted, and nothing but markup begins with `<`.
#[track_caller]
fn elements(page: &str) -> Vec<String> {
    let mut rest = page.strip_prefix("<!doctype html>\n").unwrap();
    let (mut open, mut all): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>') || open.last() == Some(&"noscript"), "a bare >: {text}");
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}> closes another element");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
        all.push(name.to_owned());
        if tag.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        open.push(name);
        if name == "script" || name == "style" {
            let (raw, after) = rest.split_once(&format!("</{name}>")).unwrap();
            assert!(!raw.to_lowercase().contains("<!--"), "{name} hides markup");
            (rest, _) = (after, open.pop());
        }
    }
    assert_eq!(open, [""; 0], "left open");
    all
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    assert_eq!(shop_page(), shop_page());
    assert_eq!(page_of(&long(500)), page_of(&long(500)));
}

/// What is good news is told from what is not.
#[test]
fn only_a_fault_that_alone_is_to_blame_is_good_news() {
    let mut report = super::found();
    let failure = &mut report.failures[0];
    let class = |failure: &_| {
        let page = html::failure("shop", failure);
        page.split_once("<span class=\"without").unwrap().1.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(class(failure), " holds");
    failure.shrunk.as_mut().unwrap().without[0] = Without::Unknown("it was too quiet".into());
    assert_eq!(class(failure), "");
}

#[test]
fn pages_are_well_formed() {
    for page in [shop_page(), page_of(&long(100)), page_of(&hostile())] {
        let elements = elements(&page);
        for (element, many) in [("html", 1), ("body", 1), ("h1", 1), ("canvas", 2), ("img", 0)] {
            let found = elements.iter().filter(|name| *name == element).count();
            assert_eq!(found, many, "<{element}>");
        }
    }
}

/// Nothing of it can leave the page: the policy allows one style and one script, by their hashes.
#[test]
fn a_page_asks_for_nothing() {
    let page = shop_page();
    let policy = page.split_once("content=\"default-src 'none'; ").unwrap().1;
    let policy = policy.split_once('"').unwrap().0;
    assert!(policy.starts_with("script-src 'sha256-") && policy.contains("style-src 'sha256-"));
    assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'));
    for word in ["http://", "https://", "src=", "@import", "url(http", "innerHTML", "eval("] {
        // A command or a label may name a host; the frame may not.
        let found = page.matches(word).filter(|_| !page.contains("http://www.w3.org")).count();
        assert_eq!(found, 0, "{word}");
    }
    assert!(!page.contains(" style=\"") && !page.contains(" onclick"));
}

#[test]
fn hostile_texts_stay_texts() {
    let page = page_of(&hostile());
    // As text in HTML, and as a string in JSON, the direction mark and the NUL spelled out.
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;"));
    let data = data(&page);
    let texts = data["texts"].as_array().unwrap();
    let payload = &texts[data["payloads"]["0"].as_u64().unwrap() as usize];
    let expected = HOSTILE.replace('\0', "\u{2400}");
    let expected = expected.replace('\u{202e}', "\\u{202e}").replace('\u{2028}', "\\u{2028}");
    assert_eq!(payload.as_str(), Some(expected.as_str()));
    for hidden in ['\0', '\u{202e}', '\u{2028}'] {
        assert!(!page.contains(hidden), "{hidden:?}");
    }
}

/// The page has what the run has: who, what, why, in the order in which it happened.
#[test]
fn the_data_is_the_journal() {
    let report = super::found();
    let failure = &report.failures[0];
    let (page, journal) = (html::failure("shop", failure), &failure.run.journal);
    let data = data(&page);
    assert_eq!(data["at"].as_array().unwrap().len(), journal.len());
    assert_eq!(data["nodes"], serde_json::json!(["shopper", "payment"]));
    assert_eq!(data["focus"], u64::from(failure.outcome.event.0) - 1);
    let mut at = 0;
    for (row, event) in journal.events().enumerate() {
        at += data["at"][row].as_u64().unwrap();
        assert_eq!(at, event.at().as_nanos());
        let back = |column: &str| data[column][row].as_u64().unwrap();
        for (column, id) in [("prev", event.prev()), ("cause", event.cause())] {
            let before = back(column).checked_sub(1).map(|step| row as u64 - step);
            assert_eq!(before.unwrap_or(0), u64::from(id.0), "{column} of {row}");
        }
    }
    // Two requests, one answer lost, one under way when the violation ended the world.
    let fates: Vec<u64> = serde_json::from_value(data["messages"]["fate"].clone()).unwrap();
    assert_eq!(fates.iter().filter(|fate| **fate == 1).count(), 1, "{fates:?}");
    assert_eq!(data["faults"][0]["text"], failure.run.plan.faults[0].to_string());
    assert_eq!(data["faults"][0]["hits"].as_array().unwrap().len(), 1);
    assert_eq!(data["spans"].as_array().unwrap().len(), 2);
    let said = [failure.property.as_str(), "order 1 was charged 2 times", &failure.command];
    assert!(said.iter().all(|text| page.contains(text)), "it is all there without a script");
}

/// What a check speaks of is in its page: the end of the world, at which it is asked, rests on nothing.
#[test]
fn what_shows_the_violation_is_in_the_data() {
    let page = shown_page();
    let data = data(&page);
    let kind =
        |row: u64| data["kinds"][data["kind"][row as usize].as_u64().unwrap() as usize].clone();
    let evidence: Vec<u64> = serde_json::from_value(data["evidence"].clone()).unwrap();
    assert_eq!(evidence.iter().map(|row| kind(*row)).collect::<Vec<_>>(), ["note", "note"]);
    assert_eq!(kind(data["focus"].as_u64().unwrap()), "end");
    assert_eq!(data["violation"], "nothing is charged twice: it is charged twice");
    // At first the page shows what is told, but for the end: to the end of chaos.
    let frame: Vec<u64> = serde_json::from_value(data["frame"].clone()).unwrap();
    assert_eq!(kind(frame[1]), "heal");
    assert!(frame[0] < evidence[0] && frame[0] > 100, "{frame:?}");
    assert_eq!(data_of_holding()["focus"], -1);
    assert!(data_of_holding()["frame"].is_null());
}

fn data_of_holding() -> Value {
    data(&page_of(&holding()))
}

/// Columns that a witness lays out keep their places.
#[test]
fn what_a_witness_lays_out_keeps_its_columns() {
    let mut run = holding();
    let text = "two lines\n  1 ms  Take  |--|\n 12 ms  Read   |--|";
    run.outcomes[0].verdict = Verdict::violated(text);
    let page = page_of(&run);
    elements(&page);
    let rest = "<pre>  1 ms  Take  |--|\n 12 ms  Read   |--|</pre></td>";
    assert!(page.contains(&format!("<td>two lines{rest}")), "{page}");
    assert!(page.contains("<p class=\"witness\">two lines</p><pre class=\"witness\">  1 ms"));
}

/// A search that names nothing to reach has no list of it.
#[test]
fn a_summary_has_no_empty_lists() {
    let mut report = super::found();
    assert!(html::summary(&report, "shop.html").contains("<h2>Reached</h2>"));
    report.coverage.sometimes.clear();
    report.coverage.points.clear();
    let page = html::summary(&report, "shop.html");
    elements(&page);
    assert!(!page.contains("<h2>Reached</h2>") && page.contains("<h2>Faults</h2>"));
}

/// A long run is cut, and the page says so; what is left still hangs together.
#[test]
fn pages_have_a_bounded_size() {
    let page = page_of(&long(10_000));
    assert!(page.len() < 2_000_000, "{} bytes for 10,000 messages", page.len());
    assert!(!page.contains("this page holds"));
    let run = long(60_000);
    assert!(run.journal.len() > html::EVENTS_MAX);
    let page = page_of(&run);
    assert!(page.len() < 6_000_000, "{} bytes for 60,000 messages", page.len());
    assert!(page.contains("this page holds 50,000"));
    let data = data(&page);
    assert_eq!(data["id"].as_array().unwrap().len(), html::EVENTS_MAX);
    assert_eq!(data["focus"], html::EVENTS_MAX - 1, "the violation is the last event");
}

#[test]
fn a_summary_has_the_numbers_of_the_search() {
    let mut report = super::found();
    let directory = Path::new("pages");
    report.failures[0].page = Some(directory.join("shop-4.html"));
    let page = html::summary(&report, directory.join("shop.html"));
    elements(&page);
    let line = json::search(&report).pop().unwrap();
    let shown = |figure: String, text: String| format!("<b>{figure}</b><span>{text}</span>");
    let sum = |of: &str| -> u64 {
        let faults = line["coverage"]["faults"].as_object().unwrap();
        faults.values().map(|kind| kind[of].as_u64().unwrap()).sum()
    };
    let expected = [
        shown(line["seeds_run"].to_string(), "seeds run, of 1,000".to_owned()),
        shown("1".to_owned(), "distinct failure".to_owned()),
        shown(sum("struck").to_string(), format!("faults struck, of {}", sum("planned"))),
        shown("1 of 1".to_owned(), "\u{201c}sometimes\u{201d} seen".to_owned()),
        shown("0 of 1".to_owned(), "points reached".to_owned()),
        shown(line["sampled"].to_string(), "seeds run twice and compared".to_owned()),
    ];
    for text in expected {
        assert!(page.contains(&text), "{text}\n{page}");
    }
    for (kind, count) in line["coverage"]["faults"].as_object().unwrap() {
        let (planned, struck) = (&count["planned"], count["struck"].as_u64().unwrap());
        let struck = if struck == 0 { "never".to_owned() } else { struck.to_string() };
        let row = format!("<td>{kind}</td><td>{planned}</td><td>{struck}</td>");
        assert!(page.contains(&row), "{row}");
    }
    assert!(page.contains("<td>the till is full</td><td>never</td>"));
    assert!(page.contains("<h3><a href=\"shop-4.html\">no order is charged twice</a></h3>"));
    assert!(!page.contains("<script"), "it needs none");
}

/// A link is made of plain characters only; others would be more than a link.
#[test]
fn a_summary_links_only_what_is_plain() {
    let mut report = super::found();
    report.failures[0].page = Some(PathBuf::from("pages/javascript:alert(1).html"));
    let page = html::summary(&report, "pages/shop.html");
    assert!(!page.contains("<a "), "{page}");
}

#[test]
fn pages_are_saved_where_they_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/page.html");
    html::save(&path, "text").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    let error = html::save(path.join("below/a/file.html"), "text").unwrap_err().to_string();
    assert!(error.contains("page.html"), "{error}");
}

/// Every failure has its page beside its script.
#[test]
fn a_search_writes_the_pages_of_its_failures() {
    let directory = tempfile::tempdir().unwrap();
    let report = explore(shop).out(directory.path()).find();
    let failure = &report.failures[0];
    let page = failure.page.clone().unwrap();
    assert_eq!(page, failure.script.with_extension("html"));
    assert_eq!(std::fs::read_to_string(&page).unwrap(), html::failure("shop", failure));
    assert!(failure.to_string().ends_with(&format!("report:  {}\n", page.display())));
}

/// The pages that `.ci/browser` opens.
#[test]
fn the_pages_for_the_browser() {
    let made = [
        ("failure", shop_page()),
        ("long", page_of(&long(5_200))),
        ("hostile", page_of(&hostile())),
        ("summary", html::summary(&super::found(), "summary.html")),
        ("shown", shown_page()),
        ("holds", page_of(&holding())),
    ];
    let directory = std::env::var_os("STORMGLASS_PAGES").map(PathBuf::from);
    for (name, page) in made {
        elements(&page);
        if let Some(directory) = &directory {
            html::save(directory.join(name).with_extension("html"), &page).unwrap();
        }
    }
}
