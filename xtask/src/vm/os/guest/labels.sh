# What is stored and what runs, by our own engine and by libselinux; then a boot that enforces the policy.
bootc-storage selinux check registry.test/vmtest/os:latest
result stored $?
# What libselinux would change. The one file that a script wrote has the label that the kernel gives to files of scripts.
would_change() { restorecon -n -v -r "$1" 2>&1 | grep -v /etc/vmtest/added.conf | tee /dev/stderr | wc -l; }
result usr-wrong "$(would_change /usr)"
result etc-wrong "$(would_change /etc)"
result module-file "$(stat -c %C /usr/lib/demo/application)"
result module-lower "$(stat -c %C /usr/share/demo/data/1.txt)"
sed -i 's/enforcing=0/enforcing=1/' /boot/loader/entries/*.conf
restart_then
