//! Services: what they answer, and each way in which they fail to.

use super::{ask, config, fault, not_understood, start, subject};
use sandlab_runtime::subject::{Data, HttpRequest, HttpResponse, Kind, Options, ResponseFault};
use sandlab_runtime::{Agent, CallError, Cause, Failure, Identity};

fn get(agent: &mut dyn Agent, path: &str) -> Result<HttpResponse<'static>, CallError> {
    request(agent, &HttpRequest { path: path.to_owned().into(), ..HttpRequest::default() })
}

fn request(
    agent: &mut dyn Agent,
    request: &HttpRequest,
) -> Result<HttpResponse<'static>, CallError> {
    let reply = ask(agent, request.encode())?;
    let response: HttpResponse = serde_json::from_slice(&reply).unwrap();
    Ok(HttpResponse {
        status: response.status,
        headers: response
            .headers
            .iter()
            .map(|(name, value)| (name.to_string().into(), value.to_string().into()))
            .collect(),
        body: response.body.into_owned().into(),
    })
}

#[test]
fn a_request_is_answered_with_status_headers_and_body() {
    let mut service = start("service", &config());
    let response = get(&mut *service, "/").unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body, Data::from("hello"));
    let of_type = ("content-type".into(), "text/plain".into());
    assert_eq!(response.headers, [of_type]);
    assert_eq!(get(&mut *service, "/nowhere").unwrap().status, 404);
}

#[test]
fn bodies_go_in_and_out_whole_whatever_they_are() {
    let mut service = start("service", &config());
    for body in [&b"text"[..], &[0xff, 0, 0x80], &vec![b'y'; 500_000]] {
        let posted = HttpRequest {
            method: "POST".into(),
            path: "/echo".into(),
            body: Data(body.into()),
            ..HttpRequest::default()
        };
        let response = request(&mut *service, &posted).unwrap();
        assert_eq!((response.status, &*response.body.0), (201, body));
    }
    let large = get(&mut *service, "/large").unwrap();
    assert_eq!(large.body.0.len(), 1_000_000);
}

#[test]
fn headers_reach_the_service() {
    let mut service = start("service", &config());
    let with_header = HttpRequest {
        path: "/header".into(),
        headers: vec![("x-name".into(), "value".into())],
        ..HttpRequest::default()
    };
    let response = request(&mut *service, &with_header).unwrap();
    assert_eq!(response.body, Data::from("value"));
}

#[test]
fn an_instance_serves_one_request_or_as_many_as_are_said() {
    for (reuse, counts) in [(None, ["0", "0", "0"]), (Some(2), ["0", "1", "0"])] {
        let options = Options { reuse, ..Options::default() };
        let subject = subject("service", &config(), &options);
        assert_eq!((subject.kind, subject.adapter), (Kind::Service, None));
        let mut service = subject.backend.spawn(Identity::alone()).unwrap();
        for count in counts {
            let response = get(&mut *service, "/count").unwrap();
            assert_eq!(response.body, Data::from(count));
            assert!(service.usage().memory_peak.unwrap() > 0);
        }
    }
}

#[test]
fn every_way_not_to_answer_has_its_name() {
    use ResponseFault::{Endless, Incomplete, Late, Missing, Unfinished, Unreturned};
    let config = config();
    let (deadline, limit) = (config.deadline, config.result_limit.as_u64());
    for (path, named) in [
        ("/silent", Missing),
        ("/blocked", Late(deadline)),
        ("/busy", Late(deadline)),
        ("/endless", Endless(limit)),
        ("/unfinished", Unfinished(deadline)),
        ("/lingering", Unreturned(deadline)),
        ("/early", Incomplete),
    ] {
        let mut service = start("service", &config);
        assert_eq!(fault(get(&mut *service, path)), Cause::Response(named), "{path}");
        assert_eq!(fault(get(&mut *service, "/")), Cause::Ended);
    }
    let mut service = start("service", &config);
    let twice = fault(get(&mut *service, "/twice"));
    assert!(matches!(twice.cause, Cause::Response(ResponseFault::Twice(_))), "{twice}");
    let mut service = start("service", &config);
    let panic = fault(get(&mut *service, "/panic"));
    assert_eq!(panic, Cause::Panic("no such path".to_owned()));
}

#[test]
fn an_error_code_in_place_of_a_response_is_a_failure_and_no_fault() {
    let mut service = start("service", &config());
    match get(&mut *service, "/error") {
        Err(CallError::Failure(Failure::Internal(text))) => {
            assert!(text.contains("loop-detected"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(get(&mut *service, "/").unwrap().status, 200);
}

#[test]
fn a_request_to_another_host_is_denied_and_its_target_logged() {
    let mut service = start("service", &config());
    let response = get(&mut *service, "/call-out").unwrap();
    let said = String::from_utf8(response.body.into_owned()).unwrap();
    assert!(said.contains("HttpRequestDenied"), "{said}");
    let log = service.take_log();
    assert_eq!(log.len(), 1);
    let line = &log[0].text;
    assert!(line.contains("GET http://example.invalid:81/secret"), "{line}");
    assert!(line.contains("`http = true`"), "{line}");
}

#[test]
fn with_the_grant_a_request_goes_out() {
    let mut config = config();
    config.grants.http = true;
    let mut service = start("service", &config);
    let response = get(&mut *service, "/call-out").unwrap();
    let said = String::from_utf8(response.body.into_owned()).unwrap();
    assert!(!said.contains("Denied"), "{said}");
    assert!(service.take_log().is_empty());
}

#[test]
fn what_is_no_request_is_told_and_survived() {
    let mut service = start("service", &config());
    let text = not_understood(ask(&mut *service, "GET /"));
    assert!(text.contains("no HTTP request"), "{text}");
    let text = not_understood(ask(&mut *service, r#"{"pathh": "/"}"#));
    assert!(text.contains("pathh"), "{text}");
    assert_eq!(get(&mut *service, "/").unwrap().status, 200);
}
