//! Values of letters: numbers, random numbers, and lists of which one value is drawn.
//!
//! - `20k` is a number. The units `k`, `m` and `g` shift it by 10, 20 and 30 bits.
//! - `20kr` is a random number from 0 to 20,479, drawn for each use.
//! - `503:5,404:0.5,200` is a list: 5 % of all responses draw 503, and 0.5 % draw 404. Values without a percentage
//!   share the rest. If there are none, the rest draws nothing, as if the letter were not there.

use fastrand::Rng;
use fourway::CloseMode;

/// A number, or a random number below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    pub number: i64,
    pub is_random: bool,
}

impl Amount {
    /// Reads `[-]digits[kmg][r]`.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, is_random) = match text.strip_suffix('r') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let shift = match text.as_bytes().last()? {
            b'k' => 10,
            b'm' => 20,
            b'g' => 30,
            _ => 0,
        };
        let digits = if shift > 0 { &text[..text.len() - 1] } else { text };
        let is_negative = digits.starts_with('-');
        let magnitude = digits.strip_prefix('-').unwrap_or(digits);
        // `parse` alone would also take a sign here.
        if !magnitude.starts_with(|first: char| first.is_ascii_digit()) || (is_negative && is_random) {
            return None;
        }
        let number = digits.parse::<i64>().ok()?.checked_mul(1 << shift)?;
        Some(Amount { number, is_random })
    }

    pub fn draw(self, rng: &mut Rng) -> i64 {
        if self.is_random && self.number > 0 { rng.i64(0..self.number) } else { self.number }
    }
}

/// The value of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Amount(Amount),
    /// How the response ends, and after how many bytes of its body.
    End {
        mode: CloseMode,
        after: Option<u64>,
    },
    /// What of the request is shown: its headers or its body.
    Headers,
    Body,
}

/// A percentage in units of 0.0001 %.
pub type Share = u32;

/// Everything.
const WHOLE: Share = 1_000_000;

/// Reads `5` or `0.5`, with at most four decimals. Returns `None` for more than 100.
pub fn share(text: &str) -> Option<Share> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 4 {
        return None;
    }
    let scale = 10_u32.pow(4 - decimals.len() as u32);
    let share = whole.parse::<Share>().ok()?.checked_mul(10_000)? + decimals.parse::<Share>().ok()? * scale;
    (share <= WHOLE).then_some(share)
}

/// A list that is being read. It draws while it reads, so it stores at most two values.
pub struct Draw {
    /// Where the draw falls, below [`WHOLE`].
    point: Share,
    /// The sum of the shares so far.
    sum: Share,
    chosen: Option<Value>,
    /// One of the values that share the rest, and their number.
    of_rest: Option<Value>,
    rest: u32,
}

impl Draw {
    pub fn begin(rng: &mut Rng) -> Self {
        Draw { point: rng.u32(0..WHOLE), sum: 0, chosen: None, of_rest: None, rest: 0 }
    }

    /// Adds a value of the list. Returns `None` if all shares together are more than 100 %.
    pub fn add(&mut self, value: Value, share: Option<Share>, rng: &mut Rng) -> Option<()> {
        let Some(share) = share else {
            self.rest += 1;
            if rng.u32(0..self.rest) == 0 {
                self.of_rest = Some(value);
            }
            return Some(());
        };
        if self.chosen.is_none() && (self.sum..self.sum + share).contains(&self.point) {
            self.chosen = Some(value);
        }
        self.sum += share;
        (self.sum <= WHOLE).then_some(())
    }

    /// Returns the value that is drawn, or `None` if the draw falls beside all of them.
    pub fn end(self) -> Option<Value> {
        self.chosen.or(self.of_rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(number: i64, is_random: bool) -> Option<Amount> {
        Some(Amount { number, is_random })
    }

    #[test]
    fn units_shift_a_number() {
        assert_eq!(Amount::parse("20"), amount(20, false));
        assert_eq!(Amount::parse("20k"), amount(20 << 10, false));
        assert_eq!(Amount::parse("3m"), amount(3 << 20, false));
        assert_eq!(Amount::parse("10g"), amount(10 << 30, false));
        assert_eq!(Amount::parse("-1"), amount(-1, false));
        assert_eq!(Amount::parse("5kr"), amount(5 << 10, true));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "k", "r", "kr", "20x", "20rk", "20kk", "20rr", "+5", "-", "--1", "- 1", "-5r", "0x10", "1.5"]
        {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        for text in ["9223372036854775808", "9007199254740992k", "8589934592g", "99999999999999999999999"] {
            assert_eq!(Amount::parse(text), None, "{text} is too large");
        }
        assert_eq!(Amount::parse("9223372036854775807"), amount(i64::MAX, false));
    }

    #[test]
    fn a_random_number_is_below_its_bound() {
        let mut rng = Rng::with_seed(1);
        let dice = Amount { number: 6, is_random: true };
        let mut seen = [false; 6];
        for _ in 0..1000 {
            seen[dice.draw(&mut rng) as usize] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!(Amount { number: 0, is_random: true }.draw(&mut rng), 0);
    }

    #[test]
    fn a_share_has_at_most_four_decimals_and_is_at_most_a_hundred() {
        assert_eq!(
            [share("5"), share("0.5"), share("0.0001"), share("100")],
            [Some(50_000), Some(5_000), Some(1), Some(WHOLE)]
        );
        for text in ["", ".", "5.", ".5", "101", "100.0001", "0.00001", "-1", "5r", "99999999999", "1e1"] {
            assert_eq!(share(text), None, "{text}");
        }
    }

    /// Returns how often each number was drawn, and how often none.
    fn drawn(list: &[(i64, Option<Share>)], draws: usize) -> Vec<(Option<i64>, usize)> {
        let mut rng = Rng::with_seed(7);
        let mut counts = Vec::<(Option<i64>, usize)>::new();
        for _ in 0..draws {
            let mut draw = Draw::begin(&mut rng);
            for &(number, share) in list {
                let value = Value::Amount(Amount { number, is_random: false });
                draw.add(value, share, &mut rng).expect("at most 100 %");
            }
            let number = draw.end().map(|value| match value {
                Value::Amount(amount) => amount.number,
                other => panic!("{other:?}"),
            });
            match counts.iter_mut().find(|(seen, _)| *seen == number) {
                Some((_, count)) => *count += 1,
                None => counts.push((number, 1)),
            }
        }
        counts.sort_unstable();
        counts
    }

    #[test]
    fn each_value_is_drawn_as_often_as_its_share_says() {
        // Six standard deviations of 100,000 draws with a chance of one half are below 1,000.
        let near = |count: usize, expected: usize| count.abs_diff(expected) < 1000;
        let counts = drawn(&[(503, Some(50_000)), (404, Some(200_000)), (200, None), (201, None)], 100_000);
        let numbers: Vec<_> = counts.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [Some(200), Some(201), Some(404), Some(503)]);
        for ((_, count), expected) in counts.iter().zip([37_500, 37_500, 20_000, 5_000]) {
            assert!(near(*count, expected), "{counts:?}");
        }
    }

    #[test]
    fn the_rest_of_a_list_of_shares_draws_nothing() {
        let counts = drawn(&[(100, Some(100_000))], 100_000);
        assert_eq!((counts[0].0, counts[1].0), (None, Some(100)));
        assert!(counts[1].1.abs_diff(10_000) < 1000, "{counts:?}");
        assert_eq!(drawn(&[(5, None)], 100), [(Some(5), 100)]);
        assert_eq!(drawn(&[(5, Some(WHOLE)), (6, Some(0))], 100), [(Some(5), 100)]);
    }

    #[test]
    fn shares_of_more_than_a_hundred_percent_are_refused() {
        let mut rng = Rng::with_seed(1);
        let mut draw = Draw::begin(&mut rng);
        assert_eq!(draw.add(Value::Body, Some(WHOLE), &mut rng), Some(()));
        assert_eq!(draw.add(Value::Body, Some(1), &mut rng), None);
    }
}
