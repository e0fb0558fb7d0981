//! Requests and responses as the contents of messages.
//!
//! ```json
//! {"method": "POST", "path": "/x?y=1", "headers": [["content-type", "text/plain"]], "body": "…"}
//! {"status": 200, "headers": [["content-type", "text/plain"]], "body": "…"}
//! ```

use super::Data;
use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue};
use http::response::Parts;
use http::{HeaderMap, Method, Request, Uri};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The content of a message to a service. Without `host` among its headers it is for
/// `localhost`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest<'a> {
    /// The method. Default `GET`.
    #[serde(borrow, default = "get")]
    pub method: Cow<'a, str>,
    /// The path, with the query. Default `/`.
    #[serde(borrow, default = "root")]
    pub path: Cow<'a, str>,
    /// Names and values, in order. Default none.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The body. Default none.
    #[serde(borrow, default, skip_serializing_if = "Data::is_empty")]
    pub body: Data<'a>,
}

/// The content of a service's reply. Values of headers that are no text have `�` in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpResponse<'a> {
    /// The status code.
    pub status: u16,
    /// Names and values, in the service's order.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The whole body.
    #[serde(borrow, default, skip_serializing_if = "Data::is_empty")]
    pub body: Data<'a>,
}

const fn get() -> Cow<'static, str> {
    Cow::Borrowed("GET")
}

const fn root() -> Cow<'static, str> {
    Cow::Borrowed("/")
}

impl Default for HttpRequest<'_> {
    fn default() -> Self {
        Self { method: get(), path: root(), headers: Vec::new(), body: Data::default() }
    }
}

impl HttpRequest<'_> {
    /// Returns it as a message's content, in JSON.
    pub fn encode(&self) -> Vec<u8> {
        super::encode(self)
    }

    /// Checks that a message's content is an HTTP request.
    ///
    /// # Errors
    /// If the content is not the JSON of an [`HttpRequest`], or HTTP does not allow what it says.
    pub(super) fn check(content: &[u8]) -> Result<(), String> {
        LastRequest::default().read(content).map(drop)
    }

    /// Returns it in the type of the `http` crate.
    ///
    /// # Errors
    /// If HTTP does not allow its method, path or a header; the text says which.
    pub fn into_http(self) -> Result<Request<Bytes>, String> {
        let method = Method::from_bytes(self.method.as_bytes());
        let method = method.map_err(|error| format!("the method {:?}: {error}", self.method))?;
        if !self.path.starts_with('/') {
            return Err(format!("the path {:?} does not begin with `/`", self.path));
        }
        let uri: Uri =
            self.path.parse().map_err(|error| format!("the path {:?}: {error}", self.path))?;
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 1);
        for (name, value) in &self.headers {
            let bad = |error: String| format!("the header {name:?}: {error}");
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|e| bad(e.to_string()))?;
            let value =
                HeaderValue::from_bytes(value.as_bytes()).map_err(|e| bad(e.to_string()))?;
            headers.append(key, value);
        }
        if !headers.contains_key(HOST) {
            headers.insert(HOST, HeaderValue::from_static("localhost"));
        }
        let mut request = Request::new(Bytes::from(self.body.into_owned()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// The last request that was kept, since a workload's repeat: to read one takes three times as long
/// as to clone it, and to keep one takes a copy and a clone.
#[derive(Default)]
pub(super) struct LastRequest {
    last: Option<(Vec<u8>, Request<Bytes>)>,
    /// Requests since the last that repeated.
    others: u32,
}

/// The longest content that is kept, bytes.
const LONGEST: usize = 16 << 10;

impl LastRequest {
    /// Reads a message's content.
    ///
    /// # Errors
    /// If it is not the JSON of an [`HttpRequest`], or HTTP does not allow what it says.
    pub fn read(&mut self, content: &[u8]) -> Result<Request<Bytes>, String> {
        if let Some((last, request)) = &self.last
            && last == content
        {
            self.others = 0;
            return Ok(request.clone());
        }
        let request: HttpRequest =
            serde_json::from_slice(content).map_err(|error| format!("no HTTP request: {error}"))?;
        let request = request.into_http()?;
        self.others = self.others.saturating_add(1);
        // Ever more seldom, if none repeats.
        if content.len() <= LONGEST && self.others.is_power_of_two() {
            self.last = Some((content.to_vec(), request.clone()));
        }
        Ok(request)
    }
}

/// Returns a response as a message's content, the JSON of an [`HttpResponse`].
pub(super) fn encode_response(head: &Parts, body: Vec<u8>) -> Vec<u8> {
    // What is around a body is seldom longer.
    let mut content = Vec::with_capacity(body.len() + 256);
    content.extend_from_slice(b"{\"status\":");
    content.extend_from_slice(head.status.as_str().as_bytes());
    if !head.headers.is_empty() {
        content.extend_from_slice(b",\"headers\":[");
        for (n, (name, value)) in head.headers.iter().enumerate() {
            content.extend_from_slice(if n == 0 { b"[" } else { b",[" });
            write_text(&mut content, name.as_str());
            content.push(b',');
            write_text(&mut content, &String::from_utf8_lossy(value.as_bytes()));
            content.push(b']');
        }
        content.push(b']');
    }
    if !body.is_empty() {
        content.extend_from_slice(b",\"body\":");
        match str::from_utf8(&body) {
            Ok(text) => write_text(&mut content, text),
            Err(_) => write_json(&mut content, &Data::from(body)),
        }
    }
    content.push(b'}');
    content
}

/// Writes a text in JSON. Of most there is nothing to escape, which is seen at once, whereas
/// serde_json looks at one byte after another.
fn write_text(to: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    // Without a way out of the loop, the compiler tests many bytes at once.
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        to.push(b'"');
        to.extend_from_slice(text.as_bytes());
        to.push(b'"');
    } else {
        write_json(to, text);
    }
}

fn write_json(to: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    // Neither a key that is no text nor a writer that fails: there is nothing to go wrong.
    let _ = serde_json::to_writer(to, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_a_get_of_the_root() {
        let request: HttpRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(request, HttpRequest::default());
        let request = request.into_http().unwrap();
        assert_eq!(request.uri().path(), "/");
        assert_eq!(request.headers()[HOST], "localhost");
    }

    #[test]
    fn a_response_is_written_as_it_is_read() {
        let (mut head, ()) = http::Response::new(()).into_parts();
        head.status = http::StatusCode::IM_A_TEAPOT;
        for value in ["a=1", "b=2"] {
            head.headers.append("set-cookie", HeaderValue::from_static(value));
        }
        for body in [&b"short\n"[..], b"", b"plain", "\"\\\u{7f}\u{1}é".as_bytes(), &[0xff]] {
            let content = encode_response(&head, body.to_vec());
            let response: HttpResponse = serde_json::from_slice(&content).unwrap();
            assert_eq!(response.status, 418);
            assert_eq!(response.headers[1].1, "b=2");
            assert_eq!(&*response.body.0, body);
            assert_eq!(content, super::super::encode(&response));
        }
    }

    #[test]
    fn the_last_request_is_not_taken_for_another() {
        let mut last = LastRequest::default();
        for path in ["/a", "/b", "/b", "/a"] {
            let content = format!(r#"{{"path": "{path}"}}"#);
            let request = last.read(content.as_bytes()).unwrap();
            assert_eq!(request.uri().path(), path);
        }
        assert!(last.read(b"GET /").is_err());
    }

    #[test]
    fn what_http_does_not_allow_is_named() {
        for (json, named) in [
            (r#"{"method": "G T"}"#, "method"),
            (r#"{"path": "x"}"#, "begin with `/`"),
            (r#"{"headers": [["a b", "c"]]}"#, "\"a b\""),
        ] {
            let request: HttpRequest = serde_json::from_str(json).unwrap();
            let error = request.into_http().unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
