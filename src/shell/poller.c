#include "shell/poller.h"
