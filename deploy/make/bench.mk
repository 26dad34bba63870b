# Figures, side by side with the peers. Always the release variant; not part of `make test`.
PROGRAMS += subota-bench:tests/bench
PARTS += bench
TEST_ARCHIVES += $(B)/libbench.a
bench_SRC := $(call part,tests/bench)
LIBS_subota-bench := bench testlib subdevices devcenter flashd fetchd courier session exec common
EXTRA_subota-bench := -lcriterion -lcurl -lmicrohttpd -lwolfssl -lcbor -lssl -lutil

bench: deps ## figures beside curl and swupdate: build/bench.json (QUICK=1: shorter)
	$(Q)$(MAKE) --no-print-directory programs build/release/tests/modbus-client build/release/tests/optiboot VARIANT=release
	$(Q)$(MAKE) --no-print-directory build/release/bin/subota-bench \
		build/release/bin/subota-solo VARIANT=release
	$(Q)build/release/bin/subota-bench --out build/bench.json $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))

# The yardstick: the daemons' own objects and libraries in one process (tests/bench/solo).
solo_SRC := $(wildcard tests/bench/solo/*.c)
solo_MAINS := $(foreach d,cloudd fetchd flashd,$(B)/obj/solo/$(d).o)
solo_WRAP := daemon_main
solo_LIBS := $(foreach l,cloudd dialer fetchd flashd courier session exec common,$(B)/lib$(l).a)

$(solo_MAINS): $(B)/obj/solo/%.o: $(B)/obj/%/main.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym main=solo_$*_main $< $@

$(B)/bin/subota-solo: $(call objs,$(solo_SRC)) $(solo_MAINS) $(solo_LIBS) $(B)/solo.what
	$(call say,LD   $@)
	$(Q)$(CC) $(LDFLAGS) $(solo_WRAP:%=-Wl,--wrap=%) -o $@ $(filter %.o,$^) -Wl,--start-group $(solo_LIBS) \
		-Wl,--end-group $(PKG_LIBS) -lcurl -lwolfssl -lpthread

tests: $(B)/bin/subota-solo

bench-readme: ## the README's rows of figures, from build/bench.json
	$(Q)$(MAKE) --no-print-directory build/release/bin/subota-bench VARIANT=release
	$(Q)build/release/bin/subota-bench --readme --out build/bench.json
