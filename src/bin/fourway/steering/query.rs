//! The query of a URL that steers a response: letters and their values.
//!
//! `s=20k&t=700&r=503:5,200` has three letters. Any of `& ? , ; /` separates them. After a comma, a value without a
//! letter continues the list before it. If a letter comes twice, the last one counts.
//!
//! A query steers only if every letter is known and every value is right. All others belong to ordinary URLs, such as
//! `q=a+b` and `page=2`. So does a query with a value beyond its bounds: `t=1700000000` is there to defeat a cache, and
//! is no delay.

use fastrand::Rng;
use fourway::CloseMode;

use super::number::{Amount, Draw, Share, Value, share};
use super::plan::Plan;

/// The longest time that a letter can set, in milliseconds: an hour.
const LONGEST: i64 = 3_600_000;

/// The letters of a query, one bit for each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Letters(u64);

impl Letters {
    /// Every letter that steers.
    pub const ALL: [u8; 21] = *b"srtkpgRCKcewPvbBAxndS";

    fn add(&mut self, letter: u8) {
        self.0 |= 1 << (letter - b'A');
    }

    pub fn contains(self, letter: u8) -> bool {
        self.0 & (1 << (letter - b'A')) != 0
    }
}

/// Reads a query, and draws its values. `usual` is the plan without it. Returns `None` if the query does not steer.
pub fn read(query: &str, usual: &Plan, rng: &mut Rng) -> Option<(Plan, Letters)> {
    let mut plan = *usual;
    let mut letters = Letters::default();
    let mut list: Option<(u8, Draw)> = None;
    let mut rest = query;
    let mut is_after_comma = false;
    loop {
        let end = rest.find(['&', '?', ',', ';', '/']);
        let token = &rest[..end.unwrap_or(rest.len())];
        if let Some((letter, text)) = letter_of(token) {
            if let Some((letter, draw)) = list.take() {
                plan.set(letter, draw.end(), usual, rng);
            }
            letters.add(letter);
            let mut draw = Draw::begin(rng);
            let (value, share) = entry(letter, text)?;
            draw.add(value, share, rng)?;
            list = Some((letter, draw));
        } else if !token.is_empty() {
            let (letter, draw) = list.as_mut().filter(|_| is_after_comma)?;
            let (value, share) = entry(*letter, token)?;
            draw.add(value, share, rng)?;
        }
        let Some(end) = end else { break };
        is_after_comma = rest[end..].starts_with(',');
        rest = &rest[end + 1..];
    }
    let (letter, draw) = list?;
    plan.set(letter, draw.end(), usual, rng);
    Some((plan, letters))
}

/// Splits `s=20k` into its letter and its value.
fn letter_of(token: &str) -> Option<(u8, &str)> {
    let (name, value) = token.split_once('=')?;
    match name.as_bytes() {
        &[letter] if letter.is_ascii_alphabetic() => Some((letter, value)),
        _ => None,
    }
}

/// Returns whether this is a right list of values of a letter.
pub fn is_list(letter: u8, text: &str) -> bool {
    let mut rng = Rng::with_seed(0);
    let mut draw = Draw::begin(&mut rng);
    text.split(',').all(|text| {
        let entry = entry(letter, text);
        entry.is_some_and(|(value, share)| draw.add(value, share, &mut rng).is_some())
    })
}

/// Reads a value of a list, with its share if it has one.
fn entry(letter: u8, text: &str) -> Option<(Value, Option<Share>)> {
    match text.split_once(':') {
        Some((text, percent)) => Some((value(letter, text)?, Some(share(percent)?))),
        None => Some((value(letter, text)?, None)),
    }
}

/// Reads a value of a letter. Returns `None` if the letter is unknown, or if the value is out of its bounds.
fn value(letter: u8, text: &str) -> Option<Value> {
    match (letter, text) {
        (b'x', _) => return end(text),
        (b'v', "headers" | "1") => return Some(Value::Headers),
        (b'v', "body" | "2") => return Some(Value::Body),
        _ => {}
    }
    let amount = Amount::parse(text)?;
    let bounds = match letter {
        b's' | b'n' | b'B' | b'p' => 0..=i64::MAX,
        b'b' => i64::MIN..=i64::MAX,
        b'r' if amount.is_random => return None,
        b'r' => 200..=599,
        b't' | b'w' | b'P' | b'g' => 0..=LONGEST,
        b'k' | b'R' | b'C' | b'K' | b'c' | b'e' | b'A' | b'd' | b'S' => i64::MIN..=i64::MAX,
        b'v' => 0..=0,
        _ => return None,
    };
    bounds.contains(&amount.number).then_some(Value::Amount(amount))
}

/// Reads `rst` or `rst@10k`: how a response ends, and after how many bytes of its body.
fn end(text: &str) -> Option<Value> {
    let (word, after) = match text.split_once('@') {
        Some((word, after)) => (word, Some(Amount::parse(after).filter(|after| !after.is_random)?)),
        None => (text, None),
    };
    let mode = match word {
        "fin" => CloseMode::Fin,
        "peer" => CloseMode::Peer,
        "rst" => CloseMode::Rst,
        "drop" => CloseMode::Drop,
        _ => return None,
    };
    let after = match after {
        Some(after) => Some(u64::try_from(after.number).ok()?),
        None => None,
    };
    Some(Value::End { mode, after })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::plan::{Length, Show};
    use super::*;

    fn plan(query: &str) -> Option<Plan> {
        read(query, &Plan::PLAIN, &mut fastrand::Rng::with_seed(1)).map(|(plan, _)| plan)
    }

    #[test]
    fn each_letter_sets_its_part_of_the_plan() {
        let plain = Plan::PLAIN;
        let ms = Duration::from_millis;
        let amount = |text| Amount::parse(text);
        let expected = [
            ("s=20k", Plan { size: Some(20 << 10), ..plain }),
            ("r=503", Plan { status: 503, ..plain }),
            ("t=700", Plan { delay: ms(700), ..plain }),
            ("t=10k", Plan { delay: ms(10_240), ..plain }),
            ("d=1", Plan { is_mute: true, ..plain }),
            ("k=1", Plan { one_byte_chunks: true, ..plain }),
            ("p=100r", Plan { piece: amount("100r"), ..plain }),
            ("g=10", Plan { gap: amount("10"), ..plain }),
            ("R=1", Plan { is_random: true, ..plain }),
            ("c=0", Plan { is_cacheable: Some(false), ..plain }),
            ("c=1", Plan { is_cacheable: Some(true), ..plain }),
            ("e=7", Plan { etag: Some(7), ..plain }),
            ("C=1", Plan { closes: true, ..plain }),
            ("w=5k", Plan { idle: Some(ms(5120)), ..plain }),
            ("P=1", Plan { pause: ms(1), ..plain }),
            ("v=1", Plan { show: Show::Headers, ..plain }),
            ("v=body", Plan { show: Show::Body, ..plain }),
            ("b=0", Plan { length: Length::None, ..plain }),
            ("b=100k", Plan { length: Length::This(100 << 10), ..plain }),
            ("B=10000", Plan { reads: Some(10_000), ..plain }),
            ("A=1", Plan { responds_first: true, ..plain }),
            ("x=rst", Plan { close: Some(CloseMode::Rst), ..plain }),
            ("x=peer@1k", Plan { close: Some(CloseMode::Peer), cut: Some(1024), ..plain }),
            ("n=5", Plan { cut: Some(5), ..plain }),
            ("S=1", plain),
        ];
        for (query, expected) in expected {
            assert_eq!(plan(query), Some(expected), "{query}");
        }
        let seen: Vec<_> = expected.iter().map(|(query, _)| query.as_bytes()[0]).collect();
        assert!(Letters::ALL.iter().all(|letter| *letter == b'K' || seen.contains(letter)), "{seen:?}");
        assert_eq!((plan("C=1&K=1"), plan("K=1&C=1")), (Some(plain), Some(Plan { closes: true, ..plain })));
    }

    #[test]
    fn zero_and_less_turn_a_letter_off() {
        for query in
            ["k=0", "C=0", "K=0", "R=-1", "e=0", "e=-1", "A=0", "d=0", "p=0", "g=0", "v=0", "b=-1", "t=0"]
        {
            assert_eq!(plan(query), Some(Plan::PLAIN), "{query}");
        }
    }

    #[test]
    fn the_last_value_of_a_letter_counts() {
        assert_eq!(plan("r=404&s=1&r=503"), plan("s=1&r=503"));
        assert_eq!(plan("v=body&v=0"), Some(Plan::PLAIN));
    }

    #[test]
    fn any_separator_stands_between_letters() {
        let expected = plan("s=20k&c=1&t=700");
        for separator in ["&", "?", ",", ";", "/", "&&", "/?"] {
            assert_eq!(plan(&["s=20k", "c=1", "t=700"].join(separator)), expected, "{separator}");
        }
        assert_eq!(plan("/s=20k&c=1&t=700/"), expected);
    }

    #[test]
    fn after_a_comma_a_value_continues_its_list() {
        let mut rng = fastrand::Rng::with_seed(3);
        let statuses =
            (0..1000).map(|_| read("r=503:50,404:25&s=1", &Plan::PLAIN, &mut rng).unwrap().0.status);
        let mut counts = [0; 3];
        for status in statuses {
            counts[[503, 404, 200].iter().position(|&known| known == status).expect("one of the list")] += 1;
        }
        assert!(counts.iter().all(|&count| count > 150), "{counts:?}");
        assert!(plan("x=rst:5,fin").is_some() && plan("v=1:50,body").is_some());
        for query in ["r=503:5&200", "200", ",200", "r=503,", "s=1,t"] {
            assert_eq!(plan(query).is_some(), query == "r=503,", "{query}");
        }
    }

    #[test]
    fn a_value_that_is_not_drawn_leaves_what_the_options_say() {
        let usual = plan("r=404&x=rst@5&s=9").unwrap();
        let mut rng = fastrand::Rng::with_seed(1);
        let (plan, letters) = read("r=503:0&x=fin:0&s=5:0", &usual, &mut rng).unwrap();
        assert_eq!(plan, usual);
        assert!(b"rxs".iter().all(|&letter| letters.contains(letter)) && !letters.contains(b't'));
    }

    #[test]
    fn ordinary_urls_steer_nothing() {
        #[rustfmt::skip]
        let ordinary = [
            "", "h", "q=a", "p=2&sort=name", "s=search", "w=200&h=100&v=3", "t=1700000000", "_=1700000000", "a", "s",
            "s=", "=1", "s=1&", "s=1&utm=2", "S=on", "r=99", "r=100", "r=600", "r=500r", "t=3600001", "w=1h", "P=-1",
            "s=-1", "n=-1", "x=1", "x=close", "x=rst@", "x=rst@-1", "x=rst@5r", "v=headers2", "r=200:101", "s=1=2",
            "r=200:60,404:60", "s=1 ", "s=%31", "k=true", "\u{e9}=1", "id=5", "s=1&s=x",
        ];
        for query in ordinary {
            assert_eq!(plan(query).is_some(), query == "s=1&", "{query}");
        }
    }

    /// A query of the pieces that queries have, so that most come near to a right one.
    fn any_query() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[srtkpgRCKcewPvbBAxndS]=[0-9]{1,4}[kmg]?r?",
            "[srtkpgRCKcewPvbBAxndS]=[0-9]{1,3}:[0-9]{1,2}",
            "x=(fin|peer|rst|drop)(@[0-9]{1,5}k?)?(:[0-9]{1,3})?",
            "[&?,;/:@=.-]",
            "\\PC{0,5}",
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_query_panics_or_leaves_the_bounds(query in any_query(), seed: u64) {
            let mut rng = fastrand::Rng::with_seed(seed);
            if let Some((plan, letters)) = read(&query, &Plan::PLAIN, &mut rng) {
                let longest = Duration::from_millis(LONGEST as u64);
                prop_assert!((200..=599).contains(&plan.status));
                prop_assert!(plan.delay <= longest && plan.pause <= longest);
                prop_assert!(plan.idle.is_none_or(|idle| idle <= longest));
                prop_assert!(plan.gap.is_none_or(|gap| (1..=LONGEST).contains(&gap.number)));
                prop_assert!(plan.piece.is_none_or(|piece| piece.number > 0));
                prop_assert!(letters != Letters::default());
                // What a letter says does not depend on where in the query it stands.
                let twice = format!("{query}&{query}");
                prop_assert!(read(&twice, &Plan::PLAIN, &mut rng).is_some(), "{twice}");
            }
        }
    }
}
