//! Growing storage in pieces: it is never copied to grow, so that a million entries cost what they hold.

/// Elements of one piece.
const PIECE: usize = 16 * 1024;

/// A vector in pieces, indexed by `u32`.
#[derive(Debug)]
pub(super) struct Arena<T> {
    pieces: Vec<Vec<T>>,
    length: u32,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            length: 0,
        }
    }
}

impl<T> Arena<T> {
    pub(super) fn len(&self) -> u32 {
        self.length
    }

    /// Add an element; its index. `None` when there are as many as indexes.
    pub(super) fn push(&mut self, element: T) -> Option<u32> {
        let index = self.length;
        // The last index means "none" to users of the arena.
        self.length = index.checked_add(1)?;
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(element),
            _ => {
                let mut piece = Vec::with_capacity(PIECE);
                piece.push(element);
                self.pieces.push(piece);
            }
        }
        Some(index)
    }

    pub(super) fn get(&self, index: u32) -> &T {
        let (piece, at) = split(index, PIECE);
        &self.pieces[piece][at]
    }

    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        let (piece, at) = split(index, PIECE);
        &mut self.pieces[piece][at]
    }
}

/// Bytes of one piece of text; a longer text gets a piece of its own.
const TEXT_PIECE: usize = 64 * 1024;

/// Texts in pieces, each text in one piece.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pieces: Vec<String>,
    bytes: usize,
}

/// Where a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextAt(u32);

impl Texts {
    /// Bytes of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Add a text of at most [`TEXT_PIECE`] bytes. `None` when there is no more room.
    pub(super) fn push(&mut self, text: &str) -> Option<TextAt> {
        if self
            .pieces
            .last()
            .is_none_or(|piece| piece.len() + text.len() > TEXT_PIECE)
        {
            self.pieces.push(String::with_capacity(TEXT_PIECE));
        }
        self.bytes += text.len();
        let piece = self.pieces.len() - 1;
        let last = self.pieces.last_mut()?;
        let at = u32::try_from(piece * TEXT_PIECE + last.len()).ok()?;
        last.push_str(text);
        Some(TextAt(at))
    }

    pub(super) fn get(&self, at: TextAt, length: usize) -> &str {
        let (piece, at) = split(at.0, TEXT_PIECE);
        &self.pieces[piece][at..at + length]
    }
}

fn split(index: u32, piece: usize) -> (usize, usize) {
    // 32 bits fit wherever this runs.
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    (index / piece, index % piece)
}

#[cfg(test)]
mod tests {
    use super::{Arena, Texts};

    #[test]
    fn elements_stay_where_they_are() {
        let mut arena = Arena::default();
        for number in 0..50_000_u32 {
            assert_eq!(arena.push(number), Some(number));
        }
        *arena.get_mut(20_000) = 7;
        assert_eq!(
            (*arena.get(0), *arena.get(20_000), *arena.get(49_999)),
            (0, 7, 49_999)
        );
        assert_eq!(arena.len(), 50_000);
    }

    #[test]
    fn texts_stay_whole() {
        let mut texts = Texts::default();
        let places: Vec<_> = (0..20_000)
            .map(|number: u32| {
                let text = format!("ä{number}");
                (texts.push(&text).unwrap(), text)
            })
            .collect();
        for (at, text) in places {
            assert_eq!(texts.get(at, text.len()), text);
        }
    }
}
