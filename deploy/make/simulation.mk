# The simulator: the cores of the daemons, linked against simulated bodies of what they stand on. Its
# own objects come first, so that the archives' loop, bus, lanes and couriers are never pulled in.
.PHONY: simulate simulate-table simulation mutants

SEED ?= 1
N ?= 1000

sim_SRC := $(wildcard tests/simulation/*.c)
sim_BIN := $(B)/tests/simulate
sim_WRAP := clock_now clock_wall_ms clock_is_synchronised fopen fsync fdatasync flock fstatvfs renameat unlinkat mkdirat \
	sub_flash_write sub_flash_boot sub_flash_confirm sub_smp_say_list \
	fsm_step event_write malloc calloc realloc free strdup open openat dup syscall
sim_LIBS := cloudd dialer fetchd flashd session exec subdevices
# what the simulator has bodies of its own for stays out altogether
sim_COMMON := $(filter-out common/bus%.c common/loop.c common/nursery.c common/daemon.c common/daemon_nursery.c,$(wildcard common/*.c)) \
	tests/lib/kit.c tests/lib/house_pack_image.c
TEST_INCLUDES += -Itests/simulation -Itests/subdevices

$(B)/tests/simulate: $(call objs,$(sim_SRC) $(sim_COMMON)) $(GEN_SRC:.c=.o) $(sim_LIBS:%=$(B)/lib%.a) $(B)/sim.what
	@mkdir -p $(@D)
	$(call say,LD   $@)
	$(Q)$(CC) $(LDFLAGS) $(sim_WRAP:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
		-Wl,--end-group $(PKG_LIBS) $(TEST_PKGS)

simulation: $(sim_BIN)

simulate: $(sim_BIN) ## run N=1000 seeds of the simulator from SEED=1 on; build/simulate.json
	$(Q)$(sim_BIN) --seed $(SEED) --n $(N) --jobs $(TEST_JOBS) --out build/simulate.json

# Seeds of each kind of world, as many as a long run takes; sums and gaps for people.
sim_LONG ?= 450
simulate-table: $(sim_BIN) ## a long run (sim_LONG=450 seeds of each kind); tests/simulation/long-run.md
	$(Q)$(sim_BIN) --seed 300000 --n $(sim_LONG) --and 1300000:$(sim_LONG) \
		--and 2300000:$(sim_LONG) --and 3300000:$(sim_LONG) --and 4300000:$(sim_LONG) \
		--and 5300000:$(sim_LONG) --and 6300000:$(sim_LONG) --and 7300000:$(sim_LONG) \
		--and 8300000:$(sim_LONG) --and 9300000:$(sim_LONG) --and 1300927:1 --jobs $(TEST_JOBS) --keep-going \
		--complete --out build/simulate-long.json --table tests/simulation/long-run.md

# The short share of `make test`: at least 2000 upgrades; with sanitizers a tenth of it.
sim_SHARE := $(if $(filter asan,$(VARIANT)),--seed 1 --n 12 --and 1000001:4 --and 2000000:5 \
	--and 3000000:2 --and 6000016:1 --and 7000001:1 --and 8000014:1,\
	--seed 1 --n 110 --and 1000001:50 --and 2000000:40 --and 3000000:40 \
	--and 5000020:12 --and 4000001:8 --and 6000090:12 --and 7000066:12 --and 9000115:40 \
	--and 8000014:6 --and 8000029:5 --and 8300068:1)
tests: $(sim_BIN)
# Seeds that once found a bug (tests/found.md), each for itself.
sim_FOUND := 100101 100104 101724 202670 300499 301614 2500083 3000026 3300274 4000024 4000027 4000081 4000110 \
	3301021 5000180 5300251 5300580 5300891 5400823 5600034 6000016 6000072 7000000 7101517 6200450 \
	8000042 8000143 8300026 8300095 9000197 9001216
test: ITEMS_checks += $(foreach s,$(sim_FOUND),"check:seed-$s:$(sim_BIN) --seed $s --n 1 --jobs 1 --out $(B)/seed-$s.json")
test: ITEMS_checks += "check:simulation:$(sim_BIN) $(sim_SHARE) --jobs 2 --out build/simulate.json"

# 24 hours of one gateway with 64 devices, plans and faults at a steady rate; with sanitizers four.
sim_DAY := $(if $(filter asan,$(VARIANT)),--day 4 --devices 16,--day 24)
test: ITEMS_checks += "check:simulated-day:$(sim_BIN) --seed 1000002 $(sim_DAY)"

.PHONY: simulate-day
simulate-day: $(sim_BIN) ## HOURS=24 of 64 devices in virtual time, SEED=1000002: what the processes hold, hour by hour
	$(Q)$(sim_BIN) --seed $(if $(filter 1,$(SEED)),1000002,$(SEED)) --day $(or $(HOURS),24)

# One that no longer fits the code is looked for by nothing.
test: ITEMS_checks += "check:mutants:tests/checks/mutants"
mutants: $(sim_BIN) ## deliberate bugs, each of which the simulator's short share must find (long)
	$(Q)CC='$(CC)' tests/simulation/mutants/run $(B) "$(sim_SHARE)"
