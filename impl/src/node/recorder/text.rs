//! A line as text. What a busy server does a million times a second is written here, in a fifth of the time that serde
//! takes; all else is left to it. Both must give the same bytes.

use serde::Serialize;
use zab::trace::{Event, Line};
use zab::{Input, Message, Output, Payload, Request, ServerId, Txn, Write, Zxid};

/// Writes a line without its end.
pub fn write(line: &Line, text: &mut Vec<u8>) {
    let Event::Stepped { input, outputs } = &line.event else { return json(line, text) };
    literal(r#"{"server":"#, text);
    number(line.server.0, text);
    literal(r#","event":"stepped","input":"#, text);
    write_input(input, text);
    literal(r#","outputs":["#, text);
    for (place, output) in outputs.iter().enumerate() {
        literal(if place == 0 { "" } else { "," }, text);
        write_output(output, text);
    }
    literal("]}", text);
}

fn write_input(input: &Input, text: &mut Vec<u8>) {
    match input {
        Input::Receive(from, message) => exchange(r#"{"Receive":["#, *from, message, text),
        Input::Propose(data) => payload(r#"{"Propose":""#, data, r#""}"#, text),
        Input::Request(Request::Write(data)) => payload(r#"{"Request":{"Write":""#, data, r#""}}"#, text),
        other => json(other, text),
    }
}

fn write_output(output: &Output, text: &mut Vec<u8>) {
    match output {
        Output::Write(Write::Append(txn)) => transaction(r#"{"Write":{"Append":"#, txn, "}}", text),
        Output::Send(to, message) => exchange(r#"{"Send":["#, *to, message, text),
        Output::SendWhenDurable(to, message) => exchange(r#"{"SendWhenDurable":["#, *to, message, text),
        Output::Deliver(txn) => transaction(r#"{"Deliver":"#, txn, "}", text),
        other => json(other, text),
    }
}

fn exchange(before: &str, peer: ServerId, message: &Message, text: &mut Vec<u8>) {
    literal(before, text);
    number(peer.0, text);
    literal(",", text);
    match message {
        Message::Proposal(txn) => transaction(r#"{"Proposal":"#, txn, "}", text),
        Message::Inform(txn) => transaction(r#"{"Inform":"#, txn, "}", text),
        Message::Ack(Zxid(zxid)) => numbered(r#"{"Ack":"#, *zxid, text),
        Message::Commit(Zxid(zxid)) => numbered(r#"{"Commit":"#, *zxid, text),
        Message::Request(Request::Write(data)) => payload(r#"{"Request":{"Write":""#, data, r#""}}"#, text),
        other => json(other, text),
    }
    literal("]}", text);
}

fn numbered(before: &str, value: u64, text: &mut Vec<u8>) {
    literal(before, text);
    number(value, text);
    literal("}", text);
}

fn transaction(before: &str, txn: &Txn, behind: &str, text: &mut Vec<u8>) {
    literal(before, text);
    literal(r#"{"zxid":"#, text);
    number(txn.zxid.0, text);
    payload(r#","payload":""#, &txn.payload, r#""}"#, text);
    literal(behind, text);
}

fn payload(before: &str, payload: &Payload, behind: &str, text: &mut Vec<u8>) {
    literal(before, text);
    literal(payload.digits().as_str(), text);
    literal(behind, text);
}

fn literal(what: &str, text: &mut Vec<u8>) {
    text.extend_from_slice(what.as_bytes());
}

fn number(value: impl itoa::Integer, text: &mut Vec<u8>) {
    literal(itoa::Buffer::new().format(value), text);
}

fn json(what: &impl Serialize, text: &mut Vec<u8>) {
    serde_json::to_writer(text, what).expect("it is text, and memory takes it");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn txn() -> impl Strategy<Value = Txn> {
        (any::<u64>(), data()).prop_map(|(zxid, payload)| Txn { zxid: Zxid(zxid), payload })
    }

    fn data() -> impl Strategy<Value = Payload> {
        prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| Payload(bytes.into()))
    }

    fn message() -> impl Strategy<Value = Message> {
        prop_oneof![
            txn().prop_map(Message::Proposal),
            txn().prop_map(Message::Inform),
            any::<u64>().prop_map(|zxid| Message::Ack(Zxid(zxid))),
            any::<u64>().prop_map(|zxid| Message::Commit(Zxid(zxid))),
            data().prop_map(|data| Message::Request(Request::Write(data))),
            data().prop_map(|data| Message::Request(Request::Sync(data))),
            Just(Message::Sync),
            any::<u64>().prop_map(Message::Ping),
        ]
    }

    fn peer() -> impl Strategy<Value = ServerId> {
        any::<u8>().prop_map(ServerId)
    }

    fn input() -> impl Strategy<Value = Input> {
        prop_oneof![
            (peer(), message()).prop_map(|(from, message)| Input::Receive(from, message)),
            data().prop_map(Input::Propose),
            data().prop_map(|data| Input::Request(Request::Write(data))),
            peer().prop_map(Input::Connected),
        ]
    }

    fn output() -> impl Strategy<Value = Output> {
        prop_oneof![
            txn().prop_map(|txn| Output::Write(Write::Append(txn))),
            any::<u64>().prop_map(|zxid| Output::Write(Write::Truncate(Zxid(zxid)))),
            (peer(), message()).prop_map(|(to, message)| Output::Send(to, message)),
            (peer(), message()).prop_map(|(to, message)| Output::SendWhenDurable(to, message)),
            txn().prop_map(Output::Deliver),
            Just(Output::Synced),
            (peer(), data()).prop_map(|(from, data)| Output::Prepare(from, Request::Write(data))),
        ]
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            9 => (input(), prop::collection::vec(output(), 0..4))
                .prop_map(|(input, outputs)| Event::Stepped { input, outputs }),
            1 => (1..3_usize, txn()).prop_map(|(count, txn)| Event::Flushed { count, write: Write::Append(txn) }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_here_is_what_serde_writes(server in peer(), event in event()) {
            let line = Line { server, event };
            let mut text = Vec::new();
            write(&line, &mut text);
            prop_assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&line).unwrap());
        }
    }
}
