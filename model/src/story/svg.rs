//! Drawing: the few shapes that diagrams are made of, as SVG text with inline styles only, so that a picture needs
//! neither the network nor a style sheet.

use std::fmt::Write as _;

/// How wide a character is, at the size of labels; all text is set in a fixed width, so that nothing overlaps.
pub const CHARACTER: f64 = 6.65;

/// The distance between two lines of text.
pub const LINE: f64 = 13.0;

const FONT: &str = "font-family:'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace;font-size:11px";

/// A picture in the making.
#[derive(Debug, Default)]
pub struct Canvas {
    body: String,
}

impl Canvas {
    /// The whole picture. It shrinks where a page gives it less room.
    pub fn finish(self, width: f64, height: f64, title: &str) -> String {
        let title = escape(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
             style=\"max-width:100%;height:auto\">\n<title>{title}</title>\n\
             <rect width=\"100%\" height=\"100%\" style=\"fill:#fdfdfb\"/>\n{}</svg>\n",
            self.body
        )
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.body, "{element}");
    }

    /// A straight line.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" style=\"{style}\"/>"
        ));
    }

    /// A line with a head, which ends a little before `to`.
    pub fn arrow(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, style: &str) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        let tip = (to.0 - 5.0 * ux, to.1 - 5.0 * uy);
        let base = (tip.0 - 8.0 * ux, tip.1 - 8.0 * uy);
        self.line(from, base, &format!("stroke:{colour};stroke-width:1.2;{style}"));
        let (left, right) = ((base.0 - 3.5 * uy, base.1 + 3.5 * ux), (base.0 + 3.5 * uy, base.1 - 3.5 * ux));
        self.push(format_args!(
            "<path d=\"M{:.1} {:.1} L{:.1} {:.1} L{:.1} {:.1} Z\" style=\"fill:{colour}\"/>",
            tip.0, tip.1, left.0, left.1, right.0, right.1
        ));
    }

    /// A free shape.
    pub fn path(&mut self, outline: &str, style: &str) {
        self.push(format_args!("<path d=\"{outline}\" style=\"{style}\"/>"));
    }

    /// A rectangle.
    pub fn rectangle(&mut self, corner: (f64, f64), size: (f64, f64), style: &str) {
        let ((x, y), (width, height)) = (corner, size);
        self.push(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"3\" style=\"{style}\"/>"
        ));
    }

    /// A circle.
    pub fn circle(&mut self, centre: (f64, f64), radius: f64, style: &str) {
        let (x, y) = centre;
        self.push(format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" style=\"{style}\"/>"));
    }

    /// A line of text, with a light rim that keeps it readable on top of arrows.
    pub fn text(&mut self, at: (f64, f64), anchor: Anchor, style: &str, text: &str) {
        let (anchor, text) = (anchor.name(), escape(text));
        self.push(format_args!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" style=\"{FONT};paint-order:stroke;\
             stroke:#fdfdfb;stroke-width:3px;stroke-linejoin:round;{style}\">{text}</text>",
            at.0, at.1
        ));
    }

    /// A mark: crossed lines.
    pub fn cross(&mut self, (x, y): (f64, f64), size: f64, colour: &str, width: f64) {
        let style = format!("stroke:{colour};stroke-width:{width};stroke-linecap:round");
        self.line((x - size, y - size), (x + size, y + size), &style);
        self.line((x - size, y + size), (x + size, y - size), &style);
    }

    /// A mark: a turning arrow.
    pub fn restart(&mut self, (x, y): (f64, f64)) {
        self.circle((x, y), 8.0, "fill:#fdfdfb");
        let arc = format!("M{:.1} {:.1} A6 6 0 1 1 {:.1} {:.1}", x + 5.2, y + 3.0, x + 1.0, y - 5.9);
        self.path(&arc, "fill:none;stroke:#1e8e3e;stroke-width:2.2");
        let head = format!("M{:.1} {:.1} l6 1.6 l-4.6 4.4 Z", x + 0.6, y - 9.0);
        self.path(&head, "fill:#1e8e3e");
    }

    /// A mark: lightning.
    pub fn lightning(&mut self, (x, y): (f64, f64)) {
        let outline = format!("M{:.1} {:.1} l-7 11 h5 l-3 9 l9 -12 h-5 l4 -8 Z", x + 2.0, y - 10.0);
        self.path(&outline, "fill:#f0b429;stroke:#8a5a00;stroke-width:1");
    }

    /// A mark: a disk.
    pub fn disk(&mut self, (x, y): (f64, f64)) {
        let style = "fill:#5f6b76;stroke:#fdfdfb;stroke-width:1";
        let outline = format!(
            "M{:.1} {:.1} v8 a6 2.4 0 0 0 12 0 v-8 a6 2.4 0 0 0 -12 0 Z M{:.1} {:.1} a6 2.4 0 0 0 12 0",
            x - 6.0,
            y - 4.0,
            x - 6.0,
            y - 4.0
        );
        self.path(&outline, style);
    }

    /// A mark: a clock.
    pub fn clock(&mut self, (x, y): (f64, f64)) {
        self.circle((x, y), 6.5, "fill:#fdfdfb;stroke:#5f6b76;stroke-width:1.6");
        self.path(&format!("M{x:.1} {:.1} V{y:.1} h3.5", y - 4.0), "fill:none;stroke:#5f6b76;stroke-width:1.4");
    }
}

/// Where a text stands beside its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        }
    }
}

/// The text in lines of at most so many characters, broken between words where possible.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let mut word: String = word.to_owned();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(&word);
                continue;
            }
            _ => {}
        }
        while word.chars().count() > width {
            let rest = word.chars().skip(width).collect();
            lines.push(word.chars().take(width).collect());
            word = rest;
        }
        lines.push(word);
    }
    lines
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
