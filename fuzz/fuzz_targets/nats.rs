//! Any lines as the headers of a NATS message: they mean something, or it is said what is wrong.
#![no_main]

use async_nats::header::{HeaderName, HeaderValue};
use async_nats::{HeaderMap, StatusCode};
use libfuzzer_sys::fuzz_target;
use sandlab_serve::nats::wire;
use std::str::FromStr;

/// Returns the headers of a message, with those lines left out that async-nats would refuse.
fn headers(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let headers = headers(&text);
    if let Ok(asked) = wire::asked(Some(&headers)) {
        assert!(asked.timeout.is_none_or(|timeout| !timeout.is_zero()));
    }
    let status = text.get(..3).and_then(|status| status.parse::<StatusCode>().ok());
    for status in [None, status] {
        if let Ok(Ok(replied)) = wire::replied(status, Some(&headers)) {
            let place = replied.place;
            assert!(place == wire::Place::NONE || (1..=place.of).contains(&place.number));
        }
    }
    assert!(!wire::line(&text).as_str().contains(['\r', '\n']));
});
