//! HTTP: messages to agents, the host's health, its metrics and its dashboard.
//!
//! | path | method | |
//! |---|---|---|
//! | `/agents/NAME` | POST | asks: the body is a message's content, and so is the response's |
//! | `/agents/NAME/tell` | POST | tells: 202 as soon as the agent's mailbox may have it |
//! | `/agents` | GET | the names of all agents |
//! | `/healthz` | GET | 200 while the host answers |
//! | `/readyz` | GET | 200 while the host takes messages and every agent is alive |
//! | `/metrics` | GET | metrics, for Prometheus |
//! | `/`, `/events` | GET | the dashboard, and what it shows |
//!
//! A request that fails is answered with a problem (RFC 9457) whose `reason` is for programs.

mod access;
mod activity;
mod connection;
mod health;
mod messages;
mod problem;
mod replies;
mod routes;
mod server;
mod spans;
mod tls;

pub use access::{Access, AccessError};
pub use connection::serve as serve_connection;
pub use problem::Problem;
pub(crate) use replies::{event, stream};
pub use routes::{App, router};
pub use server::Server;
pub(crate) use tls::authorities;
