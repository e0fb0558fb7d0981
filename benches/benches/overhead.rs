//! A call through sandlab-runtime, and through hand-written wasmtime with the same settings:
//! the difference is what sandlab-runtime adds.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandlab::workload::SIZES;
use sandlab_benches::{Echo, exchange, exchange_by_hand};
use sandlab_runtime::{Message, SandboxConfig};

fn overhead(criterion: &mut Criterion) {
    let echo = Echo::load(&SandboxConfig::default()).expect("echo loads");
    let mut ours = echo.ours().expect("echo starts");
    let mut by_hand = echo.by_hand().expect("echo starts");
    let mut group = criterion.benchmark_group("overhead");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let message = Message::request(vec![7; size]);
        group.bench_function(BenchmarkId::new("sandlab-runtime", size), |bencher| {
            bencher.iter(|| exchange(ours.as_mut(), &message).expect("echo replies"));
        });
        group.bench_function(BenchmarkId::new("hand-written wasmtime", size), |bencher| {
            bencher.iter(|| exchange_by_hand(&mut by_hand, &message).expect("echo replies"));
        });
    }
    group.finish();
}

criterion_group!(benches, overhead);
criterion_main!(benches);
