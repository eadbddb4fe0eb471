# fs-verity for real: a repository that asks for it, on a file system that has it.
store() { bootc-storage --quiet --sysroot /disk "$@"; }
has_verity() { lsattr "$1" | grep -q '^[^ ]*V' && echo yes || echo no; }

mkfs.ext4 -q -b 4096 -O verity /dev/vda
mount /dev/vda /disk
store host init
printf '[ex-integrity]\nfsverity = yes\n' >> /disk/ostree/repo/config
store image pull oci:/image:v1; result pull $?
result objects-without-verity "$(find /disk/ostree/repo/objects -type f -name '*.file' | while read -r file; do
    [ "$(has_verity "$file")" = yes ] || echo "$file"; done | wc -l)"
store image check; result check-before $?

# The image, and what is seen through it.
result digest "$(store composefs digest oci:/image:v1 | cut -d " " -f 1)"
store composefs build --verity oci:/image:v1 -o /disk/image.cfs
result image-verity "$(has_verity /disk/image.cfs)"
result image-digest "$(store composefs digest /disk/image.cfs | cut -d " " -f 1)"
store composefs mount --verity oci:/image:v1 /mnt; result mount $?
result content "$(cat /mnt/usr/share/link)"
umount /mnt

# A deployment that boots only verified.
store host deploy oci:/image:v1; result deploy $?
deployment=$(ls -d /disk/ostree/deploy/default/deploy/*.0)
result deployed-verity "$(has_verity "$deployment/.ostree.cfs")"
result deployed-digest "$(store composefs digest "$deployment/.ostree.cfs" | cut -d " " -f 1)"
store composefs check "$deployment"; result deployment-check $?

# One block of a large file is changed below the file system.
object=$(find /disk/ostree/repo/objects -type f -name '*.file' -size +100k | head -n 1)
(echo x > "$object") 2> /tmp/written && result write-to-object done || result write-to-object refused
inode=$(ls -i "$object" | awk '{print $1}')
sync
block=$(debugfs -R "bmap <$inode> 3" /dev/vda 2> /tmp/debugfs | tail -n 1)
umount /disk
dd if=/dev/zero of=/dev/vda bs=4096 seek="$block" count=1 conv=notrunc 2> /tmp/dd
sync; echo 3 > /proc/sys/vm/drop_caches
mount /dev/vda /disk
store image check; result check-after $?
store composefs mount --verity oci:/image:v1 /mnt; result mount-after $?
cat /mnt/usr/share/big > /tmp/read 2> /tmp/errors && result read-tampered done || result read-tampered refused
result read-sound "$(cat /mnt/usr/share/small)"
umount /mnt; umount /disk

# A file system without it, and a repository that requires it.
mkfs.ext4 -q -F -b 4096 /dev/vda
mount /dev/vda /disk
store host init
printf '[ex-integrity]\nfsverity = yes\n' >> /disk/ostree/repo/config
store image pull oci:/image:v1 && result required-without-support done || result required-without-support refused
result refs-without-support "$(find /disk/ostree/repo/refs -type f | wc -l)"
