# The demo: unit tests of its pure parts link it, too.
TEST_LIBS += demo
