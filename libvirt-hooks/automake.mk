# What libvirt runs, and what it has in common with the agent: the C library
# alone.
noinst_LIBRARIES += libvirt-hooks/libvnic-hook.a
libvirt_hooks_libvnic_hook_a_SOURCES = \
	libvirt-hooks/hook-proto.c \
	libvirt-hooks/hook-proto.h
