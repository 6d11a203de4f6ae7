//! The verdict: which side limits the run, the server, its client or the machine.

use std::fmt;
use std::time::Duration;

use super::language::Language;
use super::language::verdict::Sentences;
use super::meter::{Meter, Second};

/// What limits the run, in the busiest second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// No client has come.
    Idle,
    /// The server had time to spare.
    Client { busy: f64 },
    /// The server had none.
    Server { busy: f64 },
    /// The server had work, and other programs had the processors.
    Machine { waiting: f64 },
    /// Nobody can know.
    Unknown(Unknown),
}

/// Why the verdict is unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unknown {
    /// The system does not count busy time.
    NoCount,
    /// The first second is not over.
    TooEarly,
    /// A hypervisor took this part of a processor.
    Stolen { percent: f64 },
    /// A control group had used up its share for this part of the second.
    Throttled { percent: f64 },
}

/// A server that is busy for so much of a second is the limit. The rest is lost in the poller's calls, and in the
/// kernel's count, which may be a few milliseconds old.
const LIMIT: f64 = 90.0;

/// A server that had work and waited for a processor for so much of a second was kept from it by other programs, even if
/// it was not busy for the whole second.
const WAITING: f64 = 25.0;

/// Less than so much of a processor is taken from everybody now and then.
const HINDRANCE: f64 = 5.0;

impl Verdict {
    /// Judges a run, in which a client has come or not.
    pub fn of(has_clients: bool, meter: &Meter) -> Self {
        match meter.busiest_second() {
            _ if !has_clients => Verdict::Idle,
            Some(busiest) => Self::of_second(busiest),
            None if meter.counts() => Verdict::Unknown(Unknown::TooEarly),
            None => Verdict::Unknown(Unknown::NoCount),
        }
    }

    fn of_second(second: Second) -> Self {
        let Second { spent, hindrance, .. } = second;
        let part = |time: Option<Duration>| second.percent(time.unwrap_or_default());
        let (stolen, throttled) = (part(hindrance.stolen), part(hindrance.throttled));
        if throttled >= HINDRANCE {
            return Verdict::Unknown(Unknown::Throttled { percent: throttled });
        }
        if stolen >= HINDRANCE {
            return Verdict::Unknown(Unknown::Stolen { percent: stolen });
        }
        let (busy, waiting) = (second.busy(), second.percent(spent.waiting));
        match () {
            () if waiting >= WAITING => Verdict::Machine { waiting },
            () if busy >= LIMIT => Verdict::Server { busy },
            () => Verdict::Client { busy },
        }
    }

    /// All words.
    pub const WORDS: [&str; 5] = ["idle", "client", "server", "machine", "unknown"];

    /// Returns one of these words.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Idle => "idle",
            Verdict::Client { .. } => "client",
            Verdict::Server { .. } => "server",
            Verdict::Machine { .. } => "machine",
            Verdict::Unknown(_) => "unknown",
        }
    }

    pub fn sentence(self, language: Language) -> String {
        let sentences = Sentences::of(language);
        match self {
            Verdict::Idle => sentences.idle.into(),
            Verdict::Client { busy } => (sentences.client)(busy),
            Verdict::Server { busy } => (sentences.server)(busy),
            Verdict::Machine { waiting } => (sentences.machine)(waiting),
            Verdict::Unknown(Unknown::NoCount) => sentences.no_count.into(),
            Verdict::Unknown(Unknown::TooEarly) => sentences.too_early.into(),
            Verdict::Unknown(Unknown::Stolen { percent }) => (sentences.stolen)(percent),
            Verdict::Unknown(Unknown::Throttled { percent }) => (sentences.throttled)(percent),
        }
    }
}

/// A sentence in English.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Language::English))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::machine::hindrance::Hindrance;
    use crate::meter::Spent;

    const CALM: Hindrance = Hindrance { stolen: Some(Duration::ZERO), throttled: Some(Duration::ZERO) };

    fn second(running: u64, waiting: u64, hindrance: Hindrance) -> Second {
        let spent =
            Spent { running: Duration::from_millis(running), waiting: Duration::from_millis(waiting) };
        Second { length: Duration::from_secs(1), spent, hindrance }
    }

    fn verdict(running: u64, waiting: u64) -> Verdict {
        Verdict::of_second(second(running, waiting, CALM))
    }

    #[test]
    fn a_server_with_time_to_spare_is_not_the_limit() {
        assert_eq!(
            verdict(370, 0).to_string(),
            "the server was busy 37 % of the busiest second: the client or the network limits this run"
        );
        assert_eq!(verdict(700, 199).word(), "client");
    }

    #[test]
    fn each_verdict_has_a_sentence_in_chinese() {
        let sentence = |verdict: Verdict| verdict.sentence(Language::Chinese);
        assert_eq!(sentence(verdict(370, 0)), "最忙的一秒里服务器只忙了 37 %：瓶颈在客户端或网络");
        assert_eq!(sentence(verdict(960, 30)), "最忙的一秒里服务器忙了 99 %：瓶颈在服务器");
        assert_eq!(sentence(Verdict::Idle), "没有客户端来过");
    }

    #[test]
    fn a_server_without_time_to_spare_is_the_limit() {
        assert_eq!(
            verdict(960, 30).to_string(),
            "the server was busy 99 % of the busiest second: the server is the limit"
        );
        assert_eq!(verdict(700, 200).word(), "server");
    }

    #[test]
    fn a_server_that_waits_for_a_processor_is_limited_by_the_machine() {
        assert_eq!(
            verdict(500, 480).to_string(),
            "the server waited 48 % of the busiest second for a processor: the machine is the limit"
        );
        assert_eq!(verdict(100, 300).word(), "machine", "other programs have the processors");
    }

    #[test]
    fn a_second_that_was_taken_from_the_server_says_nothing() {
        let some = |millis| Some(Duration::from_millis(millis));
        let stolen = |millis| Hindrance { stolen: some(millis), ..CALM };
        let throttled = |millis| Hindrance { throttled: some(millis), ..CALM };
        for running in [100, 990] {
            let of = |hindrance| Verdict::of_second(second(running, 0, hindrance));
            assert_eq!(of(stolen(200)), Verdict::Unknown(Unknown::Stolen { percent: 20.0 }));
            assert_eq!(of(throttled(200)), Verdict::Unknown(Unknown::Throttled { percent: 20.0 }));
            assert_ne!(of(stolen(40)).word(), "unknown", "this happens now and then");
            assert_ne!(of(Hindrance::default()).word(), "unknown", "this system does not count it");
        }
    }

    #[test]
    fn a_run_of_less_than_a_second_is_judged_by_what_it_had() {
        let half = Duration::from_millis(500);
        let busy = Second { length: half, ..second(490, 5, CALM) };
        assert_eq!(Verdict::of_second(busy).word(), "server");
    }

    #[test]
    fn without_a_client_there_is_nothing_to_judge() {
        let now = Instant::now();
        let mut meter = Meter::start(now);
        assert_eq!(Verdict::of(false, &meter), Verdict::Idle);
        meter.look(now + Duration::from_secs(1));
        assert_eq!(Verdict::of(false, &meter), Verdict::Idle);
    }

    #[test]
    fn without_a_count_or_a_whole_second_nobody_can_know() {
        let now = Instant::now();
        let uncounted = Meter::without_count(now);
        assert_eq!(Verdict::of(true, &uncounted), Verdict::Unknown(Unknown::NoCount));
        let meter = Meter::start(now);
        let early = if meter.counts() { Unknown::TooEarly } else { Unknown::NoCount };
        assert_eq!(Verdict::of(true, &meter), Verdict::Unknown(early));
    }
}
