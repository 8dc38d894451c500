#include "shell/credentials.h"
