//! What several tests put into images.

/// Every kind of entry, owner, mode and attribute that a layer may bring, and sizes on either side of limits; lines of a
/// listing that others can be put after.
pub const EVERY_KIND: &str = r#"
    dir . 0755
    dir usr 0755 0:0
    dir usr/bin 0755 0:0
    file usr/bin/x 0755 "content"
    file usr/bin/setuid 04711 5:6 "set uid" xattr.user.b=2 xattr.user.a=1
    file usr/bin/capable 0755 "cap" xattr.security.capability=\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00
    hardlink usr/bin/y -> usr/bin/x
    symlink usr/bin/sh -> x
    symlink usr/bin/owned -> /nowhere/../at//all
    file usr/empty 0000
    file usr/empty-setgid 02755 7:8
    file usr/unreadable 0000 1:1 "secret"
    dir usr/sticky 01777 0:50 xattr.user.dir=yes
    dir usr/setgid 02770 3:4
    file usr/setgid/inside 0660 3:4 "inside"
    file usr/big 0640 0:0 size=5000001 seed=3
    file usr/just-over-a-limit 0644 size=131073 seed=4
    file usr/just-at-a-limit 0644 size=131072 seed=5
    file usr/a-block 0644 size=4096 seed=6
    file "usr/name with spaces and é🦀" "utf-8"
    dir etc 0755
    file etc/shadow 0000 0:42 "secret"
    dir var 0755
"#;
