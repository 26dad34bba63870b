# Debian 12's own kernel, in a machine of qemu's.
.PHONY: test-kernel
test-kernel: programs $(B)/bin/subota-escape deb ## jail, upgrade and escape matrix on Debian 12's kernel (qemu without KVM, half an hour, the network once)
	$(Q)DEB=$(DEB) tests/kernel/run $(B)/bin $(STORIES)
