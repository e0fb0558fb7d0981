//! Every kind on the message path: mailboxes, the supervisor, and neighbours.

use super::{config, subject};
use sandlab_runtime::messaging::{AgentOptions, Connection, DeliveryError, Runtime, Settings};
use sandlab_runtime::subject::{CommandRequest, HttpRequest, Options, ResponseFault};
use sandlab_runtime::{AgentId, Cause, Performative};
use std::time::Duration;

fn send(connection: &mut Connection, to: AgentId, content: &[u8]) -> Result<String, DeliveryError> {
    let sent = connection.send(to, Performative::Request, content);
    sent.unwrap();
    loop {
        if let Some((_, outcome)) = connection.wait() {
            let reply = outcome?;
            return Ok(String::from_utf8(reply.content).unwrap());
        }
    }
}

fn get(path: &str) -> Vec<u8> {
    HttpRequest { path: path.into(), ..HttpRequest::default() }.encode()
}

#[test]
fn all_kinds_are_sent_messages_and_one_that_does_not_answer_costs_its_neighbours_nothing() {
    let settings = Settings { shards: 1, ..Settings::default() };
    let runtime = Runtime::start(settings).unwrap();
    let start = |name| {
        let backend = subject(name, &config(), &Options::default()).backend;
        let spawned = runtime.spawn(None, backend, AgentOptions::default());
        spawned.unwrap()
    };
    let (service, command, functions) = (start("service"), start("command"), start("functions"));
    let mut connection = runtime.connect(4);
    let served = send(&mut connection, service, &get("/")).unwrap();
    assert!(served.contains(r#""status":200"#), "{served}");
    let ran = send(&mut connection, command, &CommandRequest::default().encode()).unwrap();
    assert!(ran.contains(r#""stdout":"hello\n""#), "{ran}");
    let called = send(&mut connection, functions, b"double(4)").unwrap();
    assert_eq!(called, "8");

    let late = send(&mut connection, service, &get("/blocked")).unwrap_err();
    let named = Cause::Response(ResponseFault::Late(config().deadline));
    assert_eq!(late, DeliveryError::Ended(named.into()));
    // The supervisor has started it again.
    assert!(send(&mut connection, service, &get("/")).is_ok());
    assert_eq!(send(&mut connection, functions, b"double(5)").unwrap(), "10");
    let accounts = runtime.shutdown(Duration::from_secs(10));
    assert!(accounts.is_balanced(), "{accounts:?}");
    assert_eq!((accounts.handled, accounts.failed), (5, 1));
}
