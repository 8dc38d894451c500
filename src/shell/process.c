#include "shell/process.h"
