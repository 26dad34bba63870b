# The virtual sub-device: the unit tests look into its parts.
TEST_LIBS += subdevices
