//! What a client of HTTP is answered.

mod common;

use common::{Response, Served, connect, eventually};
use sandlab_runtime::messaging::Settings;
use sandlab_serve::{Host, Loaded, Request};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn an_agent_is_asked_and_told() {
    let served = Served::of("[agents.echo]\ncomponent = '@echo'");
    let content = [0, 255, b'a', 10];
    let headers = ["sandlab-conversation: 77", "sandlab-performative: query-if"];
    let reply = served.post("/agents/echo", &headers, content);
    assert_eq!((reply.status, &reply.body[..]), (200, &content[..]));
    assert_eq!(reply.header("sandlab-conversation"), Some("77"));
    assert_eq!(reply.header("sandlab-performative"), Some("inform"));
    assert_eq!(reply.header("sandlab-replies"), None);
    assert_eq!(served.post("/agents/echo/tell", &[], "x").status, 202);
    assert_eq!(served.get("/agents", &[]).text(), "[\"echo\"]");
    assert_eq!(served.get("/healthz", &[]).status, 200);
    assert_eq!(served.get("/readyz", &[]).status, 200);
    let figures = || served.block_on(served.host.snapshot()).agents["echo"].clone();
    eventually("the agent has taken what it was told", || figures().told == 1);
    assert_eq!((figures().answered, figures().in_flight), (1, 0));
}

#[test]
fn each_way_not_to_be_answered_has_its_status_and_reason() {
    let served = Served::of(
        "[limits]\nbody = '1 KiB'\nlongest-timeout = '2m'\n[agents.faulty]\ncomponent = '@faulty'",
    );
    let fails = |content: &str, headers: &[&str]| {
        let response = served.post("/agents/faulty", headers, content);
        (response.status, response.reason())
    };
    let long = "x".repeat(1_025);
    let brief = ["sandlab-timeout: 1ms"];
    for (content, headers, status, reason) in [
        ("panic oh", &[][..], 502, "panic"),
        ("fail so", &[], 502, "internal"),
        ("what", &[], 422, "not-understood"),
        ("sleep 300", &brief, 504, "timed-out"),
        (&long, &[], 413, "too-large"),
        ("ok", &["sandlab-timeout: soon"], 400, "bad-header"),
        ("ok", &["sandlab-timeout: 1h"], 400, "bad-header"),
        ("ok", &["sandlab-timeout: 0s"], 400, "bad-header"),
        ("ok", &["sandlab-conversation: 1", "sandlab-conversation: 2"], 400, "bad-header"),
        ("ok", &["sandlab-performative: shout"], 400, "bad-header"),
        ("ok", &["sandlab-conversation: -1"], 400, "bad-header"),
    ] {
        assert_eq!(fails(content, headers), (status, reason.to_owned()), "{content}");
    }
    let panic = served.post("/agents/faulty", &["sandlab-timeout: 2m"], "panic with a text");
    assert!(panic.text().contains("with a text"), "{panic:?}");
    for nobody in ["nobody", "%ff", "faulty%2Ftell", "f%C3%A4ulty", "faulty%00"] {
        let path = format!("/agents/{nobody}");
        assert_eq!(served.post(&path, &[], "").reason(), "unknown-agent", "{nobody}");
    }
    assert_eq!(served.post("/agents/%66aulty", &[], "ok").status, 200);
    assert_eq!(served.post("/nowhere", &[], "").reason(), "unknown-path");
    assert_eq!(served.get("/agents/faulty", &[]).reason(), "wrong-method");
}

#[test]
fn a_full_mailbox_asks_the_client_to_come_back() {
    let served = Served::of("[agents.slow]\ncomponent = '@faulty'\nmailbox.messages = 1");
    std::thread::scope(|scope| {
        // One is handled, one waits, and the third is refused.
        for _ in 0..2 {
            scope.spawn(|| served.post("/agents/slow", &["sandlab-timeout: 60s"], "sleep 2000"));
        }
        let queued = || served.block_on(served.host.snapshot()).agents["slow"].queued;
        eventually("two messages are there", || queued() == 2);
        let refused = served.post("/agents/slow", &[], "ok");
        assert_eq!((refused.status, refused.reason()), (429, "mailbox-full".to_owned()));
        assert_eq!(refused.header("retry-after"), Some("1"));
        let refused = served.post("/agents/slow/tell", &[], "ok");
        assert_eq!((refused.status, refused.reason()), (429, "mailbox-full".to_owned()));
    });
    let figures = served.block_on(served.host.snapshot()).agents["slow"].clone();
    assert_eq!((figures.answered, figures.refused, figures.told), (2, 2, 0));
}

#[test]
fn what_is_told_is_counted_as_the_agent_took_it() {
    let served = Served::of(
        "shards = 1\n[agents.slow]\ncomponent = '@faulty'\nmailbox.messages = 1\n\
         [agents.faulty]\ncomponent = '@faulty'\nrestarts.intensity = 0",
    );
    let figures = |agent: &str| served.block_on(served.host.snapshot()).agents[agent].clone();
    let busy = served.occupy();
    // Each seems to have room, until their thread looks.
    for _ in 0..5 {
        assert_eq!(served.post("/agents/slow/tell", &[], "sleep 100").status, 202);
    }
    for _ in 0..2 {
        assert_eq!(served.post("/agents/faulty/tell", &[], "panic").status, 202);
    }
    drop(busy);
    eventually("one is handled, and one waits until then", || figures("slow").told == 2);
    assert_eq!(figures("slow").refused, 3);
    eventually("the first has ended the agent", || figures("faulty").told == 1);
    assert_eq!(figures("faulty").failed["stopped"], 1);
    let stopped = served.post("/agents/faulty/tell", &[], "ok");
    assert_eq!((stopped.status, stopped.reason()), (503, "stopped".to_owned()));
    assert_eq!((figures("faulty").told, figures("faulty").failed["stopped"]), (1, 2));
}

#[test]
fn several_replies_are_events_or_the_first_and_their_number() {
    let served =
        Served::of("[agents.faulty]\ncomponent = '@faulty'\n[agents.echo]\ncomponent = '@echo'");
    let first = served.post("/agents/faulty", &[], "replies 3");
    assert_eq!((first.status, first.header("sandlab-replies")), (200, Some("3")));
    let events = ["accept: text/event-stream"];
    let all = served.post("/agents/faulty", &events, "replies 3");
    assert_eq!(all.header("content-type"), Some("text/event-stream"));
    assert_eq!(all.text().matches("event: reply\ndata: {").count(), 3, "{all:?}");
    for (accept, kind) in [
        ("accept: application/json, Text/Event-Stream;q=0.9", "text/event-stream"),
        ("accept: */*\r\naccept: text/event-stream", "text/event-stream"),
        ("accept: */*, text/event-stream;q=0", "application/octet-stream"),
    ] {
        let one = served.post("/agents/echo", &[accept], "x");
        assert_eq!(one.header("content-type"), Some(kind), "{accept}");
    }
    let lines = served.post("/agents/echo", &events, "a\nb");
    assert!(lines.text().contains(r#""content":"a\nb""#), "{lines:?}");
    let binary = served.post("/agents/echo", &events, [255]);
    assert!(binary.text().contains(r#""content-base64":"/w==""#), "{binary:?}");
    assert_eq!(served.post("/agents/faulty", &events, "what").reason(), "not-understood");
}

#[test]
fn a_host_that_drains_finishes_what_it_has_and_takes_no_more() {
    let served = Served::of("[agents.slow]\ncomponent = '@faulty'");
    std::thread::scope(|scope| {
        let before = scope.spawn(|| served.post("/agents/slow", &[], "sleep 500"));
        let in_flight = || served.block_on(served.host.snapshot()).agents["slow"].in_flight;
        eventually("a message is in flight", || in_flight() == 1);
        let drained = scope.spawn(|| served.block_on(served.host.drain(common::PATIENCE)));
        eventually("it drains", || served.host.is_draining());
        let refused = served.post("/agents/slow", &[], "ok");
        assert_eq!((refused.status, refused.reason()), (503, "draining".to_owned()));
        assert_eq!(served.get("/readyz", &[]).status, 503);
        assert_eq!(served.get("/healthz", &[]).status, 200);
        assert!(drained.join().unwrap().agents.is_empty());
        assert_eq!(before.join().unwrap().status, 200);
    });
    assert!(served.close(common::PATIENCE));
}

#[test]
fn what_is_left_after_the_longest_wait_is_told() {
    let served = Served::of("[agents.slow]\ncomponent = '@faulty'");
    std::thread::scope(|scope| {
        scope.spawn(|| served.post("/agents/slow", &[], "sleep 2000"));
        let in_flight = || served.block_on(served.host.snapshot()).agents["slow"].in_flight;
        eventually("a message is in flight", || in_flight() == 1);
        let left = served.block_on(served.host.drain(Duration::from_millis(10)));
        assert_eq!(left.agents.get("slow"), Some(&1));
    });
}

#[test]
fn a_thread_that_is_busy_is_not_at_rest_and_has_not_lost_its_agents() {
    let served = Served::of("shards = 1\n[agents.echo]\ncomponent = '@echo'");
    let busy = served.occupy();
    assert_eq!(served.get("/readyz", &[]).text(), "ready\n");
    let idle = served.block_on(served.host.drain(Duration::ZERO));
    // The call could be of a message from another agent.
    assert_eq!((idle.agents.get("echo"), idle.unknown.len()), (Some(&1), 1));
    drop(busy);
    assert!(served.block_on(served.host.drain(common::PATIENCE)).agents.is_empty());
}

#[test]
fn a_host_that_drains_waits_for_messages_that_a_busy_thread_has_not_seen() {
    let served = Served::of("shards = 1\n[agents.echo]\ncomponent = '@echo'");
    // It has answered once, with nothing.
    served.block_on(served.host.snapshot());
    let busy = served.occupy();
    for _ in 0..3 {
        assert_eq!(served.post("/agents/echo/tell", &[], "x").status, 202);
    }
    let left = served.block_on(served.host.drain(Duration::from_millis(10)));
    assert_eq!(left.agents.get("echo"), Some(&3), "{left:?}");
    drop(busy);
    assert!(served.block_on(served.host.drain(common::PATIENCE)).agents.is_empty());
    assert_eq!(served.block_on(served.host.snapshot()).accounts.handled, 3);
}

#[test]
fn a_host_that_drains_waits_for_a_message_that_goes_from_thread_to_thread() {
    const HOPS: u32 = 2_000;
    let mut config = common::config(
        "[agents.a]\ncomponent = '@relay'\nconfiguration = 'ring b'\n\
         [agents.b]\ncomponent = '@relay'\nconfiguration = 'ring a'\nplacement = 'quarantine'",
    );
    config.shards = std::num::NonZeroUsize::new(1);
    let settings = Settings { max_hops: 2 * HOPS, ..config.settings() };
    let host = Host::start(common::loaded(&config, &Loaded::default()), settings).unwrap();
    let threads = tokio::runtime::Runtime::new().unwrap();
    threads.block_on(async {
        let down = Request { content: HOPS.to_le_bytes().to_vec(), ..common::request("") };
        host.tell("a", down).await.unwrap();
        let left = host.drain(common::PATIENCE).await;
        assert!(left.agents.is_empty(), "{left:?}");
        // Each hop, the first, and the reply to the last.
        assert_eq!(host.snapshot().await.accounts.handled, u64::from(HOPS) + 2);
    });
}

#[test]
fn an_agent_that_is_not_restarted_any_more_makes_the_host_unready() {
    let served = Served::of(
        "[agents.faulty]\ncomponent = '@faulty'\nrestarts.intensity = 1\nrestarts.period = '1h'",
    );
    for _ in 0..2 {
        assert_eq!(served.post("/agents/faulty", &[], "panic").status, 502);
    }
    let gone = served.post("/agents/faulty", &[], "ok");
    assert_eq!((gone.status, gone.reason()), (503, "stopped".to_owned()));
    let unready = served.get("/readyz", &[]);
    assert_eq!(unready.reason(), "agents-down");
    assert!(unready.text().contains("faulty (0 of 1)"), "{unready:?}");
}

#[test]
fn an_instance_that_is_gone_is_passed_over() {
    let served =
        Served::of("[agents.faulty]\ncomponent = '@faulty'\ninstances = 2\nrestarts.intensity = 0");
    assert_eq!(served.post("/agents/faulty", &[], "panic").status, 502);
    for _ in 0..4 {
        assert_eq!(served.post("/agents/faulty", &[], "ok").status, 200);
    }
    assert!(served.get("/readyz", &[]).text().contains("faulty (1 of 2)"));
}

#[test]
fn connections_that_send_nothing_or_too_slowly_are_closed() {
    let served = Served::of(
        "[limits]\nheader-time = '200ms'\nbody-time = '200ms'\n[agents.echo]\ncomponent = '@echo'",
    );
    for begin in ["", "P", "PRI * HTTP/2.0\r\n", "POST /agents/echo HTTP/1.1\r\nhost: loc"] {
        let mut stream = connect(served.address);
        stream.write_all(begin.as_bytes()).unwrap();
        let mut rest = Vec::new();
        // Until the server closes; a reset closes it too.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{begin:?}: {:?}", String::from_utf8_lossy(&rest));
    }
    let mut stream = connect(served.address);
    let head = "POST /agents/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).unwrap();
    let slow = Response::read(stream);
    assert_eq!((slow.status, slow.reason()), (408, "slow-body".to_owned()));
}

#[test]
fn connections_over_the_limit_wait_for_a_place() {
    let served = Served::of("[limits]\nconnections = 1\n[agents.echo]\ncomponent = '@echo'");
    let first = connect(served.address);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| served.get("/healthz", &[]));
        // Nothing tells that it waits; at worst this shows nothing.
        std::thread::sleep(Duration::from_millis(100));
        assert!(!second.is_finished());
        drop(first);
        assert_eq!(second.join().unwrap().status, 200);
    });
}

#[test]
fn the_token_opens_everything_but_health_and_the_empty_page() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let mut config = common::config("[agents.echo]\ncomponent = '@echo'");
    config.listen.token_file = Some(token);
    let served = Served::with(&config);
    let right = ["authorization: Bearer 0123456789abcdef"];
    for path in ["/agents", "/metrics"] {
        let unknown = served.get(path, &[]);
        assert_eq!(unknown.reason(), "unauthorized");
        assert_eq!(unknown.header("www-authenticate"), Some("bearer"));
        assert_eq!(served.get(path, &right).status, 200);
    }
    assert_eq!(served.post("/agents/echo", &[], "x").status, 401);
    assert_eq!(served.post("/agents/echo", &right, "x").text(), "x");
    for path in ["/", "/healthz", "/readyz"] {
        assert_eq!(served.get(path, &[]).status, 200);
    }
}
