# The console's pages are taken into dc_page.o as they are.
$(B)/obj/tests/devcenter/dc_page.o: $(wildcard tests/devcenter/console/*)
