# Runs the parts in order, over restarts of the machine, and writes what they found onto the disk "out".
set -u
state=/var/lib/vmtest
out=/dev/disk/by-id/virtio-out
mkdir -p $state/files
export state
console() { echo "vmtest: $*" > /dev/ttyS0; }
progress() {
    printf '%-511s\n' "$*" | dd of=$out bs=512 count=1 conv=notrunc,fsync 2> /dev/null
    console "$*"
}
hand_over() {
    sync
    tar -C $state -cf - . | dd of=$out bs=1M seek=1 conv=notrunc,fsync 2> /dev/null
}

next=$(cat $state/next 2> /dev/null || echo 0)
while part=$(ls /run/drive/parts | sed -n "$((next + 1))p"); [ -n "$part" ]; do
    progress "part $part"
    (
        stage=${part#*-}
        . /run/drive/settings
        . /run/drive/tools.sh
        set -x
        . "/run/drive/parts/$part"
    ) > "$state/log-$part" 2>&1
    next=$((next + 1))
    echo $next > $state/next
    hand_over
    if [ -e /run/vmtest-restart ]; then
        progress "restart after $part"
        systemctl reboot --no-block
        exit
    fi
done
journalctl -b -o short-monotonic > $state/journal 2> /dev/null
hand_over
progress end
systemctl poweroff --no-block
