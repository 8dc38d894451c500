#include "kube/status.h"
