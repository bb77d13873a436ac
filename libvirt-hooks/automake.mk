# What libvirt runs, and what it has in common with the agent: the C library
# alone.
noinst_LIBRARIES += libvirt-hooks/libvnic-hook.a
libvirt_hooks_libvnic_hook_a_CPPFLAGS = $(BASE_CPPFLAGS)
libvirt_hooks_libvnic_hook_a_SOURCES = \
	libvirt-hooks/hook-client.c \
	libvirt-hooks/hook-client.h \
	libvirt-hooks/hook-config.c \
	libvirt-hooks/hook-config.h \
	libvirt-hooks/hook-proto.c \
	libvirt-hooks/hook-proto.h \
	libvirt-hooks/hook-scan.c \
	libvirt-hooks/hook-scan.h \
	libvirt-hooks/hook-step.c \
	libvirt-hooks/hook-step.h

sbin_PROGRAMS += libvirt-hooks/vnicd-hook
libvirt_hooks_vnicd_hook_CPPFLAGS = $(BASE_CPPFLAGS) \
	-DHOOK_CONFIG_FILE='"$(sysconfdir)/vnicd/hook.conf"'
libvirt_hooks_vnicd_hook_SOURCES = libvirt-hooks/vnicd-hook.c
libvirt_hooks_vnicd_hook_LDADD = libvirt-hooks/libvnic-hook.a

# libvirt runs what is in the directory of a driver; the program learns from
# there which one it is.
hooksdir = $(sysconfdir)/libvirt/hooks
HOOK_DRIVERS = qemu lxc network daemon
install-data-hook:
	for driver in $(HOOK_DRIVERS); do \
		$(MKDIR_P) "$(DESTDIR)$(hooksdir)/$$driver.d" && \
		$(LN_S) -f "$(sbindir)/vnicd-hook" \
			"$(DESTDIR)$(hooksdir)/$$driver.d/50-vnicd" || exit 1; \
	done
uninstall-hook:
	for driver in $(HOOK_DRIVERS); do \
		rm -f "$(DESTDIR)$(hooksdir)/$$driver.d/50-vnicd"; \
	done
