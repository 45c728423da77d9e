//! The recorder of traces.

use crate::world::step::Watch;
use crate::world::{Action, World};
use crate::zookeeper::ZooKeeper;
use zab::trace::{Elections, Event, Line, is_of_elections};
use zab::{Disk, Input, Output, Peer, ServerId, Write};

/// Writes down every event of every server.
#[derive(Clone, Debug)]
pub struct Recorder {
    elections: Elections,
    lines: Vec<Line>,
    /// What the disk of the server that restarts next holds.
    disk: Option<Disk>,
}

impl Recorder {
    /// A recorder that has heard nothing yet.
    #[must_use]
    pub fn new(elections: Elections) -> Recorder {
        Recorder { elections, lines: Vec::new(), disk: None }
    }

    /// Records how the servers of an initial state came up, which happened before anyone could watch.
    pub fn start(&mut self, model: &ZooKeeper, initial: &World) {
        for (id, server) in initial.ids().zip(&initial.servers).filter(|(_, server)| server.peer.is_some()) {
            let mut outputs = Vec::new();
            Peer::recover(id, model.ensemble.clone(), &server.disk, &mut outputs);
            self.disk = Some(server.disk.clone());
            self.recovered(id, &outputs);
        }
    }

    /// To be called before every action, with the world as it is then.
    pub fn before(&mut self, world: &World, action: &Action) {
        self.disk = match action {
            Action::Restart(id) => Some(world.server(*id).disk.clone()),
            _ => None,
        };
    }

    /// What was recorded since the last call.
    pub fn take(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    fn outputs(&self, outputs: &[Output]) -> Vec<Output> {
        let kept = |output: &&Output| self.elections == Elections::Held || !is_of_elections(output);
        outputs.iter().filter(kept).cloned().collect()
    }

    fn line(&mut self, server: ServerId, event: Event) {
        self.lines.push(Line { server, event });
    }
}

impl Watch for Recorder {
    fn recovered(&mut self, id: ServerId, outputs: &[Output]) {
        let event = Event::Recovered { disk: self.disk.take(), outputs: self.outputs(outputs) };
        self.line(id, event);
    }

    fn stepped(&mut self, id: ServerId, input: &Input, outputs: &[Output]) {
        let event = Event::Stepped { input: input.clone(), outputs: self.outputs(outputs) };
        self.line(id, event);
    }

    fn flushed(&mut self, id: ServerId, write: &Write) {
        self.line(id, Event::Flushed { count: 1, write: write.clone() });
    }

    fn crashed(&mut self, id: ServerId) {
        self.line(id, Event::Crashed);
    }
}
