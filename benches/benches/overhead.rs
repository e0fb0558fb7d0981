//! A call through sandlab-runtime, and through wasmtime by hand with the same settings:
//! the difference is what sandlab-runtime adds.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandlab_benches::{echo, reference};
use sandlab_runtime::wasm::{self, SandboxEngine};
use sandlab_runtime::{Backend, Identity, Message, Profile};

fn overhead(criterion: &mut Criterion) {
    let (bytes, profile) = (echo(), Profile::default());
    let engine = SandboxEngine::new(&profile).expect("the default profile");
    let sandbox = engine.load_bytes(&bytes).expect("echo loads");
    let config = wasm::config(&profile).expect("the default profile");
    let by_hand = reference::Reference::load(&bytes, &config).expect("echo loads");
    let mut group = criterion.benchmark_group("overhead");
    for size in sandlab::workload::SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        let mut agent = sandbox.spawn(Identity::alone()).expect("echo starts");
        let message = Message::request(vec![7; size]);
        group.bench_function(BenchmarkId::new("sandlab-runtime", size), |bencher| {
            bencher.iter(|| agent.handle(&message).expect("echo replies"));
        });
        let mut agent = by_hand.spawn().expect("echo starts");
        let request = reference::request(vec![7; size]);
        group.bench_function(BenchmarkId::new("wasmtime by hand", size), |bencher| {
            bencher.iter(|| agent.handle(&request).expect("echo replies"));
        });
    }
    group.finish();
}

criterion_group!(benches, overhead);
criterion_main!(benches);
