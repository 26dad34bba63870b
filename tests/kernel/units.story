#!/bin/bash
# What happens in the booted system of tests/kernel/units; a tar of /out on the second serial port says what came of it.
set -u
say() { echo "kernel: $(cut -d' ' -f1 /proc/uptime) s: $*"; }
fail() {
	say "FAILED: $*"
	echo "$*" >>/out/failed
}
must() { "$@" >>/out/said 2>&1 || fail "$*: $(tail -2 /out/said)"; }
dc() { /srv/bin/subota-devcenter "$@" --dir /srv/dc; }
peer() { must systemd-run -q --unit "$1" "${@:2}"; }
until_true() {
	for _ in $(seq 600); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.5
	done
	fail "expected: $*"
}

say "systemd on Linux $(uname -r)"
ip link set lo up 2>/dev/null || true
must dpkg -i /srv/subota.deb
say "installed"
must dc init
must dc product add gateways --ps R2F0ZXdheVNlY3JldA
must dc product add meters --kind subdevice --ps TWV0ZXJTZWNyZXQxMg
must dc gateway add gateways/GATEWAY1
must dc subdevice add meters/METER1 --gateway gateways/GATEWAY1
peer peer-dc /srv/bin/subota-devcenter serve --dir /srv/dc --mqtt-port 8883 --https-port 8443 --quiet
peer peer-meter /srv/bin/subota-subdevice --dir /srv/meter --tty /srv/meter/tty --slot0 /srv/old.img --uid subota-flash
install -m 644 /srv/dc/ca.pem /etc/subota/ca.pem
mkdir -p /etc/subota/trust
cp /srv/trust/* /etc/subota/trust
printf '[product gateways]\nsecret = R2F0ZXdheVNlY3JldA\n[product meters]\nsecret = TWV0ZXJTZWNyZXQxMg\n' >/etc/subota/secrets
chmod 600 /etc/subota/secrets
cat >/etc/subota/subota.conf <<'C'
[cloudd]
host = 127.0.0.1
port = 8883
ca_file = /etc/subota/ca.pem
product_key = gateways
device_key = GATEWAY1
[fetchd]
ca_file = /etc/subota/ca.pem
allow_private_hosts = yes
package_ports = 8443
[flashd.device meter1]
product_key = meters
device_key = METER1
vendor = acme
model = sensor-9
port = /srv/meter/tty
C
until_true test -e /srv/dc/ready.json
until_true test -L /srv/meter/tty
must systemctl set-property subota-flashd.service "DeviceAllow=char-pts rw"
must systemctl enable --now subota.target
for unit in subota-flashd subota-fetchd subota-cloudd; do until_true systemctl is-active $unit; done
must dc wait --device meters/METER1 --state version --version 1.0.0 --timeout 300
say "all run: $(subotactl status 2>&1 | head -1)"
must dc package add --file /srv/fw.bin --name fw --component app --target 1.1.0
must dc plan add p1 --product meters --package fw --retries 0 --activate
must dc wait --device meters/METER1 --state success --timeout 600
must dc wait --device meters/METER1 --state version --version 1.1.0 --timeout 300
say "upgraded: $(subotactl devices 2>&1 | tail -1)"
subotactl sandbox >/out/kept
for process in cloudd fetchd fetchd-nursery flashd flashd-nursery; do
	grep -q "^$process .*pid .*capabilities none, no new privileges yes, seccomp filter" /out/kept ||
		fail "$process: expected no capability and a filter, got $(grep "^$process .*kernel" /out/kept)"
done
subotactl doctor >/out/doctor 2>&1
grep -q "expected Landlock ABI 6, got 2" /out/doctor || fail "doctor says nothing of Landlock ABI 2"
grep -q "by user: active (nftables" /out/doctor || fail "doctor does not see the firewall"
must systemctl is-active subota-firewall
reaches() { setpriv --reuid "$1" --clear-groups bash -c "echo >/dev/tcp/127.0.0.1/$2" >/dev/null 2>&1; }
reaches subota-cloud 8883 && reaches subota-courier 8443 || fail "a user does not reach its server"
! reaches subota-cloud 8443 && ! reaches subota-courier 8883 || fail "a user reaches another server"
! grep "^bad" /out/doctor || fail "doctor finds something bad"
journalctl --no-pager -o cat >/out/journal
for process in cloudd fetchd flashd fetchd-nursery flashd-nursery; do
	grep -q "$process: Landlock ABI 2 does not limit" /out/journal || fail "$process says nothing of Landlock ABI 2"
done
! grep "comm=\"subota.*syscall" /out/journal || fail "a system call was refused"
must systemctl restart subota.target
for unit in subota-flashd subota-fetchd subota-cloudd; do until_true systemctl is-active $unit; done
say "over"
touch /out/over
stty -F /dev/ttyS1 raw
tar -C /out -cf - . | cat >/dev/ttyS1
systemctl reboot --force --force
