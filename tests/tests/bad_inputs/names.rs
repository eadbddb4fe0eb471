//! Names: absolute, upwards, not text, long, deep.

use test_images::{
    Image,
    tar::{Header, Kind, RawTar},
};
use whole_program_tests::{Mode, Place, Repo};

use crate::harness::{accepted, accepted_layers, layer, raw, refused_single};

#[test]
fn row_22_24_absolute_names() {
    let pulled = accepted_layers([layer(
        "file /usr/x\nfile //usr//y\nfile ./usr/./z\nfile /etc/conf",
    )]);
    let expected = [
        "/",
        "/usr",
        "/usr/etc",
        "/usr/etc/conf",
        "/usr/x",
        "/usr/y",
        "/usr/z",
    ];
    assert_eq!(pulled.tree.paths(), expected);
}

#[test]
fn row_23_dot_dot_in_a_name() {
    for name in ["../x", "usr/../../x", "usr/..", "/../x", "usr/d/../x"] {
        refused_single(raw(RawTar::new().file(name, "evil")), &[name, "\"..\""]);
    }
    // Two dots inside a name are two dots.
    assert!(
        accepted_layers([layer("file usr/..x\nfile usr/x..y")])
            .tree
            .has("/usr/..x")
    );
}

#[test]
fn row_25_26_27_devices_and_pipes() {
    let pulled = accepted_layers([layer(
        "char usr/null 0666 0:0 1:3\nblock usr/vda 252:0\nfifo usr/pipe\nfile usr/x",
    )]);
    assert_eq!(pulled.tree.paths(), ["/", "/usr", "/usr/x"]);
    for name in ["usr/null", "usr/vda", "usr/pipe"] {
        pulled.warns(&[name]);
    }
}

#[test]
fn row_28_78_names_and_targets_that_are_not_utf_8() {
    refused_single(
        raw(RawTar::new().file(b"usr/\xff\xfe", "")),
        &["UTF-8", "\\xff"],
    );
    refused_single(
        raw(RawTar::new().symlink("usr/x", b"\xff")),
        &["usr/x", "UTF-8", "\\xff"],
    );
    refused_single(
        raw(RawTar::new().hardlink("usr/x", b"\xff")),
        &["usr/x", "UTF-8", "\\xff"],
    );
}

const CLEAR_SCREEN: &str = "\u{1b}[2J";

#[test]
fn row_29_control_characters_in_names() {
    let pulled = accepted_layers([layer(
        "file usr/a\\x1b[2Jb \"1\" 0600\nfile usr/a\\x1b[2Jb \"2\"\nfile usr/line\\nbreak",
    )]);
    assert_eq!(pulled.content("/usr/a\u{1b}[2Jb"), "2");
    assert_eq!(pulled.content("/usr/line\nbreak"), "");
    // The warning about the duplicate names it, escaped.
    let warnings = pulled.json["warnings"].to_string();
    assert!(
        warnings.contains("usr/a") && !warnings.contains(CLEAR_SCREEN),
        "{warnings}"
    );
    // And so does an error.
    let image = Image::of([layer("hardlink usr/a\\x1b[2J -> usr/missing\\x1b[2J")]);
    let (place, _) = Place::image(&image);
    let run = Repo::new(Mode::BareUser)
        .image("pull", [place.latest()])
        .failed();
    assert!(!run.stderr.contains('\u{1b}'), "{run}");
    assert!(run.stderr.contains("usr/missing"), "{run}");
}

#[test]
fn row_54_control_characters_in_annotations_and_labels() {
    let image = Image::of([layer("file usr/x").created_by(&format!("evil{CLEAR_SCREEN}\nsecond"))])
        .annotation("title", CLEAR_SCREEN)
        .label(
            "org.opencontainers.image.version",
            &format!("1{CLEAR_SCREEN}"),
        );
    let pulled = accepted(&image);
    for verb in ["list", "inspect", "history"] {
        let name = pulled.json["image"].as_str().unwrap();
        let arguments: &[&str] = if verb == "list" { &[] } else { &[name] };
        let human = pulled.repo.image(verb, arguments).ok();
        assert!(!human.stdout.contains('\u{1b}'), "{human}");
        let json: Vec<&str> = [&["--format", "json"], arguments].concat();
        let json = pulled.repo.image(verb, json).ok();
        assert!(!json.stdout.contains('\u{1b}'), "{json}");
        // As data it is whole.
        let value = json.json().to_string();
        assert!(value.contains("\\u001b[2J"), "{value}");
    }
}

#[test]
fn row_30_name_of_256_bytes() {
    let (most, over) = ("n".repeat(255), "n".repeat(256));
    assert!(
        accepted_layers([layer(&format!("file usr/{most}"))])
            .tree
            .has(&format!("/usr/{most}"))
    );
    refused_single(layer(&format!("file usr/{over}")), &["256 bytes", "255"]);
}

#[test]
fn row_31_path_over_4096_bytes() {
    let path = |length: usize| {
        let mut path = "usr/".to_owned();
        while path.len() + 100 < length {
            path.push_str(&"d".repeat(49));
            path.push('/');
        }
        format!("{path}{}", "f".repeat(length - path.len()))
    };
    refused_single(
        layer(&format!("file {}", path(4097))),
        &["4097 bytes", "4096"],
    );
}

#[test]
fn row_32_900_levels() {
    let path = format!("usr/{}x", "d/".repeat(900));
    let pulled = accepted_layers([layer(&format!("file {path} \"deep\""))]);
    assert_eq!(pulled.content(&format!("/{path}")), "deep");
}

#[test]
fn row_33_5000_levels() {
    refused_single(layer(&format!("file {}x", "d/".repeat(5000))), &["limit"]);
    refused_single(
        layer(&format!("file {}x", "d/".repeat(1500))),
        &["more than 1000 names"],
    );
    // By GNU's long names, which no PAX limit bounds.
    let name = format!("{}x", "d/".repeat(5000));
    let entry = Header::new(Kind::File, "d");
    refused_single(
        raw(RawTar::new().gnu_long_name(name).entry(&entry, &[])),
        &["limit"],
    );
}

#[test]
fn row_57_content_of_api_directories() {
    let pulled = accepted_layers([layer(
        "dir run 0711\nfile run/x\nfile run/secrets/y\ndir tmp 01777\nfile tmp/x\nchar dev/null 1:3\nfile proc/x\nfile sys/x\nfile usr/x",
    )]);
    for name in ["/run", "/tmp"] {
        assert!(
            pulled.tree.has(name),
            "the directory itself is kept: {name}"
        );
    }
    assert_eq!(pulled.tree.at("/tmp").mode, 0o1777);
    assert_eq!(pulled.tree.at("/run").mode, 0o711);
    let below: Vec<&str> = pulled
        .tree
        .paths()
        .into_iter()
        .filter(|path| {
            ["/run/", "/tmp/", "/dev/", "/proc/", "/sys/"]
                .iter()
                .any(|top| path.starts_with(top))
        })
        .collect();
    assert!(below.is_empty(), "{below:?}");
    assert_eq!(pulled.dropped("run"), 2);
    for top in ["tmp", "dev", "proc", "sys"] {
        assert_eq!(pulled.dropped(top), 1, "{top}");
    }
    pulled.warns(&["run: 2", "tmp: 1", "dev: 1"]);
}

#[test]
fn row_62_the_same_path_in_etc_and_usr_etc() {
    for (listing, last) in [
        ("file etc/a \"1\"\nfile usr/etc/a \"2\"", "2"),
        ("file usr/etc/a \"2\"\nfile etc/a \"1\"", "1"),
    ] {
        let pulled = accepted_layers([layer(listing)]);
        assert_eq!(pulled.content("/usr/etc/a"), last);
        assert!(!pulled.tree.has("/etc"));
        pulled.warns(&["usr/etc/a"]);
    }
}

#[test]
fn row_refs_names_that_need_escapes_come_back_as_they_were() {
    let image = Image::of([layer("file usr/x")]);
    let (place, _) = Place::image(&image);
    let repo = Repo::new(Mode::BareUser);
    let mut names = Vec::new();
    for name in [
        "a//b",
        "_",
        "x_y",
        "\u{e9}\u{1f980}",
        "a..b",
        "+-x",
        "sp ace",
    ] {
        let folder = repo.beside().join(name);
        std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(place.path())
            .arg(&folder)
            .status();
        assert!(copied.unwrap().success());
        let reference = format!("oci:{}/{name}:latest", repo.beside().display());
        let json = repo.pull(&reference).ok().json();
        assert_eq!(json["image"], reference);
        names.push(reference);
    }
    let listed = repo.image("list", ["--format", "json"]).ok().json();
    let mut found: Vec<&str> = listed["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["image"].as_str().unwrap())
        .collect();
    found.sort_unstable();
    names.sort_unstable();
    assert_eq!(found, names);
    for name in &names {
        repo.image("inspect", [name]).ok();
    }
    repo.check_clean();
}

#[test]
fn row_refs_what_ostree_cannot_hold_is_refused_before_anything_is_stored() {
    let (place, _) = Place::image(&Image::of([layer("file usr/x")]));
    let repo = Repo::new(Mode::BareUser);
    for name in ["-x/y".to_owned(), "n".repeat(250) + "____"] {
        let folder = repo.beside().join(&name);
        let parent = folder.parent().unwrap();
        std::fs::create_dir_all(parent).unwrap();
        let copied = std::process::Command::new("cp")
            .arg("-r")
            .arg(place.path())
            .arg(&folder)
            .status();
        assert!(copied.unwrap().success());
        repo.pull(&format!("oci:{}:latest", folder.display()))
            .failed();
        assert!(repo.refs().is_empty(), "{name}: {:?}", repo.refs());
    }
    repo.check_clean();
}

#[test]
fn names_in_extended_headers_are_judged_like_others() {
    let pax = |key, value: &[u8]| raw(RawTar::new().pax(&[(key, value)]).file("usr/x", ""));
    refused_single(pax("path", b"usr/../../x"), &["\"..\""]);
    refused_single(pax("path", b"usr/\xff"), &["UTF-8"]);
    refused_single(pax("path", b"usr/a\0b"), &["NUL"]);
    refused_single(pax("GNU.sparse.name", b"../x"), &[]);
    let long = Header::new(Kind::File, "x");
    refused_single(
        raw(RawTar::new().gnu_long_name("../x").entry(&long, &[])),
        &["\"..\""],
    );
    let link = RawTar::new().pax(&[("linkpath", b"../../x")]);
    refused_single(raw(link.hardlink("usr/x", "usr/y")), &["\"..\""]);
    // etc in a PAX name is usr/etc as well.
    let pulled = accepted_layers([pax("path", b"etc/conf")]);
    assert_eq!(
        pulled.tree.paths(),
        ["/", "/usr", "/usr/etc", "/usr/etc/conf"]
    );
}

#[test]
fn malformed_extended_headers_are_refused() {
    for body in [
        &b"7 a=b"[..],
        b"99 path=usr/x\n",
        b"0 =\n",
        b"x path=usr/x\n",
        b"14 path=usr/xx",
        b"12 uid=ab\n\n\n",
        b"18446744073709551616 path=x\n",
    ] {
        let tar = RawTar::new().pax_verbatim(body).file("usr/x", "");
        refused_single(raw(tar), &["layer 0"]);
    }
    // Two for one entry: readers disagree about which one counts.
    let two = RawTar::new()
        .pax(&[("path", b"usr/a")])
        .pax(&[("path", b"usr/b")])
        .file("usr/x", "");
    refused_single(raw(two), &["two"]);
    // One for nothing.
    refused_single(raw(RawTar::new().pax(&[("path", b"usr/a")])), &["layer 0"]);
}

/// What cannot be deployed can be stored, shown, checked and taken away again.
#[test]
fn row_kernel_none_or_two_are_left_to_the_deployment() {
    let kernels: [&[&str]; 3] = [&[], &["6.1"], &["6.1", "6.2"]];
    for versions in kernels {
        let modules: String = versions
            .iter()
            .map(|version| format!("file usr/lib/modules/{version}/vmlinuz \"{version}\"\n"))
            .collect();
        let image = Image::of([layer(&format!("file usr/lib/os-release\n{modules}"))])
            .label("containers.bootc", "1");
        let pulled = accepted(&image);
        let found: Vec<&str> = pulled
            .tree
            .paths()
            .into_iter()
            .filter(|path| path.ends_with("/vmlinuz"))
            .collect();
        let expected: Vec<String> = versions
            .iter()
            .map(|version| format!("/usr/lib/modules/{version}/vmlinuz"))
            .collect();
        assert_eq!(found, expected);
    }
}
