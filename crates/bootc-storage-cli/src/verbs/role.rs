//! What a layer is.

use oci_manifest::Role;
use serde::Serialize;

/// What a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Role"))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoleView {
    /// Holds the commit of an encapsulated ostree image.
    Commit,
    /// Holds a part of that commit's objects.
    Chunk,
    /// A plain layer, as any image build makes it.
    Derived,
}

impl From<Role> for RoleView {
    fn from(role: Role) -> Self {
        match role {
            Role::Commit => Self::Commit,
            Role::Chunk => Self::Chunk,
            Role::Derived => Self::Derived,
        }
    }
}

impl RoleView {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Chunk => "chunk",
            Self::Derived => "derived",
        }
    }
}
