# The first boot of what was installed.
describe_root
result ostree-argument "$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^ostree=//p')"
result selinux "$(getenforce)"
