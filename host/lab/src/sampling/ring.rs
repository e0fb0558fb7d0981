//! Measures messages per second that agents send each other with no client at work: tokens that
//! go round a ring of relays.

use crate::sampling::fleet::start_runtime;
use crate::{Error, Result};
use bytesize::ByteSize;
use sandlab_runtime::messaging::{AgentOptions, MailboxLimits, Settings};
use sandlab_runtime::{Backend, Performative};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A ring of relays.
#[derive(Debug, Clone, Copy)]
pub struct Ring {
    /// Relays. Neighbours share a shard, but where one shard's share ends.
    pub agents: usize,
    /// The content of each token, bytes; at least 4.
    pub size: usize,
    /// Tokens that go round. Those that meet stay together, so that few of them bunch, and
    /// one shard waits while all are with the other: with 64 on two shards each slept for 10
    /// to 30 % of a second, with 128 for 5 %.
    pub tokens: usize,
    /// The time that is measured, after a tenth as long to warm up.
    pub duration: Duration,
}

/// Returns messages per second.
///
/// # Errors
/// If a relay does not start, or a token is lost.
pub fn ring(backend: &Arc<dyn Backend>, ring: &Ring) -> Result<f64> {
    let settings = Settings { max_hops: u32::MAX, ..Settings::default() };
    let runtime = start_runtime(settings)?;
    let failed = |error: &dyn std::fmt::Display| Error::Path(error.to_string());
    // On a busy machine all tokens may meet in one mailbox.
    let mailbox = MailboxLimits {
        messages: u32::try_from(ring.tokens).unwrap_or(u32::MAX),
        bytes: ByteSize::b((ring.tokens * ring.size.max(4)) as u64),
        ..MailboxLimits::default()
    };
    let relays = (0..ring.agents).map(|index| {
        let next = (index + 1) % ring.agents;
        let options = AgentOptions {
            config: Some(format!("ring relay-{next}").into_bytes()),
            mailbox,
            ..AgentOptions::default()
        };
        let shard = index * settings.shards / ring.agents;
        let name = format!("relay-{index}");
        runtime.spawn_on(shard, Some(&name), backend.clone(), options)
    });
    let relays = relays.collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))?;
    let mut connection = runtime.connect(ring.tokens as u32);
    let mut token = vec![0x5a; ring.size.max(4)];
    token[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    for number in 0..ring.tokens {
        let relay = relays[number * ring.agents / ring.tokens];
        let sent = connection.send(relay, Performative::Request, token.clone());
        sent.map_err(|e| failed(&e))?;
    }
    connection.flush();
    std::thread::sleep(ring.duration / 10);
    let (before, started) = (runtime.accounts(), Instant::now());
    std::thread::sleep(ring.duration);
    let (after, took) = (runtime.accounts(), started.elapsed());
    if after.failed + after.dead_lettered > 0 {
        return Err(Error::Path(format!("tokens were lost: {after}")));
    }
    Ok((after.handled - before.handled) as f64 / took.as_secs_f64())
}
