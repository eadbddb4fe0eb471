//! Trees put together by hand: what they accept, what they refuse, what they give back.

use std::io;

use ostree_flatten::composefs::{
    Error, Format, FsVerityDigest, Kind, NodeId, Stat, Tree, TreeBuilder, Xattrs, write_image,
};

fn root() -> TreeBuilder {
    TreeBuilder::new(0, Stat::root(0o755), &Xattrs::new()).unwrap()
}

fn add(builder: &mut TreeBuilder, name: &[u8], kind: &Kind<'_>) -> Result<NodeId, Error> {
    builder.add(NodeId::ROOT, name, kind, Stat::root(0o644), &Xattrs::new())
}

fn image(tree: &Tree) -> Vec<u8> {
    let mut image = Vec::new();
    write_image(tree, Format::DEFAULT, &mut image).unwrap();
    image
}

#[test]
fn what_an_image_cannot_hold_is_refused() {
    let long = [b'n'; 256];
    for name in [&b""[..], b".", b"..", b"a/b", b"a\0b", &long] {
        let error = add(&mut root(), name, &Kind::EMPTY_FILE).unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{error}");
    }
    let backed = |size, path: Option<Vec<u8>>| Kind::Backed {
        size,
        path: path.map(Into::into),
        digest: None,
    };
    let refused = |kind: &Kind<'_>| add(&mut root(), b"name", kind).unwrap_err();
    for target in [&b""[..], &[b't'; 4096], b"a\0b"] {
        let error = refused(&Kind::Symlink { target });
        assert!(matches!(error, Error::Target { .. }), "{error}");
    }
    let content = vec![0; 5001].into();
    assert!(matches!(
        refused(&Kind::Inline { content }),
        Error::InlineTooBig { size: 5001 }
    ));
    assert!(matches!(
        refused(&backed((1 << 53) + 1, None)),
        Error::FileTooBig { .. }
    ));
    for path in [vec![b'p'; 4096], b"a\0b".to_vec()] {
        assert!(matches!(
            refused(&backed(1, Some(path))),
            Error::BackingPath { .. }
        ));
    }
    let stat = Stat::root(0o10_000);
    let error = root().add(
        NodeId::ROOT,
        b"name",
        &Kind::DIRECTORY,
        stat,
        &Xattrs::new(),
    );
    assert!(matches!(error.unwrap_err(), Error::Mode { mode: 0o10_000 }));
}

#[test]
fn entries_go_into_directories_alone_and_links_lead_to_files_alone() {
    let mut builder = root();
    let file = add(&mut builder, b"file", &Kind::EMPTY_FILE).unwrap();
    let directory = add(&mut builder, b"directory", &Kind::DIRECTORY).unwrap();
    let below = builder.add(
        file,
        b"below",
        &Kind::EMPTY_FILE,
        Stat::root(0),
        &Xattrs::new(),
    );
    assert!(matches!(below.unwrap_err(), Error::Parent { .. }));
    let link = builder
        .add_link(NodeId::ROOT, b"link", directory)
        .unwrap_err();
    assert!(matches!(link, Error::HardLink { .. }));
    builder.add_link(directory, b"file", file).unwrap();
    let tree = builder.finish().unwrap();
    assert_eq!(tree.path(file), b"/file");
    let link = tree.lookup(directory, b"file").unwrap();
    assert_eq!((link.node, link.is_link), (file, true));
}

#[test]
fn a_name_is_in_a_directory_once() {
    let mut builder = root();
    let directory = add(&mut builder, b"directory", &Kind::DIRECTORY).unwrap();
    for parent in [NodeId::ROOT, directory, directory] {
        let (stat, xattrs) = (Stat::root(0o644), Xattrs::new());
        builder
            .add(parent, b"name", &Kind::EMPTY_FILE, stat, &xattrs)
            .unwrap();
    }
    let error = builder.finish().unwrap_err();
    assert!(matches!(error, Error::Twice { path } if path == "/directory/name"));
}

#[test]
fn nodes_come_back_as_they_were_given() {
    let mut xattrs = Xattrs::new();
    xattrs.set(b"user.b", b"old").unwrap();
    xattrs.set(b"user.a", b"1").unwrap();
    xattrs.set(b"user.b", b"2").unwrap();
    let digest = Some(FsVerityDigest::of(b"content"));
    let object = format!("ab/{}.file", "cd".repeat(31));
    for kind in [
        Kind::Inline {
            content: b"abc"[..].into(),
        },
        Kind::Backed {
            size: 9,
            path: Some(b"some/path"[..].into()),
            digest,
        },
        Kind::Backed {
            size: 9,
            path: Some(object.as_bytes().into()),
            digest: None,
        },
        // Nearly the path of an object.
        Kind::Backed {
            size: 9,
            path: Some(object.to_uppercase().into_bytes().into()),
            digest,
        },
        Kind::Backed {
            size: 9,
            path: None,
            digest,
        },
        Kind::Symlink { target: b"target" },
        Kind::CharDevice { rdev: 259, size: 0 },
        Kind::BlockDevice {
            rdev: u32::MAX,
            size: 5,
        },
        Kind::Fifo { size: 0 },
        Kind::Socket { size: 7 },
        Kind::Directory { size: 4096 },
    ] {
        let mut builder = root();
        let stat = Stat {
            uid: 70_000,
            nlink: 3,
            ..Stat::root(0o4711)
        };
        let node = builder
            .add(NodeId::ROOT, b"name", &kind, stat, &xattrs)
            .unwrap();
        let tree = builder.finish().unwrap();
        assert_eq!(tree.kind(node), kind);
        assert_eq!(tree.stat(node), stat);
        let pairs: Vec<_> = tree.xattrs(node).collect();
        assert_eq!(pairs, [(&b"user.a"[..], &b"1"[..]), (b"user.b", b"2")]);
    }
}

#[test]
fn an_image_depends_on_the_tree_and_not_on_the_order_of_adding() {
    let names: Vec<String> = (0..500).map(|number| format!("name-{number}")).collect();
    let build = |order: &mut dyn Iterator<Item = &String>| {
        let mut builder = root();
        for name in order {
            let mut xattrs = Xattrs::new();
            xattrs.set(b"user.name", name.as_bytes()).unwrap();
            xattrs.set(b"user.all", b"same").unwrap();
            let kind = Kind::Symlink {
                target: name.as_bytes(),
            };
            let stat = Stat::root(0o777);
            builder
                .add(NodeId::ROOT, name.as_bytes(), &kind, stat, &xattrs)
                .unwrap();
        }
        image(&builder.finish().unwrap())
    };
    assert!(build(&mut names.iter()) == build(&mut names.iter().rev()));
}

#[test]
fn a_sink_that_fails_is_an_error() {
    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let error = write_image(&root().finish().unwrap(), Format::DEFAULT, Full).unwrap_err();
    assert!(
        matches!(error, Error::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull)
    );
}
