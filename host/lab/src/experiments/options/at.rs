//! Options of an agent that is deployed elsewhere and loaded from here.

use crate::sampling::deployed::{Access, Site, Target};
use crate::{Error, Result};
use http::HeaderValue;
use sandlab_runtime::text_file;
use std::path::PathBuf;

/// The hosts that serve the agent under load, if it does not run in this process.
#[derive(Debug, clap::Args)]
pub struct At {
    /// Send the messages to an agent that `sandlab serve` runs, instead of one here:
    /// http://HOST:PORT/agents/NAME, the same with https://, or nats://HOST:PORT/agents/NAME
    /// through the NATS server there; several targets get the connections in turn. `--agents` is
    /// then the number of connections, or of requests in flight over NATS. The hosts' counts have
    /// to agree with the messages that were sent.
    #[arg(long, value_delimiter = ',', value_name = "URL")]
    pub(super) target: Vec<String>,
    /// The hosts that count the messages to the targets, http://HOST:PORT: all that serve the agent
    /// behind the NATS server or a load balancer. Without it, a target over HTTP counts for itself,
    /// and for NATS only the client's accounts are checked.
    #[arg(long, value_delimiter = ',', value_name = "URL", requires = "target")]
    metrics: Vec<String>,
    /// The first part of the agents' subjects over NATS.
    #[arg(long, value_name = "SUBJECT", default_value = "sandlab")]
    pub(super) subject_prefix: String,
    #[command(flatten)]
    pub(super) shown: Box<Shown>,
}

/// The credentials that clients show to hosts, and the authorities that they trust.
#[derive(Debug, clap::Args)]
pub struct Shown {
    /// The file of the token that the targets ask for over HTTP.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The file with a user's JWT and key for NATS, as `nsc` writes it.
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: Option<PathBuf>,
    /// The file of the certificates, in PEM, that a server's own must come from, instead of those
    /// that the operating system trusts.
    #[arg(long, value_name = "FILE")]
    pub(super) root_certificates: Option<PathBuf>,
    /// The file of the client's own certificate, in PEM, for targets over HTTPS that ask for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// The file of the key of the client's certificate.
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
}

impl At {
    /// Returns whether the user named a target.
    pub fn is_given(&self) -> bool {
        !self.target.is_empty()
    }

    /// Returns the targets, one agent on one host or several, and the hosts that count for them.
    ///
    /// # Errors
    /// If one is no agent that is served, they are of several agents, or a file cannot be read.
    pub fn targets(&self) -> Result<(Vec<Target>, Vec<Site>)> {
        let access = Access { subject_prefix: self.subject_prefix.clone(), ..self.shown.access()? };
        let targets = self.target.iter().map(|url| Target::parse(url, &access));
        let targets = targets.collect::<Result<Vec<_>>>()?;
        let agent = targets.first().map(|target| &target.agent);
        if let Some(other) = targets.iter().find(|target| Some(&target.agent) != agent) {
            return Err(other.wrong("it is another agent than the first one; load one"));
        }
        let hosts = self.metrics.iter().map(|url| Site::parse(url, &access));
        Ok((targets, hosts.collect::<Result<_>>()?))
    }
}

impl Shown {
    /// Returns the access that the options describe, with the token from its file.
    ///
    /// # Errors
    /// If the token cannot be read.
    pub fn access(&self) -> Result<Access> {
        let token = self.token_file.as_ref().map(|file| {
            let text = text_file::read(file).map_err(Error::file("read", file))?;
            let token = HeaderValue::try_from(format!("Bearer {}", text.trim()));
            token.map_err(|error| Error::Usage(format!("the token in {}: {error}", file.display())))
        });
        Ok(Access {
            token: token.transpose()?,
            subject_prefix: "sandlab".to_owned(),
            credentials: self.credentials.clone(),
            root_certificates: self.root_certificates.clone(),
            identity: self.client_certificate.clone().zip(self.client_key.clone()),
        })
    }
}
