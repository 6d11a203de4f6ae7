//! The ladders as a picture (SVG 1.1): two life lines with the kernel's states beside them, and an arrow for each segment.
//!
//! The picture has no script and no font of its own. Its colours follow `prefers-color-scheme`, so it can be read on a
//! light and on a dark page. A line of the picture is a line of the text: [`canvas`] draws it, this module decides what is
//! in it.

mod canvas;

use super::kernel::State;
use super::ladder::{Actor, Ladder, Row};
use super::sheet::{self, Line as SheetLine};
use super::shown::Shown;
use super::text::Text;
use super::width::{columns, wrapped};
use crate::language::Language;
use canvas::{Canvas, Column, Place};

/// The numbers of columns of a sentence about a step, and of one below the ladder.
const NOTE: usize = 86;
const SENTENCE: usize = 108;

/// Returns a picture of all that was shown.
pub fn picture(shown: &[Shown], language: Language) -> String {
    let mut canvas = Canvas::new();
    for (at, shown) in shown.iter().enumerate() {
        if at > 0 {
            canvas.space();
        }
        canvas.title(&sheet::heading(shown, language));
        match shown {
            Shown::Ladder(ladder) => draw(&mut canvas, ladder, language),
            Shown::Essay(faults) => sheet(&mut canvas, &sheet::essay(faults, language)),
            Shown::Ports(outcomes) => sheet(&mut canvas, &sheet::ports(outcomes, language)),
        }
    }
    if shown.iter().any(|shown| matches!(shown, Shown::Ladder(_))) {
        canvas.space();
        sentence(&mut canvas, language.bill().picture);
    }
    let title = match shown {
        [one] => sheet::heading(one, language),
        _ => "fourway lab".into(),
    };
    canvas.finish(&title, language.tag())
}

fn draw(canvas: &mut Canvas, ladder: &Ladder, language: Language) {
    let text = Text { sentences: language.lab(), paint: super::paint::Paint { is_on: false } };
    let [time, client, segments, server, own] = text.headings(ladder.title);
    for (column, heading) in [
        (Column::Time, time),
        (Column::Client, client),
        (Column::Segments, segments),
        (Column::Server, server),
        (Column::Own, own),
    ] {
        canvas.text(Place::at(column), "dim", heading);
    }
    canvas.end_line();
    let (mut client, mut server) = ladder.before;
    state(canvas, Column::Client, client);
    state(canvas, Column::Server, server);
    canvas.end_line();
    for row in &ladder.rows {
        draw_row(canvas, row, (client, server), &text);
        (client, server) = (row.client.state, row.server.state);
        for note in &row.notes {
            draw_note(canvas, &(text.sentences.note)(*note), row);
        }
    }
    for note in &ladder.notes {
        sentence(canvas, &(text.sentences.note)(*note));
    }
    if let Some(bill) = &ladder.bill {
        sheet(canvas, &sheet::bill(bill, language));
    }
}

/// Draws a step: its call and its first segment in one line, and the states that it leads to in its last.
fn draw_row(canvas: &mut Canvas, row: &Row, before: (Option<State>, Option<State>), text: &Text) {
    let changed = (row.client.state != before.0, row.server.state != before.1);
    let segments = row.segments.len().max(1);
    // A call of the client stands where its state does.
    let needs_line = changed.0 && row.actor == Actor::Client && segments == 1;
    let last = segments - 1 + usize::from(needs_line);
    for at in 0..=last {
        let now = |changed: bool, before, after| if changed && at < last { before } else { after };
        canvas.life(Column::Client, now(changed.0, before.0, row.client.state), row.client.is_held);
        canvas.life(Column::Server, now(changed.1, before.1, row.server.state), row.server.is_held);
        if let Some(segments) = row.segments.get(at) {
            canvas.arrow(segments.to, segments.source, &text.label(segments));
        }
        if at == 0 {
            let time = format!("{:.1}", row.at.as_secs_f64() * 1000.0);
            canvas.text(Place::at(Column::Time), "dim", &time);
            let call = row.call.as_ref().map(|call| text.call(call, row.times)).unwrap_or_default();
            let change = row.change.as_ref().map(|change| format!("→ {}", change.to)).unwrap_or_default();
            let is_client = row.actor == Actor::Client;
            canvas.text(Place::at(if is_client { Column::Client } else { Column::Own }), "call", &call);
            let behind = if is_client || call.is_empty() { 0 } else { columns(&call) + 1 };
            canvas.text(Place::behind(Column::Own, behind), "own", &change);
        }
        if at == last {
            if changed.0 {
                state(canvas, Column::Client, row.client.state);
            }
            if changed.1 {
                state(canvas, Column::Server, row.server.state);
            }
        }
        canvas.end_line();
    }
}

fn state(canvas: &mut Canvas, column: Column, state: Option<State>) {
    canvas.text(Place::at(column), canvas::class(state), state.map_or("?", State::as_str));
}

/// Draws a sentence about a step in the place of segments. The life lines go on.
fn draw_note(canvas: &mut Canvas, note: &str, row: &Row) {
    for line in wrapped(note, NOTE) {
        canvas.life(Column::Client, row.client.state, row.client.is_held);
        canvas.faint_life(Column::Server, row.server.state);
        canvas.text(Place::at(Column::Note), "note", &line);
        canvas.end_line();
    }
}

fn sentence(canvas: &mut Canvas, text: &str) {
    for line in wrapped(text, SENTENCE) {
        canvas.text(Place::at(Column::Sentence), "note", &line);
        canvas.end_line();
    }
}

fn sheet(canvas: &mut Canvas, lines: &[SheetLine]) {
    let names = sheet::width_of_names(lines);
    for line in lines {
        match line {
            SheetLine::Heading(heading) => {
                canvas.text(Place::at(Column::Sentence), "call", heading);
                canvas.end_line();
            }
            SheetLine::Row(name, value) => {
                canvas.text(Place::behind(Column::Sentence, 2), "plain", name);
                canvas.text(Place::behind(Column::Sentence, 2 + names + 3), "value", value);
                canvas.end_line();
            }
            SheetLine::Text(text) => {
                sentence(canvas, text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::kernel::End;
    use super::super::ladder::{Call, Outcome, Segments, Side, Source};
    use super::super::note::{Note, Title};
    use super::*;

    fn end(state: State) -> End {
        End { state: Some(state), ..End::default() }
    }

    fn ladder(call: &str) -> Shown {
        let fin = Segments {
            to: Side::Server,
            count: None,
            bytes: 0,
            syn: false,
            ack: true,
            fin: true,
            rst: false,
            is_again: false,
            acks_fin: false,
            source: Source::Counters,
        };
        let row = Row {
            at: Duration::from_micros(1_234),
            actor: Actor::Client,
            call: Some(Call::new(call, Outcome::Failed("a<b & \"c\"".into()))),
            times: 1,
            segments: vec![fin],
            client: end(State::FinWait1),
            server: End::default(),
            change: None,
            notes: vec![Note::NotSeen],
        };
        Shown::Ladder(Box::new(Ladder {
            title: Title::ServerFirst,
            client: ([127, 0, 0, 1], 1).into(),
            server: ([127, 0, 0, 1], 2).into(),
            before: (Some(State::Established), Some(State::Established)),
            rows: vec![row],
            notes: Vec::new(),
            bill: None,
        }))
    }

    #[test]
    fn a_picture_has_the_states_the_calls_and_the_segments() {
        let svg = picture(&[ladder("close")], Language::English);
        for part in
            [">FIN_WAIT_1<", ">?<", ">1.2<", "? × FIN+ACK", "<line ", "marker-end", "prefers-color-scheme"]
        {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn text_is_escaped() {
        let svg = picture(&[ladder("</text><script>")], Language::Chinese);
        assert!(svg.contains("a&lt;b &amp; &quot;c&quot;") && !svg.contains("<script"), "{svg}");
    }

    #[test]
    fn every_element_is_closed_and_says_its_language() {
        let svg = picture(&[ladder("close"), ladder("close")], Language::Chinese);
        assert!(svg.contains("xml:lang=\"zh\""));
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1).map(|rest| rest.split('>').next().expect("a tag")) {
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{svg}");
            } else if !tag.ends_with('/') {
                open.push(tag.split(' ').next().expect("a name"));
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }
}
