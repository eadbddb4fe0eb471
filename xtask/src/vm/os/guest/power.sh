# What came of the last cut; then over to the other version, by fetching it anew, until the power fails again.
describe_root
bootc-storage image check
result check $?
bootc-storage host undeploy rollback
[ "$(cat /usr/lib/os-build-version)" = 1 ] && other=latest || other=v1
use_registry
result network $?
hand_over
progress changing
bootc-storage host switch "registry.test/vmtest/os:$other"
result switch $?
restart_then
