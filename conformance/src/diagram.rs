//! A violation as a message sequence diagram: one lane a server, time downwards, an arrow for every message that came.

use crate::judge::{Told, Violation};
use model::story::svg::{Anchor, Canvas, LINE, wrap};

/// The distance between two lanes.
const LANE: f64 = 380.0;

/// Characters in a line of a label.
const WIDTH: usize = 52;

const TEXT: &str = "fill:#1c2733";
const PALE: &str = "fill:#6b7680";
const WRONG: &str = "fill:#c62828;font-weight:bold";

/// The diagram as SVG, complete in itself.
#[must_use]
pub fn svg(violation: &Violation) -> String {
    let lane =
        |told: &Told| 30.0 + LANE * violation.servers.iter().position(|id| *id == told.server).unwrap_or(0) as f64;
    let mut canvas = Canvas::default();
    let width = LANE * violation.servers.len() as f64 + 40.0;
    let title = format!("{} ({}): {}", violation.place, violation.server, violation.fault);
    let mut y = 26.0;
    for line in wrap(&title, (width / 7.0) as usize) {
        canvas.text((16.0, y), Anchor::Start, WRONG, &line);
        y += LINE + 2.0;
    }
    y += 12.0;
    for (place, id) in violation.servers.iter().enumerate() {
        canvas.text((30.0 + LANE * place as f64, y), Anchor::Start, "fill:#1c2733;font-weight:bold", &id.to_string());
    }
    let top = y + 8.0;
    let mut places: Vec<f64> = Vec::new();
    y = top + 16.0;
    for (place, told) in violation.story.iter().enumerate() {
        places.push(y);
        let style = if place + 1 == violation.story.len() { WRONG } else { TEXT };
        let x = lane(told);
        if let Some(from) = told.from {
            canvas.arrow((lane(&violation.story[from]), places[from]), (x, y - 4.0), "#46586a", "");
        }
        canvas.circle((x, y - 4.0), 3.0, "fill:#1c2733");
        for line in wrap(&format!("{} {}", told.line, told.what), WIDTH) {
            canvas.text((x + 10.0, y), Anchor::Start, style, &line);
            y += LINE;
        }
        for line in told.then.iter().flat_map(|then| wrap(then, WIDTH)) {
            canvas.text((x + 24.0, y), Anchor::Start, PALE, &line);
            y += LINE;
        }
        y += 10.0;
    }
    for place in 0..violation.servers.len() {
        let x = 30.0 + LANE * place as f64;
        canvas.line((x, top), (x, y), "stroke:#c4ccd2");
    }
    canvas.finish(width, y + 16.0, &title)
}
