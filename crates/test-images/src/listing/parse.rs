//! Lines of a listing to entries.

use super::{
    Entry, Listing, Node,
    words::{self, Word},
};
use crate::{Content, Error};

pub(super) fn listing(text: &str) -> Result<Listing, Error> {
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let fault = |reason: String| Error::Listing {
            number: index + 1,
            line: line.trim().to_owned(),
            reason,
        };
        let words = words::split(line).map_err(fault)?;
        if !words.is_empty() {
            entries.push(entry(&words).map_err(fault)?);
        }
    }
    Ok(Listing { entries })
}

fn entry(words: &[Word]) -> Result<Entry, String> {
    let [kind, rest @ ..] = words else {
        return Err("the line is empty".to_owned());
    };
    let kind = text(&kind.bytes)?;
    if kind == "opaque" && rest.is_empty() {
        return Ok(Entry::opaque(b""));
    }
    let [path, rest @ ..] = rest else {
        return Err(format!("'{kind}' needs a path"));
    };
    let facts = Facts::read(rest)?;
    let mut entry = facts.entry(kind, &path.bytes)?;
    if let Some(mode) = facts.mode {
        entry.mode = mode;
    }
    // The first pair is the owner; a device's numbers are the last.
    if let Some((uid, gid)) = facts.owner(kind) {
        entry.uid = uid;
        entry.gid = gid;
    }
    entry.mtime = facts.mtime.unwrap_or(0);
    entry.xattrs = facts.xattrs;
    Ok(entry)
}

/// What stands after kind and path, in any order.
#[derive(Default)]
struct Facts {
    mode: Option<u32>,
    pairs: Vec<(u64, u64)>,
    content: Option<Vec<u8>>,
    size: Option<u64>,
    seed: Option<u64>,
    target: Option<Vec<u8>>,
    mtime: Option<u64>,
    xattrs: Vec<(String, Vec<u8>)>,
}

impl Facts {
    fn read(words: &[Word]) -> Result<Self, String> {
        let mut facts = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word.quoted {
                set(&mut facts.content, word.bytes.clone(), "content")?;
            } else if word.bytes == b"->" {
                let target = words.next().ok_or("a target must follow '->'")?;
                set(&mut facts.target, target.bytes.clone(), "target")?;
            } else if let Some(at) = word.bytes.iter().position(|byte| *byte == b'=') {
                facts.option(text(&word.bytes[..at])?, &word.bytes[at + 1..])?;
            } else {
                facts.number(text(&word.bytes)?)?;
            }
        }
        Ok(facts)
    }

    fn option(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        if let Some(name) = key.strip_prefix("xattr.") {
            self.xattrs.push((name.to_owned(), value.to_vec()));
            return Ok(());
        }
        let number = || {
            let value = text(value)?;
            value
                .parse::<u64>()
                .map_err(|_| format!("'{key}' is a number, not '{value}'"))
        };
        match key {
            "size" => set(&mut self.size, number()?, key),
            "seed" => set(&mut self.seed, number()?, key),
            "mtime" => set(&mut self.mtime, number()?, key),
            other => Err(format!(
                "unknown option '{other}' (known: xattr.NAME, size, seed, mtime)"
            )),
        }
    }

    fn number(&mut self, word: &str) -> Result<(), String> {
        if let Some((left, right)) = word.split_once(':') {
            let pair = left.parse().ok().zip(right.parse().ok());
            self.pairs
                .push(pair.ok_or_else(|| format!("'{word}' is no pair of numbers"))?);
            return Ok(());
        }
        let mode = u32::from_str_radix(word, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(|| format!("'{word}' is no octal mode, owner, option or quoted content"))?;
        set(&mut self.mode, mode, "mode")
    }

    fn entry(&self, kind: &str, path: &[u8]) -> Result<Entry, String> {
        let node = match kind {
            "dir" => Node::Dir,
            "file" => Node::File(self.content()?),
            "symlink" => Node::Symlink(self.target(kind)?),
            "hardlink" => Node::Hardlink(self.target(kind)?),
            "char" => {
                let (major, minor) = self.device(kind)?;
                Node::Char { major, minor }
            }
            "block" => {
                let (major, minor) = self.device(kind)?;
                Node::Block { major, minor }
            }
            "fifo" => Node::Fifo,
            "whiteout" => return Ok(Entry::whiteout(path)),
            "opaque" => return Ok(Entry::opaque(path)),
            other => {
                return Err(format!(
                    "unknown kind '{other}' (known: dir, file, symlink, hardlink, char, block, \
                     fifo, whiteout, opaque)"
                ));
            }
        };
        if self.content.is_some() && kind != "file" {
            return Err(format!("a {kind} has no content"));
        }
        Ok(Entry::new(path, node))
    }

    fn content(&self) -> Result<Content, String> {
        match (&self.content, self.size) {
            (Some(_), Some(_)) => Err("content and size exclude each other".to_owned()),
            (Some(bytes), None) => Ok(Content::Bytes(bytes.clone())),
            (None, Some(size)) => Ok(Content::Random {
                size,
                seed: self.seed.unwrap_or(0),
            }),
            (None, None) => Ok("".into()),
        }
    }

    fn target(&self, kind: &str) -> Result<Vec<u8>, String> {
        self.target
            .clone()
            .ok_or_else(|| format!("a {kind} needs '-> TARGET'"))
    }

    fn device(&self, kind: &str) -> Result<(u32, u32), String> {
        self.pairs
            .last()
            .and_then(|(major, minor)| {
                Some((u32::try_from(*major).ok()?, u32::try_from(*minor).ok()?))
            })
            .ok_or_else(|| format!("a {kind} device needs its numbers, as in 1:3"))
    }

    fn owner(&self, kind: &str) -> Option<(u64, u64)> {
        let of_device = matches!(kind, "char" | "block") && self.pairs.len() < 2;
        self.pairs.first().copied().filter(|_| !of_device)
    }
}

fn set<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("{what} is given twice")),
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    str::from_utf8(bytes).map_err(|_| format!("'{}' is not text", bytes.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind() {
        let listing = Listing::parse(
            r#"
            # a comment
            dir usr/bin 01777 5:6
            file usr/bin/x 04755 0:0 "con tent\n" xattr.user.a="b c" xattr.user.b=\x00\xff
            file big size=100 seed=7 mtime=9
            symlink usr/bin/sh -> bash
            hardlink usr/bin/y -> usr/bin/x
            char dev/null 0666 0:5 1:3
            block dev/vda 252:0
            fifo run/f
            whiteout usr/bin/old
            whiteout top
            opaque usr/share
            opaque
            file "with space\xff"
            "#,
        )
        .unwrap();
        let entries = &listing.entries;
        assert_eq!(
            (entries[0].mode, entries[0].uid, entries[0].gid),
            (0o1777, 5, 6)
        );
        assert_eq!(entries[1].node, Node::File("con tent\n".into()));
        assert_eq!(entries[1].xattrs[0], ("user.a".to_owned(), b"b c".to_vec()));
        assert_eq!(entries[1].xattrs[1].1, [0, 255]);
        assert_eq!(
            entries[2].node,
            Node::File(Content::Random { size: 100, seed: 7 })
        );
        assert_eq!(entries[2].mtime, 9);
        assert_eq!(entries[3].node, Node::Symlink(b"bash".to_vec()));
        assert_eq!(entries[4].node, Node::Hardlink(b"usr/bin/x".to_vec()));
        assert_eq!(entries[5].node, Node::Char { major: 1, minor: 3 });
        assert_eq!(entries[5].gid, 5);
        assert_eq!(
            entries[6].node,
            Node::Block {
                major: 252,
                minor: 0
            }
        );
        assert_eq!(entries[6].uid, 0);
        let paths: Vec<&[u8]> = entries[8..].iter().map(|entry| &*entry.path).collect();
        let expected: [&[u8]; 5] = [
            b"usr/bin/.wh.old",
            b".wh.top",
            b"usr/share/.wh..wh..opq",
            b".wh..wh..opq",
            b"with space\xff",
        ];
        assert_eq!(paths, expected);
    }

    #[test]
    fn errors_name_the_line_and_the_reason() {
        for (text, expected) in [
            ("\nfrob x", "line 2: unknown kind 'frob'"),
            ("dir", "line 1: 'dir' needs a path"),
            ("symlink a b", "'b' is no octal mode"),
            ("symlink a", "a symlink needs '-> TARGET'"),
            ("hardlink a ->", "a target must follow '->'"),
            ("file a 0999", "'0999' is no octal mode"),
            ("file a 0644 0644", "mode is given twice"),
            ("file a \"x", "a quote is not closed"),
            ("file a \"\\q\"", "unknown escape '\\q'"),
            ("file a colour=red", "unknown option 'colour'"),
            ("file a size=big", "'size' is a number"),
            ("file a size=1 \"x\"", "exclude each other"),
            ("dir a \"x\"", "a dir has no content"),
            ("char a 0666", "needs its numbers"),
            ("file a 0:x", "'0:x' is no pair"),
        ] {
            let message = Listing::parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text:?}: {message}");
        }
    }
}
