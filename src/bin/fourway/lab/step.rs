//! A step of the server, as a record of the library's log says it in its key-values (`docs/TRACE.md`).

use log::kv::{Key, Source};

use super::ladder::{Call, Change, Outcome};

/// What a record of the log says.
#[derive(Debug, PartialEq)]
pub enum Step {
    Call(Call),
    Change(Change),
    Close(Change),
}

impl Step {
    /// Returns the step of a record, by its key-values.
    pub fn of(fields: &dyn Source) -> Option<Self> {
        let text = |key: &'static str| fields.get(Key::from(key))?.to_borrowed_str();
        let change = |to: String| Some(Change { to, why: text("why")?.into() });
        match text("kind")? {
            "call" => {
                let result = match (text("error"), number(fields, "bytes")) {
                    (Some(error), _) => Outcome::Failed(error.into()),
                    (None, Some(bytes)) => Outcome::Bytes(bytes),
                    (None, None) => Outcome::Done,
                };
                Some(Step::Call(Call::new(text("call")?, result)))
            }
            "state" => change(fields.get(Key::from("to"))?.to_string()).map(Step::Change),
            "closed" => change("gone".into()).map(Step::Close),
            _ => None,
        }
    }
}

/// Returns the number that a record has under a key.
pub fn number(fields: &dyn Source, key: &'static str) -> Option<u64> {
    fields.get(Key::from(key))?.to_u64()
}

#[cfg(test)]
mod tests {
    use log::kv::Value;

    use super::super::kernel::State;
    use super::*;

    #[test]
    fn a_step_is_read_from_the_key_values_of_a_record() {
        let step = |fields: &[(&'static str, Value<'_>)]| Step::of(&fields);
        let call = |result| Some(Step::Call(Call::new("recv", result)));
        let none = Value::null();
        let recv = [("kind", "call".into()), ("call", "recv".into())];
        let with =
            |bytes, error| step(&[recv[0].clone(), recv[1].clone(), ("bytes", bytes), ("error", error)]);
        assert_eq!(with(18.into(), none.clone()), call(Outcome::Bytes(18)));
        assert_eq!(with(none.clone(), none.clone()), call(Outcome::Done));
        assert_eq!(with(none, "WouldBlock".into()), call(Outcome::Failed("WouldBlock".into())));
        let change = |to: &str| Change { to: to.into(), why: "all sent".into() };
        let why = ("why", "all sent".into());
        let to = ("to", Value::from_debug(&State::Closed));
        assert_eq!(step(&[("kind", "closed".into()), why.clone()]), Some(Step::Close(change("gone"))));
        assert_eq!(step(&[("kind", "state".into()), to, why]), Some(Step::Change(change("Closed"))));
        assert_eq!(step(&[("kind", "other".into())]), None);
    }
}
