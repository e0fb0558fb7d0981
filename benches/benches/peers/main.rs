//! The message path with native twins beside the libraries that one would write actors with
//! instead, in one run: a message to an actor and its reply (`ask`, one or 64 in flight), and a
//! message without a reply (`tell`), of 1 KiB, on two worker threads. Every library gets the
//! same load, and clients that run on the workers, which is the fastest for each of them: on
//! threads beside the workers, a message would wake one.
//!
//! `make bench ONLY=peers`; ids are like `ask-64/1000/flume/vec`, times are per message. A table
//! of the medians comes last, with the ratio sandlab ÷ best peer.

mod actix;
mod crossfire;
mod flume;
mod kameo;
mod load;
mod on_tokio;
mod ractor;
mod sandlab;
mod table;
mod tokio;

use ::bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};
use load::{Actors, Kind, Library, Load, Payload};
use on_tokio::OnTokio;
use sandlab::{Path, Placement};
use sandlab_runtime::allocator::Allocator;
use sandlab_runtime::messaging::Strategy;
use std::time::Duration;
use table::Table;

/// That of the command, for all libraries.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const SIZE: usize = 1_024;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(700))
        .without_plots()
        .configure_from_args();
    let mut table = Table::default();
    for (name, kind) in [("ask-1", Kind::Ask(1)), ("ask-64", Kind::Ask(64)), ("tell", Kind::Tell)] {
        for actors in [1, 100, 1_000] {
            let mut group = criterion.benchmark_group(format!("{name}/{actors}"));
            group.sampling_mode(SamplingMode::Flat);
            let mut case =
                Case { group, table: &mut table, name: format!("{name}/{actors}"), kind, actors };
            case.all("vec", vec![0x5a; SIZE]);
            case.all("bytes", Bytes::from(vec![0x5a; SIZE]));
        }
    }
    criterion.final_summary();
    print!("{table}");
}

/// One kind of load on one number of actors.
struct Case<'a> {
    group: BenchmarkGroup<'a, WallTime>,
    table: &'a mut Table,
    name: String,
    kind: Kind,
    actors: usize,
}

impl Case<'_> {
    fn all<P: Payload>(&mut self, kind: &str, payload: P) {
        let (actors, load) = (self.actors, self.kind);
        let placed = |placement, strategy| move || Path::start(actors, load, placement, strategy);
        let near = Placement::WithClient;
        self.bench("sandlab", kind, &payload, placed(near, Strategy::ByValue));
        self.bench("parcels", kind, &payload, placed(near, Strategy::ZeroCopy));
        if actors > 1 {
            // Not compared with the peers: half of the messages go to the other shard and back.
            let spread = placed(Placement::Spread, Strategy::ByValue);
            self.bench("spread", kind, &payload, spread);
        }
        self.bench("tokio", kind, &payload, || {
            Actors::<tokio::ByTokio<P>, _>::start(actors, load, OnTokio::start())
        });
        self.bench("flume", kind, &payload, || {
            Actors::<flume::ByFlume<P>, _>::start(actors, load, OnTokio::start())
        });
        self.bench("crossfire", kind, &payload, || {
            Actors::<crossfire::ByCrossfire<P>, _>::start(actors, load, OnTokio::start())
        });
        self.bench("kameo", kind, &payload, || {
            Actors::<::kameo::actor::ActorRef<kameo::Echo>, _>::start::<P>(
                actors,
                load,
                OnTokio::start(),
            )
        });
        self.bench("ractor", kind, &payload, || {
            Actors::<::ractor::ActorRef<ractor::Told<P>>, _>::start::<P>(
                actors,
                load,
                OnTokio::start(),
            )
        });
        self.bench("actix", kind, &payload, || {
            Actors::<::actix::Addr<actix::Echo>, _>::start::<P>(
                actors,
                load,
                actix::Arbiters::start(),
            )
        });
    }

    fn bench<P: Payload, L: Library<P>>(
        &mut self,
        library: &'static str,
        payload_kind: &str,
        payload: &P,
        start: impl Fn() -> L,
    ) {
        let mut times = Vec::new();
        let id = BenchmarkId::new(library, payload_kind);
        let kind = self.kind;
        self.group.bench_function(id, |bencher| {
            let library = start();
            bencher.iter_custom(|messages| {
                let took = library.run(&Load { kind, messages, payload: payload.clone() });
                times.push(took.as_nanos() as f64 / messages as f64);
                took
            });
        });
        self.table.add(format!("{}/{payload_kind}", self.name), library, &times);
    }
}
