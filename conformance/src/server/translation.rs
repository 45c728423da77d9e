//! Between the model's payloads, which are a few bytes, and the server's, which are transactions of the tree.
//!
//! The transaction with payload `p` is the creation of a znode whose data are `p`. What the server does is translated
//! into what the model would call it, and nothing else about it is changed.

use bytes::Bytes;
use zab::trace::{Elections, Event, is_of_elections};
use zab::tree::{Acl, Change, CreateMode, OpCode, Record, Tree};
use zab::{Disk, History, Input, Message, Output, Payload, Peer, Request, Role, Round, Txn, Write};
use zabkeeper::wire::quorum::ForwardedRequest;
use zabkeeper::wire::{ClientRequest, decode_transaction};

/// What a client asks so that this payload comes of it.
pub fn change(payload: &Payload) -> Change {
    let hexadecimal: String = payload.0.iter().map(|byte| format!("{byte:02x}")).collect();
    Change::Create {
        kind: OpCode::Create,
        path: format!("/t{hexadecimal}"),
        data: Some(payload.0.clone()),
        acl: Acl::open(),
        flags: CreateMode::Persistent.number(),
        ttl: 0,
    }
}

/// The transactions that a tree holds, in their order.
pub fn delivered(tree: &Tree) -> Vec<Txn> {
    let names = tree.get_children("/", &[]).map(|(names, _)| names).unwrap_or_default();
    let paths = names.into_iter().filter(|name| *name != "zookeeper").map(|name| format!("/{name}"));
    let txn = |path: String| {
        let (data, stat) = tree.get_data(&path, &[]).ok()?;
        Some(Txn { zxid: stat.persisted.czxid, payload: Payload(Bytes::copy_from_slice(data.unwrap_or_default())) })
    };
    let mut txns: Vec<Txn> = paths.filter_map(txn).collect();
    txns.sort_by_key(|txn| txn.zxid);
    txns
}

/// What the model would call a transaction.
pub fn txn(txn: &Txn) -> Txn {
    let payload = match decode_transaction(&txn.payload.0) {
        Ok(transaction) if transaction.header.zxid == txn.zxid => match transaction.record {
            Record::Create(created) => Payload(created.data.unwrap_or_default()),
            other => Payload(format!("{other:?}").into()),
        },
        Ok(other) => Payload(format!("the transaction {}", other.header.zxid).into()),
        Err(error) => Payload(error.to_string().into()),
    };
    Txn { zxid: txn.zxid, payload }
}

fn request(request: &Request) -> Request {
    let payload = match request {
        Request::Sync(_) => return Request::Sync(Payload::default()),
        Request::Write(payload) => payload,
    };
    // A leader keeps what its own clients ask beside the protocol.
    if payload.0.is_empty() {
        return request.clone();
    }
    let asked = ForwardedRequest::from_payload(payload)
        .and_then(|forwarded| ClientRequest::decode(forwarded.kind, &forwarded.body));
    Request::Write(match asked {
        Ok(ClientRequest::Write(Change::Create { data, .. })) => Payload(data.unwrap_or_default()),
        Ok(other) => Payload(format!("{other:?}").into()),
        Err(error) => Payload(error.to_string().into()),
    })
}

/// What the model would call a message.
pub fn message(message: &Message) -> Message {
    match message {
        Message::Proposal(other) => Message::Proposal(txn(other)),
        Message::Inform(other) => Message::Inform(txn(other)),
        Message::Request(other) => Message::Request(request(other)),
        Message::Revalidate(_) => Message::Revalidate(Payload::default()),
        other => other.clone(),
    }
}

fn input(input: &Input) -> Input {
    match input {
        Input::Receive(from, other) => Input::Receive(*from, message(other)),
        Input::Request(other) => Input::Request(request(other)),
        Input::Propose(payload) => Input::Propose(proposed(payload)),
        Input::Revalidate(_) => Input::Revalidate(Payload::default()),
        Input::Revalidated(to, _) => Input::Revalidated(*to, Payload::default()),
        Input::Recalled(to, older) => Input::Recalled(*to, history(older)),
        other => other.clone(),
    }
}

/// Here the zxid is known from the transaction alone.
fn proposed(payload: &Payload) -> Payload {
    let zxid = decode_transaction(&payload.0).map(|transaction| transaction.header.zxid).unwrap_or_default();
    txn(&Txn { zxid, payload: payload.clone() }).payload
}

/// What the model would call a write.
pub fn write(write: &Write) -> Write {
    match write {
        Write::Append(other) => Write::Append(txn(other)),
        other => other.clone(),
    }
}

fn output(output: &Output) -> Output {
    match output {
        Output::Write(other) => Output::Write(write(other)),
        Output::Send(to, other) => Output::Send(*to, message(other)),
        Output::SendWhenDurable(to, other) => Output::SendWhenDurable(*to, message(other)),
        Output::Deliver(other) => Output::Deliver(txn(other)),
        Output::Prepare(from, other) => Output::Prepare(*from, request(other)),
        Output::Revalidate(from, _) => Output::Revalidate(*from, Payload::default()),
        Output::Revalidated(_) => Output::Revalidated(Payload::default()),
        other => other.clone(),
    }
}

/// What the model would call what a server holds.
pub fn disk(disk: &Disk) -> Disk {
    Disk { history: history(&disk.history), ..disk.clone() }
}

fn history(own: &History) -> History {
    let mut history = History::from_snapshot(own.snapshot());
    own.log().iter().map(txn).for_each(|txn| history.append(txn));
    history
}

/// What the model would call an event. Where elections are held elsewhere, what belongs to them is left out.
pub fn event(event: &Event, elections: Elections) -> Event {
    let outputs = |outputs: &[Output]| outputs.iter().map(output).collect::<Vec<_>>();
    let event = match event {
        Event::Recovered { disk: found, outputs: own } => {
            Event::Recovered { disk: found.as_ref().map(disk), outputs: outputs(own) }
        }
        Event::Stepped { input: given, outputs: own } => Event::Stepped { input: input(given), outputs: outputs(own) },
        Event::Flushed { count, write: durable } => Event::Flushed { count: *count, write: write(durable) },
        Event::Crashed => Event::Crashed,
    };
    without_elections(event, elections)
}

/// Leaves out what belongs to an election that is held elsewhere.
pub fn without_elections(mut event: Event, elections: Elections) -> Event {
    if let (Elections::Elsewhere, Event::Recovered { outputs, .. } | Event::Stepped { outputs, .. }) =
        (elections, &mut event)
    {
        outputs.retain(|output| !is_of_elections(output));
    }
    event
}

/// What a leader's own client asked, which the server does not show the protocol.
pub fn fill(own: &mut Event, expected: &Event) {
    let Event::Stepped { input: Input::Request(asked), outputs } = own else { return };
    let Event::Stepped { input: Input::Request(given), .. } = expected else { return };
    let is_empty = |request: &Request| matches!(request, Request::Write(payload) if payload.0.is_empty());
    if !is_empty(asked) || !matches!(given, Request::Write(_)) {
        return;
    }
    asked.clone_from(given);
    for output in outputs {
        match output {
            Output::Prepare(_, request) if is_empty(request) => request.clone_from(given),
            _ => {}
        }
    }
}

/// What the model would call a server's memory.
pub fn peer(peer: &Peer, elections: Elections) -> Peer {
    let peer = Peer { memory: disk(&peer.memory), ..peer.clone() };
    if elections == Elections::Elsewhere { forget_election(peer) } else { peer }
}

/// What a peer keeps for elections means nothing where they are held elsewhere.
pub fn forget_election(mut peer: Peer) -> Peer {
    (peer.round, peer.vote) = (Round::default(), None);
    if let Role::Looking(looking) = &mut peer.role {
        *looking = Default::default();
    }
    peer
}
