//! Spawn, first reply and drop: through sandlab-runtime, and with hand-written wasmtime.

use criterion::{Criterion, criterion_group, criterion_main};
use sandlab_benches::{Echo, exchange, exchange_by_hand};
use sandlab_runtime::{Message, SandboxConfig};

fn spawn(criterion: &mut Criterion) {
    let echo = Echo::load(&SandboxConfig::default()).expect("echo loads");
    let message = Message::request([7; 16]);
    let mut group = criterion.benchmark_group("spawn");
    group.bench_function("sandlab-runtime", |bencher| {
        bencher.iter(|| {
            let mut agent = echo.ours().expect("echo starts");
            exchange(agent.as_mut(), &message).expect("echo replies");
        });
    });
    group.bench_function("hand-written wasmtime", |bencher| {
        bencher.iter(|| {
            let mut agent = echo.by_hand().expect("echo starts");
            exchange_by_hand(&mut agent, &message).expect("echo replies");
        });
    });
    group.finish();
}

criterion_group!(benches, spawn);
criterion_main!(benches);
