# The next version runs.
describe_root
result etc-unchanged "$(cat /etc/vmtest/version.conf)"
result etc-edited $(cat /etc/vmtest/edited.conf)
[ -e /etc/vmtest/deleted.conf ] && result etc-deleted there || result etc-deleted gone
result etc-added "$(cat /etc/vmtest/added.conf)"
result var "$(cat /var/lib/kept)"
result kernel-argument "$(tr ' ' '\n' < /proc/cmdline | grep '^vmtest\.')"
bootc-storage bound verify
result bound $?
bootc-storage image check
result image-check $?
