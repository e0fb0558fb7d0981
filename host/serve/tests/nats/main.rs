//! Agents over NATS, by a real nats-server.

mod faults;
mod hosts;
mod peers;
mod server;

use async_nats::HeaderMap;
use futures_util::StreamExt;
use hosts::{PATIENCE, Served, host, loaded, remote, request, serve, settings};
use sandlab_runtime::Performative;
use sandlab_serve::Request;
use sandlab_serve::nats::{Connections, Front, RemoteError, Spread};
use server::NatsServer;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn any_client_reaches_an_agent_by_its_subject() {
    let served = serve(&["echo"], |_| {}).await;
    let reply = served.client.request("sandlab.echo", "hello".into()).await.unwrap();
    assert_eq!(reply.payload, "hello");
    assert!(reply.headers.is_none());
    let mut headers = HeaderMap::new();
    headers.insert("Sandlab-Conversation", "7");
    let asked = served.client.request_with_headers("sandlab.echo", headers, "hello".into());
    let headers = asked.await.unwrap().headers.unwrap();
    assert_eq!(headers.get("Sandlab-Performative").unwrap().as_str(), "inform");
    assert_eq!(headers.get("Sandlab-Conversation").unwrap().as_str(), "7");
    assert!(headers.get("Sandlab-Reply").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_told_the_credentials_of_the_url() {
    let with = |server: &NatsServer, user: &str| {
        settings(server.url().replace("://", &format!("://{user}@")))
    };
    let server = NatsServer::start_with(&["--user", "me", "--pass", "p@ss"]);
    let remote = remote(&with(&server, "me:p%40ss")).await;
    let nobody = remote.ask("echo", request("")).await;
    assert!(matches!(nobody, Err(RemoteError::Refused { code: 404, .. })), "{nobody:?}");
    for wrong in [settings(server.url()), with(&server, "me:other")] {
        let refused = Connections::open(&wrong).await.err().unwrap().to_string();
        assert!(refused.contains("authorization") && !refused.contains("other"), "{refused}");
    }
    let server = NatsServer::start_with(&["--auth", "s3cret"]);
    Connections::open(&with(&server, "s3cret")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_keep_the_conversation() {
    let served = serve(&["echo"], |_| {}).await;
    let asked = Request { conversation: Some(7), ..request(vec![b'x'; 1 << 10]) };
    let replies = served.remote.ask("echo", asked.clone()).await.unwrap();
    assert_eq!((replies.len(), replies[0].conversation), (1, Some(7)));
    assert_eq!(replies[0].content, asked.content);
    assert_eq!(replies[0].performative, Performative::Inform);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_replies_are_numbered() {
    let served = serve(&["faulty"], |_| {}).await;
    assert_eq!(served.remote.ask("faulty", request("replies 3")).await.unwrap().len(), 3);

    let inbox = served.client.new_inbox();
    let answers = served.client.subscribe(inbox.clone()).await.unwrap();
    let asked = served.client.publish_with_reply("sandlab.faulty", inbox, "replies 3".into());
    asked.await.unwrap();
    let numbers = answers
        .take(3)
        .map(|answer| answer.headers.unwrap().get("Sandlab-Reply").unwrap().to_string());
    let numbers: Vec<_> = within(numbers.collect()).await;
    assert_eq!(numbers, ["1/3", "2/3", "3/3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_the_server_does_not_take_is_a_failure() {
    let served = serve(&["faulty"], |_| {}).await;
    let refused = served.remote.ask("faulty", request("return 1500000")).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, RemoteError::Refused { code: 502, .. }), "{text}");
    assert!(
        text.contains("a reply has 1.4 MiB, and its way back takes 1023.8 KiB at most"),
        "{text}"
    );
    let figures = served.host.snapshot().await.agents.remove("faulty").unwrap();
    assert_eq!((figures.answered, figures.failed["reply-too-large"]), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_told_is_handled() {
    let served = serve(&["echo"], |_| {}).await;
    served.remote.tell("echo", request("hello")).await.unwrap();
    served.client.publish("sandlab.echo", "hello".into()).await.unwrap();
    wait_until(async || served.host.snapshot().await.accounts.handled == 2).await;
    assert_eq!(served.remote.accounts().told, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_code() {
    let served = serve(&["echo", "faulty"], |settings| {
        settings.max_content = bytesize::ByteSize::kib(2);
        settings.concurrency = 1;
    })
    .await;
    let code = async |agent: &str, request: Request| match served.remote.ask(agent, request).await {
        Err(RemoteError::Refused { code, reason, text }) => (code, reason, text),
        other => panic!("{other:?}"),
    };
    assert_eq!(code("nobody", request("")).await.0, 404);
    let (large, reason, _) = code("echo", request(vec![0; 3 << 10])).await;
    assert_eq!((large, reason.as_deref()), (413, Some("too-large")));
    let (fault, reason, why) = code("faulty", request("panic at the disco")).await;
    assert_eq!((fault, reason.as_deref()), (502, Some("panic")));
    assert!(why.contains("at the disco"), "{why}");
    let (failure, reason, why) = code("faulty", request("fail loudly")).await;
    assert_eq!((failure, reason.as_deref()), (502, Some("internal")));
    assert!(why.contains("loudly"), "{why}");

    // While one message is handled, there is no place for another.
    let slow = tokio::spawn({
        let remote = served.remote.clone();
        async move { remote.ask("faulty", request("sleep 1000")).await }
    });
    wait_until(async || served.host.snapshot().await.agents["faulty"].in_flight == 1).await;
    let (refused, reason, why) = code("faulty", request("ok")).await;
    assert_eq!((refused, reason.as_deref()), (429, Some("overloaded")));
    assert!(why.contains("send less"), "{why}");
    assert_eq!(slow.await.unwrap().unwrap().len(), 1);

    // The host's own deadline, told to a client that waits longer.
    let mut headers = HeaderMap::new();
    headers.insert("Sandlab-Timeout", "10ms");
    assert_eq!(answer_code(&served, "sandlab.faulty", headers, "sleep 500").await, "504");
    let late = Request { timeout: Duration::from_millis(10), ..request("sleep 500") };
    let told = served.remote.ask_patiently("faulty", late, PATIENCE).await;
    let Err(RemoteError::Refused { code: 504, reason, .. }) = told else { panic!("{told:?}") };
    assert_eq!(reason.as_deref(), Some("timed-out"));
    let mut headers = HeaderMap::new();
    headers.insert("Sandlab-Conversation", "the first");
    assert_eq!(answer_code(&served, "sandlab.echo", headers, "").await, "400");

    served.host.drain(PATIENCE).await;
    assert_eq!(code("echo", request("")).await.0, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_agent_delays_no_other() {
    let served = serve(&["echo", "faulty"], |_| {}).await;
    let mut sandbox_is_busy = Vec::new();
    for _ in 0..32 {
        let remote = served.remote.clone();
        let slow = async move { remote.ask("faulty", request("sleep 60000")).await };
        sandbox_is_busy.push(tokio::spawn(slow));
    }
    wait_until(async || served.remote.accounts().in_flight == 32).await;
    for _ in 0..1_000 {
        within(served.remote.ask("echo", request("hello"))).await.unwrap();
    }
    assert_eq!(served.remote.accounts().in_flight, 32);
    sandbox_is_busy.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn monitoring_tools_find_the_agents() {
    let served = serve(&["echo", "faulty"], |_| {}).await;
    served.client.request("sandlab.echo", "hello".into()).await.unwrap();
    served.remote.ask("faulty", request("fail")).await.unwrap_err();
    let ask = async |subject: &'static str| {
        let answer = served.client.request(subject, "".into()).await.unwrap();
        serde_json::from_slice::<serde_json::Value>(&answer.payload).unwrap()
    };
    let ping = ask("$SRV.PING").await;
    assert_eq!(
        (ping["name"].as_str(), ping["type"].as_str()),
        (Some("sandlab"), Some("io.nats.micro.v1.ping_response"),)
    );
    let info = ask("$SRV.INFO.sandlab").await;
    let endpoints = info["endpoints"].as_array().unwrap();
    let mut subjects: Vec<_> = endpoints.iter().map(|e| e["subject"].as_str().unwrap()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["sandlab.echo", "sandlab.faulty"]);
    assert!(endpoints.iter().all(|endpoint| endpoint["queue_group"] == "sandlab"));

    let stats = ask("$SRV.STATS.sandlab").await;
    let of =
        |name| stats["endpoints"].as_array().unwrap().iter().find(|e| e["name"] == name).unwrap();
    assert_eq!((&of("echo")["num_requests"], &of("echo")["num_errors"]), (&1.into(), &0.into()));
    assert_eq!(of("faulty")["num_errors"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_leaves_answers_what_it_took() {
    let served = serve(&["faulty"], |_| {}).await;
    let slow = tokio::spawn({
        let remote = served.remote.clone();
        async move { remote.ask("faulty", request("sleep 500")).await }
    });
    wait_until(async || served.host.snapshot().await.agents["faulty"].in_flight == 1).await;
    assert_eq!(served.service.drain(PATIENCE).await.left, 0);
    assert_eq!(slow.await.unwrap().unwrap().len(), 1);
    let after = served.remote.ask("faulty", request("ok")).await;
    assert!(matches!(after, Err(RemoteError::Refused { code: 404, .. })), "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_at_the_end_of_a_drain_is_told() {
    let served = serve(&["faulty"], |_| {}).await;
    let remote = served.remote.clone();
    let slow = tokio::spawn(async move { remote.ask("faulty", request("sleep 60000")).await });
    wait_until(async || served.host.snapshot().await.agents["faulty"].in_flight == 1).await;
    assert_eq!(served.service.drain(Duration::from_millis(10)).await.left, 1);
    slow.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_connections_carry_one_agent_or_each_its_own() {
    for spread in [Spread::ByRecipient, Spread::RoundRobin] {
        let served = serve(&["echo", "faulty"], |settings| {
            settings.connections = 3;
            settings.spread = spread;
        })
        .await;
        for number in 0..60 {
            let content = number.to_string();
            let replies = served.remote.ask("echo", request(content.clone())).await.unwrap();
            assert_eq!(replies[0].content, content);
        }
        let accounts = served.remote.accounts();
        assert_eq!((accounts.answered, accounts.accepted), (60, 60), "{spread:?}");
        assert_eq!(served.service.drain(PATIENCE).await.left, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_come_and_go_with_the_configuration() {
    let server = NatsServer::start();
    let settings = settings(server.url());
    let (host, remote) = (host(&["echo"]), remote(&settings).await);
    let front = Front::start(&host, &settings).await.unwrap();
    let serving = tokio::spawn(front.run(|| PATIENCE, |error| panic!("{error}")));
    let answers = async |agent: &str| remote.ask(agent, request("ok")).await.is_ok();
    // The server may hear of a request before it hears of who answers it.
    wait_until(async || answers("echo").await).await;
    let change = async |agents: &'static [&'static str]| {
        let host = host.clone();
        let change = move || host.apply(loaded(agents), PATIENCE).map(drop).unwrap();
        tokio::task::spawn_blocking(change).await.unwrap();
    };
    change(&["echo", "faulty"]).await;
    wait_until(async || answers("faulty").await && answers("echo").await).await;
    change(&["faulty"]).await;
    wait_until(async || {
        let asked = Request { timeout: Duration::from_secs(1), ..request("ok") };
        let gone = remote.ask("echo", asked).await;
        matches!(gone, Err(RemoteError::Refused { code: 404, .. }))
    })
    .await;
    assert!(answers("faulty").await);
    host.drain(PATIENCE).await;
    assert_eq!(within(serving).await.unwrap().left, 0);
}

/// Returns the code of the answer that is not a reply.
async fn answer_code(
    served: &Served,
    subject: &'static str,
    headers: HeaderMap,
    content: &'static str,
) -> String {
    let asked = served.client.request_with_headers(subject, headers, content.into());
    let headers = asked.await.unwrap().headers.unwrap();
    headers.get("Nats-Service-Error-Code").unwrap().to_string()
}

/// Waits for something that must happen.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it happens in time")
}

async fn wait_until(mut is_so: impl AsyncFnMut() -> bool) {
    within(async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
