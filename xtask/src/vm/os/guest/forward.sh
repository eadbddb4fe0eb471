# The newer version again, as it was left; there is nothing newer.
describe_root
result etc-v2 "$(cat /etc/vmtest/v2.conf)"
use_registry
bootc-storage host upgrade --unchanged-exit-77
result nothing-new $?
