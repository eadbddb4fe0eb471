//! What can be wrong with an archive or with one of its entries.

/// What is wrong with an archive or with one of its entries.
///
/// Names and targets in the fields are escaped, see [`Error::Entry`](crate::Error::Entry).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The archive ends inside a header or inside an entry's data.
    #[error("the archive is cut off")]
    CutOff,
    /// A header's checksum is not that of its bytes: damage, or no tar archive at all.
    #[error("the header's checksum is wrong")]
    Checksum,
    /// The first header's type or one of its numbers is such as no archiver writes.
    #[error("the first header is none that a tar archive begins with")]
    NotFirst,
    /// A numeric field holds something else.
    #[error("the {field} is not a number")]
    NotANumber {
        /// Which field.
        field: &'static str,
    },
    /// A number is negative or larger than what the field may hold.
    #[error("the {field} is negative or too large")]
    OutOfRange {
        /// Which field.
        field: &'static str,
    },
    /// A pax header is not a list of `length keyword=value` lines.
    #[error("a pax header is malformed: {what}")]
    Pax {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Two pax headers precede one entry: readers disagree about which one counts.
    #[error("two pax headers precede one entry")]
    TwoPaxHeaders,
    /// An extended header is the last thing in the archive.
    #[error("an extended header is not followed by an entry")]
    NoEntry,
    /// Too many extended headers precede one entry.
    #[error("more than {limit} extended headers precede one entry")]
    TooManyHeaders {
        /// The limit.
        limit: usize,
    },
    /// An extended header is too large.
    #[error("an extended header has {size} bytes, more than the limit of {limit}")]
    HeaderTooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A header of Solaris access control lists: readers disagree about whether it is a file.
    #[error("Solaris access control lists cannot be read")]
    AccessControlList,
    /// An entry has no name.
    #[error("the name is empty")]
    EmptyName,
    /// A name or a link's target is not UTF-8; ostree holds no other.
    #[error("the {what} is not UTF-8: \"{bytes}\"")]
    NotUtf8 {
        /// Name or link target.
        what: &'static str,
        /// The bytes.
        bytes: String,
    },
    /// A name or a link's target holds a NUL byte.
    #[error("the {what} holds a NUL byte")]
    Nul {
        /// Name or link target.
        what: &'static str,
    },
    /// A path is too long.
    #[error("the path has {bytes} bytes, more than the limit of {limit}")]
    PathTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A name in a path is too long.
    #[error("a name has {bytes} bytes, more than the limit of {limit}")]
    NameTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A path has too many names.
    #[error("the path has more than {limit} names")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A path leads upwards.
    #[error("the {what} holds \"..\"")]
    DotDot {
        /// Name or hard link target.
        what: &'static str,
    },
    /// A link's target is empty.
    #[error("the link has no target")]
    NoTarget,
    /// A link's target is too long.
    #[error("the link target has {bytes} bytes, more than the limit of {limit}")]
    TargetTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Something that has no content has some: readers disagree about where the next entry begins.
    #[error("a {kind} with content")]
    WithContent {
        /// What it is.
        kind: &'static str,
    },
    /// The map of a sparse file makes no sense.
    #[error("the map of a sparse file is malformed: {what}")]
    Sparse {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file is too large.
    #[error("the file has {size} bytes, more than the limit of {limit}")]
    FileTooLarge {
        /// Its size, holes included.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// An extended attribute is too large, or there are too many.
    #[error("an extended attribute exceeds the limit of {limit} {what}")]
    XattrLimit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An extended attribute cannot be decoded.
    #[error("the extended attribute \"{name}\" is malformed")]
    Xattr {
        /// Its name as it is in the archive.
        name: String,
    },
    /// A whiteout marker names nothing that could be removed: `.wh.`, `.wh..` or `.wh...`.
    #[error("a whiteout of nothing, of \".\" or of \"..\"")]
    BadWhiteout,
    /// The path leads through a symbolic link of the same layer.
    #[error("the path leads through \"{link}\", a symbolic link of the same layer")]
    ThroughLink {
        /// The link.
        link: String,
    },
    /// The path leads through something of the same layer that is no directory.
    #[error("the path leads through \"{parent}\", which is no directory in this layer")]
    ThroughFile {
        /// What is no directory.
        parent: String,
    },
    /// The root directory is listed as something else.
    #[error("the root is not a directory")]
    Root,
    /// A hard link's target is not in the layer.
    #[error("the hard link's target \"{target}\" is no file of this layer")]
    LinkTarget {
        /// The target as in the archive.
        target: String,
    },
    /// A hard link's target is dropped by the path policy, and its content with it.
    #[error("the hard link's target \"{target}\" is dropped by the path policy")]
    LinkDropped {
        /// The target as in the archive.
        target: String,
    },
    /// Hard links lead to each other.
    #[error("the hard link leads to itself by way of \"{target}\"")]
    LinkLoop {
        /// The target as in the archive.
        target: String,
    },
    /// What follows is about an encapsulated layer, see the contract of ostree-ext's tar format: an object's
    /// file name is no checksum with a known type.
    #[error("\"{name}\" is no object's name")]
    ObjectName {
        /// The file name.
        name: String,
    },
    /// An object is stored as something that cannot hold it.
    #[error("an object cannot be a {kind}")]
    ObjectKind {
        /// What it is stored as.
        kind: &'static str,
    },
    /// A file object is not preceded by its attributes.
    #[error("the attributes of the object do not precede it")]
    NoXattrs,
    /// Attributes are followed by another object than theirs.
    #[error("attributes of {found} precede the object")]
    OtherXattrs {
        /// Whose attributes they are.
        found: String,
    },
    /// Attributes are not followed by their object.
    #[error("the attributes of {object} are not followed by it")]
    DanglingXattrs {
        /// Whose attributes they are.
        object: String,
    },
    /// A record of attributes is referred to but was not seen.
    #[error("no record of attributes {record} precedes")]
    NoXattrRecord {
        /// Its checksum, or what stands in its place.
        record: String,
    },
    /// A record of attributes has another checksum than its name.
    #[error("the record of attributes has checksum {actual}")]
    XattrRecord {
        /// The checksum of its content.
        actual: String,
    },
    /// The layer holds two commits.
    #[error("a second commit")]
    TwoCommits,
    /// The commit layer holds no commit, or not as its first object.
    #[error("the first object of the commit layer is not its commit")]
    CommitNotFirst,
    /// Detached metadata does not follow its commit.
    #[error("detached metadata that does not follow its commit")]
    StrayCommitMeta,
    /// A chunk layer holds an object twice.
    #[error("the object is in the layer twice")]
    DuplicateObject,
    /// A chunk layer holds an object that is no file.
    #[error("a chunk layer holds files only")]
    MetadataInChunk,
    /// An object is larger than objects of its type may be.
    #[error("the object has {size} bytes, more than the limit of {limit}")]
    ObjectTooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
}
