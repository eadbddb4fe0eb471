//! The declarations of a tree.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use crate::error::DeclarationFault as Fault;
use crate::limits::{MAX_ENTRIES, MAX_UNIT_BYTES};
use crate::lint::{Lint, Oddity};
use crate::tree::{Node, Tree, TreeError, resolve};
use crate::unit_file::UnitFile;
use crate::{BoundReference, Error};

/// Where an image declares what it is bound to.
pub const DECLARATIONS: &str = "usr/lib/bootc/bound-images.d";

/// Keys of an `[Image]` section that say how podman pulls, which a bound image's pull does not heed.
const IGNORED_OF_IMAGES: [&str; 14] = [
    "AllTags",
    "Arch",
    "CertDir",
    "ContainersConfModule",
    "Creds",
    "DecryptionKey",
    "ImageTag",
    "OS",
    "PodmanArgs",
    "Policy",
    "Retry",
    "RetryDelay",
    "TLSVerify",
    "Variant",
];

/// The same of a `[Container]` section, whose other keys are about running.
const IGNORED_OF_CONTAINERS: [&str; 3] = ["Pull", "Retry", "RetryDelay"];

/// What a declaration's unit is, by the extension of the link's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `.image`: an image to pull.
    Image,
    /// `.container`: a container to run.
    Container,
}

impl Kind {
    const fn section(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Container => "Container",
        }
    }

    const fn ignored_keys(self) -> &'static [&'static str] {
        match self {
            Self::Image => &IGNORED_OF_IMAGES,
            Self::Container => &IGNORED_OF_CONTAINERS,
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        // As a path's extension: a name that only is an extension has none.
        match name.rsplit_once('.') {
            Some((stem, "image")) if !stem.is_empty() => Some(Self::Image),
            Some((stem, "container")) if !stem.is_empty() => Some(Self::Container),
            _ => None,
        }
    }
}

/// One link that binds a tree to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The link's name.
    pub name: String,
    /// The unit that it leads to, by its path in the tree.
    pub unit: String,
    /// What kind of unit.
    pub kind: Kind,
    /// The image as it is written there, specifiers replaced.
    pub declared: String,
    /// The image.
    pub reference: BoundReference,
}

/// Everything that a tree is bound to, in the order of the links' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declarations {
    /// The declarations, several of which may name one image.
    pub list: Vec<Declaration>,
    /// What is odd about them.
    pub lints: Vec<Lint>,
}

/// Where the links are; `None` where nothing has the name of their directory.
fn directory(tree: &dyn Tree) -> Result<Option<Result<String, Fault>>, TreeError> {
    if let Some((directory, Node::Directory)) = resolve(tree, DECLARATIONS)? {
        return Ok(Some(Ok(directory)));
    }
    let (parent, name) = DECLARATIONS.rsplit_once('/').unwrap_or(("", DECLARATIONS));
    let Some((parent, Node::Directory)) = resolve(tree, parent)? else {
        return Ok(None);
    };
    let there = tree.node(&format!("{parent}/{name}"))?;
    Ok(there.map(|_| Err(Fault::NoDirectory)))
}

impl Declarations {
    /// Read the declarations of a tree; none where nothing has the name of their directory.
    ///
    /// # Errors
    /// One of them is against the rules, which makes the whole unusable: nobody knows what is missing.
    pub fn read(tree: &dyn Tree) -> Result<Self, Error> {
        let Some(directory) = directory(tree).map_err(reading(DECLARATIONS))? else {
            return Ok(Self::default());
        };
        let directory = directory.map_err(|fault| refuse(DECLARATIONS, fault))?;
        let names = sorted_names(tree, &directory)
            .map_err(reading(DECLARATIONS))?
            .map_err(|fault| refuse(DECLARATIONS, fault))?;
        let mut units = Vec::new();
        for name in names {
            let path = format!("{DECLARATIONS}/{}", name.to_string_lossy().escape_debug());
            let unit = Unit::open(tree, &directory, name).map_err(reading(&path))?;
            units.push(unit.map_err(|fault| refuse(&path, fault))?);
        }
        Self::of(&units)
    }

    fn of(units: &[Unit]) -> Result<Self, Error> {
        let bound: BTreeSet<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        let mut declarations = Self::default();
        let mut first: BTreeMap<BoundReference, &str> = BTreeMap::new();
        for unit in units {
            let refused = |fault| refuse(&format!("{DECLARATIONS}/{}", unit.name), fault);
            let mut lint = |oddity| {
                declarations.lints.push(Lint {
                    declaration: unit.name.clone(),
                    oddity,
                });
            };
            unit.oddities().into_iter().for_each(&mut lint);
            let declared = unit.image().map_err(refused)?;
            if names_a_unit(&declared) {
                // The image of a unit that is bound itself comes with that one.
                if bound.contains(declared.as_str()) && declared != unit.name {
                    continue;
                }
                return Err(refused(Fault::OtherUnit { unit: declared }));
            }
            let reference: BoundReference = declared.parse().map_err(|fault| {
                refused(Fault::Reference {
                    value: declared.clone(),
                    fault,
                })
            })?;
            if let Some(oddity) = tag_oddity(&declared, &reference) {
                lint(oddity);
            }
            if let Some(of) = first.get(&reference) {
                lint(Oddity::Duplicate {
                    of: (*of).to_owned(),
                });
            } else {
                first.insert(reference.clone(), &unit.name);
            }
            declarations.list.push(Declaration {
                name: unit.name.clone(),
                unit: unit.path.clone(),
                kind: unit.kind,
                declared,
                reference,
            });
        }
        Ok(declarations)
    }

    /// The images, each once.
    #[must_use]
    pub fn references(&self) -> BTreeSet<BoundReference> {
        self.list.iter().map(|one| one.reference.clone()).collect()
    }
}

/// A link and the unit that it leads to.
struct Unit {
    name: String,
    path: String,
    kind: Kind,
    file: UnitFile,
}

impl Unit {
    /// What the link `name` leads to; first the tree's failure, then the image's fault.
    fn open(
        tree: &dyn Tree,
        directory: &str,
        name: OsString,
    ) -> Result<Result<Self, Fault>, TreeError> {
        let Ok(name) = name.into_string() else {
            return Ok(Err(Fault::NameNotUtf8));
        };
        if name.chars().any(char::is_control) {
            return Ok(Err(Fault::NameControlCharacter));
        }
        let link = format!("{directory}/{name}");
        if !matches!(tree.node(&link)?, Some(Node::Link(_))) {
            return Ok(Err(Fault::NotALink));
        }
        let Some(kind) = Kind::of_name(&name) else {
            return Ok(Err(Fault::Extension));
        };
        let path = match resolve(tree, &link)? {
            Some((path, Node::File)) => path,
            Some(_) => return Ok(Err(Fault::NotAFile)),
            None => return Ok(Err(Fault::Dangling)),
        };
        let mut file = UnitFile::default();
        if let Err(fault) = add(tree, &mut file, &path)? {
            return Ok(Err(fault));
        }
        if let Err(fault) = add_drop_ins(tree, &mut file, &path)? {
            return Ok(Err(fault));
        }
        Ok(Ok(Self {
            name,
            path,
            kind,
            file,
        }))
    }

    /// The image, specifiers replaced.
    fn image(&self) -> Result<String, Fault> {
        let section = self.kind.section();
        if self.kind == Kind::Image && self.file.last(section, "AuthFile").is_some() {
            return Err(Fault::AuthFile);
        }
        let value = self.file.last(section, "Image");
        without_specifiers(value.ok_or(Fault::NoImage { section })?)
    }

    fn oddities(&self) -> Vec<Oddity> {
        let section = self.kind.section();
        let mut oddities: Vec<Oddity> = self
            .kind
            .ignored_keys()
            .iter()
            .filter(|key| self.file.last(section, key).is_some())
            .map(|key| Oddity::IgnoredKey { key })
            .collect();
        let looks_there = |arguments: &str| arguments.contains("additionalimagestore=");
        let mut arguments = self.file.all(section, "GlobalArgs");
        arguments.extend(self.file.all(section, "PodmanArgs"));
        if self.kind == Kind::Container && !arguments.into_iter().any(looks_there) {
            oddities.push(Oddity::OtherStorage);
        }
        oddities
    }
}

/// Read the unit's drop-ins, which stand beside it: `name.container.d/*.conf`.
fn add_drop_ins(
    tree: &dyn Tree,
    file: &mut UnitFile,
    unit: &str,
) -> Result<Result<(), Fault>, TreeError> {
    let Some((directory, Node::Directory)) = resolve(tree, &format!("{unit}.d"))? else {
        return Ok(Ok(()));
    };
    let names = match sorted_names(tree, &directory)? {
        Ok(names) => names,
        Err(fault) => return Ok(Err(fault)),
    };
    for name in names {
        let Some(name) = name.to_str().filter(|name| name.ends_with(".conf")) else {
            continue;
        };
        // As systemd: a link to nothing, or to /dev/null, is no drop-in.
        let Some((path, Node::File)) = resolve(tree, &format!("{directory}/{name}"))? else {
            continue;
        };
        if let Err(fault) = add(tree, file, &path)? {
            return Ok(Err(fault));
        }
    }
    Ok(Ok(()))
}

fn add(tree: &dyn Tree, file: &mut UnitFile, path: &str) -> Result<Result<(), Fault>, TreeError> {
    let bytes = tree.read(path, MAX_UNIT_BYTES + 1)?;
    let path = || path.escape_debug().to_string();
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_UNIT_BYTES) {
        return Ok(Err(Fault::TooLarge { path: path() }));
    }
    let added = file.add(&bytes);
    Ok(added.map_err(|fault| Fault::Unit {
        path: path(),
        fault,
    }))
}

fn sorted_names(
    tree: &dyn Tree,
    directory: &str,
) -> Result<Result<Vec<OsString>, Fault>, TreeError> {
    let mut names = tree.names(directory, MAX_ENTRIES + 1)?;
    if names.len() > MAX_ENTRIES {
        return Ok(Err(Fault::TooMany));
    }
    names.sort_unstable();
    Ok(Ok(names))
}

/// `%%` is a percent sign; every other specifier is refused.
fn without_specifiers(value: &str) -> Result<String, Fault> {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('%') => text.push('%'),
            Some(other) => {
                return Err(Fault::Specifier {
                    value: value.to_owned(),
                    specifier: format!("%{other}"),
                });
            }
            None => {
                return Err(Fault::UnfinishedSpecifier {
                    value: value.to_owned(),
                });
            }
        }
    }
    Ok(text)
}

/// podman's generator takes such a value for the name of a unit, whose image is meant.
fn names_a_unit(image: &str) -> bool {
    !image.contains('/') && (Kind::of_name(image) == Some(Kind::Image) || image.ends_with(".build"))
}

fn tag_oddity(declared: &str, reference: &BoundReference) -> Option<Oddity> {
    match reference.tag()? {
        "latest" if declared.ends_with(":latest") => Some(Oddity::Latest),
        "latest" => Some(Oddity::Untagged),
        _ => None,
    }
}

fn reading(path: &str) -> impl FnOnce(TreeError) -> Error {
    let path = path.to_owned();
    move |source| Error::Tree { path, source }
}

fn refuse(path: &str, fault: Fault) -> Error {
    Error::Declaration {
        path: path.to_owned(),
        fault,
    }
}
