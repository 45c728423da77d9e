//! Planted changes of the order of outputs, between a step and the world.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use zab::{Input, Message, Output, ServerId, Write};

/// What is done to the outputs of a step before the world sees them.
#[derive(Clone, Debug, Default)]
pub enum Mutation {
    /// Nothing.
    #[default]
    None,
    /// Nothing, but every kind of step is noted, with an example.
    Collect(Arc<Mutex<BTreeMap<Signature, Example>>>),
    /// The outputs of this kind of step come in another order: the first is the one that was at `order[0]`, and so on.
    Order {
        /// The kind of step.
        signature: Signature,
        /// The new order.
        order: Vec<usize>,
    },
}

/// A kind of step: the kind of its input, then the kinds of its outputs.
pub type Signature = Vec<Kind>;

/// A step, to show what a signature means.
#[derive(Clone, Debug)]
pub struct Example {
    /// Who took it.
    pub id: ServerId,
    /// What it took in.
    pub input: Input,
    /// What it did.
    pub outputs: Vec<Output>,
}

/// The kind of an input or output: what it is, without the numbers in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(&'static str, &'static str, Whom);

/// Whom an output concerns, as seen from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Whom {
    Nobody,
    Itself,
    Another,
}

impl Mutation {
    /// Changes the outputs of a step that the server `id` took.
    pub fn reorder(&self, id: ServerId, input: &Input, outputs: &mut Vec<Output>) {
        match self {
            Mutation::None => {}
            Mutation::Collect(examples) => {
                let example = || Example { id, input: input.clone(), outputs: outputs.clone() };
                let mut examples = examples.lock().expect("nobody panics with it");
                examples.entry(signature(id, input, outputs)).or_insert_with(example);
            }
            Mutation::Order { signature: wanted, order } => {
                if outputs.len() == order.len() && signature(id, input, outputs) == *wanted {
                    *outputs = order.iter().map(|at| outputs[*at].clone()).collect();
                }
            }
        }
    }
}

/// The kind of a step.
#[must_use]
pub fn signature(id: ServerId, input: &Input, outputs: &[Output]) -> Signature {
    std::iter::once(kind_of_input(id, input)).chain(outputs.iter().map(|output| kind_of_output(id, output))).collect()
}

fn kind_of_input(id: ServerId, input: &Input) -> Kind {
    match input {
        Input::Receive(from, message) => Kind("receive", message.name(), whom(id, *from)),
        Input::Connected(_) => Kind("connected", "", Whom::Another),
        Input::Disconnected(_) => Kind("disconnected", "", Whom::Another),
        Input::Timeout(_) => Kind("timeout", "", Whom::Nobody),
        Input::Request(_) => Kind("request", "", Whom::Nobody),
        Input::Propose(_) => Kind("propose", "", Whom::Nobody),
        Input::Revalidate(_) | Input::Revalidated(..) => Kind("revalidate", "", Whom::Nobody),
        Input::Snapshotted(_) => Kind("snapshotted", "", Whom::Nobody),
        Input::Recalled(..) => Kind("recalled", "", Whom::Nobody),
        Input::Elected(leader) => Kind("elected", "", whom(id, *leader)),
    }
}

fn kind_of_output(id: ServerId, output: &Output) -> Kind {
    match output {
        Output::Write(write) => Kind("write", name_of_write(write), Whom::Nobody),
        Output::Send(to, message) => Kind("send", name_of_message(message), whom(id, *to)),
        Output::SendWhenDurable(to, message) => Kind("when durable", name_of_message(message), whom(id, *to)),
        Output::Deliver(_) => Kind("deliver", "", Whom::Nobody),
        Output::Install(_) => Kind("install", "", Whom::Nobody),
        Output::Connect(to) => Kind("connect", "", whom(id, *to)),
        Output::Disconnect(to) => Kind("disconnect", "", whom(id, *to)),
        Output::Arm(_) => Kind("arm", "", Whom::Nobody),
        Output::Prepare(..) => Kind("prepare", "", Whom::Nobody),
        Output::Synced => Kind("synced", "", Whom::Nobody),
        Output::Revalidate(..) | Output::Revalidated(_) => Kind("revalidate", "", Whom::Nobody),
        Output::Recall(..) => Kind("recall", "", Whom::Nobody),
        Output::Halt(_) => Kind("halt", "", Whom::Nobody),
    }
}

fn name_of_write(write: &Write) -> &'static str {
    match write {
        Write::AcceptedEpoch(_) => "acceptedEpoch",
        Write::CurrentEpoch(_) => "currentEpoch",
        Write::Append(_) => "append",
        Write::Truncate(_) => "truncate",
        Write::Snapshot(_) => "snapshot",
        Write::Replace(_) => "replace",
    }
}

/// As on the wire, but the acknowledgements of a transaction and of NEWLEADER are two things.
fn name_of_message(message: &Message) -> &'static str {
    match message {
        Message::Ack(zxid) if zxid.counter() == 0 => "ACK of the epoch",
        _ => message.name(),
    }
}

fn whom(id: ServerId, other: ServerId) -> Whom {
    if id == other { Whom::Itself } else { Whom::Another }
}

/// Whether the world could tell in which order these two outputs of one step came.
#[must_use]
pub fn depend(a: &Output, b: &Output) -> bool {
    use Output::{Disconnect, Send, SendWhenDurable, Write};
    match (a, b) {
        (Write(_), Write(_) | SendWhenDurable(..)) | (SendWhenDurable(..), Write(_)) => true,
        // Notifications have links of their own.
        (Send(x, Message::Notification(_)), Send(y, Message::Notification(_))) => x == y,
        (Send(_, Message::Notification(_)), _) | (_, Send(_, Message::Notification(_))) => false,
        (Send(x, _) | SendWhenDurable(x, _) | Disconnect(x), Send(y, _) | SendWhenDurable(y, _) | Disconnect(y)) => {
            x == y
        }
        _ => false,
    }
}
