//! What GitHub's runner takes for its own in a line of orders, escaped as its toolkit does.

/// In a message.
pub fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// In a property.
pub fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_annotation_or_begins_another() {
        assert_eq!(property("a,b::c\n::d%"), "a%2Cb%3A%3Ac%0A%3A%3Ad%25");
    }
}
