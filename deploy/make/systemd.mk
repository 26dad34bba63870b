# Units and what they need, beside `make install`.
UNIT_DIR ?= /usr/lib/systemd/system

.PHONY: install-units
install: install-units
install-units:
	install -d $(DESTDIR)$(UNIT_DIR)
	for u in subota-flashd.service subota-fetchd.service subota-cloudd.service \
		subota-fetchd-nursery@.service subota-fetchd-nursery.socket \
		subota-flashd-nursery@.service subota-flashd-nursery.socket subota-firewall.service \
		subota.target; do \
		sed 's#/usr/lib/subota/#$(PREFIX)/lib/subota/#g; s#/usr/sbin/#$(PREFIX)/sbin/#g' deploy/systemd/$$u \
			>$(DESTDIR)$(UNIT_DIR)/$$u; chmod 644 $(DESTDIR)$(UNIT_DIR)/$$u; done
	install -Dm755 deploy/systemd/subota-firewall $(DESTDIR)$(PREFIX)/lib/subota/subota-firewall
	install -Dm644 deploy/systemd/subota.sysusers $(DESTDIR)/usr/lib/sysusers.d/subota.conf
	install -Dm644 deploy/systemd/subota.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/subota.conf
