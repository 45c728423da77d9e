//! A story as a message sequence diagram: one lane a server, time downwards.

use super::Story;
use super::effects::Standing;
use super::flight::{Fate, Flight};
use super::layout::{GAP, Layout, MARGIN, Row, Side, Tone, index, lane, towards};
use super::svg::{Anchor, CHARACTER, Canvas, LINE, wrap};
use crate::world::Action;

/// A sentence above the diagram, as a verdict on the state that it ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banner {
    /// What is judged.
    pub name: String,
    /// Whether it is so.
    pub mood: Mood,
}

/// What a verdict means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// It must hold, and does.
    Holds,
    /// It must hold, and does not.
    Violated,
    /// It may be so, and is.
    Reached,
    /// It may be so, and is not.
    NotHere,
}

const GREY: &str = "#6b7680";
const BLACK: &str = "#1c2733";
const RED: &str = "#c62828";
const ARROW: &str = "#46586a";

/// The diagram as SVG, complete in itself. The banners stand between title and lanes.
#[must_use]
pub fn svg(story: &Story, banners: &[Banner]) -> String {
    let mut canvas = Canvas::default();
    let width = Layout::of(story, 0.0).width.max(760.0);
    let mut top = 26.0;
    for (place, line) in wrap(&story.title, ((width - 40.0) / 8.6) as usize).iter().enumerate() {
        let y = top + 18.0 * place as f64;
        canvas.text((16.0, y), Anchor::Start, &format!("fill:{BLACK};font-size:14px;font-weight:bold"), line);
    }
    top += 18.0 * wrap(&story.title, ((width - 40.0) / 8.6) as usize).len() as f64;
    top = draw_banners(&mut canvas, banners, top, width);
    let layout = Layout::of(story, top + 34.0);
    for (place, of) in story.lanes.iter().enumerate() {
        let name = format!("{}{}", of.id, if of.observes { " observer" } else { "" });
        let size = (name.len() as f64 * 8.5 + 22.0, 24.0);
        canvas.rectangle((lane(place) - size.0 / 2.0, top), size, "fill:#1c2733");
        let style = "fill:#fdfdfb;stroke:none;font-size:13px;font-weight:bold";
        canvas.text((lane(place), top + 16.5), Anchor::Middle, style, &name);
    }
    draw_lifelines(&mut canvas, story, &layout, top + 24.0);
    for (place, flight) in story.flights.iter().enumerate() {
        draw_flight(&mut canvas, story, &layout, place, flight);
    }
    for (place, row) in layout.rows.iter().enumerate() {
        if let Some(step) = place.checked_sub(1).map(|place| &story.steps[place]) {
            draw_mark(&mut canvas, row, step);
        }
        draw_texts(&mut canvas, row);
    }
    draw_loop(&mut canvas, story, &layout);
    let mut bottom = layout.bottom + 12.0;
    if let Some(note) = &story.note {
        canvas.text((MARGIN, bottom), Anchor::Start, &format!("fill:{RED};font-weight:bold"), note);
        bottom += 22.0;
    }
    bottom = draw_legend(&mut canvas, bottom, width);
    canvas.finish(width, bottom, &story.title)
}

fn draw_banners(canvas: &mut Canvas, banners: &[Banner], top: f64, width: f64) -> f64 {
    let (mut x, mut y) = (16.0, top);
    for banner in banners {
        let (mark, colour) = match banner.mood {
            Mood::Holds => ("holds", "#1e7a37"),
            Mood::Violated => ("VIOLATED", RED),
            Mood::Reached => ("(here)", "#1f5fa8"),
            Mood::NotHere => ("(not here)", "#8a949d"),
        };
        let text = format!("{} {mark}", banner.name);
        let size = text.chars().count() as f64 * CHARACTER + 26.0;
        if x + size > width && x > 16.0 {
            (x, y) = (16.0, y + 16.0);
        }
        let weight = if banner.mood == Mood::Violated { ";font-weight:bold" } else { "" };
        canvas.circle((x + 4.0, y - 4.0), 4.0, &format!("fill:{colour}"));
        canvas.text((x + 12.0, y), Anchor::Start, &format!("fill:{colour}{weight}"), &text);
        x += size;
    }
    if banners.is_empty() { top } else { y + 16.0 }
}

/// How a lifeline looks: its colour, its name, and whether it is drawn broken.
fn look(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Down => ("#9aa5ae", "down"),
        Standing::Looking => ("#f0b429", "LOOKING"),
        Standing::Following(false) => ("#a3cbf0", "FOLLOWING"),
        Standing::Following(true) => ("#1f6fb5", "FOLLOWING, serving"),
        Standing::Observing(false) => ("#d3bdec", "OBSERVING"),
        Standing::Observing(true) => ("#7b3fb0", "OBSERVING, serving"),
        Standing::Leading(false) => ("#a4dbac", "LEADING"),
        Standing::Leading(true) => ("#1e8e3e", "LEADING, serving"),
    }
}

fn line_style(standing: Standing) -> String {
    let (colour, _) = look(standing);
    match standing {
        Standing::Down => format!("stroke:{colour};stroke-width:2;stroke-dasharray:4 5"),
        _ => format!("stroke:{colour};stroke-width:6"),
    }
}

fn draw_lifelines(canvas: &mut Canvas, story: &Story, layout: &Layout, top: f64) {
    for (place, of) in story.lanes.iter().enumerate() {
        let x = lane(place);
        let (mut standing, mut from) = (of.standing, top);
        for row in &layout.rows {
            if row.standing[place] != standing {
                canvas.line((x, from), (x, row.event), &line_style(standing));
                (standing, from) = (row.standing[place], row.event);
            }
        }
        canvas.line((x, from), (x, layout.bottom), &line_style(standing));
    }
}

/// An arrow, from the bottom of the row in which the message left to the event that it is.
fn draw_flight(canvas: &mut Canvas, story: &Story, layout: &Layout, place: usize, flight: &Flight) {
    let (from, to) = (lane(index(flight.from)), lane(index(flight.to)));
    let direction = if to > from { 1.0 } else { -1.0 };
    let leaves = (from + 4.0 * direction, layout.rows[flight.sent].leave);
    match flight.fate {
        Fate::Received(row) => {
            canvas.arrow(leaves, (to, layout.rows[row].event), ARROW, "");
        }
        Fate::Lost(row) if row == flight.sent => {
            let same = |other: &&Flight| (other.from, other.to, other.fate) == (flight.from, flight.to, flight.fate);
            let before = story.flights[..place].iter().filter(same).count() as f64;
            let end = (leaves.0 + direction * (34.0 + 12.0 * before), leaves.1);
            canvas.line(leaves, end, &format!("stroke:{RED};stroke-width:1;stroke-dasharray:5 3"));
            canvas.cross(end, 4.0, RED, 1.8);
        }
        Fate::Lost(row) | Fate::Replaced(row) => {
            // Several may be lost at once on one link: their crosses stand side by side.
            let same = |other: &&Flight| (other.from, other.to, other.fate) == (flight.from, flight.to, flight.fate);
            let before = story.flights[..place].iter().filter(same).count() as f64;
            let end = (to - direction * (16.0 + 12.0 * before), layout.rows[row].event);
            canvas.line(leaves, end, &format!("stroke:{RED};stroke-width:1;stroke-dasharray:5 3"));
            canvas.cross(end, 4.0, RED, 1.8);
        }
        Fate::InFlight => {
            let end = (leaves.0 + 46.0 * direction, leaves.1 + 6.0);
            canvas.line(leaves, end, &format!("stroke:{GREY};stroke-width:1;stroke-dasharray:2 3"));
            canvas.circle((end.0 + 3.0 * direction, end.1), 2.6, &format!("fill:#fdfdfb;stroke:{GREY};stroke-width:1"));
        }
    }
}

fn draw_mark(canvas: &mut Canvas, row: &Row, step: &super::Step) {
    let y = row.event;
    let mut shown = Vec::new();
    for (id, _) in step.flushed().filter(|(id, _)| !shown.contains(id)).collect::<Vec<_>>() {
        if !shown.contains(&id) {
            canvas.disk((lane(index(id)), y));
            shown.push(id);
        }
    }
    match step.action {
        Action::Crash(id) => canvas.cross((lane(index(id)), y), 7.0, RED, 3.2),
        Action::Restart(id) => canvas.restart((lane(index(id)), y)),
        Action::Timeout(id, _) => canvas.clock((lane(index(id)), y)),
        Action::Break(a, b) => {
            let (left, right) = (lane(index(a)), lane(index(b)));
            canvas.line((left, y), (right, y), "stroke:#8a5a00;stroke-width:1;stroke-dasharray:1 4");
            // Between the first of them and its neighbour: in the middle there may be a lane of somebody else.
            let half = (lane(1) - lane(0)) / 2.0;
            let middle = if towards(a, b) == Side::Right { left + half } else { left - half };
            canvas.lightning((middle, y));
        }
        Action::Connect { learner, leader } => {
            let (from, to) = (lane(index(learner)), lane(index(leader)));
            canvas.line((from, y), (to, y), "stroke:#46586a;stroke-width:1;stroke-dasharray:1 3");
            canvas.circle((to, y), 4.0, "fill:#fdfdfb;stroke:#46586a;stroke-width:1.4");
        }
        Action::Notice { learner, leader, at } => {
            let at = if at == crate::world::End::Learner { learner } else { leader };
            canvas.circle((lane(index(at)), y), 4.5, &format!("fill:#fdfdfb;stroke:{RED};stroke-width:1.6"));
        }
        Action::Write(id) | Action::Sync(id) | Action::Snapshot(id) | Action::Recall { leader: id, .. } => {
            canvas.circle((lane(index(id)), y), 4.5, "fill:#1c2733;stroke:#fdfdfb;stroke-width:1.2");
        }
        Action::Elect { at, .. } => {
            canvas.circle((lane(index(at)), y), 5.0, "fill:#f0b429;stroke:#1c2733;stroke-width:1.4");
        }
        Action::Deliver { .. } | Action::Notify { .. } | Action::Flush(_) => {}
    }
}

fn draw_texts(canvas: &mut Canvas, row: &Row) {
    for (place, line) in row.column.iter().enumerate() {
        // Leading blanks are not drawn, so that they are measured instead.
        let blanks = line.len() - line.trim_start().len();
        let at = (MARGIN + blanks as f64 * CHARACTER, row.event + 4.0 + LINE * place as f64);
        canvas.text(at, Anchor::Start, &format!("fill:{BLACK}"), line.trim_start());
    }
    for remark in &row.remarks {
        let style = match remark.tone {
            Tone::Message => format!("fill:{BLACK}"),
            Tone::Lost => format!("fill:{RED}"),
            Tone::State => "fill:#1f5fa8;font-weight:bold".to_owned(),
            Tone::Disk => "fill:#5f6b76;font-style:italic".to_owned(),
        };
        let y = row.event + 14.0 + LINE * remark.line as f64;
        let x = lane(remark.lane);
        match remark.side {
            Side::Left => canvas.text((x - GAP, y), Anchor::End, &style, &remark.text),
            Side::Right => canvas.text((x + GAP, y), Anchor::Start, &style, &remark.text),
        }
    }
}

fn draw_loop(canvas: &mut Canvas, story: &Story, layout: &Layout) {
    let Some(first) = story.returns_to else { return };
    let (top, bottom) = (layout.rows[first + 1].event - 8.0, layout.bottom - 4.0);
    let outline = format!("M{:.1} {top:.1} H{:.1} V{bottom:.1} H{:.1}", MARGIN - 4.0, MARGIN - 14.0, MARGIN - 4.0);
    canvas.path(&outline, &format!("fill:none;stroke:{RED};stroke-width:2"));
    let head = format!("M{:.1} {top:.1} l-8 -4.5 v9 Z", MARGIN);
    canvas.path(&head, &format!("fill:{RED}"));
    canvas.text((MARGIN - 16.0, layout.bottom + 10.0), Anchor::Start, &format!("fill:{RED}"), "repeats for ever");
}

/// Draws a mark around a point.
type Mark = fn(&mut Canvas, (f64, f64));

fn draw_legend(canvas: &mut Canvas, top: f64, width: f64) -> f64 {
    let (mut x, mut y) = (16.0, top + 14.0);
    canvas.line((16.0, top), (width - 16.0, top), "stroke:#d5dade;stroke-width:1");
    let lines = [
        Standing::Looking,
        Standing::Following(false),
        Standing::Following(true),
        Standing::Observing(false),
        Standing::Observing(true),
        Standing::Leading(false),
        Standing::Leading(true),
        Standing::Down,
    ];
    let marks: [(&str, Mark); 12] = [
        ("message", |canvas, (x, y)| canvas.arrow((x - 10.0, y), (x + 14.0, y), ARROW, "")),
        ("on its way", |canvas, (x, y)| {
            canvas.line((x - 10.0, y), (x + 6.0, y), &format!("stroke:{GREY};stroke-width:1;stroke-dasharray:2 3"));
            canvas.circle((x + 9.0, y), 2.6, &format!("fill:#fdfdfb;stroke:{GREY};stroke-width:1"));
        }),
        ("lost or replaced", |canvas, at| canvas.cross(at, 4.0, RED, 1.8)),
        ("durable write", |canvas, at| canvas.disk(at)),
        ("crash", |canvas, at| canvas.cross(at, 7.0, RED, 3.2)),
        ("restart", |canvas, at| canvas.restart(at)),
        ("link breaks", |canvas, at| canvas.lightning(at)),
        ("timeout", |canvas, at| canvas.clock(at)),
        ("end of a connection noticed", |canvas, at| {
            canvas.circle(at, 4.5, &format!("fill:#fdfdfb;stroke:{RED};stroke-width:1.6"));
        }),
        ("connects", |canvas, at| canvas.circle(at, 4.0, "fill:#fdfdfb;stroke:#46586a;stroke-width:1.4")),
        ("oracle elects", |canvas, at| {
            canvas.circle(at, 5.0, "fill:#f0b429;stroke:#1c2733;stroke-width:1.4");
        }),
        ("client asks", |canvas, at| {
            canvas.circle(at, 4.5, "fill:#1c2733;stroke:#fdfdfb;stroke-width:1.2");
        }),
    ];
    let mut place = |name: &str| {
        let size = name.len() as f64 * CHARACTER + 48.0;
        if x + size > width {
            (x, y) = (16.0, y + 22.0);
        }
        let at = (x, y);
        x += size;
        at
    };
    for standing in lines {
        let name = look(standing).1;
        let (x, y) = place(name);
        canvas.line((x, y), (x + 22.0, y), &line_style(standing));
        canvas.text((x + 28.0, y + 4.0), Anchor::Start, &format!("fill:{GREY}"), name);
    }
    for (name, draw) in marks {
        let (x, y) = place(name);
        draw(canvas, (x + 11.0, y));
        canvas.text((x + 28.0, y + 4.0), Anchor::Start, &format!("fill:{GREY}"), name);
    }
    y + 22.0
}
