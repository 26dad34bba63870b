# Real hours with real daemons: tests/soak.
PROGRAMS += subota-soak:tests/soak
PARTS += soak
TEST_ARCHIVES += $(B)/libsoak.a
soak_SRC := $(call part,tests/soak)
LIBS_subota-soak := soak testlib common
EXTRA_subota-soak := -lcriterion

.PHONY: soak
soak: programs $(B)/bin/subota-soak ## real daemons, 64 devices, HOURS=1 (or MINUTES=) of plans and deaths: a table, build/soak.json
	$(Q)$(B)/bin/subota-soak --minutes $(or $(MINUTES),$(shell expr $(or $(HOURS),1) '*' 60)) \
		--devices $(or $(DEVICES),64) --seed $(SEED) --out build/soak.json \
		--found $(CURDIR)/build/soak-found

# compiled with the tests, so that it does not rot
tests: $(B)/bin/subota-soak
