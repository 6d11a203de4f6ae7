//! The sentences of `fourway lab`.

mod chinese;
mod english;
mod sentences;

use super::Language;
pub use sentences::Sentences;

impl Language {
    pub fn lab(self) -> &'static Sentences {
        match self {
            Language::English => &english::SENTENCES,
            Language::Chinese => &chinese::SENTENCES,
        }
    }
}
