# The verbs of a kubebuilder project. `make help` lists them.
build:
	@test -d build || meson setup build >/dev/null
	@ninja -C build
.PHONY: build
