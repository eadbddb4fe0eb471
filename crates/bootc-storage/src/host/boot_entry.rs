//! Boot loader entries (format: <https://uapi-group.org/specifications/specs/boot_loader_specification/>, as
//! libostree's `ostree-bootconfig-parser.c` reads and writes them).

/// A boot loader entry of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BootEntry {
    /// Higher boots first (libostree counts down from the number of deployments).
    pub(crate) version: i64,
    /// The kernel command line.
    pub(crate) options: String,
}

impl BootEntry {
    /// The entry in `text`; none for one that is not libostree's.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut version = 0;
        let mut options = None;
        for line in text.lines() {
            let line = line.trim_start();
            let (key, value) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            match key {
                "version" => version = value.trim().parse().unwrap_or(0),
                "options" => options = Some(value.trim()),
                _ => {}
            }
        }
        let entry = Self {
            version,
            options: options?.to_owned(),
        };
        entry.boot_link().is_some().then_some(entry)
    }

    /// Where `ostree=` leads, without the leading slash: a symbolic link to the deployment.
    pub(crate) fn boot_link(&self) -> Option<&str> {
        self.options
            .split_ascii_whitespace()
            .find_map(|argument| argument.strip_prefix("ostree="))
            .map(|path| path.trim_start_matches('/'))
    }
}

/// The parts of a boot link's name: `ostree/boot.<N>/<stateroot>/<boot checksum>/<serial>`.
pub(crate) fn boot_checksum_in(link: &str) -> Option<&str> {
    let mut parts = link.rsplit('/');
    parts.next()?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::{BootEntry, boot_checksum_in};

    #[test]
    fn what_libostree_writes_is_read() {
        let text = "title Debian GNU/Linux 12 (bookworm) (ostree:0)\nversion 2\n\
                    options root=LABEL=root rw ostree=/ostree/boot.1/default/abcd/0\n\
                    linux /ostree/default-abcd/vmlinuz-6.1\ninitrd /ostree/default-abcd/initramfs-6.1.img\n";
        let entry = BootEntry::parse(text).unwrap();
        assert_eq!(entry.version, 2);
        assert_eq!(entry.boot_link(), Some("ostree/boot.1/default/abcd/0"));
        assert_eq!(boot_checksum_in(entry.boot_link().unwrap()), Some("abcd"));
    }

    #[test]
    fn what_others_write_is_none_of_ours() {
        for text in [
            "",
            "title Windows\nefi /EFI/Microsoft/Boot/bootmgfw.efi\n",
            "title Debian\noptions root=/dev/sda1 quiet\nlinux /vmlinuz\n",
            "# options ostree=/ostree/boot.1/a/b/0\n",
        ] {
            assert_eq!(BootEntry::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn tabs_and_an_odd_version_do_no_harm() {
        let entry = BootEntry::parse("version\tnext\noptions\tquiet ostree=/a/b/0\n").unwrap();
        assert_eq!(entry.version, 0);
        assert_eq!(entry.boot_link(), Some("a/b/0"));
    }
}
