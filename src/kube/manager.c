#include "kube/manager.h"
