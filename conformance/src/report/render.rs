//! The page, as text and as HTML.

use super::{Found, Known, Source};
use crate::results::Results;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// The page for the terminal.
#[must_use]
pub fn text(found: &[Found], known: &[Known]) -> String {
    let mut page = String::new();
    for one in found {
        let _ = writeln!(page, "{:<58} {}", one.part.title, state(one));
        match &one.results {
            Ok(Some(results)) => {
                results.figures.iter().for_each(|(what, figure)| line(&mut page, &format!("{what}: {figure}")));
                results.notes.iter().for_each(|note| line(&mut page, note));
            }
            Ok(None) => {}
            Err(error) => line(&mut page, error),
        }
    }
    for page_of in known {
        let count: usize = page_of.sections.iter().map(|section| section.rows.len()).sum();
        let _ = writeln!(page, "{:<58} {count} in {}", page_of.title, page_of.file);
        for section in &page_of.sections {
            line(&mut page, &format!("{}: {}", section.heading, section.rows.len()));
        }
    }
    page
}

fn line(page: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(page, "    {line}");
    }
}

/// How a part stands, in a few words.
fn state(found: &Found) -> String {
    let results = match &found.results {
        Ok(Some(results)) => results,
        Ok(None) => return format!("not run{}", how(found)),
        Err(_) => return "cannot be read".to_owned(),
    };
    let word = if results.well { "well" } else { "NOT WELL" };
    match found.part.source {
        Source::Quick(_) => word.to_owned(),
        Source::Command(_) if results.is_current() => format!("{word} ({})", age(results)),
        Source::Command(_) => format!("{word} ({}; the specification has changed since)", age(results)),
    }
}

fn how(found: &Found) -> String {
    match found.part.source {
        Source::Quick(_) => String::new(),
        Source::Command(words) => format!(" (conformance {words} --results DIR)"),
    }
}

fn age(results: &Results) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    match now.saturating_sub(results.seconds) / 60 {
        minutes @ 0..120 => format!("{minutes} minutes ago"),
        minutes @ 120..2880 => format!("{} hours ago", minutes / 60),
        minutes => format!("{} days ago", minutes / 1440),
    }
}

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Conformance</title>\n\
    <style>\n\
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }\n\
    h2 { font-size: 1.05rem; margin: 1.6rem 0 .3rem } td { padding: .1rem 1.2rem .1rem 0; vertical-align: top }\n\
    .well { color: #176b34 } .wrong { color: #a3161a } .open { color: #777 } code { font-size: .92em }\n\
    li, td { overflow-wrap: anywhere }\n</style></head><body>\n<h1>Conformance</h1>\n";

/// The page for a browser: one file that needs no other.
#[must_use]
pub fn html(found: &[Found], known: &[Known]) -> String {
    let mut page = HEAD.to_owned();
    for one in found {
        let class = match &one.results {
            Ok(None) => "open",
            _ if one.is_wrong() => "wrong",
            _ => "well",
        };
        let (title, state) = (escape(one.part.title), escape(&state(one)));
        let _ = writeln!(page, "<h2>{title} <span class=\"{class}\">· {state}</span></h2>");
        match &one.results {
            Ok(Some(results)) => figures(&mut page, results),
            Ok(None) => {}
            Err(error) => {
                let _ = writeln!(page, "<p>{}</p>", escape(error));
            }
        }
    }
    for one in known {
        let count: usize = one.sections.iter().map(|section| section.rows.len()).sum();
        let _ = writeln!(page, "<h2>{} · {count} in <code>{}</code></h2>", escape(one.title), escape(one.file));
        for section in &one.sections {
            let (heading, count) = (escape(&section.heading), section.rows.len());
            let _ = writeln!(page, "<details><summary>{heading}: {count}</summary><table>");
            for row in &section.rows {
                let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
                let _ = writeln!(page, "<tr>{cells}</tr>");
            }
            page.push_str("</table></details>\n");
        }
    }
    page.push_str("</body></html>\n");
    page
}

fn figures(page: &mut String, results: &Results) {
    page.push_str("<table>\n");
    for (what, figure) in &results.figures {
        let _ = writeln!(page, "<tr><td>{}</td><td>{}</td></tr>", escape(what), escape(figure));
    }
    page.push_str("</table>\n");
    if !results.notes.is_empty() {
        page.push_str("<ul>\n");
        results.notes.iter().for_each(|note| {
            let _ = writeln!(page, "<li>{}</li>", escape(note));
        });
        page.push_str("</ul>\n");
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
