//! The time of one message through the whole message path, to an idle agent on another thread and
//! back, by size.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandlab::workload::SIZES;
use sandlab_benches::driven::{BACKENDS, Driven};

fn latency(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("latency");
    for size in SIZES {
        group.throughput(Throughput::Bytes(size as u64));
        for backend in BACKENDS {
            let driven = Driven::start("echo", backend, 1, size).expect("the agent starts");
            group.bench_function(BenchmarkId::new(backend.name(), size), |bencher| {
                bencher.iter_custom(|messages| {
                    let took = driven.exchange_one_by_one(messages);
                    took.expect("every message has a good reply")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, latency);
criterion_main!(benches);
