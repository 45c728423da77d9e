//! Writes down what servers take in and do.

use crate::world::step::Watch;
use std::collections::VecDeque;
use zab::{Input, Output, ServerId, Write};

/// The writer.
#[derive(Clone, Debug, Default)]
pub struct Narrator {
    /// What was written.
    pub lines: Vec<String>,
    /// Only what leaves the protocol: deliveries, and answers to clients.
    pub brief: bool,
    /// The messages that leave as soon as each of the next writes is durable.
    pub released: VecDeque<Vec<String>>,
}

impl Narrator {
    fn tell(&mut self, id: ServerId, what: &str, outputs: &[Output]) {
        if self.brief {
            let results = outputs.iter().filter(|output| is_result(output));
            return self.lines.extend(results.map(|output| format!("    {id}: {output}")));
        }
        self.lines.push(format!("{id}: {what}"));
        self.lines.extend(outputs.iter().map(|output| format!("    {output}")));
    }
}

/// Whether it is seen outside of the protocol.
fn is_result(output: &Output) -> bool {
    matches!(
        output,
        Output::Deliver(_) | Output::Install(_) | Output::Synced | Output::Revalidated(_) | Output::Halt(_)
    )
}

impl Watch for Narrator {
    fn recovered(&mut self, id: ServerId, outputs: &[Output]) {
        self.tell(id, "start", outputs);
    }

    fn stepped(&mut self, id: ServerId, input: &Input, outputs: &[Output]) {
        self.tell(id, &input.to_string(), outputs);
    }

    fn flushed(&mut self, id: ServerId, write: &Write) {
        let released = self.released.pop_front().unwrap_or_default();
        if !self.brief {
            self.lines.push(format!("{id}: durable {write}"));
            self.lines.extend(released);
        }
    }

    fn crashed(&mut self, id: ServerId) {
        self.tell(id, "crash", &[]);
    }
}
