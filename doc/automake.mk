# Manual pages, and the way through the house for those who read the code.
MANUAL_PAGES = \
	doc/vnicctl.8 \
	doc/vnicd-hook.8 \
	doc/vnicd-isolation.7 \
	doc/vnicd-settings.5 \
	doc/vnicd.8

nodist_man_MANS += $(MANUAL_PAGES)
EXTRA_DIST += $(MANUAL_PAGES:=.in) doc/architecture.md doc/hook-protocol.md
CLEANFILES += $(MANUAL_PAGES)

$(MANUAL_PAGES): %: %.in Makefile
	@$(MKDIR_P) doc
	$(SUBSTITUTE) $(srcdir)/$@.in > $@.tmp && mv $@.tmp $@
