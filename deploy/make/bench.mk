# Figures, side by side with the peers. Always the release variant; not part of `make test`.
PROGRAMS += subota-bench:tests/bench
PARTS += bench
TEST_ARCHIVES += $(B)/libbench.a
bench_SRC := $(call part,tests/bench)
LIBS_subota-bench := bench testlib devcenter flashd fetchd courier session exec common
EXTRA_subota-bench := -lcriterion -lcurl -lmicrohttpd -lwolfssl -lcbor -lssl -lutil

bench: deps ## figures beside curl and swupdate: build/bench.json (QUICK=1: shorter)
	$(Q)$(MAKE) --no-print-directory programs VARIANT=release
	$(Q)$(MAKE) --no-print-directory build/release/bin/subota-bench VARIANT=release
	$(Q)build/release/bin/subota-bench --out build/bench.json $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY))
