# It came up with the policy enforced; the stages after this one go on without.
result mode "$(getenforce)"
describe_root
setenforce 0
sed -i 's/enforcing=1/enforcing=0/' /boot/loader/entries/*.conf
