# subotactl prints the tables of all three daemons: their state machines and their configuration.
LIBS_subotactl := ctl cloudd dialer fetchd flashd session exec common

.PHONY: sample-config manual-keys

sample-config: $(B)/bin/subotactl ## write the keys of deploy/subota.conf from the daemons' tables
	$(Q)sed -i '/^# --- every key/q' deploy/subota.conf
	$(Q)$(B)/bin/subotactl config >> deploy/subota.conf

manual-keys: $(B)/bin/subotactl ## write the keys of subota.conf(5) from the daemons' tables
	$(Q)$(B)/bin/subotactl config | awk -f deploy/man/keys.awk > $(B)/keys.man
	$(Q)sed -i -e '/^\.\\" keys:/,/^\.\\" end of keys/{/^\.\\"/!d}' -e '/^\.\\" keys:/r $(B)/keys.man' deploy/man/subota.conf.5

# The schema as lines of C, without what only protobuf-c needs: captures carry it.
$(B)/gen/schema_lines.h: proto/subota.proto
	@mkdir -p $(@D)
	$(Q)sed -e '/^import\|pb_c_file/d' -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n",/' $< > $@

$(B)/obj/common/ctl/wireshark.o: $(B)/gen/schema_lines.h
