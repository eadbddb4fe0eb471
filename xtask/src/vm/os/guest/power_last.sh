# After all cuts a change came to its end.
prefix=last-
describe_root
bootc-storage image check
result check $?
ostree fsck --repo=/sysroot/ostree/repo --quiet
result fsck $?
