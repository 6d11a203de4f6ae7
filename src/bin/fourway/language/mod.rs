//! The language of what the program prints for people.
//!
//! Each part of the program that speaks has a struct of sentences here, with one value per language. So the compiler
//! refuses a language in which a sentence is missing. Flags, names of states, JSON and metrics have no translation.

pub mod bill;
pub mod lab;
pub mod player;
pub mod summary;
pub mod verdict;

use std::env;

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    Chinese,
}

/// A language, as `--lang` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LanguageTag {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl From<LanguageTag> for Language {
    fn from(tag: LanguageTag) -> Self {
        match tag {
            LanguageTag::En => Language::English,
            LanguageTag::Zh => Language::Chinese,
        }
    }
}

impl Language {
    /// Returns the language that the user chose, else that of the locale (`man 7 locale`).
    pub fn choose(chosen: Option<LanguageTag>) -> Self {
        chosen.map_or_else(|| Language::of_locale(|name| env::var(name).ok()), Language::from)
    }

    /// Returns the language of the first variable that is set. An empty variable counts as not set.
    fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Self {
        let mut values = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(variable);
        match values.find(|value| !value.is_empty()) {
            Some(value) if value.starts_with("zh") => Language::Chinese,
            _ => Language::English,
        }
    }

    /// Returns the name of the language, as JSON has it.
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Language {
        Language::of_locale(|name| set.iter().find(|(n, _)| *n == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn the_first_variable_that_is_not_empty_decides() {
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Language::Chinese);
        assert_eq!(of(&[("LC_MESSAGES", "zh"), ("LANG", "de_DE")]), Language::Chinese);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "zh_CN.UTF-8")]), Language::English);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "zh_TW")]), Language::Chinese);
    }

    #[test]
    fn a_chosen_language_wins() {
        assert_eq!(Language::choose(Some(LanguageTag::Zh)), Language::Chinese);
        assert_eq!(Language::choose(Some(LanguageTag::En)), Language::English);
    }
}
