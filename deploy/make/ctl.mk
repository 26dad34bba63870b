# subotactl prints the tables of all three daemons: their state machines and their configuration.
LIBS_subotactl := ctl cloudd fetchd flashd session common
