# The bound image runs with nothing but what is on this machine.
for link in /sys/class/net/e*; do ip link set "${link##*/}" down; done
(: < "/dev/tcp/10.0.2.2/$registry_port") 2> /dev/null && result network there || result network gone
podman --storage-opt additionalimagestore=/usr/lib/bootc/storage images --format '{{.Repository}}:{{.Tag}}'
result said "$(podman --storage-opt additionalimagestore=/usr/lib/bootc/storage run --rm --pull=never --network=none \
    registry.test/vmtest/application:1 /bin/busybox echo hello)"
bootc-storage bound verify
result verified $?
for link in /sys/class/net/e*; do ip link set "${link##*/}" up; done
networkctl reconfigure --no-ask-password "$(basename /sys/class/net/e*)"
