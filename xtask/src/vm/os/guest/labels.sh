# What is stored and what runs, by our own engine and by libselinux; then a boot that enforces the policy.
bootc-storage selinux check registry.test/vmtest/os:latest
result stored $?
# Prints what it would change.
result usr-wrong "$(restorecon -n -v -r /usr 2>&1 | tee /dev/stderr | wc -l)"
result etc-wrong "$(restorecon -n -v -r /etc 2>&1 | tee /dev/stderr | wc -l)"
result module-file "$(stat -c %C /usr/lib/demo/application)"
result module-lower "$(stat -c %C /usr/share/demo/data/1.txt)"
sed -i 's/enforcing=0/enforcing=1/' /boot/loader/entries/*.conf
restart_then
