//! Accepts connections.

use super::access::Certified;
use super::routes::App;
use super::{Access, connection, router};
use axum::Extension;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

/// The wait after a connection could not be accepted, as when too many files are open.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// A server of HTTP on one address.
pub struct Server {
    address: SocketAddr,
    closing: watch::Sender<bool>,
    /// A permit for each connection that may be.
    connections: Arc<Semaphore>,
    allowed: u32,
}

impl Server {
    /// Listens, and serves until it is closed.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start(address: SocketAddr, app: Arc<App>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let most = u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX);
        let allowed = u32::try_from(app.limits.connections).unwrap_or(most).min(most);
        let server = Self {
            address: listener.local_addr()?,
            closing: watch::Sender::new(false),
            connections: Arc::new(Semaphore::new(allowed as usize)),
            allowed,
        };
        let (connections, closing) = (server.connections.clone(), server.closing.subscribe());
        tokio::spawn(accept(listener, app, connections, closing));
        Ok(server)
    }

    /// Returns the address, with the port that the kernel chose if it was 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no further connection and no further request, and waits for those in progress.
    /// Returns `false` if some were left.
    pub async fn close(&self, within: Duration) -> bool {
        self.closing.send_replace(true);
        let all_closed = self.connections.acquire_many(self.allowed);
        matches!(timeout(within, all_closed).await, Ok(Ok(_)))
    }
}

async fn accept(
    listener: TcpListener,
    app: Arc<App>,
    connections: Arc<Semaphore>,
    mut closing: watch::Receiver<bool>,
) {
    let router = router(app.clone());
    loop {
        let accepted = async {
            // Before the connection is accepted: until then it waits at the kernel.
            let permit = connections.clone().acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            _ = closing.changed() => return,
        };
        let (Ok(permit), Ok((stream, _))) = (permit, accepted) else {
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        };
        let (app, router, closing) = (app.clone(), router.clone(), closing.clone());
        tokio::spawn(async move {
            let access = app.access();
            serve(stream, &access, &app, router, closing).await;
            drop(permit);
        });
    }
}

async fn serve(
    stream: TcpStream,
    access: &Access,
    app: &App,
    router: axum::Router,
    closing: watch::Receiver<bool>,
) {
    // Only costs time where it is not possible.
    let _ = stream.set_nodelay(true);
    let Some(tls) = &access.tls else {
        return connection::serve(stream, router, &app.limits, closing).await;
    };
    if let Ok(Ok(stream)) = timeout(app.limits.header_time, tls.accept(stream)).await {
        let router = match access.needs_certificate {
            true => router.layer(Extension(Certified)),
            false => router,
        };
        connection::serve(stream, router, &app.limits, closing).await;
    }
}
