//! Agents that are deployed: another host serves them, and the lab is their client, over HTTP or
//! NATS.
//!
//! The outcome of every message is counted twice: here, and by the hosts in their `/metrics`. The
//! two counts have to agree to the message.
//!
//! ```text
//! instance ─┬─ HTTP: a connection of its own, which is kept ─▶ one host
//!           └─ NATS: one connection for all instances ───────▶ the hosts behind a server
//! ```

mod access;
mod accounts;
mod over_http;
mod over_nats;
mod served;
mod site;
mod target;
mod tls;

pub use access::Access;
pub use accounts::{Accounts, Counts, Ends};
pub use site::Site;
pub use target::{Target, Way};

use crate::sampling::exchange::{Blocking, Exchange, Link, Waiting};
use crate::{Error, Result};
use accounts::Tally;
use bytes::Bytes;
use over_nats::Nats;
use sandlab_runtime::{
    Agent, Backend, BackendKind, CallError, Cause, Failure, Fault, Handled, Identity, Message,
    Performative, Started,
};
use served::Served;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest wait for a response after the host's own timeout; a later response is lost.
const GRACE: Duration = Duration::from_secs(5);

/// One agent on one or several hosts that serve it.
pub struct Deployed {
    targets: Vec<Arc<Counted>>,
    ledgers: Vec<Ledger>,
    next: AtomicUsize,
    /// The reasons why this side's counts may be incomplete.
    doubts: Mutex<Vec<String>>,
}

/// A target with the counts of its messages.
struct Counted {
    target: Target,
    deadline: Duration,
    tally: Tally,
    /// The connection of all instances; `None` over HTTP, where each has its own.
    nats: Option<Nats>,
}

/// Targets, and the hosts that count their messages.
struct Ledger {
    targets: Vec<Arc<Counted>>,
    /// Empty if nobody counts them.
    hosts: Vec<Site>,
}

impl Deployed {
    /// Returns the deployed agent at these targets. No message may take longer than the deadline.
    /// These hosts count the messages of all targets; if there are none, each target over HTTP
    /// counts its own.
    ///
    /// # Errors
    /// If a NATS server cannot be reached.
    pub fn new(targets: Vec<Target>, hosts: Vec<Site>, deadline: Duration) -> Result<Self> {
        let counted = |target: Target| {
            let nats = match &target.way {
                Way::Http(_) => None,
                Way::Nats(settings) => {
                    Some(Nats::open(settings).map_err(|why| target.wrong(&why))?)
                }
            };
            Ok(Arc::new(Counted { target, deadline, tally: Tally::default(), nats }))
        };
        let targets = targets.into_iter().map(counted).collect::<Result<Vec<_>>>()?;
        let ledgers = ledgers(&targets, hosts);
        Ok(Self { targets, ledgers, next: AtomicUsize::new(0), doubts: Mutex::default() })
    }

    /// Returns the accounts so far: this side's, and the hosts' own.
    ///
    /// # Errors
    /// If a host cannot be reached, or serves no such agent.
    pub fn accounts(&self) -> Result<Vec<Accounts>> {
        self.ledgers.iter().map(Ledger::accounts).collect()
    }

    /// Returns the agent's name.
    pub fn agent(&self) -> &str {
        self.targets.first().map_or("", |counted| &counted.target.agent)
    }

    /// Makes sure that each target can be reached.
    ///
    /// # Errors
    /// If one cannot.
    pub fn reach(&self) -> Result<()> {
        for counted in &self.targets {
            let (to, link) = (counted.clone(), counted.link());
            let opened = Blocking::open(Connection { to, link });
            opened.map_err(|fault| Error::Usage(fault.to_string()))?;
        }
        Ok(())
    }

    /// Returns the messages to each target so far.
    pub fn counts(&self) -> Vec<Counts> {
        self.targets.iter().map(|counted| counted.tally.counts()).collect()
    }

    /// Adds the messages of others to each target.
    pub fn credit(&self, counts: &[Counts]) {
        self.targets.iter().zip(counts).for_each(|(counted, counts)| counted.tally.add(counts));
    }

    /// Notes a reason why this side's counts may be incomplete: then the accounts are not compared.
    pub fn doubt(&self, why: String) {
        self.doubts.lock().unwrap_or_else(PoisonError::into_inner).push(why);
    }

    /// Returns the reasons why this side's counts may be incomplete, and removes them.
    pub fn doubts(&self) -> Vec<String> {
        std::mem::take(&mut *self.doubts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Checks the messages since `before`, while none is in flight, and returns a sentence on each
    /// target with both sides' figures. Checks nothing while there are doubts.
    ///
    /// # Errors
    /// [`Error::Path`] if a message was lost, or the two sides do not agree.
    pub fn settle(&self, before: &[Accounts]) -> Result<Vec<String>> {
        // It was there before: what is wrong is not the command line.
        let after = self.accounts().map_err(|error| Error::Path(error.to_string()))?;
        let each = self.ledgers.iter().zip(before.iter().zip(&after));
        each.map(|(ledger, (before, after))| {
            let since = after.since(before);
            let at = ledger.name();
            if !self.doubts.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return Ok(format!("{at}: {}", since.unsettled()));
            }
            since.check().map_err(|why| Error::Path(format!("{at}: {why}")))?;
            Ok(format!("{at}: {since}"))
        })
        .collect()
    }

    /// Returns the next connection, of each target in turn.
    fn connection(&self) -> Connection {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.targets.len();
        let to = self.targets[next].clone();
        let link = to.link();
        Connection { link, to }
    }
}

impl Counted {
    /// Returns a connection that the first message opens; `None` over NATS.
    fn link(&self) -> Option<Link> {
        match &self.target.way {
            Way::Http(site) => Some(site.link()),
            Way::Nats(_) => None,
        }
    }
}

/// Assigns targets to the hosts that count their messages.
fn ledgers(targets: &[Arc<Counted>], hosts: Vec<Site>) -> Vec<Ledger> {
    if !hosts.is_empty() {
        return vec![Ledger { targets: targets.to_vec(), hosts }];
    }
    let (mut ledgers, mut over_nats) = (Vec::new(), Vec::new());
    for target in targets {
        match &target.target.way {
            Way::Http(site) => {
                let (targets, hosts) = (vec![target.clone()], vec![site.clone()]);
                ledgers.push(Ledger { targets, hosts });
            }
            Way::Nats(_) => over_nats.push(target.clone()),
        }
    }
    let over_nats = Ledger { targets: over_nats, hosts: Vec::new() };
    ledgers.extend(Some(over_nats).filter(|ledger| !ledger.targets.is_empty()));
    ledgers
}

impl Ledger {
    fn accounts(&self) -> Result<Accounts> {
        let counts = self.targets.iter().map(|counted| counted.tally.counts());
        let client = counts.fold(Counts::default(), |all, one| all + one);
        let Some(target) = self.targets.first().map(|counted| &counted.target) else {
            return Ok(Accounts { client, hosts: None });
        };
        let served = |site: &Site| {
            let is_own =
                matches!(&target.way, Way::Http(own) if own.to_string() == site.to_string());
            let wrong = |why: &str| match is_own {
                true => target.wrong(why),
                false => Error::Usage(format!("the host {site} of {target}: {why}")),
            };
            let metrics = site.metrics().map_err(|why| wrong(&why))?;
            Served::read(&metrics, &target.agent)
                .ok_or_else(|| wrong("its /metrics count no messages of this agent"))
        };
        let hosts = self.hosts.iter().map(served).collect::<Result<Vec<_>>>()?;
        let hosts = hosts.into_iter().reduce(|all, one| all + one);
        Ok(Accounts { client, hosts })
    }

    /// Returns the URLs of its targets.
    fn name(&self) -> String {
        let targets = self.targets.iter().map(|counted| counted.target.to_string());
        targets.collect::<Vec<_>>().join(", ")
    }
}

impl Backend for Deployed {
    fn kind(&self) -> BackendKind {
        BackendKind::Deployed
    }

    fn spawn(&self, _identity: Identity) -> Result<Box<dyn Agent>, Fault> {
        Ok(Box::new(Blocking::open(self.connection())?))
    }

    fn start(&self, _identity: Identity) -> Result<Started, Fault> {
        // It is opened by the first call, where the thread's runtime drives it.
        Ok(Started::Async(Box::new(Waiting(self.connection()))))
    }
}

/// A connection to one target.
struct Connection {
    to: Arc<Counted>,
    /// `None` over NATS.
    link: Option<Link>,
}

impl Exchange for Connection {
    async fn open(&mut self) -> Result<(), Fault> {
        let Some(link) = &mut self.link else { return Ok(()) };
        let lost = |why| Cause::Host(format!("{}: {why}", self.to.target));
        link.open().await.map(drop).map_err(|why| lost(why).into())
    }

    async fn exchange(&mut self, message: &Message) -> Result<Handled, CallError> {
        let Counted { target: Target { agent, way }, deadline, tally, nats } = &*self.to;
        match (way, &mut self.link, nats) {
            (Way::Http(site), Some(link), _) => {
                over_http::exchange(link, (site, agent), *deadline, tally, message).await
            }
            (_, _, Some(nats)) => nats.exchange(agent, *deadline, tally, message).await,
            _ => Err(failure("there is no connection")),
        }
    }
}

/// A failure, and not a fault, which would end the connection and not the agent behind it.
fn failure(why: &str) -> CallError {
    CallError::Failure(Failure::Unavailable(why.to_owned()))
}

/// Returns the replies to a message.
fn handled(to: &Message, contents: impl IntoIterator<Item = Bytes>) -> Handled {
    let reply = |content: Bytes| Message {
        id: to.id,
        conversation: to.conversation,
        in_reply_to: Some(to.id),
        sender: to.recipient,
        recipient: to.sender,
        performative: Performative::Inform,
        content: content.into(),
    };
    Handled { replies: contents.into_iter().map(reply).collect(), sent: Vec::new() }
}
