//! Messages per second through the whole message path: 100 agents, a client on each shard with 64
//! messages in flight, every reply checked.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sandlab_benches::driven::{BACKENDS, Driven};

const AGENTS: usize = 100;
const IN_FLIGHT: u32 = 64;
const SIZE: usize = 1 << 10;

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("throughput");
    group.throughput(Throughput::Elements(1));
    for agent in ["echo", "json", "markdown"] {
        for backend in BACKENDS {
            let driven = Driven::start(agent, backend, AGENTS, SIZE).expect("agents start");
            group.bench_function(BenchmarkId::new(agent, backend.name()), |bencher| {
                bencher.iter_custom(|messages| {
                    driven.exchange(messages, IN_FLIGHT).expect("every message has a good reply")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
