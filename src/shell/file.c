#include "shell/file.h"
