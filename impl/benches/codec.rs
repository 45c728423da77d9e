//! What one request and one reply cost between bytes and Rust, without a socket.

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use zab::Zxid;
use zab::tree::{Change, OpCode, Record, SessionId, Stat, Transaction, TxnHeader};
use zabkeeper::wire::reply::{encode_reply_with, put_data_and_stat};
use zabkeeper::wire::request::WatchingRead;
use zabkeeper::wire::{
    ClientRequest, Frame, FrameDecoder, ReplyHeader, RequestHeader, decode_transaction, encode_request,
    encode_transaction,
};

/// As many requests as a busy client has in flight.
const IN_FLIGHT: i32 = 16;

fn requests(request: &ClientRequest) -> BytesMut {
    let mut bytes = Vec::new();
    (0..IN_FLIGHT).for_each(|xid| encode_request(&mut bytes, xid, request));
    BytesMut::from(&bytes[..])
}

/// Cuts the frames and decodes what is in them.
fn decode_all(mut input: BytesMut) {
    let mut decoder = FrameDecoder::client(1 << 20);
    while let Ok(Some(Frame::Packet(packet))) = decoder.decode(&mut input) {
        let (header, body) = RequestHeader::split(packet).expect("a request has a header");
        black_box(ClientRequest::decode(header.kind, &body).expect("a request that was encoded can be decoded"));
    }
}

fn frames(criterion: &mut Criterion) {
    let path = "/load/0001".to_owned();
    let data = Some(Bytes::from(vec![b'x'; 100]));
    let get_data = ClientRequest::GetData(WatchingRead { path: path.clone(), watch: false });
    let set_data = ClientRequest::Write(Change::SetData { path, data, version: -1 });
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(IN_FLIGHT as u64));
    for (name, request) in [("decode 16 getData", get_data), ("decode 16 setData", set_data)] {
        let bytes = requests(&request);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(|| BytesMut::from(&bytes[..]), decode_all, BatchSize::SmallInput);
        });
    }
    group.bench_function("encode 16 replies to getData", |bencher| {
        let (mut out, stat) = (Vec::with_capacity(8 << 10), Stat::default());
        bencher.iter(|| {
            out.clear();
            for xid in 0..IN_FLIGHT {
                let header = ReplyHeader { xid, zxid: Zxid(1), err: 0 };
                encode_reply_with(&mut out, &header, |out| put_data_and_stat(out, Some(&[b'x'; 100]), &stat));
            }
            black_box(&out);
        });
    });
    group.finish();
}

fn transactions(criterion: &mut Criterion) {
    let header = TxnHeader { session: SessionId(1), cxid: 2, zxid: Zxid(3), time: 4, kind: OpCode::SetData };
    let data = Some(Bytes::from(vec![b'x'; 100]));
    let record = Record::SetData { path: "/load/0001".into(), data, version: 5 };
    let transaction = Transaction { header, record, digest: Some(6) };
    let mut bytes = Vec::new();
    encode_transaction(&transaction, &mut bytes);
    let bytes = Bytes::from(bytes);
    criterion.bench_function("codec/encode a transaction", |bencher| {
        let mut out = Vec::with_capacity(1 << 10);
        bencher.iter(|| {
            out.clear();
            encode_transaction(black_box(&transaction), &mut out);
        });
    });
    criterion.bench_function("codec/decode a transaction", |bencher| {
        bencher.iter(|| decode_transaction(black_box(&bytes)).expect("what was encoded"));
    });
}

criterion_group!(benches, frames, transactions);
criterion_main!(benches);
