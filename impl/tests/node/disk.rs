//! What leaves, and what the disk had to hold before.

use crate::lab::{Asked, Lab};
use std::time::Duration;
use zab::{Epoch, Message, Payload, Txn, Zxid};

/// Long enough for what must not come.
const SHORT: Duration = Duration::from_millis(200);

fn acknowledges(asked: &Asked) -> bool {
    matches!(asked, Asked::Send(_, packet) if matches!(packet.message, Message::Ack(_) | Message::AckEpoch(_)))
}

/// An error: the smallest transaction.
fn transaction(zxid: Zxid) -> Txn {
    let header = zab::tree::TxnHeader {
        session: zab::tree::SessionId(1),
        cxid: 1,
        zxid,
        time: 1,
        kind: zab::tree::OpCode::Error,
    };
    let record = zab::tree::Record::Error { code: -101 };
    let mut bytes = Vec::new();
    zabkeeper::wire::encode_transaction(&zab::tree::Transaction { header, record, digest: None }, &mut bytes);
    Txn { zxid, payload: Payload(bytes.into()) }
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    let lab = Lab::new(1);
    lab.come(10, 0);
    // The epoch's file.
    lab.gate.close();
    lab.say(10, 3, Message::LeaderInfo(Epoch(1)));
    std::thread::sleep(SHORT);
    assert!(!lab.rest().iter().any(acknowledges));
    lab.gate.open();
    lab.until("accept the epoch", |asked| acknowledges(asked).then_some(()));
    // The current epoch's.
    lab.say(10, 3, Message::Diff(Zxid::ZERO));
    lab.gate.close();
    lab.say(10, 3, Message::NewLeader(Epoch(1)));
    std::thread::sleep(SHORT);
    assert!(!lab.rest().iter().any(acknowledges));
    lab.gate.open();
    lab.until_message(10, &Message::Ack(Zxid::new(Epoch(1), 0)));
    lab.say(10, 3, Message::UpToDate);
    // The log.
    lab.gate.close();
    let zxid = Zxid::new(Epoch(1), 1);
    lab.say(10, 3, Message::Proposal(transaction(zxid)));
    std::thread::sleep(SHORT);
    assert!(
        !lab.rest()
            .iter()
            .any(|asked| { matches!(asked, Asked::Send(_, packet) if packet.message == Message::Ack(zxid)) })
    );
    lab.gate.open();
    lab.until_message(10, &Message::Ack(zxid));
}
