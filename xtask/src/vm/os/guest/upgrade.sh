# What an administrator has changed meanwhile, then the next version.
echo edited >> /etc/vmtest/edited.conf
rm /etc/vmtest/deleted.conf
echo local > /etc/vmtest/added.conf
echo kept > /var/lib/kept
use_registry
result network $?
bootc-storage host upgrade --check --json > "$(document check-says)"
result check $?
bootc-storage host upgrade --json > "$(document done)"
result upgrade $?
record=$(ls /sysroot/ostree/bootc/bound/*.json | head -n 1)
[ /run/ostree/staged-deployment -nt "$record" ] && result bound-before-staged yes || result bound-before-staged no
result version-until-restart "$(cat /usr/lib/os-build-version)"
ostree admin status
restart_then
