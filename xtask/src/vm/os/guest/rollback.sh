# The version before is to boot next. What is changed in /etc from here on is this version's.
echo kept > /etc/vmtest/v2.conf
bootc-storage host rollback
result rollback $?
restart_then
