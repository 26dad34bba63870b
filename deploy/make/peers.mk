# Peers of tests in programs of their own, made where their libraries are; a test skips without.
PEERS := $(B)/tests/modbus-server

tests: $(PEERS)

$(B)/tests/modbus-server: tests/peers/modbus_server.c | deps
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)! pkg-config --exists libmodbus || \
		$(CC) -std=gnu11 -O1 -g -Wall -Wextra -Werror $< -o $@ $$(pkg-config --cflags --libs libmodbus)
