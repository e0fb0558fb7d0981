//! Messages per second of more and more agents, with the same number of messages in flight.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandlab_benches::driven::{BACKENDS, Driven};

const AGENTS: [usize; 4] = [1, 10, 100, 1_000];
const IN_FLIGHT: u32 = 64;
const SIZE: usize = 1 << 10;

fn scalability(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scalability");
    group.throughput(Throughput::Elements(1));
    for agents in AGENTS {
        for backend in BACKENDS {
            let driven = Driven::start("echo", backend, agents, SIZE).expect("agents start");
            group.bench_function(BenchmarkId::new(backend.name(), agents), |bencher| {
                bencher.iter_custom(|messages| {
                    driven.exchange(messages, IN_FLIGHT).expect("every message has a good reply")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, scalability);
criterion_main!(benches);
