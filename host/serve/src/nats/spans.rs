//! Spans of messages over NATS.

use super::service::Read;
use super::wire::{self, Refused};
use crate::host::Outcome;
use crate::otlp::{End, Route, Span};
use crate::{AskError, Host};
use async_nats::HeaderMap;

/// Begins the span of a client's message; `None` if it gets none. Messages between agents are not
/// counted as clients' are, and have none.
pub fn begin(
    host: &Host,
    agent: &str,
    headers: Option<&HeaderMap>,
    read: &Result<Read, Refused>,
) -> Option<Span> {
    let tracer = host.tracer()?;
    if let Ok(Read::FromAgent(..)) = read {
        return None;
    }
    // Unlike those of HTTP, these names have a case, and clients write more than one.
    let values = |wanted: &'static str| {
        let all = headers.into_iter().flat_map(HeaderMap::iter);
        let named =
            all.filter(move |(name, _)| AsRef::<str>::as_ref(*name).eq_ignore_ascii_case(wanted));
        named.flat_map(|(_, values)| values.iter().map(|value| value.as_str()))
    };
    tracer.begin(Route::Nats, agent, values("traceparent"), values("tracestate"))
}

/// Ends the span of a message, if there is one, whose sender wants no reply.
pub fn told(span: Option<Span>, told: Result<(), AskError>) {
    let Some(span) = span else { return };
    match told {
        Ok(()) => end(Some(span), Ok(Outcome::Told)),
        Err(error) => drop(unanswered(Some(span), error)),
    }
}

/// Ends the span of a message, if there is one, that has no reply. Returns the answer.
pub fn unanswered(span: Option<Span>, error: AskError) -> Refused {
    let outcome = error.outcome();
    let refused = wire::refused(error);
    end(span, Err((outcome, &refused)));
    refused
}

/// Ends the span of a message, if there is one, that was accepted or refused.
pub fn end(span: Option<Span>, ended: Result<Outcome, (Option<Outcome>, &Refused)>) {
    let Some(span) = span else { return };
    span.end(match ended {
        Ok(outcome) => End::well(outcome, None),
        Err((outcome, refused)) => {
            // The code says it all where there is no name.
            let code = refused.code.to_string();
            let reason = refused.reason.as_deref().unwrap_or(&code);
            End::badly(outcome, refused.code, reason, &refused.text)
        }
    });
}
