# Peers of tests in programs of their own, made where their libraries are; a test skips without.
PEERS := $(B)/tests/modbus-server $(B)/tests/modbus-client $(B)/tests/optiboot

tests: $(PEERS)

# peer: program, source, packages of pkg-config, libraries without one
define peer
$(B)/tests/$(1): tests/peers/$(2).c | deps
	@mkdir -p $$(@D)
	$$(call say,LD   $$@)
	$$(Q)! pkg-config --exists $(3) || \
		$$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror $$< -o $$@ $$$$(pkg-config --cflags --libs $(3)) $(4)
$$(B)/lint/tests/peers/$(2).ok: TIDY_CFLAGS = $$(shell pkg-config --cflags $(3))
endef
$(eval $(call peer,modbus-server,modbus_server,libmodbus,))
$(eval $(call peer,modbus-client,modbus_client,libmodbus,))
$(eval $(call peer,optiboot,optiboot,simavr libelf,-lutil))

# The wall clock of a daemon, moved by a test: no program, but what is loaded before one.
tests: $(B)/tests/wallclock.so
$(B)/tests/wallclock.so: tests/peers/wallclock.c
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -D_GNU_SOURCE -fPIC -shared $< -o $@ -ldl
