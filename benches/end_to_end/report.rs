//! From figures to what can be said: medians, ratios and their spread.

use std::fmt::Write;

/// What was measured, in nanoseconds per unit, one figure a round.
pub struct Series {
    name: String,
    unit: &'static str,
    pub floor: Vec<f64>,
    pub fourway: Vec<f64>,
    /// `fourway` without the idle connections beside; empty where there are none.
    pub alone: Vec<f64>,
    pub held: Option<usize>,
    pub longest_turn: Option<String>,
}

/// Five numbers instead of one with an error that noise of this kind does not have: it has no
/// mean, it comes in bursts and only ever adds.
pub struct Spread {
    pub least: f64,
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
    pub most: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = share * (figures.len() - 1) as f64;
            let (below, above) = (figures[place.floor() as usize], figures[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Spread { least: at(0.0), lower: at(0.25), median: at(0.5), upper: at(0.75), most: at(1.0) }
    }

    /// Of the ratios within each round, whose halves met the same minute of the machine.
    fn of_ratios(above: &[f64], below: &[f64]) -> Self {
        Self::of(above.iter().zip(below).map(|(above, below)| above / below).collect())
    }
}

impl Series {
    pub fn new(name: String, unit: &'static str) -> Self {
        let none = Vec::new;
        Series { name, unit, floor: none(), fourway: none(), alone: none(), held: None, longest_turn: None }
    }

    pub fn ratio(&self) -> Spread {
        Spread::of_ratios(&self.fourway, &self.floor)
    }
}

/// The median.
pub fn microseconds(nanoseconds: &[f64]) -> String {
    format!("{:.3} µs", Spread::of(nanoseconds.to_vec()).median / 1e3)
}

/// The cases as a table.
pub fn table(all: &[Series]) -> String {
    let heads = ["case", "CPU per", "floor", "fourway", "ratio", "quartiles", "range"];
    let mut rows = vec![heads.map(String::from)];
    for series in all {
        let cells = [&series.floor, &series.fourway].map(|costs| microseconds(costs));
        rows.push(row(&series.name, series.unit, cells, &series.ratio()));
    }
    let mut text = String::new();
    for [name, unit, floor, fourway, ratio, quartiles, range] in rows {
        let figures = format!("{floor:>10}  {fourway:>10}  {ratio:>6}  {quartiles:>12}  {range:>12}");
        let _ = writeln!(text, "{name:<19}  {unit:<10}  {figures}");
    }
    all.iter().filter(|series| !series.alone.is_empty()).for_each(|series| text += &beside(series));
    text
}

fn row(name: &str, unit: &str, [below, above]: [String; 2], ratio: &Spread) -> [String; 7] {
    let quartiles = format!("{:.2} - {:.2}", ratio.lower, ratio.upper);
    let range = format!("{:.2} - {:.2}", ratio.least, ratio.most);
    [name.into(), unit.into(), below, above, format!("{:.3}", ratio.median), quartiles, range]
}

/// What the idle connections cost those that are not.
fn beside(series: &Series) -> String {
    let Spread { least, lower, median, upper, most } = Spread::of_ratios(&series.fourway, &series.alone);
    format!(
        "{}: {median:.3} times as much as fourway without them, {} (quartiles {lower:.2} - {upper:.2}, \
         range {least:.2} - {most:.2})\n",
        series.name,
        microseconds(&series.alone),
    )
}

/// All figures, in nanoseconds. The names are ours, so that nothing has to be escaped.
pub fn json(all: &[Series]) -> String {
    let rows: Vec<_> = all.iter().map(object).collect();
    format!("[\n{}\n]\n", rows.join(",\n"))
}

fn object(series: &Series) -> String {
    let Series { name, unit, floor, fourway, alone, .. } = series;
    let mut text = format!("  {{\"case\": \"{name}\", \"unit\": \"{unit}\"");
    if let Some(held) = series.held {
        let _ = write!(text, ", \"held\": {held}");
    }
    if let Some(turn) = &series.longest_turn {
        let _ = write!(text, ", \"longest_turn\": \"{turn}\"");
    }
    let ratio = series.ratio();
    let _ = write!(
        text,
        ", \"ratio\": {:.4}, \"quartiles\": [{:.4}, {:.4}], \"range\": [{:.4}, {:.4}]",
        ratio.median, ratio.lower, ratio.upper, ratio.least, ratio.most
    );
    let _ =
        write!(text, ",\n    \"floor\": {floor:.1?}, \"fourway\": {fourway:.1?}, \"alone\": {alone:.1?}}}");
    text
}
