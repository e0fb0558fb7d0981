//! The contract's rules for every reply, whatever it says: it keeps the request's conversation,
//! names the request that it answers, and goes to the request's sender.

use crate::validate::code::Code;
use crate::validate::finding::Finding;
use crate::validate::language::Language;
use sandlab_runtime::Message;

/// Returns a finding for every field of a reply that breaks a rule. `place` is the message that was
/// answered.
pub fn broken(
    request: &Message,
    replies: &[Message],
    place: &str,
    language: Language,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (reply, number) in replies.iter().zip(1..) {
        // The host takes a reply without `in-reply-to` for an answer to the message of its own id.
        let fields = [
            ("conversation", "conversation", request.conversation, Some(reply.conversation)),
            ("in-reply-to", "id", request.id, reply.in_reply_to),
            ("recipient", "sender", request.sender, Some(reply.recipient)),
        ];
        let wrong = fields.into_iter().filter(|(_, _, wanted, found)| Some(*wanted) != *found);
        findings.extend(wrong.map(|(field, of, wanted, found)| {
            let place = format!("{field} of reply {number}, {place}");
            let (code, remedy) = match found {
                Some(found) if is_rounded(wanted, found) => {
                    (Code::LostNumber, number_remedy(language).to_owned())
                }
                _ => (Code::WrongAddress, format!("Set `{field}` to the request's `{of}`")),
            };
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            Finding::new(code, place, remedy)
                .wanted(format!("{wanted}, the request's `{of}`"))
                .found(found)
        }));
    }
    findings
}

fn number_remedy(language: Language) -> &'static str {
    match language {
        Language::JavaScript => "Keep ids as BigInt all the way: a number holds 53 of their bits",
        _ => "Keep ids as unsigned 64-bit integers all the way",
    }
}

/// Returns whether a number is what is left of another after a type that cannot hold it.
fn is_rounded(wanted: u64, found: u64) -> bool {
    let low = wanted as u32;
    let cut =
        [wanted as f64 as u64, low.into(), i64::from(low as i32) as u64, wanted & ((1 << 53) - 1)];
    wanted != found && found != 0 && cut.contains(&found)
}

/// Returns the field that a finding of [`broken`] is about.
pub fn field(finding: &Finding) -> &str {
    finding.place.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_address_is_told_from_a_number_that_was_cut() {
        let request = Message { id: (1 << 53) + 1, sender: 7, ..Message::request(b"") };
        let reply = |in_reply_to, recipient| Message {
            in_reply_to,
            recipient,
            ..Message { id: 0, ..request.clone() }
        };
        let codes = |reply: Message| -> Vec<_> {
            let found = broken(&request, &[reply], "message 1", Language::Unknown);
            let shown = |finding: Finding| (finding.code, finding.wanted, finding.found);
            found.into_iter().map(shown).collect()
        };
        assert_eq!(codes(reply(Some(request.id), 7)), []);
        let told = |code, wanted: &str, found: &str| {
            (code, Some(wanted.to_owned()), Some(found.to_owned()))
        };
        let id = "9007199254740993, the request's `id`";
        assert_eq!(
            codes(reply(Some(1 << 53), 7)),
            [told(Code::LostNumber, id, "9007199254740992")]
        );
        assert_eq!(
            codes(reply(None, 8)),
            [
                told(Code::WrongAddress, id, "none"),
                told(Code::WrongAddress, "7, the request's `sender`", "8")
            ]
        );
        let script = broken(&request, &[reply(Some(1 << 53), 7)], "", Language::JavaScript);
        assert!(script[0].remedy.contains("BigInt"), "{script:?}");
        let found = broken(&request, &[reply(None, 7)], "", Language::JavaScript);
        assert!(!found[0].remedy.contains("BigInt"), "{found:?}");
    }
}
