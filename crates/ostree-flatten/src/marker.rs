//! Whiteout markers: the names in a layer that delete instead of add (OCI image-spec, layer.md).

/// Every marker's name begins so.
pub(crate) const PREFIX: &str = ".wh.";

/// What a marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker<'a> {
    /// Lower layers' entries of this directory are hidden.
    Opaque,
    /// The lower layers' entry of this name is hidden.
    Whiteout(&'a str),
    /// Bookkeeping of AUFS (`.wh..wh.plnk` and the like): dropped.
    Other,
    /// A whiteout of nothing, `.` or `..`.
    Invalid,
}

/// The marker that `name` is, if it is one. By name alone: what type the entry has is of no matter.
pub(crate) fn marker(name: &str) -> Option<Marker<'_>> {
    let rest = name.strip_prefix(PREFIX)?;
    Some(match rest {
        "" | "." | ".." => Marker::Invalid,
        ".wh..opq" => Marker::Opaque,
        _ if rest.starts_with(PREFIX) => Marker::Other,
        _ => Marker::Whiteout(rest),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_go_by_name() {
        for (name, expected) in [
            ("file", None),
            (".wh", None),
            ("x.wh.y", None),
            (".wh.file", Some(Marker::Whiteout("file"))),
            (".wh..hidden", Some(Marker::Whiteout(".hidden"))),
            (".wh.....", Some(Marker::Whiteout("...."))),
            (".wh..wh..opq", Some(Marker::Opaque)),
            (".wh..wh.plnk", Some(Marker::Other)),
            (".wh..wh.aufs", Some(Marker::Other)),
            (".wh..wh.", Some(Marker::Other)),
            (".wh.", Some(Marker::Invalid)),
            (".wh..", Some(Marker::Invalid)),
            (".wh...", Some(Marker::Invalid)),
        ] {
            assert_eq!(marker(name), expected, "{name}");
        }
    }
}
