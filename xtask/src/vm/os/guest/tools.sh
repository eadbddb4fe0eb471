# What the driver and the parts have in common.

out=/dev/disk/by-id/virtio-out

# The place in the test, on the first block of the disk; and all that was found so far, behind it.
progress() {
    printf '%-511s\n' "$*" | dd of=$out bs=512 count=1 conv=notrunc,fsync 2> /dev/null
    echo "vmtest: $*" > /dev/ttyS0
}
hand_over() {
    sync
    tar -C "$state" -cf - . | dd of=$out bs=1M seek=1 conv=notrunc,fsync 2> /dev/null
}

# Before the names of results, where a stage sees the same twice.
prefix=

# What the stage's row expects. Values are one line.
result() {
    name=$prefix$1
    shift
    echo "$stage.$name $*" >> "$state/results"
    echo "vmtest: $stage.$name $*" > /dev/ttyS0
}

# Where a part puts a document, each value of which is a result too: NAME/path/to/it.
document() { echo "$state/files/$stage.$prefix$1.json"; }

# The machine starts anew after this part.
restart_then() { touch /run/vmtest-restart; }

# The deployment that runs, as the kernel was told.
booted_deployment() {
    realpath "/sysroot$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^ostree=//p')"
}

# What ostree itself says is running: COMMIT.SERIAL.
booted_by_ostree() { ostree admin status | sed -n 's/^\* *[^ ]* \([0-9a-f]*\.[0-9]*\).*/\1/p'; }

# Where images are read from: registry.test is this machine's host, as far as podman and skopeo know.
use_registry() {
    mkdir -p /etc/containers/registries.conf.d
    printf '[[registry]]\nprefix = "registry.test"\nlocation = "10.0.2.2:%s"\ninsecure = true\n' "$registry_port" \
        > /etc/containers/registries.conf.d/vmtest.conf
    for _ in $(seq 60); do
        (: < "/dev/tcp/10.0.2.2/$registry_port") 2> /dev/null && return
        sleep 1
    done
    return 1
}

# The root that runs: version, kind, digest, and what each program says of it.
describe_root() {
    deployment=$(booted_deployment)
    result version "$(cat /usr/lib/os-build-version)"
    result root "$(findmnt -n -o FSTYPE,SOURCE / | tr -s ' ')"
    result root-writable "$(touch /usr/written 2> /dev/null && echo yes || echo no)"
    result digest "$(bootc-storage composefs digest "$deployment/.ostree.cfs" | cut -d ' ' -f 1)"
    bootc-storage composefs check "$deployment"
    result composefs-check $?
    bootc-storage host status --json > "$(document status)"
    result status $?
    result booted-by-ostree "$(booted_by_ostree)"
    result booted-by-kernel "${deployment##*/}"
}
