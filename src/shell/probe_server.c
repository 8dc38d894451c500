#include "shell/probe_server.h"
