"""patcher over the Model Context Protocol, for programs that call tools."""
