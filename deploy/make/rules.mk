# The rules of the platform's conversation: tests/system/rules.md is written from rules.txt and the tests.
.PHONY: rules-table
rules-table: ## write which test shows which rule of the platform into tests/system/rules.md
	$(Q)tests/checks/rules table > tests/system/rules.md

test: ITEMS_checks += "check:rules:tests/checks/rules"

.PHONY: load
load: tests ## 200 sub-devices behind one gateway, also with loss and a broker that dies (minutes)
	$(Q)SUBOTA_CROWD=200 timeout 900 $(B)/tests/system -j1 --filter 'load/*'

# The trust specification's cases by number, in the same way: tests/unit/trust.txt and the tests.
.PHONY: trust-table
trust-table: ## write which test shows which case of the trust specification into tests/unit/trust.md
	$(Q)tests/checks/rules table trust > tests/unit/trust.md
