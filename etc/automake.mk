# What the host needs to run the agent.
nodist_systemdsystemunit_DATA = etc/vnicd.service
nodist_tmpfiles_DATA = etc/vnicd.conf
defaultdir = $(sysconfdir)/default
dist_default_DATA = etc/default/vnicd
hookconfdir = $(sysconfdir)/vnicd
dist_hookconf_DATA = etc/hook.conf
nodist_pkgdata_DATA = etc/apparmor-libvirtd
dist_bashcompletion_DATA = \
	etc/bash-completion/vnicctl \
	etc/bash-completion/vnicd

EXTRA_DIST += etc/apparmor-libvirtd.in etc/vnicd.service.in etc/vnicd.conf.in
CLEANFILES += etc/apparmor-libvirtd etc/vnicd.service etc/vnicd.conf

etc/apparmor-libvirtd: etc/apparmor-libvirtd.in Makefile
	@$(MKDIR_P) etc
	$(SUBSTITUTE) $(srcdir)/etc/apparmor-libvirtd.in > $@.tmp && mv $@.tmp $@

etc/vnicd.service: etc/vnicd.service.in Makefile
	@$(MKDIR_P) etc
	$(SUBSTITUTE) $(srcdir)/etc/vnicd.service.in > $@.tmp && mv $@.tmp $@

# systemd-tmpfiles does not like the old name of /run.
etc/vnicd.conf: etc/vnicd.conf.in Makefile
	@$(MKDIR_P) etc
	$(SUBSTITUTE) -e 's|/var/run/|/run/|' \
		$(srcdir)/etc/vnicd.conf.in > $@.tmp && mv $@.tmp $@
