//! The sentences of the lab's bills, of the experiment with ports, of the essay's program, and of the picture.

mod chinese;
mod english;
mod sentences;

use super::Language;
pub use sentences::Sentences;

impl Language {
    pub fn bill(self) -> &'static Sentences {
        match self {
            Language::English => &english::SENTENCES,
            Language::Chinese => &chinese::SENTENCES,
        }
    }
}
