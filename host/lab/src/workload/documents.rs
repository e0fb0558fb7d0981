//! Messages for agents that read documents.

use super::text::{below, filler, padded, word, words};
use super::{Case, Exchange, Expected, messages};
use rand_chacha::ChaCha8Rng;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Orders of a few customers, padded with spaces, which JSON allows at its end.
pub fn json(size: usize, rng: &mut ChaCha8Rng) -> Case {
    const OPEN: &str = "{\"orders\":[";
    const CLOSE: &str = "]}";
    let exchange = |_| {
        let mut text = OPEN.to_owned();
        let mut totals = BTreeMap::new();
        loop {
            let customer = word(rng);
            let (quantity, cents) = (1 + below(9, rng), below(100_000, rng));
            let paid = below(3, rng) > 0;
            let comma = if text.len() == OPEN.len() { "" } else { "," };
            let order = format!(
                "{comma}{{\"customer\":\"{customer}\",\"item\":\"{}\",\"quantity\":{quantity},\
                 \"cents\":{cents},\"paid\":{paid}}}",
                word(rng)
            );
            if text.len() + order.len() + CLOSE.len() > size {
                break;
            }
            text += &order;
            if paid {
                *totals.entry(customer).or_insert(0) += quantity * cents;
            }
        }
        text += CLOSE;
        let totals: Vec<_> = totals.iter().map(|(c, t)| format!("\"{c}\":{t}")).collect();
        let reply = format!("{{{}}}", totals.join(","));
        Exchange::reply(padded(text, size), reply)
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

/// Lines, one in eight of which matches the pattern.
pub fn search(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let (mut text, mut found) = (String::new(), String::new());
        loop {
            let mut line = words(20 + below(80, rng), rng);
            let planted = below(8, rng) == 0;
            if planted {
                let _ = write!(line, " t={}ms {}", below(1_000, rng), word(rng));
            }
            line.push('\n');
            if text.len() + line.len() > size {
                break;
            }
            text += &line;
            if planted {
                found += &line;
            }
        }
        text += &filler(size - text.len());
        Exchange::reply(text, found)
    };
    Case {
        config: br"\bt=[0-9]+ms\b".to_vec(),
        ..Case::of(size, (0..messages(size)).map(exchange).collect())
    }
}

pub fn wordcount(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let text = words(size, rng);
        let mut counts = BTreeMap::new();
        for word in text.split(' ') {
            *counts.entry(word).or_insert(0) += 1;
        }
        let mut counts: Vec<(&str, u32)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let lines: String = counts.iter().map(|(w, n)| format!("{n} {w}\n")).collect();
        Exchange::reply(padded(text, size), lines)
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

pub fn compress(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let text = padded(words(size, rng), size);
        Exchange::new(&text, Expected::Deflated(text.clone().into_bytes()))
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

/// Headings, paragraphs, lists and tables, each written as Markdown and as HTML.
pub fn markdown(size: usize, rng: &mut ChaCha8Rng) -> Case {
    let exchange = |_| {
        let (mut source, mut page) = (String::new(), String::new());
        loop {
            let (markdown, html) = block(rng);
            if source.len() + markdown.len() + 2 > size {
                break;
            }
            source += &markdown;
            page += &html;
        }
        let rest = filler(size - source.len());
        let _ = writeln!(page, "<p>{rest}</p>");
        Exchange::reply(source + &rest, page)
    };
    Case::of(size, (0..messages(size)).map(exchange).collect())
}

fn block(rng: &mut ChaCha8Rng) -> (String, String) {
    let [a, b, c] = [12, 40, 40].map(|bytes| words(bytes, rng));
    match below(4, rng) {
        0 => (format!("## {a}\n\n"), format!("<h2>{a}</h2>\n")),
        // Starts with a heading, because Markdown would join two lists in a row.
        1 => (
            format!("### {a}\n\n- {b}\n- {c}\n\n"),
            format!("<h3>{a}</h3>\n<ul>\n<li>{b}</li>\n<li>{c}</li>\n</ul>\n"),
        ),
        2 => (
            format!("|{a}|{b}|\n|---|---|\n|{b}|{c}|\n\n"),
            format!(
                "<table><thead><tr><th>{a}</th><th>{b}</th></tr></thead><tbody>\n\
                 <tr><td>{b}</td><td>{c}</td></tr>\n</tbody></table>\n"
            ),
        ),
        _ => (
            format!("{a} *{b}* & **{c}** `{a}`\n\n"),
            format!("<p>{a} <em>{b}</em> &amp; <strong>{c}</strong> <code>{a}</code></p>\n"),
        ),
    }
}
