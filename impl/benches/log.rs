//! What the log costs beside the disk (a simulated one, in memory): appending, committing together, reading back.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use zab::Zxid;
use zab::tree::{OpCode, Record, SessionId, Transaction, TxnHeader};
use zabkeeper::disk::{FileLog, FileSystem, LogOptions, LogReader, SimulatedDisk};
use zabkeeper::wire::encode_transaction;

const DIRECTORY: &str = "/data/version-2";

fn entry(zxid: u64) -> Vec<u8> {
    let header = TxnHeader { session: SessionId(1), cxid: 1, zxid: Zxid(zxid), time: 1, kind: OpCode::SetData };
    let data = Some(Bytes::from_static(&[b'x'; 100]));
    let record = Record::SetData { path: "/load/0001".into(), data, version: 1 };
    let mut bytes = Vec::new();
    encode_transaction(&Transaction { header, record, digest: Some(7) }, &mut bytes);
    bytes
}

fn empty() -> (SimulatedDisk, FileLog) {
    let disk = SimulatedDisk::new();
    disk.create_directories(Path::new(DIRECTORY)).expect("a directory in memory");
    let options = LogOptions { preallocation: 1 << 20, ..LogOptions::default() };
    let log = FileLog::open(Arc::new(disk.clone()), Path::new(DIRECTORY), options).expect("an empty log");
    (disk, log)
}

fn fill(log: &mut FileLog, entries: &[Vec<u8>], together: usize) {
    for entries in entries.chunks(together) {
        entries.iter().for_each(|entry| log.append(entry).expect("in memory"));
        log.commit().expect("in memory");
    }
}

fn log(criterion: &mut Criterion) {
    let entries: Vec<_> = (1..=1024).map(entry).collect();
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(entries.len() as u64)).sample_size(20);
    for together in [1, 64] {
        group.bench_function(format!("write 1024 entries, {together} a commit"), |bencher| {
            let write = |(disk, mut log)| {
                fill(&mut log, &entries, together);
                (disk, log)
            };
            bencher.iter_batched(empty, write, BatchSize::LargeInput);
        });
    }
    let (disk, mut written) = empty();
    fill(&mut written, &entries, 64);
    group.bench_function("read 1024 entries", |bencher| {
        bencher.iter(|| {
            let mut reader = LogReader::new(Arc::new(disk.clone()), Path::new(DIRECTORY), Zxid(1)).expect("a log");
            while let Some(entry) = reader.next_entry().expect("entries that were written") {
                black_box(entry);
            }
        });
    });
    group.finish();
}

criterion_group!(benches, log);
criterion_main!(benches);
