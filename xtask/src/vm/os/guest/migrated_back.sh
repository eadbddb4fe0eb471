# As it was.
prefix=back-
describe_root
result etc-edited $(cat /etc/vmtest/edited.conf)
result var "$(cat /var/lib/kept)"
bootc-storage image check
result image-check $?
