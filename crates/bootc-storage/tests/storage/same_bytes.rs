//! The same image gives the same bytes, whatever was there before and wherever it comes from.

use test_images::{Encapsulation, Image, Layout, Listing};

use crate::host::{Host, Place, layer};

#[test]
fn order_and_source_do_not_show_in_the_merge_commit() {
    let listing = Listing::parse("file usr/a \"a\"\nfile usr/b \"b\"").unwrap();
    let base = Encapsulation::default()
        .encapsulate(&listing)
        .unwrap()
        .image();
    let first = base
        .clone()
        .layer(layer("file usr/c \"1\"\nfile opt/dropped"));
    let second = first
        .clone()
        .layer(layer("whiteout usr/a\nfile usr/c \"2\""));
    // The layer on top of the first base, here without one: another path policy.
    let plain = Image::of([layer("file usr/c \"1\"\nfile opt/dropped")]);
    let layout = Layout::new()
        .image("1", &first.build())
        .image("2", &second.build())
        .image("plain", &plain.build());
    let (dir, archive) = (Place::of(&layout), Place::archive(&layout));

    let (one, two, three) = (Host::new(), Host::new(), Host::new());
    one.pull(&dir.tag("1")).unwrap();
    one.pull(&dir.tag("plain")).unwrap();
    let updated = one.pull(&dir.tag("2")).unwrap().merge_commit;
    let fresh = two.pull(&archive.archive_tag("2")).unwrap().merge_commit;
    three.pull(&archive.archive_tag("plain")).unwrap();
    let mixed = three.pull(&dir.tag("2")).unwrap().merge_commit;
    assert_eq!([updated, mixed], [fresh, fresh]);
    assert_eq!(one.cat(&fresh.to_string(), "usr/c").unwrap(), "2");
    for host in [one, two, three] {
        assert!(host.check().is_empty());
    }
}
