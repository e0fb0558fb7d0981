//! Random words for agents that read text.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Common English words, with English's distribution of lengths.
const WORDS: [&str; 64] = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "this",
    "are",
    "or",
    "his",
    "from",
    "at",
    "which",
    "but",
    "have",
    "an",
    "had",
    "they",
    "you",
    "were",
    "their",
    "one",
    "all",
    "we",
    "can",
    "her",
    "has",
    "there",
    "been",
    "if",
    "more",
    "when",
    "will",
    "would",
    "who",
    "so",
    "no",
    "agent",
    "message",
    "sandbox",
    "memory",
    "limit",
    "deadline",
    "mailbox",
    "component",
    "instance",
    "latency",
    "throughput",
    "percentile",
    "baseline",
    "supervisor",
    "checkpoint",
    "conversation",
];

/// Returns a number below `end`. The remainder's bias is below one in 2⁵⁸ here.
pub fn below(end: usize, rng: &mut ChaCha8Rng) -> usize {
    (rng.next_u64() % end as u64) as usize
}

/// Returns a word; short ones are more frequent, as in English.
pub fn word(rng: &mut ChaCha8Rng) -> &'static str {
    let end = 1 + below(WORDS.len(), rng);
    WORDS[below(end, rng)]
}

/// Returns words separated by one space, at most `bytes` in total.
pub fn words(bytes: usize, rng: &mut ChaCha8Rng) -> String {
    let mut text = String::with_capacity(bytes);
    loop {
        let word = word(rng);
        if text.len() + word.len() + 1 > bytes {
            return text;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
}

/// Pads a text with letters that occur in no word and match no pattern.
pub fn filler(bytes: usize) -> String {
    "z".repeat(bytes)
}

/// Pads a text with spaces.
pub fn padded(mut text: String, bytes: usize) -> String {
    let missing = bytes.saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', missing));
    text
}
