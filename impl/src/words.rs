//! Four-letter words, for now those that say whether the server is there.

use crate::client::port::Words;
use crate::shared::Shared;
use std::sync::Arc;

/// Answers from the shared state.
pub struct FourLetterWords {
    shared: Arc<Shared>,
}

impl FourLetterWords {
    /// On this state.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> FourLetterWords {
        FourLetterWords { shared }
    }
}

impl Words for FourLetterWords {
    fn answer(&self, word: [u8; 4]) -> String {
        match &word {
            b"ruok" if self.shared.is_serving() => "imok".into(),
            _ => String::new(),
        }
    }
}
