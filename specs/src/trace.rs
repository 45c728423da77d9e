#![doc = include_str!("trace.md")]

use crate::contract::{Input, Output, Timer};
use crate::disk::{Disk, Write};
use crate::ensemble::Ensemble;
use crate::message::Message;
use crate::number::ServerId;
use crate::peer::Peer;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

/// What the first line of a trace calls itself.
pub const FORMAT: &str = "zabkeeper-trace";

/// The version of the format that this code writes and reads.
pub const VERSION: u32 = 1;

/// The first line of a trace: what is needed to judge the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// [`VERSION`] when it was written.
    pub version: u32,
    /// Who takes part.
    pub ensemble: Arc<Ensemble>,
    /// Who elects.
    pub elections: Elections,
    /// What recorded it, for people.
    pub recorded_by: String,
}

/// Who elects in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Elections {
    /// The peers themselves.
    Held,
    /// Someone else, by [`Input::Elected`]: what the peers would say in an election is neither recorded nor compared.
    Elsewhere,
}

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields")]
pub struct Line {
    /// To whom it happened.
    pub server: ServerId,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What a line may hold. Read so, and not as an [`Event`], because a line is then read once and nothing is kept aside.
#[derive(Deserialize)]
struct Fields {
    server: ServerId,
    event: Kind,
    disk: Option<Disk>,
    input: Option<Input>,
    outputs: Option<Vec<Output>>,
    count: Option<usize>,
    write: Option<Write>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Recovered,
    Stepped,
    Flushed,
    Crashed,
}

impl TryFrom<Fields> for Line {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Line, &'static str> {
        let Fields { server, event, disk, input, outputs, count, write } = fields;
        let event = match (event, input, outputs, write) {
            (Kind::Recovered, _, Some(outputs), _) => Event::Recovered { disk, outputs },
            (Kind::Stepped, Some(input), Some(outputs), _) => Event::Stepped { input, outputs },
            (Kind::Flushed, _, _, Some(write)) => Event::Flushed { count: count.unwrap_or(1), write },
            (Kind::Crashed, ..) => Event::Crashed,
            _ => return Err("the event lacks its input, its outputs or its write"),
        };
        Ok(Line { server, event })
    }
}

/// Something that happened to a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// It started on its disk.
    Recovered {
        /// What the disk held, if the recorder looked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        disk: Option<Disk>,
        /// What it did.
        outputs: Vec<Output>,
    },
    /// It took a step.
    Stepped {
        /// What came in.
        input: Input,
        /// What it did.
        outputs: Vec<Output>,
    },
    /// Its oldest queued writes became durable.
    Flushed {
        /// How many: 1 where nothing is said.
        #[serde(skip_serializing_if = "is_one")]
        count: usize,
        /// The last of them.
        write: Write,
    },
    /// It stopped, and forgot everything that was not durable.
    Crashed,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(count: &usize) -> bool {
    *count == 1
}

/// Why a trace is not one of this specification: the first line that differs, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The line's number; the header is line 1.
    pub line: usize,
    /// Whose line it is.
    pub server: ServerId,
    /// What is wrong with it.
    pub difference: Difference,
}

/// How a recorded event differs from what the specification does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The header does not know the server.
    NotInEnsemble,
    /// Something happens to a server that is down.
    Down,
    /// A server recovers that is up.
    Up,
    /// The first disk breaks an invariant of disks.
    BrokenDisk,
    /// The server recovered on something else than what had become durable.
    Disk {
        /// What was durable.
        durable: Box<Disk>,
        /// What the trace says.
        recorded: Box<Disk>,
    },
    /// The outputs differ.
    Outputs {
        /// Where, counted from 1.
        place: usize,
        /// What the specification does there.
        expected: Option<Box<Output>>,
        /// What the trace says.
        recorded: Option<Box<Output>>,
    },
    /// A write became durable before an older one, or without having been queued.
    Flushed {
        /// The one whose turn it was.
        expected: Option<Write>,
        /// What the trace says.
        recorded: Write,
    },
    /// A server received from itself what its disk had not released.
    NotReleased {
        /// What the disk had released.
        expected: Option<Box<Message>>,
        /// What the trace says.
        recorded: Box<Message>,
    },
}

/// Checks a whole trace: every server's lines, each in its order.
///
/// # Errors
/// With the first line that the specification would not have written.
pub fn validate<'a>(
    header: &Header,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Result<BTreeMap<ServerId, Replay>, Refusal> {
    let replay = |id| (id, Replay::new(id, header.ensemble.clone(), header.elections));
    let mut replays: BTreeMap<ServerId, Replay> = header.ensemble.servers().map(replay).collect();
    for (index, Line { server, event }) in lines.into_iter().enumerate() {
        let replay = replays.get_mut(server).ok_or(Difference::NotInEnsemble);
        let taken = replay.and_then(|replay| replay.take(event));
        taken.map_err(|difference| Refusal { line: index + 2, server: *server, difference })?;
    }
    Ok(replays)
}

/// One server's trace, played through the specification line by line.
#[derive(Clone, Debug)]
pub struct Replay {
    id: ServerId,
    ensemble: Arc<Ensemble>,
    elections: Elections,
    peer: Option<Peer>,
    /// What is durable; `None` before the first line.
    disk: Option<Disk>,
    queue: VecDeque<Waiting>,
    /// What the disk has released to the server itself, oldest first.
    released: VecDeque<Message>,
}

/// Something that waits for the disk.
#[derive(Clone, Debug)]
enum Waiting {
    Write(Write),
    /// A message to this server itself; those to others leave no line here.
    Own(Message),
}

impl Replay {
    /// A server of which nothing is known yet.
    #[must_use]
    pub fn new(id: ServerId, ensemble: Arc<Ensemble>, elections: Elections) -> Replay {
        let (queue, released) = Default::default();
        Replay { id, ensemble, elections, peer: None, disk: None, queue, released }
    }

    /// The server's memory, unless it is down.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// What is durable, once it has recovered for the first time.
    #[must_use]
    pub fn disk(&self) -> Option<&Disk> {
        self.disk.as_ref()
    }

    /// The next event.
    ///
    /// # Errors
    /// When the specification does something else. The replay is then of no further use.
    pub fn take(&mut self, event: &Event) -> Result<(), Difference> {
        match event {
            Event::Recovered { disk, outputs } => self.recover(disk.as_ref(), outputs),
            Event::Stepped { input, outputs } => self.step(input, outputs),
            Event::Flushed { count, write } => self.flush(*count, write),
            Event::Crashed => {
                self.peer.take().ok_or(Difference::Down)?;
                self.queue.clear();
                self.released.clear();
                Ok(())
            }
        }
    }

    fn recover(&mut self, recorded: Option<&Disk>, outputs: &[Output]) -> Result<(), Difference> {
        if self.peer.is_some() {
            return Err(Difference::Up);
        }
        let disk = match (&self.disk, recorded) {
            (Some(durable), Some(recorded)) if durable != recorded => {
                let (durable, recorded) = (Box::new(durable.clone()), Box::new(recorded.clone()));
                return Err(Difference::Disk { durable, recorded });
            }
            (Some(durable), _) => durable.clone(),
            (None, Some(recorded)) if !is_valid(recorded) => return Err(Difference::BrokenDisk),
            (None, recorded) => recorded.cloned().unwrap_or_default(),
        };
        let mut expected = Vec::new();
        self.peer = Some(Peer::recover(self.id, self.ensemble.clone(), &disk, &mut expected));
        self.disk = Some(disk);
        self.compare(expected, outputs)
    }

    fn step(&mut self, input: &Input, outputs: &[Output]) -> Result<(), Difference> {
        let peer = self.peer.as_mut().ok_or(Difference::Down)?;
        if let Input::Receive(from, message) = input
            && *from == self.id
        {
            let released = self.released.pop_front();
            if released.as_ref() != Some(message) {
                let (expected, recorded) = (released.map(Box::new), Box::new(message.clone()));
                return Err(Difference::NotReleased { expected, recorded });
            }
        }
        let mut expected = Vec::new();
        peer.step(input.clone(), &mut expected);
        self.compare(expected, outputs)
    }

    /// The last of the oldest `count` is told, and compared: it is another one when their number or order is wrong.
    fn flush(&mut self, count: usize, write: &Write) -> Result<(), Difference> {
        let mut last = None;
        for _ in 0..count {
            let (Some(_), Some(disk)) = (&self.peer, &mut self.disk) else {
                return Err(Difference::Down);
            };
            // What stands before the oldest write has been released already.
            let Some(Waiting::Write(oldest)) = self.queue.pop_front() else {
                return Err(Difference::Flushed { expected: None, recorded: write.clone() });
            };
            disk.apply(&oldest);
            self.release();
            last = Some(oldest);
        }
        if last.as_ref() != Some(write) {
            return Err(Difference::Flushed { expected: last, recorded: write.clone() });
        }
        Ok(())
    }

    /// Compares what the specification did with what was recorded, and takes over what waits for the disk.
    fn compare(&mut self, mut expected: Vec<Output>, recorded: &[Output]) -> Result<(), Difference> {
        if self.elections == Elections::Elsewhere {
            expected.retain(|output| !is_of_elections(output));
        }
        let places = 0..expected.len().max(recorded.len());
        if let Some(place) = places.into_iter().find(|place| expected.get(*place) != recorded.get(*place)) {
            let boxed = |outputs: &[Output]| outputs.get(place).cloned().map(Box::new);
            let (expected, recorded) = (boxed(&expected), boxed(recorded));
            return Err(Difference::Outputs { place: place + 1, expected, recorded });
        }
        for output in expected {
            match output {
                Output::Write(write) => self.queue.push_back(Waiting::Write(write)),
                Output::SendWhenDurable(to, message) if to == self.id => self.queue.push_back(Waiting::Own(message)),
                Output::Disconnect(id) if id == self.id => {
                    self.queue.retain(|waiting| matches!(waiting, Waiting::Write(_)));
                    self.released.clear();
                }
                _ => {}
            }
        }
        self.release();
        Ok(())
    }

    fn release(&mut self) {
        while let Some(Waiting::Own(message)) = self.queue.front() {
            self.released.push_back(message.clone());
            self.queue.pop_front();
        }
    }
}

fn is_valid(disk: &Disk) -> bool {
    let previous = std::iter::once(disk.history.snapshot()).chain(disk.history.log().iter().map(|txn| txn.zxid));
    disk.current_epoch <= disk.accepted_epoch
        && disk.history.log().iter().zip(previous).all(|(txn, previous)| txn.zxid.follows(previous))
}

/// Whether an output belongs to an election: recorders leave it out where elections are held elsewhere.
#[must_use]
pub fn is_of_elections(output: &Output) -> bool {
    match output {
        Output::Send(_, message) => matches!(message, Message::Notification(_)),
        Output::Arm(timer) => matches!(timer, Timer::Notification | Timer::Settle),
        _ => false,
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} ({}): {}", self.line, self.server, self.difference)
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::NotInEnsemble => write!(f, "the header's ensemble has no such server"),
            Difference::Down => write!(f, "the server is down, so nothing can happen to it"),
            Difference::Up => write!(f, "the server is up, so it cannot recover"),
            Difference::BrokenDisk => write!(f, "no server can have written the disk that it recovers on"),
            Difference::Disk { durable, recorded } => {
                write!(f, "recovered on {recorded:?}, but what had become durable is {durable:?}")
            }
            Difference::Outputs { place, expected, recorded } => {
                let expected = text(expected.as_deref());
                write!(f, "output {place} should be: {expected}; recorded is: {}", text(recorded.as_deref()))
            }
            Difference::Flushed { expected: Some(expected), recorded } => {
                write!(f, "became durable: {recorded}; but it was the turn of: {expected}")
            }
            Difference::Flushed { expected: None, recorded } => {
                write!(f, "became durable: {recorded}; but none was queued any more")
            }
            Difference::NotReleased { expected: Some(expected), recorded } => {
                write!(f, "received from itself: {recorded}; but its disk has released: {expected}")
            }
            Difference::NotReleased { expected: None, recorded } => {
                write!(f, "received from itself: {recorded}; before what this waits for was durable")
            }
        }
    }
}

/// In words, and in full, because the words leave payloads out.
fn text(output: Option<&Output>) -> String {
    output.map_or("nothing more".to_owned(), |output| format!("{output} [{output:?}]"))
}
