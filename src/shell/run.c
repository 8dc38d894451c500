#include "shell/run.h"
