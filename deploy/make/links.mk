# The long form of tests of links.
.PHONY: test-cuts
test-cuts: tests ## power and line cut at every byte of a short upgrade, for each framing
	$(Q)EVERY_CUT=1 timeout 600 $(B)/tests/unit --filter 'wire_faults/*'
