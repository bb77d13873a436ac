# What the host needs to run the agent.
nodist_systemdsystemunit_DATA = etc/vnicd.service
nodist_tmpfiles_DATA = etc/vnicd.conf
nodist_pkgdata_DATA = etc/apparmor-libvirtd
dist_bashcompletion_DATA = \
	etc/bash-completion/vnicctl \
	etc/bash-completion/vnicd

# Below etc/ as below $(sysconfdir).  These are an operator's once they are
# there: what was edited stays, when installed again and when uninstalled.
OPERATORS_FILES = default/vnicd vnicd/hook.conf
install-data-local:
	@for file in $(OPERATORS_FILES); do \
		theirs="$(DESTDIR)$(sysconfdir)/$$file"; \
		test -e "$$theirs" || { \
			echo "installing $$theirs" && \
			$(MKDIR_P) "$$(dirname "$$theirs")" && \
			$(INSTALL_DATA) "$(srcdir)/etc/$$file" "$$theirs"; \
		} || exit 1; \
	done
uninstall-local:
	@for file in $(OPERATORS_FILES); do \
		theirs="$(DESTDIR)$(sysconfdir)/$$file"; \
		if cmp -s "$(srcdir)/etc/$$file" "$$theirs"; then \
			echo "removing $$theirs"; \
			rm -f "$$theirs"; \
		elif test -e "$$theirs"; then \
			echo "$$theirs was edited, and stays"; \
		fi; \
	done

EXTRA_DIST += $(OPERATORS_FILES:%=etc/%)
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
