//! An ordered list of kernel arguments, changed as libostree's `OstreeKernelArgs` is.

use super::Error;
use super::argument::{Argument, split, split_new};
use std::fmt;

/// Kernel arguments in their order. A key may have several values (`console=tty0 console=ttyS0`).
///
/// Each change takes one or several arguments, cut at spaces that are not in double quotes; where one of them is an error,
/// nothing changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelArguments {
    list: Vec<Argument>,
}

impl KernelArguments {
    /// Reads the `options` of a boot entry, or `/proc/cmdline`, whatever is in it.
    #[must_use]
    pub fn parse(options: &str) -> Self {
        Self {
            list: split(options),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Argument> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether the key is there, with whatever value or none.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.places(key).next().is_some()
    }

    /// The value that counts for most keys, the last one; `None` if the key is not there or its last has no value.
    #[must_use]
    pub fn last_value(&self, key: &str) -> Option<&str> {
        let last = self.places(key).last()?;
        self.list[last].value()
    }

    /// Adds at the end, whatever is there already.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn append(&mut self, arguments: &str) -> Result<(), Error> {
        self.list.extend(split_new(arguments)?);
        Ok(())
    }

    /// Adds those whose *key* is not there yet, with whatever value.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn append_if_missing(&mut self, arguments: &str) -> Result<(), Error> {
        for argument in split_new(arguments)? {
            if !self.contains_key(argument.key()) {
                self.list.push(argument);
            }
        }
        Ok(())
    }

    /// Puts each in the place of all values of its key, where the first of them is; at the end if there is none.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn replace(&mut self, arguments: &str) -> Result<(), Error> {
        for argument in split_new(arguments)? {
            let Some(first) = self.places(argument.key()).next() else {
                self.list.push(argument);
                continue;
            };
            self.remove_key(argument.key());
            self.list.insert(first, argument);
        }
        Ok(())
    }

    /// Changes one value: `key=new` where the key has one value, `key=old=new` where it may have several, `key` to take the
    /// only value away.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Invalid`].
    pub fn replace_value(&mut self, arguments: &str) -> Result<(), Error> {
        let mut changed = self.clone();
        for argument in split_new(arguments)? {
            let old_and_new = argument.value().and_then(|value| value.split_once('='));
            let (place, value) = match old_and_new {
                Some((old, new)) => {
                    let old = argument.with_value(Some(old));
                    (changed.place(&old)?, Some(new))
                }
                None => (changed.only_place(argument.key())?, argument.value()),
            };
            changed.list[place] = argument.with_value(value);
        }
        *self = changed;
        Ok(())
    }

    /// Deletes arguments: `key=value` that one, `key` the only one of that key, with whatever value, or among several the one
    /// without a value.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Invalid`].
    pub fn delete(&mut self, arguments: &str) -> Result<(), Error> {
        let mut changed = self.clone();
        for argument in split_new(arguments)? {
            changed.delete_one(&argument)?;
        }
        *self = changed;
        Ok(())
    }

    /// Deletes as [`KernelArguments::delete`] does, but passes over arguments whose *key* is not there.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the key is there with other values only, [`Error::Ambiguous`], [`Error::Invalid`].
    pub fn delete_if_present(&mut self, arguments: &str) -> Result<(), Error> {
        let mut changed = self.clone();
        for argument in split_new(arguments)? {
            if changed.contains_key(argument.key()) {
                changed.delete_one(&argument)?;
            }
        }
        *self = changed;
        Ok(())
    }

    /// Removes all values of a key. How many there were.
    pub fn remove_key(&mut self, key: &str) -> usize {
        let before = self.len();
        self.list.retain(|argument| argument.key() != key);
        before - self.len()
    }

    fn delete_one(&mut self, argument: &Argument) -> Result<(), Error> {
        let place = match self.place(argument) {
            // A key alone means the one that has it, if there are not several.
            Err(_) if argument.value().is_none() => self.only_place(argument.key()),
            place => place,
        }?;
        self.list.remove(place);
        Ok(())
    }

    fn places(&self, key: &str) -> impl Iterator<Item = usize> {
        let list = self.list.iter().enumerate();
        list.filter(move |(_, argument)| argument.key() == key)
            .map(|(place, _)| place)
    }

    fn place(&self, argument: &Argument) -> Result<usize, Error> {
        let place = self.list.iter().position(|other| other == argument);
        place.ok_or_else(|| not_found(argument.as_str()))
    }

    fn only_place(&self, key: &str) -> Result<usize, Error> {
        let mut places = self.places(key);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(not_found(key)),
            (Some(_), Some(_)) => Err(Error::Ambiguous {
                key: key.to_owned(),
            }),
        }
    }
}

impl From<Vec<Argument>> for KernelArguments {
    fn from(list: Vec<Argument>) -> Self {
        Self { list }
    }
}

/// One line, the arguments with a space between them.
impl fmt::Display for KernelArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, argument) in self.list.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{argument}")?;
        }
        Ok(())
    }
}

fn not_found(argument: &str) -> Error {
    Error::NotFound {
        argument: argument.to_owned(),
    }
}
