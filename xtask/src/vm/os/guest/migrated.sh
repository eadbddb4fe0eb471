# The image runs. What ostree knows leads back.
describe_root
result etc-edited $(cat /etc/vmtest/edited.conf)
result var "$(cat /var/lib/kept)"
ostree admin status
ostree admin deploy --os=default vmtest/plain
result back $?
restart_then
