/*
 * tool_ctl: see tool.h. In a file of its own so that who needs no subotactl need not link it.
 */
#include "ctl/ctl.h"
#include "tool.h"

struct tool_result
tool_ctl(const char *dir, const char *const argv[])
{
	return tool_call(dir, argv, ctl_run);
}
