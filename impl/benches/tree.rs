//! What reading and changing the tree costs, in a tree of 100,000 znodes; and what it costs to build it.

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use zab::Zxid;
use zab::tree::{
    AclId, Asked, Builder, Change, OpCode, Outlook, PrepareOptions, Record, SessionId, Standing, StatPersisted,
    Transaction, Tree, TreeOptions, TxnHeader, prepare,
};

const NODES: usize = 100_000;
/// Below one parent.
const FAMILY: usize = 1000;
/// Who asks.
const SESSION: SessionId = SessionId(1);

fn path(index: usize) -> String {
    format!("/tree/{:06}/{:08}", index / FAMILY, index)
}

fn builder() -> Builder {
    let (mut builder, stat) = (Builder::new(TreeOptions::default()), StatPersisted::default());
    let mut add = |path: &str, data: &[u8]| {
        builder.node(path, Some(data), AclId::OPEN, stat).expect("a path");
    };
    for path in ["/", "/tree"] {
        add(path, b"");
    }
    for index in 0..NODES {
        if index % FAMILY == 0 {
            add(&format!("/tree/{:06}", index / FAMILY), b"");
        }
        add(&path(index), &[b'x'; 100]);
    }
    builder.session(SESSION, 30_000);
    builder
}

fn tree() -> Tree {
    builder().finish(Zxid(1)).expect("a tree")
}

/// Any znode, and then another: neighbours would be in the processor's cache.
fn next(index: &mut usize) -> String {
    *index = (*index + 7919) % NODES;
    path(*index)
}

fn set_data(path: String, zxid: Zxid) -> Transaction {
    let header = TxnHeader { session: SESSION, cxid: 1, zxid, time: 1, kind: OpCode::SetData };
    let data = Some(Bytes::from_static(&[b'y'; 100]));
    Transaction { header, record: Record::SetData { path, data, version: 1 }, digest: None }
}

fn reads(criterion: &mut Criterion) {
    let (tree, mut index) = (tree(), 0);
    criterion.bench_function("tree/getData", |bencher| {
        bencher.iter_batched(
            || next(&mut index),
            |path| {
                black_box(tree.get_data(&path, &[]).expect("a znode"));
            },
            BatchSize::SmallInput,
        );
    });
}

fn writes(criterion: &mut Criterion) {
    let (mut tree, mut index, mut zxid) = (tree(), 0, 1);
    criterion.bench_function("tree/prepare setData", |bencher| {
        let mut outlook = Outlook::default();
        let asked = |path| Asked {
            session: SESSION,
            cxid: 1,
            change: Change::SetData { path, data: Some(Bytes::from_static(&[b'y'; 100])), version: -1 },
            identities: [].into(),
            standing: Standing::Here,
            options: PrepareOptions::default(),
        };
        bencher.iter_batched(
            || asked(next(&mut index)),
            |asked| {
                zxid += 1;
                black_box(prepare(&tree, &mut outlook, &asked, Zxid(zxid), 1));
                outlook.committed(Zxid(zxid));
            },
            BatchSize::SmallInput,
        );
    });
    // While somebody writes a snapshot, nothing may be changed in place.
    for (name, held) in [("tree/apply setData", false), ("tree/apply setData beside a snapshot", true)] {
        let snapshot = held.then(|| tree.clone());
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || next(&mut index),
                |path| {
                    zxid += 1;
                    black_box(tree.apply(&set_data(path, Zxid(zxid))));
                },
                BatchSize::SmallInput,
            );
        });
        drop(snapshot);
    }
}

fn building(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(NODES as u64)).sample_size(10);
    group.bench_function("build", |bencher| {
        bencher.iter_batched(builder, |builder| builder.finish(Zxid(1)).expect("a tree"), BatchSize::LargeInput);
    });
    group.finish();
}

criterion_group!(benches, reads, writes, building);
criterion_main!(benches);
