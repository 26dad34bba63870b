# The Debian package, from a release build.
.PHONY: deb install-completion
DEB_VERSION ?= $(VERSION)
DEB = build/subota_$(DEB_VERSION)_$(shell dpkg --print-architecture).deb

install: install-completion
install-completion:
	install -Dm644 deploy/bash/subotactl $(DESTDIR)$(PREFIX)/share/bash-completion/completions/subotactl

deb: ## a Debian package, from a release build: build/subota_VERSION_ARCH.deb
	$(Q)rm -rf build/deb
	+$(Q)$(MAKE) --no-print-directory -s VARIANT=release DESTDIR=$(CURDIR)/build/deb PREFIX=/usr install
	$(Q)deploy/debian/build build/deb $(DEB_VERSION) $(DEB)

.PHONY: test-boot
test-boot: deb ## install, upgrade and purge the package in a booted Debian 12 (root, minutes, the network once)
	+$(Q)$(MAKE) --no-print-directory -s deb DEB_VERSION=$(VERSION)+1
	$(Q)tests/boot/run $(DEB) build/subota_$(VERSION)+1_$(shell dpkg --print-architecture).deb build/release/bin
