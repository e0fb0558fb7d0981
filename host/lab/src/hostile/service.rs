//! Services in WebAssembly text, encoded as components that export `wasi:http/incoming-handler`.

use super::guest::encode;
use wit_parser::Resolve;

/// WASI's interfaces for a service, reduced to the functions that these use. The error codes are
/// whole, since the type of `response-outparam.set` has them.
const WASI: &str = r#"
package sandlab:guest;

package wasi:io@0.2.6 {
    interface poll { resource pollable { block: func(); } }
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}
package wasi:clocks@0.2.6 {
    interface monotonic-clock {
        use wasi:io/poll@0.2.6.{pollable};
        subscribe-duration: func(when: u64) -> pollable;
    }
}
package wasi:http@0.2.6 {
    interface types {
        use wasi:io/streams@0.2.6.{output-stream};
        record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
        record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
        record field-size-payload { field-name: option<string>, field-size: option<u32> }
        variant error-code {
            DNS-timeout, DNS-error(DNS-error-payload), destination-not-found,
            destination-unavailable, destination-IP-prohibited, destination-IP-unroutable,
            connection-refused, connection-terminated, connection-timeout,
            connection-read-timeout, connection-write-timeout, connection-limit-reached,
            TLS-protocol-error, TLS-certificate-error,
            TLS-alert-received(TLS-alert-received-payload), HTTP-request-denied,
            HTTP-request-length-required, HTTP-request-body-size(option<u64>),
            HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
            HTTP-request-header-section-size(option<u32>),
            HTTP-request-header-size(option<field-size-payload>),
            HTTP-request-trailer-section-size(option<u32>),
            HTTP-request-trailer-size(field-size-payload), HTTP-response-incomplete,
            HTTP-response-header-section-size(option<u32>),
            HTTP-response-header-size(field-size-payload), HTTP-response-body-size(option<u64>),
            HTTP-response-trailer-section-size(option<u32>),
            HTTP-response-trailer-size(field-size-payload),
            HTTP-response-transfer-coding(option<string>),
            HTTP-response-content-coding(option<string>), HTTP-response-timeout,
            HTTP-upgrade-failed, HTTP-protocol-error, loop-detected, configuration-error,
            internal-error(option<string>)
        }
        variant header-error { invalid-syntax, forbidden, immutable }
        resource fields {
            constructor();
            append: func(name: string, value: list<u8>) -> result<_, header-error>;
        }
        resource incoming-request;
        resource outgoing-response {
            constructor(headers: fields);
            body: func() -> result<outgoing-body>;
        }
        resource outgoing-body {
            write: func() -> result<output-stream>;
            finish: static func(this: outgoing-body, trailers: option<fields>)
                -> result<_, error-code>;
        }
        resource response-outparam {
            set: static func(
                param: response-outparam, response: result<outgoing-response, error-code>,
            );
        }
    }
    interface incoming-handler {
        use types.{incoming-request, response-outparam};
        handle: func(request: incoming-request, response-out: response-outparam);
    }
}

world guest {
    import wasi:clocks/monotonic-clock@0.2.6;
    import wasi:io/streams@0.2.6;
    import wasi:http/types@0.2.6;
    export wasi:http/incoming-handler@0.2.6;
}
"#;

/// A core module with what a service needs; `handle` is what it does with a request.
///
/// It has `$out`, the response's way out, and the locals `$response`, `$body`, `$stream` and
/// `$n`. It can call `$wait` (for ever), `$respond` (sets a response, and returns its body),
/// `$append` (a header of 1,024 bytes), `$write` (so many bytes to a stream) and `$finish` (a
/// body).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service<'a> {
    /// Instructions of `handle`.
    pub handle: &'a str,
}

impl Service<'_> {
    /// Returns the module as text.
    fn text(&self) -> String {
        let handle = self.handle;
        format!(
            r#"(module
    (import "wasi:clocks/monotonic-clock@0.2.6" "subscribe-duration"
        (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.6" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:http/types@0.2.6" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.6" "[method]fields.append"
        (func $append-to (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.6" "[constructor]outgoing-response"
        (func $new (param i32) (result i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-response.body"
        (func $body-of (param i32 i32)))
    (import "wasi:http/types@0.2.6" "[static]response-outparam.set"
        (func $set (param i32 i32 i32 i32 i64 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.6" "[method]outgoing-body.write"
        (func $stream-of (param i32 i32)))
    (import "wasi:http/types@0.2.6" "[static]outgoing-body.finish"
        (func $finish-body (param i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.6" "[resource-drop]outgoing-body"
        (func $drop-body (param i32)))
    (import "wasi:io/streams@0.2.6" "[method]output-stream.blocking-write-and-flush"
        (func $write-to (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.6" "[resource-drop]output-stream"
        (func $drop-stream (param i32)))
    (memory (export "memory") 4)
    (data (i32.const 2048) "content-length")
    (data (i32.const 2064) "100")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 8192)
    (func $wait (call $block (call $subscribe (i64.const 1000000000000000000))))
    (func $append (param $fields i32)
        (call $append-to (local.get $fields) (i32.const 2048) (i32.const 7)
            (i32.const 4096) (i32.const 1024) (i32.const 1024)))
    (func $stream (param $body i32) (result i32)
        (call $stream-of (local.get $body) (i32.const 1024))
        (i32.load (i32.const 1028)))
    (func $answer (param $out i32) (param $response i32) (result i32)
        (call $body-of (local.get $response) (i32.const 1024))
        (call $set (local.get $out) (i32.const 0) (local.get $response)
            (i32.const 0) (i64.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
        (i32.load (i32.const 1028)))
    (func $respond (param $out i32) (result i32)
        (call $answer (local.get $out) (call $new (call $fields))))
    (func $write (param $stream i32) (param $length i32)
        (call $write-to (local.get $stream) (i32.const 4096) (local.get $length)
            (i32.const 1024)))
    (func $finish (param $body i32)
        (call $finish-body (local.get $body) (i32.const 0) (i32.const 0) (i32.const 1024)))
    (func (export "wasi:http/incoming-handler@0.2.6#handle") (param $request i32) (param $out i32)
        (local $fields i32) (local $body i32) (local $stream i32)
        (memory.fill (i32.const 4096) (i32.const 120) (i32.const 4096))
        {handle})
)"#
        )
    }

    /// Encodes the component.
    ///
    /// # Panics
    /// If the text is not valid WebAssembly.
    pub fn component(&self) -> Vec<u8> {
        encode(Resolve::default(), WASI, &self.text())
    }
}
