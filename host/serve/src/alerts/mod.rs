//! Alerts: an objective's budget burns too fast, or no longer does. Each goes once to each
//! destination, and is tried again until it has arrived.

mod alert;
mod alertmanager;
mod command;
mod destination;
mod file;
mod outbox;
mod sender;
mod webhook;

pub use alert::{Alert, State};
pub use destination::{Destination, DestinationError};
pub use sender::{Alerts, Delivery};

pub(crate) use destination::without_secrets;

/// Takes a sentence for whoever reads the host's log.
pub type Say = std::sync::Arc<dyn Fn(&str) + Send + Sync>;

/// A way to somebody who has to know.
trait Channel: Send {
    /// Passes alerts on.
    ///
    /// # Errors
    /// The reason that they have not arrived, as far as is known.
    fn send(&mut self, alerts: &[Alert]) -> Result<(), String>;

    /// Returns how often alerts that are on have to be sent again, where the other side forgets
    /// them otherwise; `None` where once is enough.
    fn repeats(&self) -> Option<std::time::Duration> {
        None
    }
}
