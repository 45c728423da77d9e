//! Where everything of a diagram stands. Every text has a place of its own, and a row is as high as its highest place,
//! so that no two texts can overlap.

use super::effects::{Change, Standing};
use super::flight::Fate;
use super::label::short;
use super::svg::{CHARACTER, LINE, wrap};
use super::{Step, Story};
use crate::world::Action;
use std::collections::BTreeMap;
use zab::ServerId;

/// Half the distance between two lanes: the place of the texts on one side of a lane.
const HALF: f64 = 156.0;

/// Between a lane and its texts.
pub(super) const GAP: f64 = 14.0;

/// The margin on the left, where loops are bracketed.
pub(super) const MARGIN: f64 = 34.0;

/// The width of the numbered steps, in characters.
const COLUMN: usize = 36;

/// A side of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Left,
    Right,
}

/// What a text is about, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Message,
    Lost,
    State,
    Disk,
}

/// A line of text beside a lane.
#[derive(Clone, Debug)]
pub(super) struct Remark {
    pub(super) lane: usize,
    pub(super) side: Side,
    pub(super) tone: Tone,
    pub(super) text: String,
    /// Which line of its place it is.
    pub(super) line: usize,
}

/// A row: the start, or a step.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Where messages arrive and things happen.
    pub(super) event: f64,
    /// Where messages leave: below the texts of the row.
    pub(super) leave: f64,
    pub(super) column: Vec<String>,
    pub(super) remarks: Vec<Remark>,
    pub(super) standing: Vec<Standing>,
}

/// A diagram's places.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: f64,
    pub(super) bottom: f64,
    pub(super) rows: Vec<Row>,
}

impl Layout {
    /// Lays the story's rows out, from `top` downwards.
    pub(super) fn of(story: &Story, top: f64) -> Layout {
        let mut rows = vec![start(story)];
        rows.extend(story.steps.iter().enumerate().map(|(index, step)| row(story, index + 1, step)));
        let mut y = top;
        for row in &mut rows {
            let lines = row.remarks.iter().map(|remark| remark.line + 1).max().unwrap_or(0);
            // The first line of the column stands beside the event, those of the lanes below it.
            let height = LINE * lines.max(row.column.len().saturating_sub(1)) as f64;
            row.event = y + 10.0;
            row.leave = row.event + height + 8.0;
            y = row.leave + 8.0;
        }
        let width = lane(story.lanes.len()) - HALF + 20.0;
        Layout { width, bottom: y, rows }
    }
}

/// Where a lane stands.
pub(super) fn lane(index: usize) -> f64 {
    MARGIN + COLUMN as f64 * CHARACTER + 10.0 + HALF + index as f64 * 2.0 * HALF
}

/// The lane of a server.
pub(super) fn index(id: ServerId) -> usize {
    usize::from(id.0) - 1
}

/// The side of `at` on which `other` is.
pub(super) fn towards(at: ServerId, other: ServerId) -> Side {
    if other < at { Side::Left } else { Side::Right }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Left => Side::Right,
        Side::Right => Side::Left,
    }
}

/// Fills the places of one row.
#[derive(Default)]
struct Places {
    remarks: Vec<Remark>,
    filled: BTreeMap<(usize, Side), usize>,
}

impl Places {
    fn say(&mut self, id: ServerId, side: Side, tone: Tone, text: &str) {
        let lane = index(id);
        for text in wrap(text, ((HALF - GAP - 4.0) / CHARACTER) as usize) {
            let filled = self.filled.entry((lane, side)).or_default();
            self.remarks.push(Remark { lane, side, tone, text, line: *filled });
            *filled += 1;
        }
    }
}

fn start(story: &Story) -> Row {
    let mut places = Places::default();
    for lane in &story.lanes {
        for text in &lane.start {
            places.say(lane.id, Side::Right, Tone::State, text);
        }
    }
    let standing = story.lanes.iter().map(|lane| lane.standing).collect();
    Row { event: 0.0, leave: 0.0, column: vec!["    start".to_owned()], remarks: places.remarks, standing }
}

fn row(story: &Story, number: usize, step: &Step) -> Row {
    let mut places = Places::default();
    let mut taken: BTreeMap<ServerId, Side> = BTreeMap::new();
    for flight in &story.flights {
        // What nobody listens to is told where it was sent.
        let at_once = flight.fate == Fate::Lost(flight.sent);
        let (at, other) = if at_once { (flight.from, flight.to) } else { (flight.to, flight.from) };
        let side = towards(at, other);
        let (tone, text) = match flight.fate {
            Fate::Received(row) if row == number => (Tone::Message, short(&flight.message)),
            Fate::Lost(row) if row == number => (Tone::Lost, format!("lost: {}", short(&flight.message))),
            Fate::Replaced(row) if row == number => (Tone::Lost, format!("replaced: {}", short(&flight.message))),
            _ => continue,
        };
        taken.insert(at, side);
        places.say(at, side, tone, &text);
    }
    for (id, write) in step.flushed() {
        taken.entry(id).or_insert(Side::Left);
        places.say(id, Side::Left, Tone::Disk, &write.to_string());
    }
    for effect in &step.effects {
        let side = taken.get(&effect.server).copied().map_or(Side::Right, opposite);
        for text in effect.changes.iter().filter_map(Change::brief) {
            places.say(effect.server, side, Tone::State, &text);
        }
    }
    Row {
        event: 0.0,
        leave: 0.0,
        column: column(number, &step.action, &step.label),
        remarks: places.remarks,
        standing: step.standing.clone(),
    }
}

fn column(number: usize, action: &Action, label: &str) -> Vec<String> {
    // The message itself stands where it arrives.
    let said = match action {
        Action::Deliver { .. } | Action::Notify { .. } | Action::Flush(_) => action.to_string(),
        _ => label.to_owned(),
    };
    let mut lines = wrap(&said, COLUMN - 6);
    for (place, line) in lines.iter_mut().enumerate() {
        *line = if place == 0 { format!("{number:>3}  {line}") } else { format!("     {line}") };
    }
    lines
}
