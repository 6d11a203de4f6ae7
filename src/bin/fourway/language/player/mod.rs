//! The sentences of the player of traces. The page has them in both languages, and its reader chooses.
//!
//! A name in braces stands for a value: `{c}` for the number of the connection, any other for the field of the record.

mod chinese;
mod english;
mod sentences;
mod stories;

use super::Language;
use sentences::Sentences;

impl Language {
    pub fn player(self) -> &'static Sentences {
        match self {
            Language::English => &english::SENTENCES,
            Language::Chinese => &chinese::SENTENCES,
        }
    }

    /// Returns the title and the text of a recorded story, if they are not those in the trace.
    pub fn story(self, title: &str) -> Option<(&'static str, &'static str)> {
        let chinese = stories::CHINESE.iter().filter(|_| self == Language::Chinese);
        chinese.copied().find(|story| story.0 == title).map(|(_, title, text)| (title, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the names in braces, in the order of the alphabet.
    fn values(sentence: &str) -> Vec<&str> {
        let mut values: Vec<_> =
            sentence.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        values.sort_unstable();
        values
    }

    #[test]
    fn both_languages_have_the_same_values_in_each_sentence() {
        let both = Language::English.player().all().into_iter().zip(Language::Chinese.player().all());
        for ((name, english), (_, chinese)) in both {
            assert_eq!(values(english), values(chinese), "{name}");
            assert!(!english.is_empty() && !chinese.is_empty(), "{name}");
        }
    }
}
