#include "shell/transport.h"
