# The escape matrix: what each jailed process can still do, tried from outside. A share of it is in `make test`.
PROGRAMS += subota-escape:tests/escape
PARTS += escape
TEST_ARCHIVES += $(B)/libescape.a
escape_SRC := $(call part,tests/escape)
LIBS_subota-escape := escape testlib devcenter flashd fetchd courier session exec common
EXTRA_subota-escape := -lcriterion -lcurl -lmicrohttpd -lwolfssl -lcbor -lssl -lutil

escape: programs $(B)/bin/subota-escape ## try to break out of every process: build/escape.json and tests/escape/matrix.md
	$(Q)$(B)/bin/subota-escape --out build/escape.json --table tests/escape/matrix.md
.PHONY: escape

.PHONY: neighbours
neighbours: tests ## N=20000 hostile envelopes from SEED=1 on gate and flashd, each as its neighbour
	$(Q)NEIGHBOUR_N=$(or $(N),20000) NEIGHBOUR_SEED=$(or $(SEED),1) $(B)/tests/system --filter 'neighbours/*'
