//! The `[otlp]` table of a served configuration.

use http::{HeaderName, HeaderValue, Uri, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The collector that metrics and spans are pushed to, by OTLP over HTTP. Every field is optional:
///
/// ```toml
/// [otlp]
/// endpoint = "http://127.0.0.1:4318"   # /v1/metrics and /v1/traces are added
/// headers = { authorization = "Bearer TOKEN" }
/// interval = "10s"
/// sample = 0.05
/// service-name = "orders"
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(rename = "OtlpSettings")]
pub struct Settings {
    /// The collector's URL, to which `/v1/metrics` and `/v1/traces` are added; with `https://` its
    /// certificate must come from an authority that the system trusts. Default
    /// `http://127.0.0.1:4318`, a collector on this machine.
    pub endpoint: String,
    /// Headers of each request to the collector, as for its credentials. Default none.
    pub headers: BTreeMap<String, String>,
    /// The time from one push of all metrics to the next. Default 10 s.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub interval: Duration,
    /// The share of messages that get a span, from 0 to 1, where a trace begins here. Of messages
    /// with a `traceparent`, those get one whose sender says that the trace is sampled. Default 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample: f64,
    /// The name of this service among others. Default `sandlab`.
    pub service_name: String,
}

/// The shortest interval.
const SHORTEST: Duration = Duration::from_millis(10);

/// The longest interval.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// The headers that requests have of themselves.
const OWN: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::CONTENT_TYPE, header::HOST, header::TRANSFER_ENCODING];

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4318".to_owned(),
            headers: BTreeMap::new(),
            interval: Duration::from_secs(10),
            sample: 1.0,
            service_name: "sandlab".to_owned(),
        }
    }
}

impl Settings {
    /// Checks the values.
    ///
    /// # Errors
    /// The field, and the reason with the remedy. No value is in it, which could be a secret.
    pub fn check(&self) -> Result<(), (String, String)> {
        let unusable = |field: &str, reason: &str| Err((field.to_owned(), reason.to_owned()));
        if let Err(reason) = check_endpoint(&self.endpoint) {
            return Err(("endpoint".to_owned(), reason));
        }
        for (name, value) in &self.headers {
            let field = format!("headers.{}", name.escape_debug());
            let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
                return unusable(&field, "it is no name of a header: letters, digits and `-`");
            };
            if OWN.contains(&name) {
                return unusable(&field, "each request has its own: leave it out");
            }
            if HeaderValue::from_str(value).is_err() {
                return unusable(
                    &field,
                    "its value may have letters, digits and signs of ASCII only",
                );
            }
        }
        if !(SHORTEST..=LONGEST).contains(&self.interval) {
            return unusable("interval", "it is 10 ms to a day");
        }
        if !(0.0..=1.0).contains(&self.sample) {
            return unusable("sample", "it is a share from 0, for none, to 1, for all");
        }
        if self.service_name.is_empty() {
            return unusable("service-name", "it is empty: leave it out, or give a name");
        }
        Ok(())
    }
}

fn check_endpoint(endpoint: &str) -> Result<(), String> {
    const EXAMPLE: &str = "give the collector's, as http://127.0.0.1:4318";
    let uri: Uri = endpoint.parse().map_err(|error| format!("it is no URL, {error}: {EXAMPLE}"))?;
    let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(format!("it is no URL that begins with http:// or https://: {EXAMPLE}"));
    };
    let has_port = authority.as_str().rsplit('@').next() != Some(authority.host());
    if authority.host().is_empty() || has_port && authority.port().is_none() {
        return Err(format!("it has no host, or a port that is none: {EXAMPLE}"));
    }
    if uri.query().is_some() || endpoint.contains('#') {
        return Err("it has a query or a fragment, after which no path can be added".to_owned());
    }
    let path = uri.path().trim_end_matches('/');
    if path.ends_with("/v1/traces") || path.ends_with("/v1/metrics") {
        return Err("leave out /v1/traces and /v1/metrics, which are added".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        let settings: Settings = toml::from_str(text).unwrap();
        let (field, reason) = settings.check().unwrap_err();
        format!("{field}: {reason}")
    }

    #[test]
    fn every_field_has_a_default() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
        assert_eq!(Settings::default().check(), Ok(()));
        assert!(serde_json::from_str::<Settings>(r#"{"endpiont": ""}"#).is_err());
    }

    #[test]
    fn a_collector_may_be_anywhere_that_a_url_leads_to() {
        for endpoint in
            ["http://[::1]:4318", "https://user:secret@a.example/otlp/", "http://localhost"]
        {
            assert_eq!(check_endpoint(endpoint), Ok(()), "{endpoint}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_without_a_secret() {
        for endpoint in [
            "",
            "nowhere",
            "127.0.0.1:4318",
            "grpc://s3cret:4317",
            "/s3cret",
            "http://s3cret:99999",
            "http://s3cret:",
            "http://a/?key=s3cret",
            "http://a/v1/traces",
        ] {
            let said = wrong(&format!("endpoint = '{endpoint}'"));
            assert!(said.starts_with("endpoint: ") && !said.contains("s3cret"), "{said}");
        }
        for (text, field) in [
            ("headers = { 'a b' = 's3cret' }", "headers.a b: "),
            ("headers = { authorization = \"s3\\ncret\" }", "headers.authorization: "),
            ("headers = { Content-Type = 'x' }", "headers.Content-Type: "),
            ("interval = '1ms'", "interval: "),
            ("interval = '2days'", "interval: "),
            ("sample = 1.5", "sample: "),
            ("sample = nan", "sample: "),
            ("service-name = ''", "service-name: "),
        ] {
            let said = wrong(text);
            assert!(said.starts_with(field) && !said.contains("s3"), "{said}");
        }
    }
}
