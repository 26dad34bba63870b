# The gateway's power cut at moments of a seed's choice, on a real file system (root, loop devices).
PROGRAMS += subota-powercut:tests/powercut
PARTS += powercut
TEST_ARCHIVES += $(B)/libpowercut.a
TEST_INCLUDES += -Itests/powercut
powercut_SRC := $(call part,tests/powercut)
LIBS_subota-powercut := powercut testlib common
EXTRA_subota-powercut := -lcriterion

powercut_RUN = $(B)/bin/subota-powercut --cuts $(N) --seed $(SEED) --out build/powercut.json \
	--found $(CURDIR)/build/powercut-found

.PHONY: powercut powercut-table
powercut: tests ## N=1000 power cuts of real daemons with 8 devices, from SEED=1 (half an hour; Ctrl-C, and again, goes on): build/powercut.json
	$(Q)$(powercut_RUN)

powercut-table: tests ## the same, or what it went on with, as a table: tests/system/powercut.md
	$(Q)$(powercut_RUN) --table tests/system/powercut.md

# compiled with the tests, so that it does not rot
tests: $(B)/bin/subota-powercut
