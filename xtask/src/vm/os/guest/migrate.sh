# A host that only ostree knows: it is shown, and goes over to an image.
result version "$(cat /usr/lib/os-build-version)"
ostree admin status
result had-image "$(ostree refs --repo=/sysroot/ostree/repo | grep -c '^ostree/container')"
bootc-storage host status --json > "$(document before)"
result status $?
echo edited >> /etc/vmtest/edited.conf
echo kept > /var/lib/kept
use_registry
bootc-storage host switch --json registry.test/vmtest/os:latest > "$(document done)"
result switch $?
restart_then
