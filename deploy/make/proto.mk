# What is written from the schema. A changed or removed line of proto/schema.lock is a broken promise to other
# versions and is never repaired here: the test `schema` says which. New fields and kinds are appended.

.PHONY: schema-lock routes-table golden-frames

schema_TOOL := $(B)/tests/schema-tool

$(schema_TOOL): $(B)/obj/tests/schema/main.o $(B)/libtestlib.a $(B)/libcommon.a
	@mkdir -p $(dir $@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lpthread

schema-lock: $(schema_TOOL) ## append new fields and kinds to proto/schema.lock
	$(Q)touch proto/schema.lock
	$(Q)$(schema_TOOL) lock | grep -vxFf proto/schema.lock >> proto/schema.lock || true

routes-table: $(schema_TOOL) ## write the route table into proto/routes.md
	$(Q)$(schema_TOOL) routes > $(B)/routes.md
	$(Q)sed -i -e '/^<!-- routes/,/^<!-- end of routes/{/^<!--/!d}' -e '/^<!-- routes/r $(B)/routes.md' proto/routes.md

golden-frames: $(schema_TOOL) ## write the golden frames that do not exist yet
	$(Q)mkdir -p tests/data/golden
	$(Q)$(schema_TOOL) golden

# Which fields the tap does not show as they are: an option of the schema. protobuf-c drops options, protoc knows them.
$(B)/gen/redact_rows.h: proto/subota.proto proto/redact.awk | deps
	@mkdir -p $(@D)
	$(Q)protoc -I proto -I /usr/include --descriptor_set_out=$(B)/gen/subota.descriptors $<
	$(Q)protoc -I proto -I /usr/include --decode=google.protobuf.FileDescriptorSet $< <$(B)/gen/subota.descriptors | \
		awk -f proto/redact.awk >$@

$(B)/obj/common/redact.o: $(B)/gen/redact_rows.h
