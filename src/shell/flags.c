#include "shell/flags.h"
