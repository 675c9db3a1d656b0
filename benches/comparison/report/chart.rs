//! Self-contained SVG charts: no scripts, system fonts, light and dark.

use std::fmt::Write;

/// What a chart shows: one row for each contestant, in it one value for each series.
pub struct Chart<'a> {
    pub title: &'a str,
    /// What the axis measures, with its unit.
    pub axis: &'a str,
    pub series: &'a [String],
    pub rows: Vec<(String, Vec<f64>)>,
    /// How a value is written beside its mark.
    pub value: fn(f64) -> String,
}

const WIDTH: f64 = 760.0;
/// Where rows begin, right of their labels, and where the longest bar ends, left of its value.
const LEFT: f64 = 132.0;
const RIGHT: f64 = 680.0;
const TOP: f64 = 76.0;
const BAR: f64 = 15.0;
const GAP: f64 = 12.0;

/// Both palettes keep a contrast of at least 4.5 to 1 for text, 3 to 1 for marks.
const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #1f2328 }
    .title { font-size: 15px; font-weight: 600 }
    .faint { fill: #59636e }
    .value { font-size: 12px }
    .end { text-anchor: end }
    .middle { text-anchor: middle }
    .ground { fill: #ffffff }
    .grid { stroke: #d1d9e0 }
    .range { stroke: #59636e; stroke-width: 2 }
    .s0 { fill: #0969da }
    .s1 { fill: #bc4c00 }
    .s2 { fill: #1a7f37 }
    @media (prefers-color-scheme: dark) {
        text { fill: #f0f6fc }
        .faint { fill: #9198a1 }
        .ground { fill: #0d1117 }
        .grid { stroke: #3d444d }
        .range { stroke: #9198a1 }
        .s0 { fill: #58a6ff }
        .s1 { fill: #f0883e }
        .s2 { fill: #56d364 }
    }";

/// One bar a value, from zero.
pub fn bars(chart: &Chart<'_>) -> String {
    let longest = chart.rows.iter().flat_map(|(_, values)| values).fold(0.0, |a: f64, b| a.max(*b));
    let scale = Scale::linear(longest);
    let height_of_row = BAR * chart.series.len() as f64;
    draw(chart, &scale, height_of_row, |svg, values, top| {
        for (index, value) in values.iter().enumerate() {
            let y = top + BAR * index as f64;
            let width = scale.x(*value) - LEFT;
            bar(svg, index, (LEFT, y), width);
            text(svg, "value", (LEFT + width + 5.0, y + 11.0), &(chart.value)(*value));
        }
    })
}

/// The values of a row in one bar, one after the other, with their sum.
pub fn stacked_bars(chart: &Chart<'_>) -> String {
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let longest = chart.rows.iter().fold(0.0, |a: f64, (_, values)| a.max(sum(values)));
    let scale = Scale::linear(longest);
    draw(chart, &scale, BAR + 3.0, |svg, values, top| {
        let mut x = LEFT;
        for (index, value) in values.iter().enumerate() {
            let width = scale.x(*value) - LEFT;
            if width >= 1.0 {
                bar(svg, index, (x, top + 2.0), width);
            }
            x += width;
        }
        text(svg, "value", (x + 5.0, top + 13.0), &(chart.value)(sum(values)));
    })
}

/// One dot a value, on a logarithmic axis, and a line from the least to the greatest.
pub fn dots(chart: &Chart<'_>) -> String {
    let values = || chart.rows.iter().flat_map(|(_, values)| values).copied();
    let scale = Scale::logarithmic(
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    draw(chart, &scale, BAR, |svg, values, top| {
        let y = top + BAR / 2.0;
        let places = values.iter().map(|value| scale.x(*value));
        let (from, to) = (places.clone().fold(f64::MAX, f64::min), places.fold(0.0, f64::max));
        let _ =
            writeln!(svg, r#"<line class="range" x1="{from:.1}" y1="{y}" x2="{to:.1}" y2="{y}"/>"#);
        for (index, value) in values.iter().enumerate() {
            let x = scale.x(*value);
            let _ = writeln!(svg, r#"<circle class="s{index}" cx="{x:.1}" cy="{y}" r="5"/>"#);
        }
        // Two that are close would be written over each other: all stand behind the last.
        let written: Vec<String> = values.iter().map(|value| (chart.value)(*value)).collect();
        text(svg, "value", (to + 10.0, y + 4.0), &written.join(" · "));
    })
}

/// Where a value lies between [`LEFT`] and [`RIGHT`].
struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
}

impl Scale {
    fn linear(longest: f64) -> Self {
        let longest = longest.max(f64::MIN_POSITIVE);
        let power = 10_f64.powf(longest.log10().floor());
        let steps = [0.2, 0.5, 1.0, 2.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| longest / step <= 6.0).unwrap_or(power);
        let ticks = (0..=6).map(|index| step * f64::from(index));
        let ticks = ticks.filter(|tick| *tick <= longest).collect();
        Self { from: 0.0, to: longest, logarithmic: false, ticks }
    }

    fn logarithmic(least: f64, greatest: f64) -> Self {
        let least = least.max(1e-6);
        let (first, end) = (least.log10().floor(), greatest.max(least).log10().ceil());
        let count = (end - first).round().max(1.0);
        let ticks = (0..=8).map(f64::from).take_while(|index| *index <= count);
        let ticks = ticks.map(|index| 10_f64.powf(first + index)).collect();
        // Room for what is written behind the last dot.
        let to = 10_f64.powf(first + count * 1.25);
        Self { from: 10_f64.powf(first), to, logarithmic: true, ticks }
    }

    fn x(&self, value: f64) -> f64 {
        let part = if self.logarithmic {
            (value.max(self.from) / self.from).log10() / (self.to / self.from).log10()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        LEFT + (RIGHT - LEFT) * part
    }
}

/// All but the marks of the rows, which `draw_row` adds.
fn draw(
    chart: &Chart<'_>,
    scale: &Scale,
    height_of_row: f64,
    draw_row: impl Fn(&mut String, &[f64], f64),
) -> String {
    let bottom = TOP + (height_of_row + GAP) * chart.rows.len() as f64;
    let height = bottom + 46.0;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>{}</title>
<style>{STYLE}
</style>
<rect class="ground" width="{WIDTH}" height="{height}" rx="6"/>
"#,
        escaped(chart.title)
    );
    text(&mut svg, "title", (16.0, 28.0), chart.title);
    // Laid out by the number of letters, about 7 units each.
    let mut x = LEFT;
    for (index, name) in chart.series.iter().enumerate() {
        bar(&mut svg, index, (x, 42.0), 12.0);
        text(&mut svg, "faint", (x + 18.0, 54.0), name);
        x += 44.0 + 7.0 * name.chars().count() as f64;
    }
    for tick in &scale.ticks {
        let x = scale.x(*tick);
        let _ = writeln!(
            svg,
            r#"<line class="grid" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{bottom:.1}"/>"#,
            TOP - 8.0
        );
        text(&mut svg, "faint value middle", (x, bottom + 16.0), &tick_label(*tick));
    }
    text(&mut svg, "faint middle", (f64::midpoint(LEFT, RIGHT), bottom + 36.0), chart.axis);
    let mut top = TOP;
    for (label, values) in &chart.rows {
        text(&mut svg, "end", (LEFT - 10.0, top + height_of_row / 2.0 + 4.0), label);
        draw_row(&mut svg, values, top);
        top += height_of_row + GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn bar(svg: &mut String, series: usize, (x, y): (f64, f64), width: f64) {
    let (width, height) = (width.max(1.0), BAR - 2.0);
    let _ = writeln!(
        svg,
        r#"<rect class="s{series}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height}" rx="2"/>"#
    );
}

fn text(svg: &mut String, class: &str, (x, y): (f64, f64), text: &str) {
    let text = escaped(text);
    let _ = writeln!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#);
}

/// Without zeros that say nothing: 0.1, 20, 40,000.
fn tick_label(tick: f64) -> String {
    if tick >= 1_000.0 { grouped(tick) } else { format!("{}", (tick * 1e6).round() / 1e6) }
}

/// A whole number with its thousands apart.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
