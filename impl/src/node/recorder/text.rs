//! A line as text. What a busy server does a million times a second is written here, in a tenth of the time that serde
//! takes; all else is left to it. Both must give the same bytes.

use serde::Serialize;
use zab::trace::Line;
use zab::{Digits, Input, Message, Output, Payload, Request, ServerId, Txn, Write, Zxid};

/// A line that is no step's, and its end.
pub fn of(line: &Line) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("it is text, and memory takes it");
    text.push(b'\n');
    text
}

/// Lines of steps.
#[derive(Debug)]
pub struct Text {
    server: ServerId,
    text: Vec<u8>,
    /// The last payload. Most steps tell of one in several places, and its sum takes longer than the rest.
    known: Option<(Payload, Digits)>,
}

impl Text {
    /// No lines as yet, of this server.
    pub fn new(server: ServerId) -> Text {
        Text { server, text: Vec::new(), known: None }
    }

    /// The first half of a line. The second must follow.
    pub fn begin(&mut self, input: &Input) {
        self.literal(r#"{"server":"#);
        self.number(self.server.0);
        self.literal(r#","event":"stepped","input":"#);
        self.input(input);
    }

    /// The second half.
    pub fn end(&mut self, outputs: &[Output]) {
        self.literal(r#","outputs":["#);
        for (place, output) in outputs.iter().enumerate() {
            self.literal(if place == 0 { "" } else { "," });
            self.output(output);
        }
        self.literal("]}\n");
    }

    /// All lines since the last [`Text::clear`].
    pub fn lines(&self) -> &[u8] {
        &self.text
    }

    pub fn clear(&mut self) {
        self.text.clear();
    }

    fn input(&mut self, input: &Input) {
        match input {
            Input::Receive(from, message) => self.exchange(r#"{"Receive":["#, *from, message),
            Input::Propose(data) => self.payload(r#"{"Propose":""#, data, r#""}"#),
            Input::Request(Request::Write(data)) => self.payload(r#"{"Request":{"Write":""#, data, r#""}}"#),
            other => self.json(other),
        }
    }

    fn output(&mut self, output: &Output) {
        match output {
            Output::Write(Write::Append(txn)) => self.transaction(r#"{"Write":{"Append":"#, txn, "}}"),
            Output::Send(to, message) => self.exchange(r#"{"Send":["#, *to, message),
            Output::SendWhenDurable(to, message) => self.exchange(r#"{"SendWhenDurable":["#, *to, message),
            Output::Prepare(from, Request::Write(data)) => {
                self.literal(r#"{"Prepare":["#);
                self.number(from.0);
                self.payload(r#",{"Write":""#, data, r#""}]}"#);
            }
            Output::Deliver(txn) => self.transaction(r#"{"Deliver":"#, txn, "}"),
            other => self.json(other),
        }
    }

    fn exchange(&mut self, before: &str, peer: ServerId, message: &Message) {
        self.literal(before);
        self.number(peer.0);
        self.literal(",");
        match message {
            Message::Proposal(txn) => self.transaction(r#"{"Proposal":"#, txn, "}"),
            Message::Inform(txn) => self.transaction(r#"{"Inform":"#, txn, "}"),
            Message::Ack(Zxid(zxid)) => self.numbered(r#"{"Ack":"#, *zxid),
            Message::Commit(Zxid(zxid)) => self.numbered(r#"{"Commit":"#, *zxid),
            Message::Request(Request::Write(data)) => self.payload(r#"{"Request":{"Write":""#, data, r#""}}"#),
            other => self.json(other),
        }
        self.literal("]}");
    }

    fn transaction(&mut self, before: &str, txn: &Txn, behind: &str) {
        self.literal(before);
        self.literal(r#"{"zxid":"#);
        self.number(txn.zxid.0);
        self.payload(r#","payload":""#, &txn.payload, r#""}"#);
        self.literal(behind);
    }

    fn payload(&mut self, before: &str, payload: &Payload, behind: &str) {
        self.literal(before);
        // Not compared byte by byte: most are the very same bytes.
        let same = |known: &Payload| std::ptr::eq::<[u8]>(&*known.0, &*payload.0);
        if !self.known.as_ref().is_some_and(|(known, _)| same(known)) {
            self.known = Some((payload.clone(), payload.digits()));
        }
        if let Some((_, digits)) = &self.known {
            self.text.extend_from_slice(digits.as_bytes());
        }
        self.literal(behind);
    }

    fn numbered(&mut self, before: &str, value: u64) {
        self.literal(before);
        self.number(value);
        self.literal("}");
    }

    fn literal(&mut self, what: &str) {
        self.text.extend_from_slice(what.as_bytes());
    }

    fn number(&mut self, value: impl itoa::Integer) {
        self.literal(itoa::Buffer::new().format(value));
    }

    fn json(&mut self, what: &impl Serialize) {
        serde_json::to_writer(&mut self.text, what).expect("it is text, and memory takes it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zab::trace::Event;

    fn txn() -> impl Strategy<Value = Txn> {
        (any::<u64>(), data()).prop_map(|(zxid, payload)| Txn { zxid: Zxid(zxid), payload })
    }

    fn data() -> impl Strategy<Value = Payload> {
        let same = Payload(vec![7; 30].into());
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| Payload(bytes.into())),
            (29..31_usize).prop_map(move |length| Payload(same.0.slice(..length))),
        ]
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

    fn steps() -> impl Strategy<Value = Vec<(Input, Vec<Output>)>> {
        prop::collection::vec((input(), prop::collection::vec(output(), 0..4)), 1..4)
    }

    proptest! {
        #[test]
        fn what_is_written_here_is_what_serde_writes(server in peer(), steps in steps()) {
            let (mut text, mut expected) = (Text::new(server), Vec::new());
            for (input, outputs) in steps {
                text.begin(&input);
                text.end(&outputs);
                expected.extend(of(&Line { server, event: Event::Stepped { input, outputs } }));
            }
            prop_assert_eq!(str::from_utf8(text.lines()).unwrap(), str::from_utf8(&expected).unwrap());
        }
    }
}
