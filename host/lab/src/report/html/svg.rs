//! Draws one chart as SVG. Colours are those of the light theme; the page's style sheet
//! replaces them in the dark one.

use crate::report::table::escaped;
use crate::view::{Axis, Chart, Mark, Scale, Spot};
use crate::{Error, Result};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// A series' colours, in order: enough for three loads on three backends.
pub const PALETTE: [RGBColor; 9] = [
    RGBColor(0x0B, 0x6B, 0xCB),
    RGBColor(0xC8, 0x51, 0x0A),
    RGBColor(0x1A, 0x7F, 0x37),
    RGBColor(0x82, 0x50, 0xDF),
    RGBColor(0xBF, 0x39, 0x89),
    RGBColor(0x6E, 0x77, 0x81),
    RGBColor(0x0B, 0x7A, 0x75),
    RGBColor(0x7A, 0x4B, 0x12),
    RGBColor(0xA4, 0x0E, 0x26),
];
const INK: RGBColor = RGBColor(0x24, 0x29, 0x2F);
const GRID: RGBColor = RGBColor(0xD8, 0xDE, 0xE4);
const WIDTH: u32 = 760;
/// A chart of more names than these does not stand beside another.
const TALL: usize = 12;

/// Writes a chart as a figure: the caption, the series' names with their colours, the picture.
///
/// # Errors
/// If it cannot be drawn.
pub(super) fn figure(chart: &Chart) -> Result<String> {
    let series = chart.series.iter().enumerate();
    let named = series.filter(|(_, series)| !series.name.is_empty());
    let legend: String = named
        .map(|(index, series)| {
            let name = escaped(&series.name);
            format!("<span><i class=s{}></i>{name}</span> ", index % PALETTE.len())
        })
        .collect();
    let caption = escaped(&chart.caption);
    let labelled = format!("<svg role=\"img\" aria-label=\"{caption}\" ");
    let svg = svg(chart)?.replacen("<svg ", &labelled, 1);
    let class = match &chart.y.scale {
        Scale::Names(names) if names.len() > TALL => " class=tall",
        _ => "",
    };
    Ok(format!(
        "<figure{class}>\n<figcaption>{caption}<div class=legend>{legend}</div></figcaption>\n{svg}</figure>\n"
    ))
}

fn svg(chart: &Chart) -> Result<String> {
    let mut svg = String::new();
    let drawn = draw_into(chart, &mut svg);
    drawn.map_err(|error| Error::Machine(format!("cannot draw a chart: {error}")))?;
    Ok(svg)
}

fn is_named(chart: &Chart) -> bool {
    matches!(chart.y.scale, Scale::Names(_))
}

fn draw_into(
    chart: &Chart,
    svg: &mut String,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (left, height) = match &chart.y.scale {
        Scale::Names(names) => {
            let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            (longest as u32 * 7 + 20, names.len() as u32 * 24 + 70)
        }
        _ => (84, 300),
    };
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    let spots = || {
        let all = chart.series.iter().flat_map(|series| &series.spots);
        all.filter(|spot| !spot.is_gap())
    };
    let ranges = || spots().filter_map(|spot| spot.range).flat_map(|(low, high)| [low, high]);
    let bars = || chart.series.iter().flat_map(|series| &series.bars);
    let marks = chart.marks.iter().flat_map(|mark| match mark {
        Mark::Band(from, to) => [*from, *to],
        Mark::At(at) => [*at, *at],
    });
    let of_bars = bars().flat_map(|(_, from, to)| [*from, *to]);
    let (mut across, mut up) = (Vec::new(), Vec::new());
    across.extend(spots().map(|spot| spot.x).chain(marks).chain(of_bars));
    up.extend(spots().map(|spot| spot.y));
    if is_named(chart) {
        across.extend(ranges());
    } else {
        up.extend(ranges());
    }
    let x = range(&chart.x, across.into_iter());
    let y = range(&chart.y, up.into_iter());
    let mut canvas = ChartBuilder::on(&area)
        .margin(8)
        .margin_right(24)
        .x_label_area_size(44)
        .y_label_area_size(left)
        .build_cartesian_2d(
            Scaled { range: x, ticks: ticks(&chart.x, x) },
            Scaled { range: y, ticks: ticks(&chart.y, y) },
        )?;
    let font = ("system-ui, sans-serif", 14).into_font().color(&INK);
    canvas
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(INK)
        .label_style(font.clone())
        .axis_desc_style(font)
        .x_labels(usize::MAX)
        .y_labels(usize::MAX)
        .x_desc(chart.x.name.clone())
        .y_desc(if is_named(chart) { String::new() } else { chart.y.name.clone() })
        .draw()?;
    for mark in &chart.marks {
        let (from, to) = match mark {
            Mark::Band(from, to) => (*from, *to),
            Mark::At(at) => (*at, *at),
        };
        let corners = [(place(&chart.x, from), y.0), (place(&chart.x, to), y.1)];
        match mark {
            Mark::Band(..) => {
                let shade = PALETTE[1].mix(0.14).filled();
                canvas.draw_series([Rectangle::new(corners, shade)])?;
            }
            Mark::At(_) => {
                let line = PALETTE[2].stroke_width(2);
                canvas.draw_series([PathElement::new(corners.to_vec(), line)])?;
            }
        }
    }
    for (series, colour) in chart.series.iter().zip(PALETTE.into_iter().cycle()) {
        let bars = series.bars.iter().map(|(name, from, to)| {
            let middle = place(&chart.y, *name);
            let corners =
                [(place(&chart.x, *from), middle - 0.32), (place(&chart.x, *to), middle + 0.32)];
            Rectangle::new(corners, colour.filled())
        });
        canvas.draw_series(bars)?;
        let at = |spot: &Spot| (place(&chart.x, spot.x), place(&chart.y, spot.y));
        let lines = series.spots.split(Spot::is_gap);
        for spots in lines.filter(|_| series.line) {
            let spots = spots.iter().map(at);
            canvas.draw_series(LineSeries::new(spots, colour.stroke_width(2)))?;
        }
        let ranged = series.spots.iter().filter_map(|spot| Some((spot, spot.range?)));
        for (spot, (low, high)) in ranged {
            let (x, y) = at(spot);
            let line = match is_named(chart) {
                true => vec![(place(&chart.x, low), y), (place(&chart.x, high), y)],
                false => vec![(x, place(&chart.y, low)), (x, place(&chart.y, high))],
            };
            let ink =
                if series.dots && series.bars.is_empty() && !series.line { colour } else { INK };
            canvas.draw_series([PathElement::new(line, ink.stroke_width(2))])?;
        }
        if series.dots {
            let dots = series.spots.iter().map(|spot| Circle::new(at(spot), 3, colour.filled()));
            canvas.draw_series(dots)?;
        }
    }
    area.present()?;
    Ok(())
}

/// Returns the position of a number on an axis: the number, or its logarithm.
fn place(axis: &Axis, value: f64) -> f64 {
    match &axis.scale {
        Scale::Linear | Scale::Labels(_) => value,
        Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
        // The first one on top.
        Scale::Names(_) => -value,
        Scale::Nines => -(1.0 - value).max(1e-9).log10(),
    }
}

fn range(axis: &Axis, values: impl Iterator<Item = f64>) -> (f64, f64) {
    match &axis.scale {
        Scale::Names(names) => return (0.5 - names.len() as f64, 0.5),
        Scale::Labels(labels) => return (-0.5, labels.len() as f64 - 0.5),
        _ => {}
    }
    let placed = values.map(|value| place(axis, value));
    let (low, high) = placed
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if low > high {
        return (0.0, 1.0);
    }
    match axis.scale {
        Scale::Nines => (0.0, high),
        Scale::Linear if low >= 0.0 => (0.0, (high * 1.06).max(f64::MIN_POSITIVE)),
        _ => {
            let margin = ((high - low) * 0.06).max(0.05);
            (low - margin, high + margin)
        }
    }
}

/// Returns the positions and texts of an axis's labels.
fn ticks(axis: &Axis, (low, high): (f64, f64)) -> Vec<(f64, String)> {
    match &axis.scale {
        Scale::Names(names) => {
            let names = names.iter().enumerate();
            names.map(|(index, name)| (-(index as f64), name.clone())).collect()
        }
        Scale::Labels(labels) => {
            let labels = labels.iter().enumerate();
            labels.map(|(index, label)| (index as f64, label.clone())).collect()
        }
        Scale::Nines => {
            let shares = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %"];
            let half = std::iter::once((0.5_f64, "50 %"))
                .map(|(share, name)| (-(1.0 - share).log10(), name));
            let nines = shares.into_iter().enumerate().map(|(nines, name)| (nines as f64, name));
            let all = nines.chain(half).filter(|(at, _)| *at <= high);
            all.map(|(at, name)| (at, name.to_owned())).collect()
        }
        Scale::Linear => {
            let (rough, steps) = ((high - low) / 6.0, [1.0, 2.0, 5.0, 10.0]);
            let unit = 10_f64.powf(rough.log10().floor());
            let step = steps.map(|step| step * unit).into_iter().find(|step| *step >= rough);
            let step = step.unwrap_or(rough);
            let first = (low / step).ceil() as i64;
            let all = (first..).map(|n| n as f64 * step).take_while(|at| *at <= high);
            all.map(|at| (at, axis.form.show(at))).collect()
        }
        Scale::Log => {
            let decades = high - low;
            let digits: &[f64] = match decades {
                ..0.7 => &[1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0],
                ..2.5 => &[1.0, 2.0, 5.0],
                _ => &[1.0],
            };
            let powers = (low.floor() as i32)..=(high.ceil() as i32);
            let all =
                powers.flat_map(|power| digits.iter().map(move |digit| digit * 10_f64.powi(power)));
            let all: Vec<_> = all
                .map(|value| (value.log10(), value))
                .filter(|(at, _)| (low..=high).contains(at))
                .collect();
            let every = all.len().div_ceil(9).max(1);
            let some = all.into_iter().step_by(every);
            some.map(|(at, value)| (at, axis.form.show(value))).collect()
        }
    }
}

/// An axis with the positions and texts of its labels.
struct Scaled {
    range: (f64, f64),
    ticks: Vec<(f64, String)>,
}

impl Ranged for Scaled {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (low, high) = self.range;
        let share = (value - low) / (high - low);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.0..self.range.1
    }
}

impl ValueFormatter<f64> for Scaled {
    fn format_ext(&self, value: &f64) -> String {
        let found = self.ticks.iter().find(|(at, _)| at == value);
        // What is round needs no digits: `10 µs`.
        found.map_or_else(String::new, |(_, name)| name.replace(".00 ", " "))
    }
}
