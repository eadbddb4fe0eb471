# Every file with content has fs-verity, and the root insists on it.
has_verity() { lsattr "$1" | grep -q '^[^ ]*V' && echo yes || echo no; }
describe_root
result required "$(findmnt -n -o OPTIONS / | tr ',' '\n' | grep '^verity=')"
result image-verity "$(has_verity "$deployment/.ostree.cfs")"
result stored-digest "$(bootc-storage composefs digest registry.test/vmtest/os:verified | cut -d ' ' -f 1)"
commit=${deployment##*/}
result objects-without "$(ostree ls -R -C --repo=/sysroot/ostree/repo "${commit%.*}" | awk '/^-/ && $4 > 0 { print $5 }' | sort -u |
    sed 's,^\(..\)\(.*\),/sysroot/ostree/repo/objects/\1/\2.file,' | xargs lsattr | grep -vc '^[^ ]*V')"

# One block of a file is changed below the file system.
file=$(ostree ls -C --repo=/sysroot/ostree/repo "${commit%.*}" /usr/lib/demo/model.bin | awk '{ print $5 }')
object=$(echo "$file" | sed 's,^\(..\)\(.*\),/sysroot/ostree/repo/objects/\1/\2.file,')
result read-before "$(sha256sum < /usr/lib/demo/model.bin > /dev/null && echo done || echo refused)"
device=$(findmnt -n -o SOURCE /sysroot | sed 's/\[.*//')
block=$(debugfs -R "bmap <$(stat -c %i "$object")> 3" "$device" 2> /dev/null | tail -n 1)
sync
dd if=/dev/zero of="$device" bs=4096 seek="$block" count=1 conv=notrunc,fsync
echo 3 > /proc/sys/vm/drop_caches
result read-tampered "$(sha256sum < /usr/lib/demo/model.bin > /dev/null && echo done || echo refused)"
result read-sound "$(sha256sum < /usr/lib/demo/application > /dev/null && echo done || echo refused)"
bootc-storage image check registry.test/vmtest/os:verified
result check $?
