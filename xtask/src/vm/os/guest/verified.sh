# Over to an image that boots only verified.
use_registry
ostree config --repo=/sysroot/ostree/repo set ex-integrity.fsverity yes
bootc-storage host switch --json registry.test/vmtest/os:verified > "$(document done)"
result switch $?
restart_then
