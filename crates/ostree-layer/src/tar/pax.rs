//! Pax extended headers (POSIX `pax`, "pax Extended Header"), with the keywords of GNU tar, star and libarchive.

use super::number;
use super::sparse::PaxSparse;
use super::xattr;
use crate::{Limits, Problem};

/// What the pax header of one entry says. A keyword that is there twice counts as the last one says.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) linkpath: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: PaxSparse,
}

impl Pax {
    /// Parse a header's body.
    pub(super) fn parse(body: &[u8], limits: &Limits) -> Result<Self, Problem> {
        let mut pax = Self::default();
        for record in Records(body) {
            let (keyword, value) = record?;
            pax.set(keyword, value, limits)?;
        }
        Ok(pax)
    }

    fn set(&mut self, keyword: &[u8], value: &[u8], limits: &Limits) -> Result<(), Problem> {
        match keyword {
            b"path" => set_text(&mut self.path, value, "name")?,
            b"linkpath" => set_text(&mut self.linkpath, value, "link target")?,
            b"size" => self.size = Some(number::decimal(value, "size")?),
            b"uid" => self.uid = Some(number::id(number::decimal(value, "uid")?, "uid")?),
            b"gid" => self.gid = Some(number::id(number::decimal(value, "gid")?, "gid")?),
            b"SCHILY.realsize" => {
                self.sparse.star_size = Some(number::decimal(value, "real size")?);
            }
            b"SUN.holesdata" => self.sparse.set_solaris(value, limits.sparse_extents)?,
            b"RHT.security.selinux" => self.xattr(b"security.selinux".to_vec(), value, limits)?,
            _ => {
                if let Some(name) = keyword.strip_prefix(b"SCHILY.xattr.") {
                    self.xattr(name.to_vec(), value, limits)?;
                } else if let Some(name) = keyword.strip_prefix(b"LIBARCHIVE.xattr.") {
                    let value = xattr::base64(value).ok_or_else(|| xattr::malformed(keyword))?;
                    self.xattr(xattr::unescape(name), &value, limits)?;
                } else if let Some(keyword) = keyword.strip_prefix(b"GNU.sparse.") {
                    self.sparse.set(keyword, value, limits.sparse_extents)?;
                }
            }
        }
        Ok(())
    }

    fn xattr(&mut self, name: Vec<u8>, value: &[u8], limits: &Limits) -> Result<(), Problem> {
        if name.is_empty() || name.contains(&0) {
            return Err(xattr::malformed(&name));
        }
        if name.len() > limits.xattr_name_bytes {
            return Err(Problem::XattrLimit {
                what: "bytes of name",
                limit: limits.xattr_name_bytes,
            });
        }
        if value.len() > limits.xattr_bytes {
            return Err(Problem::XattrLimit {
                what: "bytes",
                limit: limits.xattr_bytes,
            });
        }
        // bsdtar writes each attribute under both keywords.
        if let Some(known) = self.xattrs.iter_mut().find(|(known, _)| *known == name) {
            known.1 = value.to_vec();
            return Ok(());
        }
        if self.xattrs.len() >= limits.xattrs {
            return Err(Problem::XattrLimit {
                what: "attributes",
                limit: limits.xattrs,
            });
        }
        self.xattrs.push((name, value.to_vec()));
        Ok(())
    }
}

/// An empty value takes the keyword back (POSIX), and the header's own field counts.
fn set_text(field: &mut Option<Vec<u8>>, value: &[u8], what: &'static str) -> Result<(), Problem> {
    if value.contains(&0) {
        return Err(Problem::Nul { what });
    }
    *field = (!value.is_empty()).then(|| value.to_vec());
    Ok(())
}

/// The first keyword of a global header that says something about entries.
pub(super) fn global_keyword(body: &[u8]) -> Option<&[u8]> {
    Records(body)
        .map_while(Result::ok)
        .map(|(keyword, _)| keyword)
        .find(|keyword| {
            matches!(*keyword, b"path" | b"linkpath" | b"size" | b"uid" | b"gid")
                || keyword.starts_with(b"SCHILY.xattr.")
                || keyword.starts_with(b"LIBARCHIVE.xattr.")
                || keyword.starts_with(b"GNU.sparse.")
        })
}

/// The records `length keyword=value\n` of a body; `length` counts itself and the newline.
struct Records<'a>(&'a [u8]);

impl<'a> Iterator for Records<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = next_record(&mut self.0);
        if record.is_err() {
            self.0 = &[];
        }
        Some(record)
    }
}

fn next_record<'a>(rest: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), Problem> {
    let malformed = |what| Problem::Pax { what };
    let blank = rest
        .iter()
        .position(|byte| *byte == b' ')
        .ok_or(malformed("a record without length"))?;
    let length = number::decimal(&rest[..blank], "length of a pax record")?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= rest.len() && *length > blank + 1)
        .ok_or(malformed("a record's length is not that of the record"))?;
    let (record, after) = rest.split_at(length);
    let Some((b'\n', record)) = record[blank + 1..].split_last() else {
        return Err(malformed("a record does not end with a newline"));
    };
    let equals = record
        .iter()
        .position(|byte| *byte == b'=')
        .filter(|equals| *equals > 0)
        .ok_or(malformed("a record without keyword"))?;
    *rest = after;
    let (keyword, value) = record.split_at(equals);
    if keyword.contains(&0) {
        return Err(malformed("a keyword with a NUL byte"));
    }
    Ok((keyword, &value[1..]))
}

#[cfg(test)]
mod tests {
    use super::{Pax, global_keyword};
    use crate::{Limits, Problem};

    fn parse(body: &[u8]) -> Result<Pax, Problem> {
        Pax::parse(body, &Limits::default())
    }

    fn record(keyword: &str, value: &str) -> Vec<u8> {
        let body = format!(" {keyword}={value}\n");
        let length = (1..)
            .find(|digits| (body.len() + digits).to_string().len() == *digits)
            .unwrap();
        format!("{}{body}", body.len() + length).into_bytes()
    }

    #[test]
    fn records() {
        let body = [
            record("uid", "1"),
            record("path", "a b"),
            record("path", "c"),
            record("SCHILY.xattr.a", "\n=\0"),
        ];
        let pax = parse(&body.concat()).unwrap();
        assert_eq!(pax.uid, Some(1));
        assert_eq!(pax.path.as_deref(), Some(&b"c"[..]));
        assert_eq!(pax.xattrs, [(b"a".to_vec(), b"\n=\0".to_vec())]);
        assert!(parse(b"").unwrap().path.is_none());
        assert!(
            parse(&[record("path", "c"), record("path", "")].concat())
                .unwrap()
                .path
                .is_none()
        );
    }

    #[test]
    fn malformed_records() {
        for body in [
            &b"path=a\n"[..],
            b"11 path=a\n",
            b"9 path=a\n\n",
            b"10 path a\n",
            b"5 =a\n",
            b"3 \n",
            b"x path=a\n",
            b"10 path=ab",
            b"99999999999999999999 path=a\n",
            b"-5 a=b\n",
            b" 6 a=b\n",
        ] {
            assert!(
                parse(body).is_err(),
                "{:?}",
                body.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn values_out_of_range() {
        for body in [
            &b"18 uid=4294967296\n"[..],
            b"10 uid=-1\n",
            b"8 uid=a\n",
            b"7 gid=\n",
            b"11 size=-1\n",
            b"12 path=a\0b\n",
        ] {
            assert!(
                parse(body).is_err(),
                "{:?}",
                body.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn attributes_of_both_kinds() {
        let schily = record("SCHILY.xattr.user.a", "b\n");
        let libarchive = record("LIBARCHIVE.xattr.user.%61", "Yg");
        let pax = parse(&[schily, libarchive].concat()).unwrap();
        assert_eq!(pax.xattrs, [(b"user.a".to_vec(), b"b".to_vec())]);
        let pax = parse(&record("RHT.security.selinux", "label")).unwrap();
        assert_eq!(
            pax.xattrs,
            [(b"security.selinux".to_vec(), b"label".to_vec())]
        );
        for record in [
            record("SCHILY.xattr.", "a"),
            record("LIBARCHIVE.xattr.user.a", "!"),
        ] {
            assert!(matches!(parse(&record), Err(Problem::Xattr { .. })));
        }
    }

    #[test]
    fn attribute_limits() {
        let limits = Limits {
            xattrs: 1,
            xattr_bytes: 3,
            xattr_name_bytes: 6,
            ..Limits::default()
        };
        let name = |name: &str| format!("SCHILY.xattr.{name}");
        for (body, good) in [
            (record(&name("user.a"), "bcd"), true),
            (record(&name("user.a"), "bcde"), false),
            (record(&name("user.ab"), "bcd"), false),
            (
                [record(&name("user.a"), ""), record(&name("user.b"), "")].concat(),
                false,
            ),
            (
                [record(&name("user.a"), ""), record(&name("user.a"), "b")].concat(),
                true,
            ),
        ] {
            assert_eq!(
                Pax::parse(&body, &limits).is_ok(),
                good,
                "{}",
                body.escape_ascii()
            );
        }
    }

    #[test]
    fn global_headers() {
        assert_eq!(global_keyword(&record("comment", "a")), None);
        let body = [record("comment", "a"), record("path", "c")].concat();
        assert_eq!(global_keyword(&body), Some(&b"path"[..]));
    }
}
