//! Spawn, first reply and drop: through sandlab-runtime, and with wasmtime by hand.

use criterion::{Criterion, criterion_group, criterion_main};
use sandlab_benches::{echo, reference};
use sandlab_runtime::wasm::{self, SandboxEngine};
use sandlab_runtime::{Backend, Identity, Message, Profile};

fn spawn(criterion: &mut Criterion) {
    let (bytes, profile) = (echo(), Profile::default());
    let engine = SandboxEngine::new(&profile).expect("the default profile");
    let sandbox = engine.load_bytes(&bytes).expect("echo loads");
    let config = wasm::config(&profile).expect("the default profile");
    let by_hand = reference::Reference::load(&bytes, &config).expect("echo loads");
    let (message, request) = (
        Message::request(vec![7; 16]),
        reference::request(vec![7; 16]),
    );
    let mut group = criterion.benchmark_group("spawn");
    group.bench_function("sandlab-runtime", |bencher| {
        bencher.iter(|| {
            let mut agent = sandbox.spawn(Identity::alone()).expect("echo starts");
            agent.handle(&message).expect("echo replies")
        });
    });
    group.bench_function("wasmtime by hand", |bencher| {
        bencher.iter(|| {
            let mut agent = by_hand.spawn().expect("echo starts");
            agent.handle(&request).expect("echo replies")
        });
    });
    group.finish();
}

criterion_group!(benches, spawn);
criterion_main!(benches);
