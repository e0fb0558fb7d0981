//! Draws a flamegraph as SVG that stands in a page: without a script, and in the page's colours.

use super::super::table::escaped;
use crate::printable::printable;
use crate::view::Flamegraph;
use crate::{Error, Result};
use inferno::{differential, flamegraph};
use std::io;

/// Functions narrower than this share of the picture are left out, percent: nobody sees them.
const NARROWEST: f64 = 0.2;

/// The width that text is laid out for; the picture itself is as wide as its page.
const WIDTH: usize = 1120;

/// The space that inferno leaves above and below the frames, for what a page has no use for.
const TOP: usize = 36;
const BOTTOM: usize = 34;

/// Writes a flamegraph as a figure, each function with its share in a tooltip.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn figure(graph: &Flamegraph) -> Result<String> {
    let caption = escaped(&graph.caption);
    if graph.stacks.iter().all(|(_, samples)| *samples == 0) {
        return Ok(format!("<p>{caption}: none was taken.</p>\n"));
    }
    let drawn = drawn(graph)
        .map_err(|error| Error::Machine(format!("cannot draw a flamegraph: {error}")))?;
    let (frames, height) = frames(&drawn);
    Ok(format!(
        "<figure class=flame>\n<figcaption>{caption}</figcaption>\n\
         <svg role=\"img\" aria-label=\"{caption}\" viewBox=\"0 {TOP} {WIDTH} {}\" \
         xmlns=\"http://www.w3.org/2000/svg\" xmlns:fg=\"http://github.com/jonhoo/inferno\">\n\
         {frames}</svg>\n</figure>\n",
        height.saturating_sub(TOP + BOTTOM)
    ))
}

fn drawn(graph: &Flamegraph) -> io::Result<String> {
    let mut lines = lines(&graph.stacks);
    if let Some(before) = &graph.before {
        let (before, after) = (self::lines(before).join("\n"), lines.join("\n"));
        let mut both = Vec::new();
        let options = differential::Options::default();
        differential::from_readers(options, before.as_bytes(), after.as_bytes(), &mut both)?;
        lines = String::from_utf8_lossy(&both).lines().map(str::to_owned).collect();
    }
    lines.sort_unstable();
    let mut options = flamegraph::Options::default();
    options.title = String::new();
    options.image_width = Some(WIDTH);
    options.min_width = NARROWEST;
    options.deterministic = true;
    options.no_javascript = true;
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)?;
    Ok(String::from_utf8_lossy(&svg).into_owned())
}

/// Returns the frames of a picture, without the title, search and script around them, and the
/// height of the whole.
fn frames(svg: &str) -> (&str, usize) {
    let after = |text: &str| svg.find(text).map(|at| at + text.len());
    let height = after(" height=\"").and_then(|at| svg[at..].split('"').next());
    let height = height.and_then(|height| height.parse().ok()).unwrap_or(0);
    let inner = after("<svg id=\"frames\"").map_or("", |at| &svg[at..]);
    let frames = inner.split_once('>').map_or("", |(_, frames)| frames);
    (frames.strip_suffix("</svg></svg>").unwrap_or(""), height)
}

/// Returns stacks as inferno reads them. A space in a name would be taken for that before the
/// number, where a number follows.
fn lines(stacks: &[(String, u64)]) -> Vec<String> {
    let line = |(stack, samples): &(String, u64)| {
        let frames: Vec<String> = stack.split(';').map(printable).collect();
        format!("{} {}", frames.join(";").replace(' ', "\u{a0}"), (*samples).min(1 << 40))
    };
    stacks.iter().filter(|(_, samples)| *samples > 0).map(line).collect()
}
