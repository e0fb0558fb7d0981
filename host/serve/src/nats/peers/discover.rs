//! The discovery of the names of agents on other hosts.

use super::Shared;
use async_nats::service::Info;
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The subject on which every host lists its agents.
const INFO: &str = "$SRV.INFO.sandlab";

/// The interval at which the hosts are asked. A name that is gone may still be found for this time.
const INTERVAL: Duration = Duration::from_secs(10);

/// The shortest interval, when an agent looks for a name that is not known.
const SOON: Duration = Duration::from_millis(200);

/// Asks again and again, for as long as the connection lives.
pub async fn run(shared: Arc<Shared>) {
    let client = shared.connections.all()[0].clone();
    let inbox = client.new_inbox();
    let Ok(mut answers) = client.subscribe(inbox.clone()).await else {
        return;
    };
    let ask = || client.publish_with_reply(INFO, inbox.clone(), Bytes::new());
    loop {
        let (mut names, mut asked) = (HashSet::new(), Instant::now());
        let until = asked + INTERVAL;
        if ask().await.is_err() {
            return;
        }
        loop {
            tokio::select! {
                () = sleep_until(until) => break,
                answer = answers.next() => match answer {
                    Some(answer) => {
                        let told = told(&shared.settings.subject_prefix, &answer.payload);
                        shared.known.add(told.iter().cloned());
                        names.extend(told);
                    }
                    None => return,
                },
                () = shared.missed.notified() => {
                    sleep_until(asked + SOON).await;
                    asked = Instant::now();
                    if ask().await.is_err() {
                        return;
                    }
                }
            }
        }
        shared.known.keep(names);
    }
}

/// Returns the names of a host's agents, by its answer.
fn told(prefix: &str, answer: &[u8]) -> Vec<String> {
    let Ok(info) = serde_json::from_slice::<Info>(answer) else {
        return Vec::new();
    };
    let of_subject =
        |subject: &str| subject.strip_prefix(prefix)?.strip_prefix('.').map(str::to_owned);
    info.endpoints.iter().filter_map(|endpoint| of_subject(&endpoint.subject)).collect()
}
