//! Another engine on which a story, or a path of the model, is played beside the world.

use crate::world::step::Watch;
use crate::world::{Server, World};
use crate::zookeeper::ZooKeeper;
use zab::trace::Event;
use zab::{Input, Output, ServerId, Write};

/// An engine to which everything happens that happens to the servers of a [`World`]: the code of the server, say. A
/// story is then told by what this engine does, and fails as soon as it does something else than the specification.
pub trait Double {
    /// All servers of this world are down, and hold what their disks say.
    ///
    /// # Errors
    /// With a sentence, when that cannot be.
    fn begin(&mut self, model: &ZooKeeper, world: &World) -> Result<(), String>;

    /// This happens to a server, of which the event says what the specification does: what the engine does.
    ///
    /// # Errors
    /// With a sentence, when it does something else.
    fn happens(&mut self, id: ServerId, event: Event) -> Result<Event, String>;

    /// An action is over, and left the world like this.
    ///
    /// # Errors
    /// With a sentence, when the engine's servers stand elsewhere.
    fn compare(&mut self, world: &World) -> Result<(), String>;

    /// How a server is.
    ///
    /// # Errors
    /// With a sentence, when that cannot be read.
    fn server(&mut self, id: ServerId) -> Result<Server, String>;
}

/// Lets a double take part in a step of the world, and tells someone else what it does; without one, what the world
/// does.
pub struct Beside<'a, W: Watch> {
    told: &'a mut W,
    double: Option<&'a mut dyn Double>,
    /// What the double did otherwise first.
    pub fault: Option<String>,
}

impl<'a, W: Watch> Beside<'a, W> {
    /// Someone who has seen nothing yet.
    pub fn new(told: &'a mut W, double: Option<&'a mut dyn Double>) -> Beside<'a, W> {
        Beside { told, double, fault: None }
    }

    /// What really happens. Behind the first fault nothing means anything.
    fn really(&mut self, id: ServerId, event: Event) -> Event {
        let Some(double) = self.double.as_mut().filter(|_| self.fault.is_none()) else { return event };
        match double.happens(id, event.clone()) {
            Ok(own) => own,
            Err(fault) => {
                self.fault = Some(fault);
                event
            }
        }
    }
}

impl<W: Watch> Watch for Beside<'_, W> {
    fn recovered(&mut self, id: ServerId, outputs: &[Output]) {
        let event = Event::Recovered { disk: None, outputs: outputs.to_vec() };
        if let Event::Recovered { outputs, .. } = self.really(id, event) {
            self.told.recovered(id, &outputs);
        }
    }

    fn stepped(&mut self, id: ServerId, input: &Input, outputs: &[Output]) {
        let event = Event::Stepped { input: input.clone(), outputs: outputs.to_vec() };
        if let Event::Stepped { input, outputs } = self.really(id, event) {
            self.told.stepped(id, &input, &outputs);
        }
    }

    fn flushed(&mut self, id: ServerId, write: &Write) {
        if let Event::Flushed { write, .. } = self.really(id, Event::Flushed { count: 1, write: write.clone() }) {
            self.told.flushed(id, &write);
        }
    }

    fn crashed(&mut self, id: ServerId) {
        self.really(id, Event::Crashed);
        self.told.crashed(id);
    }
}
