//! A tokio runtime of two workers, for all libraries whose actors are tasks. A client is a
//! task, too: a message to an idle actor then wakes a task of the same worker, and no thread,
//! which would cost more than the message.

use crate::load::{WORKERS, Workers};
use std::future::Future;
use tokio::runtime::{Builder, Runtime};

pub struct OnTokio(Runtime);

impl OnTokio {
    pub fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(WORKERS).build();
        Self(runtime.expect("two threads"))
    }
}

impl Workers for OnTokio {
    fn spawn(&self, _worker: usize, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(work);
    }
}
