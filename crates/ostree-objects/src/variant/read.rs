//! Reading: strict, without recursion, and without an allocation that the input could size.

use super::{offset_width, padding, width_for_body};
use crate::Error;

/// Members of a tuple, read in order.
pub(crate) struct Tuple<'a> {
    what: &'static str,
    data: &'a [u8],
    /// Where the members end and the offsets begin.
    body: usize,
    width: usize,
    offsets_read: usize,
    at: usize,
}

impl<'a> Tuple<'a> {
    /// A tuple with that many framing offsets.
    pub(crate) fn new(what: &'static str, data: &'a [u8], offsets: usize) -> Result<Self, Error> {
        let width = if offsets == 0 {
            0
        } else {
            offset_width(data.len())
        };
        let body = offsets
            .checked_mul(width)
            .and_then(|framing| data.len().checked_sub(framing));
        let body = body
            .filter(|&body| offsets == 0 || width_for_body(body, offsets) == width)
            .ok_or(Error::Variant {
                what,
                problem: "the framing does not fit the size",
                offset: data.len(),
            })?;
        Ok(Self {
            what,
            data,
            body,
            width,
            offsets_read: 0,
            at: 0,
        })
    }

    fn wrong(&self, problem: &'static str) -> Error {
        Error::Variant {
            what: self.what,
            problem,
            offset: self.at,
        }
    }

    fn align(&mut self, alignment: usize) -> Result<(), Error> {
        let end = self.at + padding(self.at, alignment);
        let zeros = self.data[..self.body]
            .get(self.at..end)
            .is_some_and(|padding| padding.iter().all(|&byte| byte == 0));
        if !zeros {
            return Err(self.wrong("padding is missing or not zero"));
        }
        self.at = end;
        Ok(())
    }

    /// A number of `N` bytes, aligned to its size.
    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.align(N)?;
        let bytes = self.data[..self.body]
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<N>())
            .ok_or_else(|| self.wrong("it ends inside a number"))?;
        self.at += N;
        Ok(*bytes)
    }

    /// A member of variable size that has a framing offset.
    pub(crate) fn variable(&mut self, alignment: usize) -> Result<&'a [u8], Error> {
        self.offsets_read += 1;
        let from = self.data.len() - self.offsets_read * self.width;
        let end = offset_at(self.data, from, self.width);
        self.take(alignment, end)
    }

    /// The last member, which ends where the offsets begin.
    pub(crate) fn last(mut self, alignment: usize) -> Result<&'a [u8], Error> {
        let end = self.body;
        self.take(alignment, end)
    }

    fn take(&mut self, alignment: usize, end: usize) -> Result<&'a [u8], Error> {
        self.align(alignment)?;
        let member = self.data[..self.body]
            .get(self.at..end)
            .ok_or_else(|| self.wrong("a framing offset points outside or backwards"))?;
        self.at = end;
        Ok(member)
    }
}

/// Elements of an array whose elements have variable size.
pub(crate) struct Array<'a> {
    what: &'static str,
    data: &'a [u8],
    alignment: usize,
    body: usize,
    width: usize,
    count: usize,
    next: usize,
    at: usize,
}

impl<'a> Array<'a> {
    pub(crate) fn new(what: &'static str, data: &'a [u8], alignment: usize) -> Result<Self, Error> {
        let width = offset_width(data.len());
        let mut array = Self {
            what,
            data,
            alignment,
            body: 0,
            width,
            count: 0,
            next: 0,
            at: 0,
        };
        if data.is_empty() {
            return Ok(array);
        }
        array.body = offset_at(data, data.len() - width, width);
        let framing = data
            .len()
            .checked_sub(array.body)
            .filter(|framing| *framing > 0 && framing.is_multiple_of(width))
            .ok_or_else(|| array.wrong("the last framing offset does not fit the size"))?;
        array.count = framing / width;
        if width_for_body(array.body, array.count) != width {
            return Err(array.wrong("the framing offsets are wider than needed"));
        }
        Ok(array)
    }

    /// How many elements there are: at most as many as the data has bytes.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    fn wrong(&self, problem: &'static str) -> Error {
        Error::Variant {
            what: self.what,
            problem,
            offset: self.at,
        }
    }

    fn element(&mut self) -> Result<&'a [u8], Error> {
        let end = offset_at(self.data, self.body + self.next * self.width, self.width);
        let start = self.at + padding(self.at, self.alignment);
        let body = &self.data[..self.body];
        let padding = body.get(self.at..start);
        if !padding.is_some_and(|padding| padding.iter().all(|&byte| byte == 0)) {
            return Err(self.wrong("padding is missing or not zero"));
        }
        let element = body
            .get(start..end)
            .ok_or_else(|| self.wrong("a framing offset points outside or backwards"))?;
        self.next += 1;
        self.at = end;
        Ok(element)
    }
}

impl<'a> Iterator for Array<'a> {
    type Item = Result<&'a [u8], Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.count {
            return None;
        }
        let element = self.element();
        if element.is_err() {
            self.next = self.count;
        }
        Some(element)
    }
}

/// The callers hold `from + width <= data.len()`.
fn offset_at(data: &[u8], from: usize, width: usize) -> usize {
    let mut bytes = [0; 8];
    bytes[..width].copy_from_slice(&data[from..from + width]);
    usize::try_from(u64::from_le_bytes(bytes)).unwrap_or(usize::MAX)
}

/// A string: UTF-8, one NUL at its end and none within.
pub(crate) fn text<'a>(what: &'static str, data: &'a [u8]) -> Result<&'a str, Error> {
    let wrong = |problem, offset| Error::Variant {
        what,
        problem,
        offset,
    };
    let (&last, bytes) = data
        .split_last()
        .ok_or_else(|| wrong("a string without its NUL", 0))?;
    if last != 0 {
        return Err(wrong("a string without its NUL", data.len()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| wrong("a string that is not UTF-8", error.valid_up_to()))?;
    match text.find('\0') {
        None => Ok(text),
        Some(offset) => Err(wrong("a string with a NUL inside", offset)),
    }
}
