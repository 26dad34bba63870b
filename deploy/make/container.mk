# One image for containers (deploy/container), with buildah; tried with podman. STORAGE= are options of both tools.
.PHONY: container container-base test-container
BASE ?= docker.io/library/debian:bookworm-slim
IMAGE ?= localhost/subota
STORAGE ?=
BUILDAH = buildah $(STORAGE)

container: ## an image for containers from BASE=, a Debian 12, with buildah: localhost/subota, and its size
	@mkdir -p build
	$(Q)$(BUILDAH) build --isolation chroot --layers --build-arg BASE=$(BASE) --ignorefile deploy/container/ignore \
		-f deploy/container/Containerfile -t $(IMAGE) . >build/container.log 2>&1 || { tail -20 build/container.log; false; }
	$(Q)for i in $(BASE) $(IMAGE); do $(BUILDAH) images --format '{{.Name}}:{{.Tag}} {{.Size}}' $$i; done

container-base: ## localhost/debian:bookworm-slim by debootstrap (root), where no registry can be reached
	$(Q)BUILDAH="$(BUILDAH)" deploy/container/base build/container-base

# In a store of its own, which every file system can hold.
test_STORE = --storage-driver vfs --root $(CURDIR)/build/container/storage --runroot $(CURDIR)/build/container/runroot
WAYS ?= podman rootless compose quadlet
test-container: programs ## the services in containers, an upgrade of a virtual device in each of WAYS="podman rootless compose quadlet" (root, minutes)
	$(Q)tests/container/files
	+$(Q)$(MAKE) --no-print-directory -s container-base STORAGE="$(test_STORE)"
	+$(Q)$(MAKE) --no-print-directory -s container STORAGE="$(test_STORE)" BASE=localhost/debian:bookworm-slim
	$(Q)for w in $(WAYS); do STORAGE="$(test_STORE)" tests/container/run $(B)/bin $$w || exit 1; done
