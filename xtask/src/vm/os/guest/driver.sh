# Runs the parts in order, over restarts of the machine, and writes what they found onto the disk "out".
set -u
. /run/drive/settings
state=/var/lib/vmtest/$run
mkdir -p "$state/files"
. /run/drive/tools.sh

next=$(cat "$state/next" 2> /dev/null || echo 0)
while part=$(ls /run/drive/parts | sed -n "$((next + 1))p"); [ -n "$part" ]; do
    progress "part $part"
    (
        stage=${part#*-}
        set -x
        . "/run/drive/parts/$part"
    ) > "$state/log-$part" 2>&1
    next=$((next + 1))
    echo $next > "$state/next"
    hand_over
    if [ -e /run/vmtest-restart ]; then
        progress "restart after $part"
        systemctl reboot --no-block
        exit
    fi
done
journalctl -b -o short-monotonic > "$state/journal" 2> /dev/null
hand_over
progress end
systemctl poweroff --no-block
