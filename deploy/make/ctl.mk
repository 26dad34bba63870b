# subotactl prints the tables of all three daemons: their state machines and their configuration.
LIBS_subotactl := ctl cloudd fetchd flashd session common

.PHONY: sample-config manual-keys

sample-config: $(B)/bin/subotactl ## write the keys of deploy/subota.conf from the daemons' tables
	$(Q)sed -i '/^# --- every key/q' deploy/subota.conf
	$(Q)$(B)/bin/subotactl config >> deploy/subota.conf

manual-keys: $(B)/bin/subotactl ## write the keys of subota.conf(5) from the daemons' tables
	$(Q)$(B)/bin/subotactl config | awk -f deploy/man/keys.awk > $(B)/keys.man
	$(Q)sed -i -e '/^\.\\" keys:/,/^\.\\" end of keys/{/^\.\\"/!d}' -e '/^\.\\" keys:/r $(B)/keys.man' deploy/man/subota.conf.5
