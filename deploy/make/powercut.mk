# The gateway's power cut at moments of a seed's choice, on a real file system (root, loop devices).
.PHONY: powercut

powercut: tests ## N=1000 power cuts of a gateway with 8 devices, from SEED=1 (an hour)
	$(Q)POWERCUT_N=$(or $(N),1000) POWERCUT_SEED=$(or $(SEED),1) $(B)/tests/system --filter 'powercut/*'
