//! The protocol between a command and its workers over NATS.
//!
//! ```text
//! sandlab-workers.find           a command asks; each worker answers with an Offer
//! sandlab-workers.worker.ID      a Job for one worker, which answers Armed or Refused
//! sandlab-workers.run.RUN        Orders to all workers of a run
//! _INBOX.…                       Reports of all workers of a run
//! ```
//!
//! Every message is JSON: `{"protocol": 1, "body": …}`. A malformed message, one of another
//! version, or one with values out of range is an error and never a panic; its receiver goes on. No
//! message has a time of day: a load starts a given time after receipt, windows are numbered, and
//! their times count from each worker's own start.

use super::sound::Sound;
use crate::record::Window;
use crate::sampling::deployed::Counts;
use crate::sampling::open_loop::Segment;
use crate::sampling::recipe::Recipe;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of all messages. A worker of another version gets an error, and takes no part.
pub const VERSION: u32 = 1;

/// The subject on which all workers listen.
pub const FIND: &str = "sandlab-workers.find";

/// Returns the subject on which one worker listens.
pub fn of_worker(id: &str) -> String {
    format!("sandlab-workers.worker.{id}")
}

/// Returns the subject on which the workers of a run listen.
pub fn of_run(run: &str) -> String {
    format!("sandlab-workers.run.{run}")
}

/// The interval of each side's signs of life.
pub const BEAT: Duration = Duration::from_millis(500);

/// The silence after which the other side counts as dead: ten beats, within which the clients of a
/// restarted NATS server are connected again.
pub const SILENCE: Duration = Duration::from_secs(5);

/// The time from the receipt of an order to its start: longer than the order takes to any worker.
pub const AFTER: Duration = Duration::from_millis(500);

/// A question for all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {}

/// A worker that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// Its unique id in subjects.
    pub id: String,
    /// Its name in reports.
    pub name: String,
    /// Whether it is working on a job.
    pub is_busy: bool,
}

/// One worker's share of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The run's unique id in subjects.
    pub run: String,
    /// The subject of its reports.
    pub reports: String,
    /// The worker's index, from 0.
    pub place: u32,
    /// Number of workers.
    pub of: u32,
    /// The URLs of the targets.
    pub targets: Vec<String>,
    /// The first part of the agents' subjects, for targets over NATS.
    pub subject_prefix: String,
    /// The connections, or over NATS the requests in flight.
    pub agents: u32,
    /// The recipe of the messages.
    pub recipe: Recipe,
    /// The longest time between a message's due time and a good reply that counts.
    pub deadline: Duration,
    /// The timeout of a message at the hosts.
    pub timeout: Duration,
}

/// The answer to a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is ready to start.
    Armed,
    /// It does not take it.
    Refused {
        /// The reason.
        why: String,
    },
}

/// An order to all workers of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Go through a schedule.
    Start {
        /// The number of the load, from 1.
        load: u32,
        /// The time from the receipt of the order to the start.
        after: Duration,
        /// The longest window.
        longest: Duration,
        /// The schedule of each worker, the same for all.
        segments: Vec<Segment>,
    },
    /// Send no more, and wait for messages in flight.
    Stop,
    /// The command is still there.
    Beat,
    /// The run is over.
    Disband,
}

/// A worker's report on a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The worker's id.
    pub id: String,
    /// Its number among the worker's reports, from 1; 0 for reports that may be lost.
    pub number: u64,
    /// The report.
    pub said: Said,
}

/// The content of a report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// The worker is still there.
    Beat,
    /// It has received the order to start this load.
    Starts {
        /// The load's number.
        load: u32,
    },
    /// The next window of a load is over.
    Window {
        /// The load's number.
        load: u32,
        /// The window.
        window: Box<Window>,
    },
    /// A load is over, and no message is in flight.
    Ended {
        /// The load's number.
        load: u32,
        /// Counts of each target since the job.
        counts: Vec<Counts>,
        /// Texts of failures since the job, each with its count.
        failures: Vec<(String, u64)>,
    },
    /// A reply was wrong, so that no measurement counts.
    Wrong {
        /// The difference from the right reply.
        why: String,
    },
    /// The worker can do no more.
    Leaves {
        /// The reason.
        why: String,
    },
}

/// The reason why a message cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It is of another version of sandlab.
    #[error(
        "it speaks version {0} of the protocol and not {VERSION}: use the same sandlab on both"
    )]
    Version(u32),
    /// It is no message of this protocol.
    #[error("it is not understood: {0}")]
    Malformed(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    protocol: u32,
    body: T,
}

/// Returns a message as it is sent.
///
/// # Errors
/// If it cannot be JSON, as a text that is not finite.
pub fn encode<T: Serialize>(body: &T) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Envelope { protocol: VERSION, body })
}

/// Reads a message.
///
/// # Errors
/// [`Foreign`] if it is none.
pub fn decode<T: DeserializeOwned + Sound>(payload: &[u8]) -> Result<T, Foreign> {
    #[derive(Deserialize)]
    struct Version {
        protocol: u32,
    }
    let malformed = |error: serde_json::Error| Foreign::Malformed(error.to_string());
    let Version { protocol } = serde_json::from_slice(payload).map_err(malformed)?;
    if protocol != VERSION {
        return Err(Foreign::Version(protocol));
    }
    let Envelope { body, .. } =
        serde_json::from_slice::<Envelope<T>>(payload).map_err(malformed)?;
    body.check().map_err(|what| Foreign::Malformed(what.to_owned()))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Phase;
    use proptest::prelude::*;
    use serde_json::json;

    fn job() -> Job {
        Job {
            run: "r".to_owned(),
            reports: "_INBOX.x".to_owned(),
            place: 0,
            of: 2,
            targets: vec!["http://localhost/agents/echo".to_owned()],
            subject_prefix: "sandlab".to_owned(),
            agents: 4,
            recipe: Recipe::Echo { size: 16 },
            deadline: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
        }
    }

    fn start(rate: f64, seconds: u64, longest: Duration) -> Order {
        let duration = Duration::from_secs(seconds);
        let segments = vec![Segment::steady(Phase::Steady, rate, duration)];
        Order::Start { load: 1, after: AFTER, longest, segments }
    }

    #[test]
    fn what_is_sent_is_read_and_what_is_beyond_reason_is_not() {
        let of = |job: &Job| decode::<Job>(&encode(job).unwrap());
        assert_eq!(of(&job()), Ok(job()));
        for wrong in [
            Job { agents: 0, ..job() },
            Job { place: 2, ..job() },
            Job { targets: Vec::new(), ..job() },
            Job { reports: "a b".to_owned(), ..job() },
            Job { recipe: Recipe::Echo { size: usize::MAX }, ..job() },
            Job { timeout: Duration::MAX, ..job() },
        ] {
            assert!(matches!(of(&wrong), Err(Foreign::Malformed(_))), "{wrong:?}");
        }
        let second = Duration::from_secs(1);
        let of = |order: &Order| decode::<Order>(&encode(order).unwrap());
        assert!(of(&start(1e3, 60, second)).is_ok());
        for wrong in [
            start(-1.0, 1, second),
            start(f64::INFINITY, 1, second),
            start(1e3, u64::MAX, second),
            start(1e3, 60, Duration::ZERO),
            start(1e3, 60, Duration::from_nanos(1)),
        ] {
            assert!(of(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn another_version_is_named_whatever_it_says() {
        let other = json!({"protocol": 2, "body": {"anything": []}}).to_string();
        assert_eq!(decode::<Find>(other.as_bytes()), Err(Foreign::Version(2)));
        let none = json!({"body": {}}).to_string();
        assert!(matches!(decode::<Find>(none.as_bytes()), Err(Foreign::Malformed(_))));
    }

    #[test]
    fn a_window_keeps_its_histograms_on_the_way() {
        let mut window = Window::new(Phase::Steady, 0);
        (window.end_ns, window.due, window.good) = (1_000_000, 2, 2);
        window.latency.record(5_000);
        let said = |window: &Window| {
            let said = Said::Window { load: 1, window: Box::new(window.clone()) };
            decode::<Report>(&encode(&Report { id: "w".to_owned(), number: 1, said }).unwrap())
        };
        let Ok(Report { said: Said::Window { window: read, .. }, .. }) = said(&window) else {
            panic!("it is not read");
        };
        assert_eq!((read.latency.clone(), read.due), (window.latency.clone(), 2));
        window.due = u64::MAX;
        assert!(said(&window).is_err());
    }

    proptest! {
        #[test]
        fn nothing_that_is_received_panics(bytes: Vec<u8>, at in 0..400_usize, byte: u8) {
            fn all(bytes: &[u8]) {
                let _ = decode::<Find>(bytes);
                let _ = decode::<Offer>(bytes);
                let _ = decode::<Job>(bytes);
                let _ = decode::<Answer>(bytes);
                let _ = decode::<Order>(bytes);
                let _ = decode::<Report>(bytes);
            }
            all(&bytes);
            let window = Said::Window { load: 1, window: Box::new(Window::new(Phase::Burst, 0)) };
            let report = Report { id: "w".to_owned(), number: 1, said: window };
            let order = start(5.0, 1, Duration::from_secs(1));
            let sent = [encode(&job()), encode(&order), encode(&report)];
            for mut sent in sent.into_iter().flatten() {
                let length = sent.len();
                sent[at % length] = byte;
                all(&sent);
            }
        }
    }
}
