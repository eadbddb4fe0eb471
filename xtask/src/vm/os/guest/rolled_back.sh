# It has its own /etc, and everybody's /var; then the other way.
prefix=back-
describe_root
result etc-edited $(cat /etc/vmtest/edited.conf)
[ -e /etc/vmtest/v2.conf ] && result etc-v2 there || result etc-v2 none
result var "$(cat /var/lib/kept)"
prefix=
bootc-storage host rollback
result forward $?
restart_then
